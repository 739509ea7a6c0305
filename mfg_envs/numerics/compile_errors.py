"""What numba says about a game's method, in one sentence: where, what, and what to do."""

from __future__ import annotations

import functools
import linecache
import re
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

from mfg_envs.numerics.elementwise import FUNCTIONS, scalar_numpy

REMEDY = (
    "for one player at a time use plain arithmetic, at(m, x) and the functions in"
    " mfg_envs.numerics.elementwise.FUNCTIONS, or set compiles = False in the class (NumPy then"
    " plays it, more slowly)"
)


class Place(NamedTuple):
    """A line of a function: what the function is called, its file, and the line."""

    function: str
    file: str
    line: int


def named(compile_: Callable[..., Any], kernel: FunctionType) -> Callable[..., Any]:
    """Return a way to compile a kernel that raises one sentence where numba writes a page."""

    @functools.wraps(compile_)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return compile_(*args, **kwargs)
        except Exception as error:  # numba's own, and what its checks stumble over
            raise TypeError(sentence(error, kernel)) from None

    return run


def sentence(error: Exception, kernel: FunctionType) -> str:
    """Return where in a game's methods the fault lies that numba describes, and the remedy."""
    text, functions = re.sub(r"\x1b\[[0-9;]*m", "", str(error)), functions_of(kernel)
    place = _place(text, functions) or _suspect(functions)
    if place is None:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        told = [line for line in lines if not line.startswith("Failed in nopython mode")]
        reason = f"{type(error).__name__}: {(told or [text])[0]:.120}"
        return f"{kernel.__name__} cannot be compiled ({reason}); {REMEDY}"
    source = linecache.getline(place.file, place.line).strip()
    what, attribute = _unknown(source), re.search(r"Unknown attribute '(\w+)' of type (\w+)", text)
    if what is None and attribute and attribute[2] != "Module":
        what = f"a single {attribute[2]} has no .{attribute[1]}"
    where = f"{place.function} ({Path(place.file).name}:{place.line})"
    return f"{where} cannot be compiled: {what or 'see'} in '{source:.90}'; {REMEDY}"


def functions_of(kernel: FunctionType) -> list[FunctionType]:
    """Return a function and all that it calls, as far as they are known beforehand."""
    found: list[FunctionType] = []
    open_: list[Any] = [kernel]
    while open_:
        value = open_.pop()
        value = getattr(value, "py_func", value)  # of a compiled kernel
        open_ += getattr(value, "_calls", {}).values()  # of what stands for a game
        if not isinstance(value, FunctionType) or value in found:
            continue
        found.append(value)
        open_ += [value.__globals__.get(name) for name in value.__code__.co_names]
        open_ += [cell.cell_contents for cell in value.__closure__ or ()]
    return found


def _place(text: str, functions: list[FunctionType]) -> Place | None:
    """Return the innermost line of a method, or of what it calls, that a message names."""
    for file, number in re.findall(r'File "([^"]+)", line (\d+)', text):
        for function in functions:
            code, line = function.__code__, int(number)
            lines = [n for *_, n in code.co_lines() if n is not None]
            if Path(code.co_filename).name == Path(file).name and line in lines:
                return Place(function.__qualname__, code.co_filename, line)
    return None


def _suspect(functions: list[FunctionType]) -> Place | None:
    """Return the first line of a method that calls what is not in ``FUNCTIONS``."""
    for function in functions:
        code = function.__code__
        if function.__globals__.get("np") is not scalar_numpy():  # a loop of ours
            continue
        for line in sorted({n for *_, n in code.co_lines() if n is not None}):
            if _unknown(linecache.getline(code.co_filename, line)):
                return Place(function.__qualname__, code.co_filename, line)
    return None


def _unknown(source: str) -> str | None:
    """Return what a line calls of NumPy that is not compiled, in words."""
    called = re.findall(r"\b(?:np|numpy)\.([\w.]+)\(", source)
    unknown = [name for name in called if name not in FUNCTIONS]
    return f"np.{unknown[0]} is not among those functions" if unknown else None
