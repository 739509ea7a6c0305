"""Names on the command line: learners and games, completed by the shell, looked up, explained."""

from __future__ import annotations

import inspect
from dataclasses import fields, is_dataclass
from typing import Annotated, Any

import typer

import agents as learners
from mfg_envs.registry import HOMES, close_names, make_game

from ..listing import offered_learners
from .own_classes import (
    BrokenModuleError,
    check_names,
    is_game_class,
    is_learner_class,
    load_class,
    takes_iterations,
)

MOST = 10**6
"""Of seeds, steps and episodes: more take years, or their list no memory holds."""


def complete_game(incomplete: str) -> list[str]:
    """Return the names of games that begin so."""
    return [name for name in HOMES if name.startswith(incomplete)]


def complete_learner(incomplete: str) -> list[str]:
    """Return the names of learners that begin so."""
    known = [*(cls.__name__ for cls in offered_learners()), *learners.LATER]
    return [name for name in sorted(known) if name.startswith(incomplete)]


AnyGame = Annotated[
    str,
    typer.Argument(
        metavar="GAME",
        help="Name of a game, or your own: MODULE:CLASS, FILE.py:CLASS.",
        autocompletion=complete_game,
    ),
]
LearnerName = Annotated[
    str,
    typer.Argument(
        metavar="LEARNER",
        help="Name of a learner, or your own: MODULE:CLASS, FILE.py:CLASS.",
        autocompletion=complete_learner,
    ),
]
OwnGame = Annotated[
    str | None,
    typer.Option(
        "--game", metavar="MODULE:CLASS", help="Class of a game of your own, if it was one."
    ),
]
OwnLearner = Annotated[
    str | None,
    typer.Option(
        "--learner", metavar="MODULE:CLASS", help="Class of a learner of your own, if it was one."
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter; may be repeated."),
]
"""Of ``--set``, read by ``settings.parse``."""


def learner_class(name: str) -> Any:
    """Return the class of a learner that ``agents`` offers, or of one's own.

    Raises:
        ValueError: If none has this name (lists the close ones), or it cannot be run by name.
        ImportError: If it needs a library that is missing; it says what to install.
    """
    if ":" in name:
        return own_class(name, "learner")
    offered = {cls.__name__: cls for cls in offered_learners()}
    name = learners.RUN_AS.get(name, name)
    if name in learners.LATER:
        found = getattr(learners, name)
        if isinstance(found, type) and is_dataclass(found):
            return found
        raise ValueError(
            f"{name} has no number of iterations and no parameters that are words or numbers:"
            f" use it from Python, help(agents.{name})"
        )
    if name not in offered:
        raise ValueError(f"no learner is called {name!r}; {close_names(name, offered)}")
    cls = offered[name]
    if not takes_iterations(cls):
        raise ValueError(f"{name} has no parameter iterations: nobody could tell its end")
    return cls


def named_game(name: str, parameters: dict[str, Any]) -> Any:
    """Build a game by its name, or one of the user's own by MODULE:CLASS or FILE.py:CLASS.

    Raises:
        ValueError: If the name or a parameter is unknown, or a value is wrong for it.
    """
    if ":" in name:
        return _built(own_class(name, "game"), parameters, name)
    try:
        return make_game(name, **parameters)
    except TypeError as error:  # a word where a number should be
        raise ValueError(f"{name}: {error}") from error


def changed_game(game: Any, parameters: dict[str, Any]) -> Any:
    """Return a game with some parameters changed; the others stay as they are.

    Raises:
        ValueError: If a parameter is unknown, or a value is wrong for it.
    """
    if not parameters:
        return game
    given = {field.name: getattr(game, field.name) for field in fields(game) if field.init}
    return _built(type(game), given | parameters, game.name)


def _built(cls: Any, parameters: dict[str, Any], name: str) -> Any:
    check_names(cls, parameters)
    try:
        return cls(**parameters)
    except TypeError as error:  # a word where a number should be
        raise ValueError(f"{name}: {error}") from error


def own_classes(game: str | None, learner: str | None = None) -> list[type]:
    """Return the classes of one's own among a game and a learner; others have a name, or none.

    Raises:
        ValueError: If there is no such class, or it is something else.
    """
    named = ((game, "game"), (learner, "learner"))
    return [own_class(name, what) for name, what in named if name is not None and ":" in name]


def own_class(name: str, what: str) -> Any:
    """Return the class of a "game" or a "learner" that MODULE:CLASS or FILE.py:CLASS names.

    Raises:
        ValueError: If there is no such class, or it is something else.
    """
    try:
        cls = load_class(name)
    except BrokenModuleError as error:
        raise ValueError(str(error)) from error
    if what == "game":
        right = is_game_class(cls) and not inspect.isabstract(cls)
    else:
        right = is_learner_class(cls) and takes_iterations(cls)
    if not right:
        raise ValueError(f"{name} is no {what}: see mfg-envs check {name}")
    return cls


def short(name: str) -> str:
    """Return the name of a class without its place."""
    return name.rpartition(":")[2]


def own_options(learner: str, game: str) -> list[str]:
    """Return the options by which another command finds what is one's own."""
    return [
        word
        for option, name in (("--learner", learner), ("--game", game))
        if ":" in name
        for word in (option, name)
    ]
