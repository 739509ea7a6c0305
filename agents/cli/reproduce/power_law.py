"""Powers of a quantity, fitted to points with errors of their own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mfg_envs.game import Array


class Slope(NamedTuple):
    """A power law.

    Attributes:
        power: The exponent.
        error: Its standard error, from the errors of the points alone.
    """

    power: float
    error: float


def fit(x: Array, y: Array, relative: Array, weight: Array) -> Slope:
    """Fit ``y ~ x^power`` by weighted least squares of the logarithms.

    Args:
        x: Positive numbers, (K,), K >= 2.
        y: Positive numbers, (K,).
        relative: Standard errors of y as shares of y, (K,).
        weight: Weights of the points, (K,); best are ``relative**-2``.
    """
    gap = np.log(x) - np.average(np.log(x), weights=weight)
    share = weight * gap / (weight * gap * gap).sum()
    return Slope(float(share @ np.log(y)), float(np.sqrt(share**2 @ relative**2)))
