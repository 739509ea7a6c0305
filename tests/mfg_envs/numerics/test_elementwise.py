"""What a game may use of NumPy gives the same compiled for one player as NumPy on arrays."""

from __future__ import annotations

import numpy as np
import pytest
from covering import covering

from mfg_envs.numerics import compiler, elementwise

numba = pytest.importorskip("numba")
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of infinities and NaN

POSITIVE = [0.0, 1e-300, 0.3, 0.5, 1.0, 1.5, 2.0, 2.5, 3.7, 1e300, np.inf]
REALS = np.array([*(-v for v in POSITIVE), *POSITIVE, np.nan])
WHOLE = np.array([-7, -3, -2, -1, 0, 1, 2, 3, 7])
KNOTS, HEIGHTS = np.array([0.0, 1.0, 2.5, 4.0]), np.array([1.0, -1.0, 3.0, 7.0])
ULPS = 8 * np.finfo(float).eps
"""Of the size of a number: how far mathematical libraries part."""

FORMS = {
    "around": [lambda x: np.around(x, 2)],
    "asarray": [lambda x: np.asarray(x), lambda x: np.asarray(x, dtype=float)],
    "clip": [
        lambda x: np.clip(x, -1, 2),
        lambda x: np.clip(x, None, 2.0),
        lambda x: np.clip(x, a_min=0.5, a_max=None),
    ],
    "float64": [lambda x: np.float64(x)],
    "full_like": [lambda x: np.full_like(x, 0.75), lambda x: np.full_like(x, 2, dtype=float)],
    "interp": [
        lambda x: np.interp(x, KNOTS, HEIGHTS),
        lambda x: np.interp(x, [0, 1, 3], [1.0, 4.0, -1.0], left=9.0, right=-9),
    ],
    "isin": [lambda x: np.isin(x, [0, 1, 2]), lambda x: np.isin(x, KNOTS)],
    "ones_like": [lambda x: np.ones_like(x), lambda x: np.ones_like(x, dtype=float)],
    "reciprocal": [lambda x: np.reciprocal(x * 1.0)],
    "round": [lambda x: np.round(x), lambda x: np.round(x, 1), lambda x: np.round(x, -1)],
    "searchsorted": [
        lambda x: np.searchsorted(KNOTS, x),
        lambda x: np.searchsorted(KNOTS, x, side="right"),
    ],
    "select": [
        lambda x: np.select([x < 0, x < 2], [x, 2 * x], default=-1),
        lambda x: np.select([x < 0, x == 1], [-1.5, x], 0.5),
        lambda x: np.select((x < 0, x < 2), (x, 0.5 * x)),
        lambda x: np.select([x < 0, x < 2], (2 * x, x)),
    ],
    "zeros_like": [lambda x: np.zeros_like(x), lambda x: np.zeros_like(x, dtype=float)],
    "int32": [lambda x: np.int32(np.where(np.abs(x) < 9, x, 0))],
    "int64": [lambda x: np.int64(np.where(np.abs(x) < 9, x, 0))],
    "where": [
        lambda x: np.where(x > 1, x, 0.5),
        lambda x: np.where(x > 1, np.where(x > 2, 3, 2), 1),
    ],
    "take": [lambda x: np.take(KNOTS, np.abs(np.sign(x)).astype(int) * (x == x))],
}
"""How a function is called, where it is not f(x) or f(x, y) on all numbers."""
ON_WHOLE = {"bitwise_and", "bitwise_or", "bitwise_xor"}
EITHER_ZERO = {"clip", "fmax", "fmin", "maximum", "minimum"}
"""Of 0.0 and -0.0 NumPy takes the one or the other, as the processor likes."""
METHODS = {
    "astype": [
        lambda x: x.astype(float),
        lambda x: (x == 1).astype(float),
        lambda x: (x > 0).astype(int) * 2,
        lambda x: (x > 0).astype(np.float64),
        lambda x: np.where(np.abs(x) < 9, x, 0).astype(int),
        lambda x: x.astype(bool),
    ],
    "clip": [lambda x: x.clip(0.25, 1.5), lambda x: x.clip(-1, 1)],
    "round": [lambda x: x.round(), lambda x: x.round(1)],
}
OPERATORS = ["x + y", "x - y", "x * y", "x / y", "x // y", "x % y", "x < y", "x == y", "abs(x) - y"]
OPERATORS += ["~((x == 1) | (y < 0)) & (x != y)", "-x", "(x == y) * 1.0", "1 * (x > 0) + (y > 0)"]


