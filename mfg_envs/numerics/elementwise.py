"""The NumPy functions a game's methods may use, on arrays of players and compiled for one player.

numba knows most of them for single numbers.  Where it does not, or where its own version gives
something else than NumPy's, the compiled methods get a twin from here: single numbers in, a single
number out.  The NumPy back end needs nothing of this file.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

import numpy as np

EXACT = (
    *("abs", "absolute", "add", "around", "asarray", "bitwise_and", "bitwise_or", "bitwise_xor"),
    *("bool_", "ceil", "clip", "copysign", "deg2rad", "divide", "equal", "fabs", "fix", "float64"),
    *("floor", "floor_divide", "fmax", "fmin", "fmod", "full_like", "greater", "greater_equal"),
    *("heaviside", "int32", "int64", "interp", "isclose", "isfinite", "isin", "isinf", "isnan"),
    *("less", "less_equal", "logical_and", "logical_not", "logical_or", "logical_xor", "maximum"),
    *("minimum", "mod", "multiply", "nan_to_num", "negative", "not_equal", "ones_like"),
    *("rad2deg", "reciprocal", "remainder", "rint", "round", "searchsorted", "select", "sign"),
    *("signbit", "sqrt", "square", "subtract", "take", "true_divide", "trunc", "where"),
    "zeros_like",
)
"""Functions that give the same bits on every back end."""
ROUNDED = (
    *("arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cbrt", "cos"),
    *("cosh", "exp", "exp2", "expm1", "hypot", "log", "log10", "log1p", "log2", "logaddexp"),
    *("logaddexp2", "power", "sin", "sinh", "tan", "tanh"),
)
"""Functions whose last digits depend on the mathematical library: within 1e-15 of their size."""
FUNCTIONS = tuple(sorted((*EXACT, *ROUNDED)))
"""NumPy functions a game's methods may use."""
METHODS = ("astype", "clip", "round")
"""Methods of arrays a game's methods may use."""


@functools.cache
def scalar_numpy() -> ModuleType:
    """Return NumPy with scalars in, scalars out; numba compiles what is in it."""
    module = ModuleType("numpy")  # numba looks at the name: np.int64(x).view(...)
    module.__dict__.update({k: v for k, v in vars(np).items() if not k.startswith("__")})
    module.__dict__.update(twins())
    return module


