"""Which kind of game a view plays, said in words to whoever gives it another."""

from __future__ import annotations

from typing import Any

from mfg_envs.game import FiniteGame


def check_finite(game: Any) -> None:
    """Raise a TypeError that says what to do unless this is a finite game."""
    if not isinstance(game, FiniteGame):
        refuse(game, "a finite game")


def refuse(game: Any, wanted: str) -> None:
    """Raise a TypeError that says what was given, and what to do with it."""
    kind = type(game)  # told apart by what their classes declare: to import them were a circle
    remedy = f"give {wanted}, from make_game(...) or a class of your own"
    what = f"a {kind.__name__}"
    if isinstance(game, str):
        what, remedy = repr(game), f"give the game itself, make_game({game!r})"
    elif isinstance(game, type):
        what, remedy = f"the class {game.__name__}", f"give a game, {game.__name__}(...)"
    elif hasattr(kind, "num_global_states"):
        what, remedy = f"the team game {game.name}", "use TeamEnv, TeamBatchEnv or SubsampleMFQ"
    elif hasattr(kind, "mean_field_kind"):
        what = f"the continuous game {game.name}"
        remedy = "use PopulationEnv or BatchEnv, discretise(game), or riccati"
    elif isinstance(game, FiniteGame):
        what, remedy = f"the game {game.name}", "use PopulationEnv or BatchEnv"
    elif getattr(game, "game", None) is not None:
        remedy = "give the game of that environment, env.game"
    raise TypeError(f"{wanted} is needed, got {what}: {remedy}")
