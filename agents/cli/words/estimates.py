"""How numbers that are known up to an error are printed."""

from __future__ import annotations

import math

import numpy as np

from mfg_envs.game import Array
from mfg_envs.numerics.estimates import standard_error


def of_seeds(values: Array) -> str:
    """Return the mean of independent values, with its standard error where there are several."""
    values = np.asarray(values, np.float64)
    return estimate(float(values.mean()), float(standard_error(values)))


def estimate(mean: float, error: float) -> str:
    """Return a number and its standard error, the number to the digits that the error leaves."""
    if not error > 0 or not math.isfinite(error):
        return f"{mean:.6g}"
    places = 1 - math.floor(math.log10(error))  # two digits of the error
    if not -3 < places < 8:
        return f"{mean:.4g} ± {error:.2g}"
    return f"{mean:.{max(places, 0)}f} ± {error:.{max(places, 0)}f}"
