"""Checks of parameters: every error names the parameter, its value and what it must be.

``check_parameters`` holds the fields of a game, or of a learner, against what they are declared as:
a kind (``float``, ``int``, ``bool``, ``str`` and tuples of them) and a range (see ``ranges``).
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Set
from dataclasses import fields, is_dataclass
from inspect import get_annotations
from typing import Annotated, Any, NamedTuple, get_args, get_origin

import numpy as np
from numpy.typing import NDArray

from mfg_envs.game import ranges
from mfg_envs.game.ranges import DISCOUNT, Between, OneOf, check_range, shown

LARGEST = 1e30
"""Bound of every number of a game: spaces, in single precision, hold it, and a product of ten is
still a double."""
MOST_DECISIONS = 10**9
"""Longest horizon: tables over time have an entry a decision."""
WHOLE = 2**63 - 1
"""Largest whole number of a field: compiled code counts in 64 bits."""


class Parameter(NamedTuple):
    """What a field is declared as.

    Attributes:
        kind: Its annotation without the ranges and without None.
        optional: Whether it may be None.
        ranges: Its own, then those of the classes it is inherited from: a subclass narrows a
            range, and never widens it.
    """

    kind: Any
    optional: bool
    ranges: tuple[Between | OneOf, ...]

    def __str__(self) -> str:
        """Return the range in words; nothing where all values of the kind are in it."""
        kind, words = self.kind, [str(one) for one in self.ranges[:1]]
        if not words and get_origin(kind) is tuple and (entry := str(_parameter(kind.__args__[0]))):
            words = [f"each {entry}"]
        return " or ".join([*words, *["None"] * self.optional])

    def read(self, name: str, value: Any) -> Any:
        """Return a value as its kind, or raise an error that names it."""
        if value is None and self.optional:
            return None
        if self.kind in KINDS:
            value = KINDS[self.kind](name, value)
        elif get_origin(self.kind) is tuple and get_args(self.kind)[1:] == (...,):
            entry = _parameter(get_args(self.kind)[0])
            entries = as_sequence(name, value, ENTRIES.get(entry.kind, "rows"))
            value = tuple(entry.read(name, one) for one in entries)
        for one in self.ranges:
            one.check(name, value)
        return value


def check_parameters(declared: Any) -> None:
    """Check the fields of a game or a learner, and make its numbers ints and floats.

    Raises:
        ValueError: If a number is out of its range.
        TypeError: If a field is of another kind than it is declared.
    """
    if not is_dataclass(type(declared)):
        raise TypeError(f"{type(declared).__name__} must be a frozen dataclass")
    for name, parameter in declarations(type(declared)).items():
        object.__setattr__(declared, name, parameter.read(name, getattr(declared, name)))


def check_clock(game: Any) -> None:
    """Check that a game ends, or discounts.

    Raises:
        ValueError: If it does neither, or its horizon is too long.
        TypeError: If the horizon is no whole number.
    """
    if game.horizon is not None:
        object.__setattr__(game, "horizon", as_int("horizon", game.horizon))
        check_range("horizon", game.horizon, 1)
        if game.horizon > MOST_DECISIONS:
            raise ValueError(
                f"horizon must be at most {MOST_DECISIONS}, got {shown(game.horizon)}: for a game"
                " without an end give None"
            )
    DISCOUNT.check("discount", game.discount)
    if game.horizon is None and game.discount == 1:
        raise ValueError("a stationary game (horizon None) needs a discount below 1, got 1")


@functools.cache
def declarations(cls: Any) -> dict[str, Parameter]:
    """Return what the fields of a dataclass are declared as, by name."""
    declared = {}
    for field in fields(cls):
        said = [hints[field.name] for hints in map(_hints, cls.__mro__) if field.name in hints]
        every = tuple(one for parameter in said for one in parameter.ranges)
        declared[field.name] = said[0]._replace(ranges=every)
    return declared


@functools.cache
def _hints(cls: Any) -> dict[str, Parameter]:
    """Return what a class itself declares."""
    names = {**vars(ranges), **vars(sys.modules.get(cls.__module__, ranges))}
    return {name: _parameter(_hint(text, names)) for name, text in get_annotations(cls).items()}


def _hint(hint: Any, names: dict[str, Any]) -> Any:
    """Return an annotation; one that is only there for type checkers stays a string.

    Raises:
        TypeError: If it has a range that cannot be read.
    """
    try:
        return eval(hint, names) if isinstance(hint, str) else hint
    except Exception as error:
        if "Annotated[" in hint:
            raise TypeError(f"{hint} cannot be read ({error}): import what it names") from error
        return hint


def _parameter(hint: Any) -> Parameter:
    """Take an annotation apart."""
    optional, found = False, ()
    while True:
        parts = get_args(hint)
        if get_origin(hint) is Annotated:
            found += tuple(one for one in parts[1:] if isinstance(one, Between | OneOf))
            hint = parts[0]
        elif type(None) in parts and len(parts) == 2:
            optional, hint = True, parts[parts[0] is type(None)]
        else:
            return Parameter(hint, optional, found)


def as_float(name: str, value: Any) -> float:
    """Return a finite parameter as a float, or raise an error that names it."""
    if isinstance(value, bool | np.complexfloating | np.timedelta64) or not isinstance(
        value, int | float | np.number
    ):
        raise TypeError(f"{name} must be a number, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{name} must be a double, got {shown(value)}: it is too large") from None
    if not np.isfinite(number):
        raise ValueError(f"{name} must be finite, got {shown(value)}")
    return number


def as_parameter(name: str, value: Any) -> float:
    """Return a number of a game as a float, at most ``LARGEST`` in size."""
    number = as_float(name, value)
    if abs(number) > LARGEST:
        raise ValueError(f"{name} must be at most {LARGEST:g} in size, got {shown(value)}")
    return number


def as_int(name: str, value: Any) -> int:
    """Return a whole parameter as an int, or raise an error that names it."""
    whole = isinstance(value, int | np.integer)
    if not whole or isinstance(value, bool | np.bool_ | np.timedelta64):
        raise TypeError(f"{name} must be a whole number, got {shown(value)}")
    return int(value)


def as_flag(name: str, value: Any) -> bool:
    """Return a parameter that is True or False as a bool, or raise an error that names it."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def as_word(name: str, value: Any) -> str:
    """Return a parameter that is a word as a str, or raise an error that names it."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a word, got {shown(value)}")
    return str(value)


def as_sequence(name: str, value: Any, of: str = "numbers") -> tuple[Any, ...]:
    """Return a parameter that lists things in their order as a tuple.

    Raises:
        TypeError: If it is no sequence, or one of characters, bytes or names.
    """
    wrong = isinstance(value, str | bytes | bytearray | memoryview | Mapping | Set)
    if wrong or np.ma.isMaskedArray(value) or not np.iterable(value):
        raise TypeError(f"{name} must be a sequence of {of}, got {shown(value)}")
    return tuple(value)


def as_floats(name: str, value: Any) -> tuple[float, ...]:
    """Return a parameter that lists numbers as floats, or raise an error that names it."""
    return tuple(as_parameter(name, one) for one in as_sequence(name, value))


def as_entries(name: str, value: Any) -> NDArray[Any]:
    """Return an array of whatever entries, all of which are there, in rows of one length.

    Raises:
        TypeError: If entries are masked.
        ValueError: If rows have several lengths.
    """
    if np.ma.isMaskedArray(value):
        raise TypeError(f"{name} must have no masked entries, got {shown(value)}: fill them in")
    try:
        return np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} must have rows of one length, got {shown(value)}") from None


def as_array(name: str, value: Any) -> NDArray[np.float64]:
    """Return real numbers in an array, float64; nothing that is no number is made one.

    Raises:
        TypeError: If entries are complex, words, objects or masked.
        ValueError: If it is no array: rows of several lengths.
    """
    array = as_entries(name, value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got {array.dtype}: {shown(value)}")
    return np.asarray(array, np.float64)


def _as_field(name: str, value: Any) -> int:
    whole = as_int(name, value)
    check_range(name, whole, -WHOLE - 1, WHOLE)
    return whole


KINDS: dict[Any, Callable[[str, Any], Any]] = {
    float: as_parameter,  # one compiled version, whatever was passed
    int: _as_field,
    bool: as_flag,
    str: as_word,
}
"""Declared kind of a field -> what checks it; beside tuples, other kinds are the game's own."""
ENTRIES = {float: "numbers", int: "whole numbers", bool: "flags", str: "words"}
"""Kind -> what a sequence of it is one of."""
