"""Games of one's own on the command line: ``module:Class`` and ``path/to/file.py:Class``."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from mfg_envs.game import Game, TeamGame
from mfg_envs.registry import CONTINUOUS_GAMES, GAMES, TEAM_GAMES, any_class, close_names


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
    if place in (*GAMES, *CONTINUOUS_GAMES, *TEAM_GAMES):
        cls = any_class(place)
        raise ValueError(f"{place} is a game of ours: write {cls.__module__}:{cls.__qualname__}")
    if not colon:
        found = _classes(_module(place))
        known = f"; it has {', '.join(found)}" if found else ""
        raise ValueError(f"write MODULE:CLASS or FILE.py:CLASS, got {place!r}{known}")
    module = _module(home)
    if not isinstance(cls := getattr(module, name, None), type):
        known = _classes(module)
        hint = close_names(name, known) if known else "there is no game in it"
        raise ValueError(f"{home} has no class {name!r}; {hint}")
    return cls


def _classes(module: ModuleType) -> list[str]:
    """Return the names of the games that a module defines."""
    own = (
        v for v in vars(module).values() if isinstance(v, type) and issubclass(v, Game | TeamGame)
    )
    return [cls.__name__ for cls in own if cls.__module__ == module.__name__]


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
    """Import a file under its own name, where pickle finds its classes again."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def check_parameters(cls: Any, parameters: dict[str, Any]) -> None:
    """Raise a ValueError if a parameter of a game is unknown or missing."""
    known = inspect.signature(cls).parameters
    for name in parameters:
        if name not in known:
            hint = close_names(name, known) if known else "it has none"
            raise ValueError(f"{cls.__name__} has no parameter {name!r}; {hint}")
    empty = inspect.Parameter.empty
    if missing := [n for n, p in known.items() if p.default is empty and n not in parameters]:
        needed = " ".join(f"--set {name}=..." for name in missing)
        raise ValueError(f"{cls.__name__} has parameters without a default: give {needed}")