def evaluate(source):
    return eval(f"lambda x, y: {source}", {"np": np})


def forms(name):
    """Return the expressions that try a function, each of x, or of x and y."""
    if name in FORMS:
        return FORMS[name]
    two = name == "isclose" or getattr(getattr(np, name), "nin", 1) == 2
    return [evaluate(f"np.{name}(x, y)" if two else f"np.{name}(x)")]


def compare(function, one, two, tolerance=0.0, zeros=True):
    """Require that compiled scalars give the bits of NumPy's arrays, or almost."""
    arguments = [v.ravel() for v in np.meshgrid(one, two)]
    arguments = arguments[: function.__code__.co_argcount]
    want = np.asarray(function(*arguments))
    kernel = numba.njit(compiler.scalar(function), error_model="numpy")
    got = np.array([kernel(*scalars) for scalars in zip(*arguments, strict=True)])
    want = np.broadcast_to(want, got.shape)
    if want.dtype.kind != "f" and got.dtype.kind != "f":
        assert np.array_equal(got, want)
        return
    got, want = got.astype(float), want.astype(float)
    apart = np.where(np.isfinite(want), np.abs(want), 0) * tolerance
    with np.errstate(invalid="ignore"):
        near = np.abs(got - want) <= apart
    same = (got == want) & ((np.signbit(got) == np.signbit(want)) | (not zeros))
    right = same | near & (apart > 0) | (np.isnan(got) & np.isnan(want))
    assert right.all(), [(v[~right][0]) for v in (*arguments, got, want)]


NUMBERS = {"reals": (REALS, REALS), "whole": (WHOLE, WHOLE), "mixed": (WHOLE, REALS)}


def kinds(name):
    """Return of which numbers a function is tried."""
    if name in ON_WHOLE:  # NumPy has no bits of reals ...
        return ["whole"]
    two = any(function.__code__.co_argcount == 2 for function in forms(name))
    # ... and no negative whole powers.
    return ["reals", *(["whole"] if name != "power" else []), *(["mixed"] if two else [])]


def tried():
    """Yield a function and numbers: fast are reals, and one other kind for every other function."""
    for i, name in enumerate(elementwise.FUNCTIONS):
        first, *others = kinds(name)
        drawn = others[i // 2 % len(others)] if others and i % 2 else None
        for kind in (first, *others):
            fast = kind in (first, drawn)
            yield pytest.param(name, kind, marks=() if fast else pytest.mark.slow)


@pytest.mark.parametrize(("name", "numbers"), list(tried()))
def test_every_function_in_the_list_gives_what_numpy_gives(name, numbers):
    tolerance = ULPS if name in elementwise.ROUNDED else 0.0
    for function in forms(name):
        compare(function, *NUMBERS[numbers], tolerance, zeros=name not in EITHER_ZERO)


@pytest.mark.parametrize("name", elementwise.METHODS)
def test_every_method_in_the_list_gives_what_numpy_gives(name):
    for function in METHODS[name]:
        for numbers in (WHOLE, REALS):
            compare(function, numbers, numbers[:1], zeros=name not in EITHER_ZERO)


@covering(source=OPERATORS, numbers=NUMBERS)
def test_operators_give_what_numpy_gives(source, numbers):
    compare(evaluate(source), *numbers)


def test_a_function_imported_from_numpy_is_known_too():
    from numpy import clip, heaviside

    def double(x):
        return 2 * clip(x, 0, 1)

    compare(lambda x, y: heaviside(double(x), y), REALS, REALS)


def test_values_by_hand():
    kernel = numba.njit(compiler.scalar(lambda x: np.clip(x, 0, 2) + 10 * np.heaviside(x - 1, 0.5)))
    assert [kernel(x) for x in (-1.0, 1.0, 5.0)] == [0.0, 6.0, 12.0]
    kernel = numba.njit(compiler.scalar(lambda x: np.select([x < 1, x < 3], [10, 20], default=30)))
    assert [kernel(x) for x in (0, 2, 3)] == [10, 20, 30]


def test_the_lists_are_numpys_functions_in_order():
    assert list(elementwise.FUNCTIONS) == sorted(set(elementwise.FUNCTIONS))
    assert all(callable(getattr(np, name)) for name in elementwise.FUNCTIONS)
    assert all(callable(getattr(np.empty(1), name)) for name in elementwise.METHODS)
