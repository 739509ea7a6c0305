"""Check that a game or an environment keeps its contract, your own ones included.

    from mfg_envs import check_env, check_game

    check_game(MyGame(num_cells=10))
    check_env(PopulationEnv(MyGame(num_cells=10), num_agents=5))

Both return None, or raise a ``ContractError`` (an AssertionError) whose sentence names the fault,
the place and the cure.  ``mfg-envs check module:MyGame`` does so on the command line.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mfg_envs.game.kinds import is_game
from mfg_envs.testing.continuous import ContinuousSubject
from mfg_envs.testing.contract import Clause, ContractError
from mfg_envs.testing.environment import check_env
from mfg_envs.testing.finite import FiniteSubject
from mfg_envs.testing.subject import Subject
from mfg_envs.testing.team import TeamSubject

__all__ = ["Clause", "ContractError", "check_clause", "check_env", "check_game", "clauses"]

SUBJECTS: dict[str, type[Subject]] = {
    "finite": FiniteSubject,
    "continuous": ContinuousSubject,
    "team": TeamSubject,
}
"""Kind of a game -> how it is checked."""


def check_game(game: Any, seed: int = 0) -> None:
    """Raise an error that names the first fault of a game, if it has one.

    Args:
        game: Any finite, continuous or team game, a user's own included.
        seed: Of the mean fields, players and policies that are tried.

    Raises:
        ContractError: An AssertionError that says how, where, and what to do about it.
    """
    for clause in clauses(game):
        check_clause(clause, game, seed)


def clauses(game: Any) -> tuple[Clause, ...]:
    """Return what is checked of a game, in turn; what comes later relies on what came before."""
    return _subject(game).clauses


def check_clause(clause: Clause, game: Any, seed: int = 0) -> None:
    """Check one clause.

    Raises:
        ContractError: If the game breaks it, or fails in any other way while it is checked.
    """
    clause.require(type(game).__name__, _subject(game), np.random.default_rng(seed))


def _subject(game: Any) -> Subject:
    """Return a game as it is checked; what is no game is taken for a finite one, and refused."""
    return SUBJECTS[game.kind if is_game(game) else "finite"](game)
