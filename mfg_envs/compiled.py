"""From a game's methods to compiled functions: numba, its disk cache, and the way without it.

numba compiles the very methods NumPy runs.  ``self`` becomes a NamedTuple of what the methods
read of it: numeric fields, and properties that are numbers or arrays.  A kernel gets those
values as a plain tuple and rebuilds the NamedTuple, so that one compiled version serves every
size of a game.

``MFG_ENVS_BACKEND=numpy|numba`` forces a back end; without numba, NumPy runs everything.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
import os
import types
import warnings
from collections import namedtuple
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mfg_envs import components
from mfg_envs.game import Game, at


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
        view: NamedTuple class that stands for ``self``; ``view._fields`` is what is read of it.
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
    used = [inspect.unwrap(getattr(game_class, name)) for name in ("noise_law", "step", "reward")]
    known = {*dir(game_class), *game_class.__dataclass_fields__}
    read = sorted({name for f in used for name in f.__code__.co_names} & known)
    view: Any = namedtuple("View", read, rename=True)
    view._fields = tuple(read)  # namedtuple itself refuses names that begin with _
    return Methods(view, *map(scalar, used), jit=compile_kernel)


def constants(game: Game) -> tuple[Any, ...]:
    """Return the values of ``methods(type(game)).view`` for one game.

    Raises:
        TypeError: If a method reads more than numbers, arrays and tuples of numbers.
    """
    values = []
    for name in methods(type(game)).view._fields:
        value = getattr(game, name)
        if isinstance(value, np.ndarray):
            value = np.ascontiguousarray(value)
        elif not _is_numbers(value):
            raise TypeError(
                f"{type(game).__name__} reads self.{name} = {value!r} in step, noise_law or reward;"
                " compiled methods read numbers and arrays only: derive one in a cached property"
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

    names = {**function.__globals__}
    for name in function.__code__.co_names:
        value = names.get(name)
        if value is np:
            names[name] = _scalar_numpy()
        elif value is at:
            names[name] = _scalar_at()
        elif isinstance(value, types.FunctionType) and value in _component_twins():
            names[name] = _component_twins()[value]
        elif isinstance(value, types.FunctionType):
            names[name] = scalar(value)
    twin = types.FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, function.__closure__
    )
    return register_jitable(twin)


@functools.cache
def _scalar_numpy() -> types.ModuleType:
    """Return NumPy with scalars in, scalars out where numba's own version is slow or an array."""
    from numba.extending import register_jitable

    @register_jitable
    def where(condition: Any, x: Any, y: Any) -> Any:
        return x if condition else y

    @register_jitable
    def minimum(x: Any, y: Any) -> Any:
        return x if (x < y) | (x != x) else y  # NaN wins, as in NumPy

    @register_jitable
    def maximum(x: Any, y: Any) -> Any:
        return x if (x > y) | (x != x) else y

    module = types.ModuleType("numpy")  # numba looks at the name: np.int64(x).view(...)
    module.__dict__.update({k: v for k, v in vars(np).items() if not k.startswith("__")})
    module.__dict__.update(where=where, minimum=minimum, maximum=maximum)
    return module


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
    return components.twins()


def _digest(value: Any, seen: set[types.FunctionType]) -> str:
    """Return a hash of code with all that numba freezes into it: helpers, globals, closures."""
    value = inspect.unwrap(value)
    if isinstance(value, types.FunctionType):
        if value in seen:
            return ""
        seen.add(value)
        code, empty = value.__code__, types.CellType()
        used = [value.__globals__.get(name) for name in code.co_names]
        for module in [v for v in used if isinstance(v, types.ModuleType) and v is not np]:
            used += [getattr(module, name, None) for name in code.co_names]
        used += [cell.cell_contents for cell in value.__closure__ or () if cell != empty]
        parts = [code, value.__defaults__, *used]
    elif isinstance(value, types.CodeType):
        parts = [value.co_code, value.co_names, *value.co_consts]
    elif isinstance(value, list | tuple):
        parts = [len(value), *value]
    elif isinstance(value, np.ndarray):
        parts = [value.dtype.str, value.shape, value.tobytes()]
    else:
        name = getattr(value, "__name__", None)  # no repr of a function: it holds an address
        text = f"{type(value)} {name or repr(value)} {getattr(value, '_fields', '')}"
        return hashlib.sha256(text.encode()).hexdigest()
    return hashlib.sha256("".join(_digest(part, seen) for part in parts).encode()).hexdigest()


def compile_kernel(kernel: Any, **options: Any) -> Any:
    """Compile a kernel at its first call; keep it on disk under a hash of all it is made of."""
    import numba

    made_of = _digest([kernel, repr(options), _scalar_at, components.twins], set())
    # numba links by name, and counts names anew in every process: kernels of two games that were
    # kept by two processes can have one name, and a third would run one of them for both.
    kernel.__qualname__ += f"_{made_of[:24]}"
    compiled: Any = numba.njit(kernel, nogil=True, error_model="numpy", **options)
    try:
        compiled._cache = _disk_cache()(kernel, made_of)
    except (RuntimeError, OSError):
        _warn_once()
    return compiled


@functools.cache
def _disk_cache() -> Any:
    """Return numba's cache with our own key: numba's does not see edits in other files."""
    from numba.core.caching import FunctionCache, IndexDataCacheFile

    class DiskCache(FunctionCache):
        def __init__(self, kernel: Any, fingerprint: str) -> None:
            super().__init__(kernel)
            self._fingerprint = fingerprint

        def _index_key(self, sig: Any, codegen: Any) -> Any:
            # One file a kernel and signature: in a shared index two processes that save at once
            # can swap their kernels, and a reader can meet an index that is newer than the data.
            key = (sig, codegen.magic_tuple(), self._fingerprint)
            name = hashlib.sha256(repr(key).encode()).hexdigest()[:24]
            base, stamp = self._impl.filename_base, self._impl.locator.get_source_stamp()
            self._cache_file = IndexDataCacheFile(self._cache_path, f"{base}-{name}", stamp)
            return key

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            try:
                return super().load_overload(sig, target_context)
            except Exception:  # a file that is damaged or not ours to read
                return None

        def save_overload(self, sig: Any, data: Any) -> None:
            try:
                super().save_overload(sig, data)
            except Exception:
                _warn_once()

    return DiskCache


@functools.cache
def _warn_once() -> None:
    warnings.warn(
        "compiled kernels cannot be kept on disk, every process compiles anew: set"
        " NUMBA_CACHE_DIR to a folder that can be written",
        RuntimeWarning,
        stacklevel=4,
    )
