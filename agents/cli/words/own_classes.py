"""Games and learners of one's own: ``module:Class`` and ``path/to/file.py:Class``."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import agents as learners
from mfg_envs.game.kinds import CLASSES
from mfg_envs.registry import HOMES, any_class, close_names


class BrokenModuleError(Exception):
    """A module that is there but cannot be imported."""


def load_class(place: str) -> Any:
    """Return the class that ``module:Class`` names; the current folder is looked in first.

    Raises:
        ValueError: If it is not written so, or there is no such module or class.
        BrokenModuleError: If the module raises an error of its own while it is imported.
    """
    home, colon, name = place.rpartition(":")
    if not place or (colon and not (home and name)):
        raise ValueError(f"write MODULE:CLASS or FILE.py:CLASS, got {place!r}")
    if place in HOMES:
        cls = any_class(place)
        raise ValueError(f"{place} is a game of ours: write {cls.__module__}:{cls.__qualname__}")
    if place in learners.__all__:
        raise ValueError(f"{place} is one of ours: write {learners.__name__}:{place}")
    if not colon:
        found = [cls.__name__ for cls in classes_in(place)]
        known = f"; it has {', '.join(found)}" if found else ""
        raise ValueError(f"write MODULE:CLASS or FILE.py:CLASS, got {place!r}{known}")
    module = _module(home)
    if not isinstance(cls := getattr(module, name, None), type):
        known = [cls.__name__ for cls in classes_in(home)]
        hint = close_names(name, known) if known else "there is no game and no learner in it"
        raise ValueError(f"{home} has no class {name!r}; {hint}")
    return cls


def imported(home: str) -> list[type]:
    """Return the games and the learners of a module, for who lists them.

    Raises:
        ValueError: If it cannot be imported, or has none.
    """
    try:
        found = classes_in(home)
    except BrokenModuleError as error:
        raise ValueError(str(error)) from error
    if not found:
        raise ValueError(f"{home} defines no game and no learner")
    return found


def classes_in(home: str) -> list[type]:
    """Return the games and the learners that a module or a file defines."""
    module = _module(home)
    own = (v for v in vars(module).values() if is_game_class(v) or is_learner_class(v))
    return [cls for cls in own if cls.__module__ == module.__name__]


def is_game_class(value: Any) -> bool:
    """Return whether something is a class of games of any kind."""
    return isinstance(value, type) and issubclass(value, tuple(CLASSES.values()))


def is_learner_class(value: Any) -> bool:
    """Return whether something is a class of learners."""
    return isinstance(value, type) and callable(getattr(value, "learn", None))


def takes_iterations(cls: Any) -> bool:
    """Return whether a class of learners has the parameter by which a run knows its end."""
    return is_dataclass(cls) and "iterations" in {field.name for field in fields(cls)}


def _module(home: str) -> ModuleType:
    path = Path(home)
    folder = str(path.parent.resolve()) if path.suffix == ".py" else os.getcwd()
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return _from_file(path) if path.suffix == ".py" else importlib.import_module(home)
    except ModuleNotFoundError as error:
        parts = home.split(".")
        if error.name in {".".join(parts[:i]) for i in range(1, len(parts) + 1)}:
            raise ValueError(
                f"no module is called {error.name!r}, in {os.getcwd()} or among the installed ones"
            ) from error
        raise BrokenModuleError(f"{home} cannot be imported: {error}") from error
    except (FileNotFoundError, IsADirectoryError) as error:
        if path.is_file():  # the module itself misses a file
            raise BrokenModuleError(f"{home} cannot be imported: {error}") from error
        raise ValueError(f"there is no file {home}") from error
    except Exception as error:
        words = f"{type(error).__name__}: {error}"
        lines = [f for f in traceback.extract_tb(error.__traceback__) if f.name == "<module>"]
        if lines and not isinstance(error, SyntaxError):  # which says its own
            words += f" ({Path(lines[-1].filename).name}, line {lines[-1].lineno})"
        raise BrokenModuleError(f"{home} cannot be imported: {words}") from error


def _from_file(path: Path) -> ModuleType:
    """Import a file once, under its own name, where pickle finds its classes again."""
    there = sys.modules.get(path.stem)
    if path.is_file() and getattr(there, "__file__", None) == str(path.resolve()):
        return cast(ModuleType, there)
    spec = importlib.util.spec_from_file_location(path.stem, path.resolve())
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(path.stem)
        raise
    return module


def check_names(cls: Any, parameters: dict[str, Any]) -> None:
    """Raise a ValueError if a parameter of a class is unknown or missing."""
    known = inspect.signature(cls).parameters
    for name in parameters:
        if name not in known:
            hint = close_names(name, known) if known else "it has none"
            raise ValueError(f"{cls.__name__} has no parameter {name!r}; {hint}")
    empty = inspect.Parameter.empty
    if missing := [n for n, p in known.items() if p.default is empty and n not in parameters]:
        needed = " ".join(f"--set {name}=..." for name in missing)
        raise ValueError(f"{cls.__name__} has parameters without a default: give {needed}")
