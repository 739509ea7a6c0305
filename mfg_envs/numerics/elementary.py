"""Elementary functions made of +, * and bit casts only: the same bits on every back end.

NumPy runs them on arrays; numba compiles the same source, and a loop over them becomes vector
instructions, which calls to a mathematical library would prevent.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
_SMALLEST = -708.0  # exp of less is not a normal double
_SQRT_HALF = np.int64(0x3FE6A09E667F3BCD)  # bits of the double next to sqrt(1 / 2)


def exp(x: Any) -> Any:
    """Return e^x in float64 to 1e-15 of its size; 0 below -708, for x <= 709."""
    inside = np.where(x < _SMALLEST, _SMALLEST, x)  # two operations; a maximum that keeps NaN, five
    k = np.floor(inside * _LOG2_E + 0.5)
    r = inside - k * _LN2_HIGH - k * _LN2_LOW
    # Taylor's polynomial of degree 13, |r| <= ln(2) / 2, as a tree: short chains of operations.
    r2 = r * r
    r4 = r2 * r2
    low = (1.0 + r) + (1 / 2 + r * (1 / 6)) * r2
    middle = (1 / 24 + r * (1 / 120)) + (1 / 720 + r * (1 / 5040)) * r2
    high = (1 / 40320 + r * (1 / 362880)) + (1 / 3628800 + r * (1 / 39916800)) * r2
    top = 1 / 479001600 + r * (1 / 6227020800)
    p = (low + middle * r4) + (high + top * r4) * (r4 * r4)
    exponent = np.int64((np.int64(k) + np.int64(1023)) << np.int64(52))
    return np.where(x < _SMALLEST, 0.0, p * exponent.view(np.float64))


def log(x: Any) -> Any:
    """Return the natural logarithm of positive normal doubles, to 1e-15 of its size or of one."""
    raw = np.float64(x).view(np.int64)
    k = np.int64((raw - _SQRT_HALF) >> np.int64(52))
    m = np.int64(raw - np.int64(k << np.int64(52))).view(np.float64)  # in [sqrt(1/2), sqrt(2))
    f = (m - 1.0) / (m + 1.0)
    # log m = 2 artanh f = 2 f (1 + f^2 / 3 + f^4 / 5 + ...), |f| <= .1716, as a tree.
    s = f * f
    s2 = s * s
    s4 = s2 * s2
    low = (1.0 + s * (1 / 3)) + (1 / 5 + s * (1 / 7)) * s2
    high = (1 / 9 + s * (1 / 11)) + (1 / 13 + s * (1 / 15)) * s2
    top = (1 / 17 + s * (1 / 19)) + (1 / 21) * s2
    series = low + (high + top * s4) * s4
    e = np.float64(k)
    return e * _LN2_HIGH + (2.0 * f * series + e * _LN2_LOW)
