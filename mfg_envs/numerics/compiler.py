"""From a game's methods to compiled functions: numba, its disk cache, and the way without it.

numba compiles the very methods NumPy runs, and those that they call.  ``self`` becomes a NamedTuple
of what they read of it: numeric fields, and properties that are numbers or arrays.  A kernel gets
those values as a plain tuple and rebuilds the NamedTuple, so that one compiled version serves every
size of a game.

``MFG_ENVS_BACKEND=numpy|numba`` forces a back end; without numba, NumPy runs everything.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import types
import warnings
from collections import namedtuple
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Game, at, vectors
from mfg_envs.numerics import calls, compile_errors, elementwise
from mfg_envs.numerics.kernel_cache import digest, disk_cache, warn_once


def backend() -> str:
    """Return "numba" or "numpy": what ``MFG_ENVS_BACKEND`` says, else what is installed.

    Raises:
        ValueError: If the variable names no back end, or numba is forced and not installed.
    """
    forced = os.environ.get("MFG_ENVS_BACKEND", "")
    if forced not in ("", "numpy", "numba"):
        raise ValueError(f"MFG_ENVS_BACKEND must be 'numpy' or 'numba', got {forced!r}")
    if forced == "numpy" or _has_numba():
        return forced or "numba"
    if forced == "numba":
        raise ValueError("MFG_ENVS_BACKEND is 'numba', which is missing: pip install numba")
    return "numpy"


def runs_compiled(game: Any) -> bool:
    """Return whether compiled loops do the work of a game: numba is there, and it lets them."""
    return backend() == "numba" and game.compiles


@functools.cache
def _has_numba() -> bool:
    try:
        importlib.import_module("numba")
    except ImportError as error:
        if not isinstance(error, ModuleNotFoundError):  # it is there, for another NumPy
            text = f"numba cannot be imported, NumPy does its work, slowly: {error}"
            warnings.warn(text, RuntimeWarning, stacklevel=3)
        return False
    return True


class Methods(NamedTuple):
    """A class of games as compiled kernels see it.

    Attributes:
        view: NamedTuple class that stands for ``self``; ``view._fields`` is what is read of it,
            ``view._calls`` the methods that are called, by name.
        jit: Decorator that compiles a kernel built on these methods and keeps it on disk.
    """

    view: Any
    noise_law: Any
    step: Any
    reward: Any
    jit: Callable[..., Any]


@functools.cache
def methods(game_class: type[Game]) -> Methods:
    """Return a class of games for kernels (compilation itself comes with the first call)."""
    rules = [inspect.unwrap(getattr(game_class, name)) for name in ("noise_law", "step", "reward")]
    known = {*dir(game_class), *game_class.__dataclass_fields__}
    read: set[str] = set()
    called: dict[str, types.FunctionType] = {}
    open_ = list(rules)
    while open_:
        names = set(open_.pop().__code__.co_names)
        for name in sorted(known & names - called.keys()):
            method = inspect.getattr_static(game_class, name, None)
            if isinstance(method, types.FunctionType) and "super" not in names:
                called[name] = inspect.unwrap(method)
                open_.append(called[name])
            else:
                read.add(name)
    if called and not read:
        read.add("discount")  # numba takes an empty tuple that a method is called on for none
    view: Any = namedtuple("View", sorted(read), rename=True)
    view._fields = tuple(sorted(read))  # namedtuple itself refuses names that begin with _
    view._calls = {name: scalar(method) for name, method in called.items()}
    for name in called:
        calls.allow(name)
    return Methods(view, *map(scalar, rules), jit=compile_kernel)


def constants(game: Game) -> tuple[Any, ...]:
    """Return the values of ``methods(type(game)).view`` for one game.

    Raises:
        TypeError: If a method reads more than numbers, arrays and tuples of numbers.
    """
    values = []
    for name in methods(type(game)).view._fields:
        value = getattr(game, name)
        if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
            value = np.ascontiguousarray(value)
        elif callable(value):
            raise TypeError(
                f"{type(game).__name__} calls super().{name}, or a self.{name} that is no plain"
                " method, in step, noise_law or reward: compiled methods call methods of self and"
                " functions of a module; or set compiles = False"
            )
        elif not _is_numbers(value):
            raise TypeError(
                f"{type(game).__name__} reads self.{name} = {value!r:.100} in step, noise_law or"
                " reward; compiled methods read numbers and arrays only: derive one in a cached"
                " property, or set compiles = False"
            )
        values.append(value)
    return tuple(values)


def _is_numbers(value: Any) -> bool:
    """Return whether a value is a number, or a tuple of numbers or such tuples."""
    if isinstance(value, tuple):
        return all(map(_is_numbers, value))
    return isinstance(value, bool | int | float | np.generic)


@functools.cache
def scalar(function: types.FunctionType) -> types.FunctionType:
    """Return a twin of an elementwise function that numba compiles for scalars."""
    from numba.extending import register_jitable

    code, names = function.__code__, {**function.__globals__}
    for name in code.co_names:
        if name in names:
            names[name] = _twin(names[name])
    cells = tuple(_twin_cell(cell) for cell in function.__closure__ or ()) or None
    twin = types.FunctionType(code, names, function.__name__, function.__defaults__, cells)
    twin.__qualname__ = function.__qualname__
    return register_jitable(twin)


def _twin(value: Any) -> Any:
    """Return what stands for something that an elementwise function reads."""
    if value is np:
        return elementwise.scalar_numpy()
    if value is at:
        return _scalar_at()
    name = getattr(value, "__name__", None)
    if isinstance(name, str) and getattr(np, name, None) is value:  # from numpy import clip
        return elementwise.twins().get(name, value)
    if isinstance(value, types.FunctionType):
        return _component_twins().get(value) or scalar(value)
    return value


def _twin_cell(cell: types.CellType) -> types.CellType:
    """Return a cell of a closure that holds the twin of what this one holds."""
    return cell if cell == types.CellType() else types.CellType(_twin(cell.cell_contents))


@functools.cache
def _scalar_at() -> Any:
    """Return ``at`` for one player; a mean field may be a pair (array, factor)."""
    from numba.core import types as nb_types
    from numba.extending import overload

    def scalar_at(m, *index):  # numba compares the signatures: no annotations
        return at(m, *index)

    @overload(scalar_at)
    def _(m, *index):
        if isinstance(m, nb_types.BaseTuple):
            return lambda m, *index: m[0][index] * m[1]
        return lambda m, *index: m[index]

    return scalar_at


@functools.cache
def _component_twins() -> dict[Any, Any]:
    """Return compiled functions on tuples of components, by the functions they stand for."""
    return vectors.twins()


def compile_kernel(kernel: Any, **options: Any) -> Any:
    """Compile a kernel at its first call; keep it on disk under a hash of all it is made of."""
    import numba
    from numba.core import config

    twins = (_scalar_at, vectors.twins, elementwise.twins)
    checked = config.BOUNDSCHECK  # pyright: ignore[reportAttributeAccessIssue]
    made_of = digest([kernel, repr(options), repr(checked), *twins], set())
    # numba links by name, and counts names anew in every process: kernels of two games that were
    # kept by two processes can have one name, and a third would run one of them for both.
    kernel.__qualname__ += f"_{made_of[:24]}"
    compiled: Any = numba.njit(kernel, nogil=True, error_model="numpy", **options)
    compiled._compile_for_args = compile_errors.named(compiled._compile_for_args, kernel)
    try:
        compiled._cache = disk_cache()(kernel, made_of)
    except (RuntimeError, OSError) as error:
        warn_once(error)
    return compiled


def bind(kernel: Any, arguments: tuple[object, ...]) -> Callable[..., Any]:
    """Return a compiled loop for arguments of these types, without numba's look at each type.

    That look costs 0.4 microseconds a call, a quarter of a step of 100 players.  Read-only arrays
    count as others do: a loop writes to what it is given for it, and to nothing else.
    """
    import numba

    kinds = (numba.typeof(value) for value in arguments)
    writeable = (k.copy(readonly=False) if isinstance(k, numba.types.Array) else k for k in kinds)
    return compile_errors.named(kernel.compile, kernel.py_func)(tuple(writeable))
