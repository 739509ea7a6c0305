"""Games and learners as JSON, from which they can be built again; nothing in it is executed.

A recipe is the public name of the class of a frozen dataclass, and its parameters::

    {"class": "ring_road:LWR", "parameters": {"num_cells": 50, ...}}     a game, and its variant
    {"class": "agents:QMIteration", "parameters": {...}}                 a learner
    {"class": "mfg_envs:Network", "parameters": {...}}                   a part of a game

Public names stay where files move; paths of files, which older recipes have, are read as well.
Only classes of these packages are looked up, so that a file from elsewhere loads no code; a class
of one's own is given by hand.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from mfg_envs.game import Array
from mfg_envs.registry import HOMES

LEARNERS = (__package__ or "agents").partition(".")[0]
OURS = ("mfg_envs", LEARNERS)
"""Packages whose classes a recipe may name."""
PARTS = {
    "Altruistic": "mfg_envs.metrics.social_optimum",
    "GridGame": "mfg_envs.exact.discretise",
    "GridGameOfControls": "mfg_envs.exact.discretise",
    "InEnvironment": "agents.sweep.in_environment",
    "Network": "mfg_envs.games.roads.networks",
    "Trips": "mfg_envs.games.roads.networks",
}
"""Classes that are neither games of the registry nor learners, and where they are."""


def as_json(
    value: Any, array: Callable[[Array], Any], whole: Callable[[type, dict[str, Any]], Any]
) -> Any:
    """Return a parameter as JSON.

    Args:
        value: A number, word, array, dataclass, or tuple of such.
        array: Writes an array of numbers.
        whole: Writes a dataclass, given its class and its parameters as JSON.

    Raises:
        TypeError: If a part of it is something else.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple | list):
        return [as_json(part, array, whole) for part in value]
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return array(value)
    if is_dataclass(value) and not isinstance(value, type):
        given = {f.name: getattr(value, f.name) for f in fields(value) if f.init}
        parts = {name: as_json(part, array, whole) for name, part in given.items()}
        return whole(type(value), parts)
    raise TypeError(f"{value!r} cannot be written down: it is no number, word, array or dataclass")


def recipe(value: Any) -> Any:
    """Return a parameter, a game or a learner as JSON.

    Raises:
        TypeError: If a part of it is no number, word, array, tuple or dataclass.
    """
    return as_json(
        value,
        lambda numbers: {"array": numbers.tolist(), "type": numbers.dtype.str},
        lambda cls, parts: {"class": _public(cls), "parameters": parts},
    )


def known_recipe(value: Any) -> Any:
    """Return the recipe of something, or None where there is none.

    What stands for something else has a method ``recipe`` that returns the other's.
    """
    if hasattr(value, "recipe"):
        return value.recipe()
    try:
        return recipe(value)
    except TypeError:
        return None


def build(content: Any, own: Sequence[type] = ()) -> Any:
    """Build what a recipe describes; lists become tuples.

    Args:
        content: What ``recipe`` gave.
        own: Classes outside of these packages that the recipe may name.

    Raises:
        ValueError: If it names a class that is not there or not ours, or a value is wrong for it.
    """
    if isinstance(content, list):
        return tuple(build(part, own) for part in content)
    if not isinstance(content, Mapping):
        return content
    if set(content) == {"array", "type"}:
        return _array(content["array"], content["type"])
    path, given = (content.get(name) for name in ("class", "parameters"))
    if not (isinstance(path, str) and isinstance(given, Mapping)):
        raise ValueError(f"a recipe has a class and its parameters, got {content!r:.200}")
    parameters = {name: build(part, own) for name, part in given.items()}
    try:
        return _class(path, own)(**parameters)
    except TypeError as error:
        raise ValueError(f"{path} has other parameters by now: {error}") from error


def _array(numbers: Any, kind: Any) -> Any:
    try:
        array = np.array(numbers, kind)
    except (TypeError, ValueError) as error:
        raise ValueError(f"a recipe has an invalid array: {error}") from error
    if array.dtype.kind not in "biuf":
        raise ValueError(f"a recipe has an array of {array.dtype}, which are no numbers")
    return array


def _public(cls: type) -> str:
    """Return the public name of a class; of one that has none, where it is."""
    name, home = cls.__qualname__, cls.__module__
    game = str(getattr(cls, "name", ""))
    if HOMES.get(game, "").partition(":")[0] == home:
        return f"{game}:{name}"
    if PARTS.get(name) == home:
        return f"mfg_envs:{name}"
    learners = importlib.import_module(LEARNERS)
    if name in learners.__all__ and getattr(learners, name) is cls:
        return f"{LEARNERS}:{name}"
    return f"{home}:{name}"


def _home(path: str) -> str:
    """Return the module of the class that a recipe names, by its public name or by an old path."""
    home, _, name = path.partition(":")
    game = home.rpartition(".")[2]  # older recipes: the file of the game
    if game in HOMES:
        return HOMES[game].partition(":")[0]
    if home.partition(".")[0] not in OURS:
        raise ValueError(
            f"{path} is not a class of ours: name it, as mfg-envs evaluate --game and --learner do"
        )
    if home.partition(".")[0] == LEARNERS and name in importlib.import_module(LEARNERS).__all__:
        return LEARNERS
    return PARTS.get(name, home)


def _class(path: str, own: Sequence[type]) -> Any:
    name = path.partition(":")[2]
    for cls in own:
        if cls.__qualname__ == name:
            return cls
    try:
        cls = getattr(importlib.import_module(_home(path)), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"there is no {path} in this version") from error
    if not (isinstance(cls, type) and is_dataclass(cls)):
        raise ValueError(f"{path} is neither a game nor a learner")
    return cls
