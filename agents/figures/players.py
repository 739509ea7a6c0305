"""Players who follow a policy: what animations put into the crowd."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfg_envs.exact.discretise import GridGame, GridPolicy
from mfg_envs.game import Array
from mfg_envs.numerics import random
from mfg_envs.simulate.acting import Draws, Policy, as_policy
from mfg_envs.simulate.play import Episode as Players
from mfg_envs.simulate.play import check_size, play


def sample_players(
    game: Any, policy: Any, num_players: int, num_steps: int | None = None, seed: int = 0
) -> Players:
    """Let one population of players follow a policy: states (T, N), actions (T, N), ...

    Args:
        game: The game; of a game on a grid the continuous one is played.
        policy: A policy in any form, see ``mfg_envs.simulate.acting.as_policy``.
        num_players: Players, N >= 1.
        num_steps: Steps; None: the horizon.
        seed: Of first states, noise and actions.

    Raises:
        ValueError: If an argument is out of its range, or too large for the memory.
    """
    game, policy = off_the_grid(game, policy)
    check_size(game, num_players, num_steps or game.horizon or 1, "num_players")
    played = _OfASeed(as_policy(game, policy), seed)
    return play(game, played, num_players, num_steps=num_steps, seed=seed).population(0)


class _OfASeed(Policy):
    """A policy drawn by the key of a seed, not of an episode: figures stay as they were drawn."""

    def __init__(self, policy: Policy, seed: int) -> None:
        self.policy, self.seed = policy, seed

    def act(self, t: int, x: Any, draws: Draws, m: Array | None = None) -> Any:
        keys = random.seed_key(self.seed, np.arange(len(x)))
        return self.policy.act(t, x, Draws(keys, t), m)


def off_the_grid(game: Any, policy: Any) -> tuple[Any, Any]:
    """Return the continuous game for one on a grid, and its table as a policy there."""
    if isinstance(policy, GridPolicy):
        return policy.grid.game, policy
    if isinstance(game, GridGame):
        return game.game, GridPolicy(game, policy) if isinstance(policy, np.ndarray) else policy
    return game, policy


def laws(grid: GridGame, state: Array) -> Array:
    """Return the share of players (T, N, d) at every grid point, (T, S), as the grid puts them."""
    rows = []
    for x in state:
        index, weight = grid.around(tuple(x.T))
        rows.append(np.bincount(index.ravel(), weight.ravel(), grid.num_states) / len(x))
    return np.stack(rows)
