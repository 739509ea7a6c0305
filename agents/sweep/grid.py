"""From the values of a grid to learners: every combination, checked before anything runs."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from mfg_envs.game.parameters import declarations
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
    known = {f.name: f.default for f in fields(cls) if f.init}
    for name in parameters:
        if name not in known:
            hint = close_names(name, known)
            raise ValueError(f"{cls.__name__} has no parameter {name!r}; {hint}")
    declared = declarations(cls)
    try:
        typed = {
            name: None if v is None and known[name] is None else declared[name].read(name, v)
            for name, v in parameters.items()
        }
        return cls(**typed)
    except TypeError as error:
        raise ValueError(f"{cls.__name__}: {error}") from error
