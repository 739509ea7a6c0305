"""Means of independent values: their standard errors, and what lies within them."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfg_envs.game import Array

NORMAL = 1.959964
"""So many standard errors to either side hold 95 % where very many values are averaged."""


def standard_error(values: Array, axis: int | None = None) -> Any:
    """Return the standard error of the mean of independent values, s / sqrt(n).

    Args:
        values: Of any shape, n of them along the axis.
        axis: Along which they are averaged; None: over all.

    Returns:
        A number, or an array without that axis; NaN where fewer than two values say nothing.
    """
    values = np.asarray(values, np.float64)
    num = values.size if axis is None else values.shape[axis]
    if num < 2:
        return np.full(values.mean(axis).shape, np.nan)[()]
    return values.std(axis, ddof=1) / np.sqrt(num)


def half_width(error: Any, num: int | None) -> Any:
    """Return half the width of the 95 % confidence interval of a mean.

    Args:
        error: Standard errors of means, of any shape.
        num: Independent values of which each is a mean: the fewer, the wider (Student's t); None:
            very many.

    Returns:
        As ``error``; NaN with fewer than two values.
    """
    if num is None:
        return NORMAL * error
    return (student(num - 1) if num > 1 else np.nan) * error


def interval(mean: float, error: float, num: int | None) -> tuple[float, float]:
    """Return the ends of the 95 % confidence interval of a mean of ``num`` independent values."""
    half = float(half_width(error, num))
    return mean - half, mean + half


def student(freedom: int, inside: float = 0.95) -> float:
    """Return where Student's law with whole degrees of freedom has a share ``inside`` of +-t.

    Abramowitz, Stegun (1964), 26.7.3-4, in the angle whose tangent is ``t / sqrt(freedom)``;
    bisection.
    """
    low, high = 0.0, np.pi / 2
    odd = freedom % 2
    orders = np.arange(1 + odd, freedom - 1, 2)  # cos^k, k = odd, odd + 2, ..., freedom - 2
    factors = np.cumprod(np.concatenate([[1.0], orders / (orders + 1)]))
    powers = odd + 2 * np.arange(len(factors))
    while (angle := (low + high) / 2) not in (low, high):
        series = np.sin(angle) * (factors @ np.cos(angle) ** powers)
        if odd:
            series = 2 / np.pi * (angle + (series if freedom > 1 else 0))
        low, high = (angle, high) if series < inside else (low, angle)
    return float(np.tan(angle) * np.sqrt(freedom))
