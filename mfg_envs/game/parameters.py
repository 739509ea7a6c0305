"""Checks of parameters: every error names the parameter, its value and what it must be.

``check_parameters`` looks at all fields of a game by their declared kind; games check ranges and
shapes of their own with the other functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 1e30
"""Bound of every number of a game: spaces, in single precision, hold it, and a product of ten is
still a double."""
MOST_DECISIONS = 10**9
"""Longest horizon: tables over time have an entry a decision."""
WHOLE = 2**63 - 1
"""Largest whole number of a field: compiled code counts in 64 bits."""

MOST = 200
"""Characters of a value in an error."""


def check_parameters(game: Any) -> None:
    """Check the fields of a game and make its numbers ints and floats; see ``Game``.

    Raises:
        ValueError: If a number is out of its range.
        TypeError: If a field is of another kind than it is declared.
    """
    if not is_dataclass(type(game)):
        raise TypeError(f"{type(game).__name__} must be a frozen dataclass")
    for field in fields(game):
        declared = field.type if isinstance(field.type, str) else _words(field.type)
        kind, value = declared.removesuffix(" | None"), getattr(game, field.name)
        if kind in KINDS and not (value is None and kind != declared):
            object.__setattr__(game, field.name, KINDS[kind](field.name, value))
    if game.horizon is not None:
        object.__setattr__(game, "horizon", as_int("horizon", game.horizon))
        check_range("horizon", game.horizon, 1)
        if game.horizon > MOST_DECISIONS:
            raise ValueError(
                f"horizon must be at most {MOST_DECISIONS}, got {shown(game.horizon)}: for a game"
                " without an end give None"
            )
    if not 0 < game.discount <= 1:
        raise ValueError(f"discount must be in (0, 1], got {game.discount}")
    if game.horizon is None and game.discount == 1:
        raise ValueError("a stationary game (horizon None) needs a discount below 1, got 1")


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


def as_words(name: str, value: Any) -> tuple[str, ...]:
    """Return a parameter that lists words, or raise an error that names it."""
    return tuple(as_word(name, one) for one in as_sequence(name, value, "words"))


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


KINDS: dict[str, Callable[[str, Any], Any]] = {
    "float": as_parameter,  # one compiled version, whatever was passed
    "int": _as_field,
    "bool": as_flag,
    "str": as_word,
    "tuple[float, ...]": as_floats,
    "tuple[str, ...]": as_words,
}
"""Declared kind of a field -> what checks it; other kinds are the game's own."""


def check_range(name: str, value: float, low: float, high: float = np.inf, given: str = "") -> None:
    """Raise a ValueError unless ``low <= value <= high``; ``given`` says where a bound is from."""
    if not low <= value <= high:
        bound = f"at least {low}" if high == np.inf else f"in [{low}, {high}]"
        why = f" ({given})" if given else ""
        raise ValueError(f"{name} must be {bound}, got {shown(value)}{why}")


def check_choice(name: str, value: Any, choices: Any) -> None:
    """Raise a ValueError unless ``value`` is one of ``choices``, and of its kind."""
    if not any(isinstance(value, type(choice)) and value == choice for choice in choices):
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, choices))}, got {shown(value)}"
        )


def shown(value: Any) -> str:
    """Return a value for an error: never long, whatever it is."""
    try:
        text = str(value) if isinstance(value, int | float | np.number) else repr(value)
    except Exception:  # a whole number of too many digits, an object that cannot say what it is
        text = f"a {type(value).__name__} that cannot be printed"
    return text if len(text) <= MOST else f"{text[:MOST]}..."


def _words(kind: Any) -> str:
    """Return a kind that was declared without quotes as if it had been declared with them."""
    return kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind)