@functools.cache
def twins() -> dict[str, Any]:
    """Return the functions that stand in for NumPy's in compiled methods, by name."""
    from numba.core import types
    from numba.extending import overload, overload_method, register_jitable

    @register_jitable
    def where(condition, x, y):
        return x if condition else y

    @register_jitable
    def minimum(x, y):
        return x if (x < y) | (x != x) else y  # NaN wins, as in NumPy

    @register_jitable
    def maximum(x, y):
        return x if (x > y) | (x != x) else y

    @register_jitable
    def clip(a, a_min=None, a_max=None, min=None, max=None):
        if a_min is not None:  # numba drops what compares None
            a = maximum(a, a_min)
        if min is not None:
            a = maximum(a, min)
        if a_max is not None:
            a = minimum(a, a_max)
        if max is not None:
            a = minimum(a, max)
        return a

    def sign(x):
        return np.sign(x)

    @overload(sign)
    def _(x):
        if isinstance(x, types.Float):
            return lambda x: 1.0 if x > 0 else (-1.0 if x < 0 else (0.0 if x == 0 else x))
        return lambda x: 1 if x > 0 else (-1 if x < 0 else 0)

    @register_jitable
    def heaviside(x1, x2):
        return (0.0 if x1 < 0 else 1.0) if x1 != 0 and x1 == x1 else (x2 if x1 == 0 else x1) * 1.0

    @register_jitable
    def mod(x1, x2):
        return x1 % x2  # the operator gives NumPy's zeros and infinities

    @register_jitable
    def floor_divide(x1, x2):
        return x1 // x2

    def fmod(x1, x2):
        return np.fmod(x1, x2)

    @overload(fmod)
    def _(x1, x2):
        if isinstance(x1, types.Float) or isinstance(x2, types.Float):
            return lambda x1, x2: np.fmod(x1, x2)
        return lambda x1, x2: abs(x1) % abs(x2) * (1 if x1 >= 0 else -1)

    def round_(a, decimals=0):
        return np.round(a, decimals)

    @overload(round_)
    def _(a, decimals=0):
        if not isinstance(a, types.Float):
            return lambda a, decimals=0: (
                a if decimals >= 0 else np.int64(np.rint(a / 10.0**-decimals) * 10.0**-decimals)
            )
        if not isinstance(decimals, types.Integer):
            return lambda a, decimals=0: np.rint(a)

        def rounded(a, decimals=0):
            if decimals >= 0:
                return np.rint(a * 10.0**decimals) / 10.0**decimals
            return np.rint(a / 10.0**-decimals) * 10.0**-decimals

        return rounded

    def select(condlist, choicelist, default=0):
        return np.select(condlist, choicelist, default)

    @overload(select)
    def _(condlist, choicelist, default=0):
        both = isinstance(condlist, types.BaseTuple) and isinstance(choicelist, types.BaseTuple)
        if not both:

            def first_of_list(condlist, choicelist, default=0):
                out = default
                for i in range(len(condlist) - 1, -1, -1):
                    if condlist[i]:
                        out = choicelist[i]
                return out

            return first_of_list
        if len(condlist) == 1:  # pyright: ignore[reportArgumentType]  a type of numba
            return lambda condlist, choicelist, default=0: choicelist[0] if condlist[0] else default
        return lambda condlist, choicelist, default=0: (
            choicelist[0] if condlist[0] else select(condlist[1:], choicelist[1:], default)
        )

    @register_jitable
    def isin(element, test_elements):
        found = False
        for value in test_elements:
            found |= element == value
        return found

    @register_jitable
    def interp(x, xp, fp, left=None, right=None):
        last = len(xp) - 1
        if x != x:
            return x * 1.0
        if x < xp[0]:
            return (fp[0] if left is None else left) * 1.0
        if x > xp[last]:
            return (fp[last] if right is None else right) * 1.0
        j = np.searchsorted(xp, x, "right") - 1
        if j == last or xp[j] == x:
            return fp[j] * 1.0
        slope = (fp[j + 1] - fp[j]) / (xp[j + 1] - xp[j])
        out = slope * (x - xp[j]) + fp[j]
        return out if out == out else slope * (x - xp[j + 1]) + fp[j + 1]

    def take(a, indices, axis=None):
        return np.take(a, indices, axis)

    @overload(take)
    def _(a, indices, axis=None):
        return (lambda a, indices, axis=None: a[indices]) if a.ndim == 1 else None

    def asarray(a, dtype=None):
        return np.asarray(a, dtype)

    @overload(asarray)
    def _(a, dtype=None):
        if dtype is None or isinstance(dtype, types.NoneType | types.Omitted):
            return lambda a, dtype=None: a
        return lambda a, dtype=None: a.astype(dtype)

    def full_like(a, fill_value, dtype=None):
        return np.full_like(a, fill_value, dtype)

    @overload(full_like)
    def _(a, fill_value, dtype=None):
        if not (dtype is None or isinstance(dtype, types.NoneType | types.Omitted)):
            return lambda a, fill_value, dtype=None: dtype(fill_value)  # pyright: ignore
        kind = float if isinstance(a, types.Float) else int
        return lambda a, fill_value, dtype=None: kind(fill_value)

    @register_jitable
    def zeros_like(a, dtype=None):
        return full_like(a, 0, dtype)

    @register_jitable
    def ones_like(a, dtype=None):
        return full_like(a, 1, dtype)

    for number in (types.Boolean, types.Integer, types.Float):

        @overload_method(number, "astype")
        def _(x, dtype):
            if isinstance(x, types.Boolean):
                return lambda x, dtype: dtype(x * 1)  # numba has no float(True)
            return lambda x, dtype: dtype(x)

        @overload_method(number, "clip")
        def _(x, min=None, max=None):
            return lambda x, min=None, max=None: clip(x, min, max)

        @overload_method(number, "round")
        def _(x, decimals=0):
            return lambda x, decimals=0: round_(x, decimals)

    return {
        **{"where": where, "minimum": minimum, "maximum": maximum, "clip": clip, "sign": sign},
        **{"heaviside": heaviside, "mod": mod, "remainder": mod, "floor_divide": floor_divide},
        **{"fmod": fmod, "fix": np.trunc, "round": round_, "around": round_, "select": select},
        **{"isin": isin, "interp": interp, "take": take, "asarray": asarray},
        **{"full_like": full_like, "zeros_like": zeros_like, "ones_like": ones_like},
    }
