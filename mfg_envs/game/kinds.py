"""The kinds of games, and what is said in words to whoever gives a view another one."""

from __future__ import annotations

from typing import Any

from mfg_envs.game.continuous import ContinuousGame
from mfg_envs.game.finite import FiniteGame
from mfg_envs.game.team import TeamGame

CLASSES = {cls.kind: cls for cls in (FiniteGame, ContinuousGame, TeamGame)}
"""Kind -> the class that every game of it derives from."""
REMEDIES = {
    "finite": "use PopulationEnv or BatchEnv",
    "continuous": "use PopulationEnv or BatchEnv, discretise(game), or riccati",
    "team": "use TeamEnv, TeamBatchEnv or SubsampleMFQ",
}
"""Kind -> what such a game can be given to."""


def is_game(value: Any, kind: str = "") -> bool:
    """Return whether something is a game, of a kind or (by default) of any."""
    return isinstance(value, CLASSES[kind] if kind else tuple(CLASSES.values()))


def check_kind(game: Any, kind: str) -> None:
    """Raise a TypeError that says what was given, and what to do, unless a game is of a kind."""
    if is_game(game, kind):
        if game.kind == kind:
            return
        raise TypeError(
            f'{type(game).__name__} has kind = {game.kind!r}, a {kind} game has "{kind}": give the'
            " parameter or attribute another name"
        )
    wanted = f"a {kind} game"
    what, remedy = (
        f"a {type(game).__name__}",
        f"give {wanted}, from make_game(...) or a class of your own",
    )
    if isinstance(game, str):
        what, remedy = repr(game), f"give the game itself, make_game({game!r})"
    elif isinstance(game, type):
        what, remedy = f"the class {game.__name__}", f"give a game, {game.__name__}(...)"
    elif is_game(game):
        word = "" if game.kind == "finite" else f"{game.kind} "
        what, remedy = f"the {word}game {game.name}", REMEDIES[game.kind]
    elif getattr(game, "game", None) is not None:
        remedy = "give the game of that environment, env.game"
    raise TypeError(f"{wanted} is needed, got {what}: {remedy}")


def check_finite(game: Any) -> None:
    """Raise a TypeError that says what to do unless this is a finite game."""
    check_kind(game, "finite")
