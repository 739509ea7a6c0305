"""From the values of a grid to learners: every combination, checked before anything runs."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from mfg_envs.game import as_float, as_int
from mfg_envs.registry import close_names

from ..runs.learner import AnyLearner


def combinations(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return every combination of the values of a grid, the last parameter fastest.

    Raises:
        ValueError: If a parameter has no values.
    """
    for name, values in grid.items():
        if not isinstance(values, Sequence) or isinstance(values, str) or not values:
            raise ValueError(f"the grid needs a list of values of {name}, got {values!r}")
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def check_learner_class(cls: Any) -> None:
    """Raise a TypeError unless something is a class of learners that can be named and run."""
    if not (inspect.isclass(cls) and is_dataclass(cls) and hasattr(cls, "learn")):
        raise TypeError(f"a sweep needs a class of learners, a dataclass with learn, got {cls!r}")
    if "iterations" not in {f.name for f in fields(cls)}:
        raise TypeError(f"{cls.__name__} has no parameter iterations: a sweep cannot tell its end")


def build(cls: Any, parameters: Mapping[str, Any]) -> AnyLearner:
    """Build a learner; numbers become what the parameter's type says, so that 1 and 1.0 are one.

    Raises:
        ValueError: If a parameter is unknown, or a value is wrong for it; names it.
    """
    known = {}
    for field in (f for f in fields(cls) if f.init):
        kind = field.type.__name__ if isinstance(field.type, type) else str(field.type)
        known[field.name] = f"{kind} | None" if field.default is None else kind
    for name in parameters:
        if name not in known:
            hint = close_names(name, known)
            raise ValueError(f"{cls.__name__} has no parameter {name!r}; {hint}")
    try:
        return cls(**{name: _typed(name, known[name], v) for name, v in parameters.items()})
    except TypeError as error:
        raise ValueError(f"{cls.__name__}: {error}") from error


def _typed(name: str, kinds: str, value: Any) -> Any:
    """Return a value as one of the plain types that an annotation names, such as "float | None"."""
    allowed = kinds.replace(" ", "").split("|")
    if value is None and "None" in allowed:
        return None
    if isinstance(value, str) and "str" in allowed:
        return value
    if isinstance(value, bool) and "bool" in allowed:
        return value
    if "int" in allowed and not ("float" in allowed and isinstance(value, float)):
        return as_int(name, value)
    if "float" in allowed:
        return as_float(name, value)
    if allowed == ["str"]:
        raise TypeError(f"{name} must be a word, got {value!r}")
    if allowed == ["bool"]:
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return value
