"""Compiled kernels on disk: under a hash of all they are made of, and mended when damaged."""

from __future__ import annotations

import functools
import hashlib
import inspect
import types
import warnings
from typing import Any

import numpy as np


def digest(value: Any, seen: set[types.FunctionType]) -> str:
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
    elif getattr(value, "_calls", None):  # what stands for a game whose methods call others
        parts = [value._fields, *value._calls.items()]
    else:
        name = getattr(value, "__name__", None)  # no repr of a function: it holds an address
        text = f"{type(value)} {name or repr(value)} {getattr(value, '_fields', '')}"
        return hashlib.sha256(text.encode()).hexdigest()
    return hashlib.sha256("".join(digest(part, seen) for part in parts).encode()).hexdigest()


@functools.cache
def disk_cache() -> Any:
    """Return numba's cache with our own key: numba's does not see edits in other files."""
    from numba.core.caching import FunctionCache, IndexDataCacheFile

    class KernelFile(IndexDataCacheFile):
        def _load_index(self) -> dict[Any, str]:
            try:
                index = super()._load_index()
            except Exception:  # damaged, or not ours to read: the next save writes it anew
                return {}
            return index if isinstance(index, dict) else {}

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
            self._cache_file = KernelFile(self._cache_path, f"{base}-{name}", stamp)
            return key

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            try:
                return super().load_overload(sig, target_context)
            except Exception:  # data that is damaged: it is compiled and saved anew
                return None

        def save_overload(self, sig: Any, data: Any) -> None:
            try:
                super().save_overload(sig, data)
            except Exception as error:
                warn_once(error)

    return DiskCache


_warned: list[str] = []


def warn_once(error: Exception) -> None:
    """Say that kernels cannot be kept, and why, the first time that it happens."""
    if not _warned:
        _warned.append(str(error))
        warnings.warn(
            f"compiled kernels cannot be kept on disk ({type(error).__name__}: {error}), every"
            " process compiles anew: set NUMBA_CACHE_DIR to a folder that can be written",
            RuntimeWarning,
            stacklevel=4,
        )
