"""Points of R^d as tuples of components, for the methods of continuous games.

In NumPy a component is an array over players; compiled it is a number, and the length of a tuple
is part of its type, so that every loop over components is unrolled.  ``each``, ``dot``,
``linear`` and ``spread`` exist twice, with the same operations in the same order; the rest is made
of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def each(function: Any, x: Any, y: Any) -> Any:
    """Return ``function(x_j, y_j)`` for every component."""
    return tuple(map(function, x, y))


def dot(x: Any, y: Any) -> Any:
    """Return the inner product of x and y, a number."""
    return x[0] * y[0] if len(x) == 1 else x[0] * y[0] + dot(x[1:], y[1:])


def linear(matrix: Any, x: Any) -> Any:
    """Return matrix times x; the matrix is a tuple of rows, or a number (times the identity)."""
    if isinstance(matrix, tuple):
        return tuple(dot(row, x) for row in matrix)
    return tuple(matrix * v for v in x)


def spread(m: Any, x: Any) -> Any:
    """Return means m (*batch, d) as a tuple of components that fit those of x (*batch, *inner)."""
    inner = np.ndim(x[0]) - np.ndim(m) + 1
    shape = (*np.shape(m)[:-1], *(1,) * inner)
    return tuple(np.reshape(m[..., j], shape) for j in range(len(x)))


def add(x: Any, y: Any) -> Any:
    """Return x + y."""
    return each(_sum, x, y)


def subtract(x: Any, y: Any) -> Any:
    """Return x - y."""
    return each(_difference, x, y)


def clip(x: Any, low: Any, high: Any) -> Any:
    """Return x with every component moved into [low_j, high_j]."""
    return each(_at_least, each(_at_most, x, high), low)


def cell(axes: Any, x: Any) -> Any:
    """Return in which cell of a grid x lies: a tuple of whole numbers, one for each axis.

    Args:
        axes: An ``Axis`` (low, high, bins) for each component.
        x: Points; those outside of the grid belong to the nearest cell.
    """
    return each(_bin, x, axes)


def _sum(u: Any, v: Any) -> Any:
    return u + v


def _difference(u: Any, v: Any) -> Any:
    return u - v


def _at_most(u: Any, bound: Any) -> Any:
    return np.minimum(u, bound)


def _at_least(u: Any, bound: Any) -> Any:
    return np.maximum(u, bound)


def _bin(u: Any, axis: Any) -> Any:
    low, high, bins = axis
    raw = (u - low) * (bins / (high - low))
    inside = np.where(raw < bins - 1.0, raw, bins - 1.0)  # NaN gives a cell, too
    return np.int32(np.where(inside > 0.0, inside, 0.0))


def twins() -> dict[Any, Any]:
    """Return the compiled twin of every function that has one.

    A twin does one component and calls itself for the others; numba sees their types alone.
    """
    from numba.core import types
    from numba.extending import overload

    def each_(function, x, y):
        return each(function, x, y)

    def dot_(x, y):
        return dot(x, y)

    def linear_(matrix, x):
        return linear(matrix, x)

    def spread_(m, x):
        return spread(m, x)

    @overload(each_)
    def _(function, x, y):
        if len(x) == 1:
            return lambda function, x, y: (function(x[0], y[0]),)
        return lambda function, x, y: (function(x[0], y[0]), *each_(function, x[1:], y[1:]))

    @overload(dot_)
    def _(x, y):
        if len(x) == 1:
            return lambda x, y: x[0] * y[0]
        return lambda x, y: x[0] * y[0] + dot_(x[1:], y[1:])

    @overload(linear_)
    def _(matrix, x):
        if isinstance(matrix, types.BaseTuple):
            if len(matrix) == 1:
                return lambda matrix, x: (dot_(matrix[0], x),)
            return lambda matrix, x: (dot_(matrix[0], x), *linear_(matrix[1:], x))
        if len(x) == 1:
            return lambda matrix, x: (matrix * x[0],)
        return lambda matrix, x: (matrix * x[0], *linear_(matrix, x[1:]))

    @overload(spread_)
    def _(m, x):
        last = len(x) - 1
        if last == 0:
            return lambda m, x: (m[0],)
        return lambda m, x: (*spread_(m, x[1:]), m[last])

    return {each: each_, dot: dot_, linear: linear_, spread: spread_}
