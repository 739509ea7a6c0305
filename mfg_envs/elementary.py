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


def exp(x: Any) -> Any:
    """Return e^x in float64 to 1e-15 of its size; 0 below -708, for x <= 709."""
    inside = np.maximum(x, _SMALLEST)
    k = np.floor(inside * _LOG2_E + 0.5)
    r = inside - k * _LN2_HIGH - k * _LN2_LOW
    p = 1.0 + r * (1 / 13)  # Taylor's polynomial of degree 13, |r| <= ln(2) / 2
    p = 1.0 + r * (1 / 12) * p
    p = 1.0 + r * (1 / 11) * p
    p = 1.0 + r * (1 / 10) * p
    p = 1.0 + r * (1 / 9) * p
    p = 1.0 + r * (1 / 8) * p
    p = 1.0 + r * (1 / 7) * p
    p = 1.0 + r * (1 / 6) * p
    p = 1.0 + r * (1 / 5) * p
    p = 1.0 + r * (1 / 4) * p
    p = 1.0 + r * (1 / 3) * p
    p = 1.0 + r * (1 / 2) * p
    p = 1.0 + r * p
    exponent = np.int64((np.int64(k) + np.int64(1023)) << np.int64(52))
    return np.where(x < _SMALLEST, 0.0, p * exponent.view(np.float64))
