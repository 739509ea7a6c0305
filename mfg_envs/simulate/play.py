"""Play one episode: everybody follows a policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array, as_int, check_range
from mfg_envs.numerics.memory import check_memory
from mfg_envs.simulate.acting import as_policy, decisions
from mfg_envs.simulate.batch import BatchEnv

__all__ = ["Episode", "play"]


class Episode(NamedTuple):
    """One episode of B populations of N players, T decisions.

    Attributes:
        state: Private states, int (T, B, N), of a continuous game (T, B, N, d).
        action: What each does there, int (T, B, N), of a continuous game (T, B, N, k).
        reward: What each earns by it, (T, B, N).
        mean_field: Met at every decision, (T, B, *mean_field_shape).
    """

    state: Array
    action: Array
    reward: Array
    mean_field: Array

    def population(self, b: int) -> Episode:
        """Return what one population did: the same arrays without the axis B."""
        return Episode(*(column[:, b] for column in self))


def check_size(game: Any, num_agents: int, num_steps: int, name: str = "num_agents") -> None:
    """Raise an error that names the number of players unless their episodes fit into memory."""
    check_range(name, as_int(name, num_agents), 1)
    numbers = getattr(game, "state_dim", 1) + getattr(game, "action_dim", 1) + 1
    check_memory(num_agents, 8 * numbers * num_steps, name)


def play(
    game: Any,
    policy: Any,
    num_agents: int,
    *,
    num_envs: int = 1,
    num_steps: int | None = None,
    seed: int = 0,
    mean_field: Array | None = None,
    observe: Sequence[str] | None = None,
) -> Episode:
    """Let players follow a policy for one episode; they meet each other, or a frozen crowd.

    Args:
        game: A finite or a continuous game.
        policy: A policy in any form, see ``as_policy``.
        num_agents: Players a population, N >= 1.
        num_envs: Populations, B >= 1.
        num_steps: Steps, T; None: the horizon.
        seed: Of first states, noise and actions; population b has the seed ``seed + b``.
        mean_field: Of a frozen crowd, for all time or for every t, (T, *mean_field_shape); None:
            the players of a population meet each other.
        observe: What a model or a module sees, see ``as_policy``.

    Raises:
        ValueError: If an argument is out of its range, or too large for the memory.
        TypeError: If it is no policy of such a game.
    """
    steps = game.horizon if num_steps is None else num_steps
    if steps is None:
        raise ValueError("a stationary game has no last step: give num_steps")
    check_range("num_steps", as_int("num_steps", steps), 1, game.horizon or np.inf)
    check_range("num_envs", as_int("num_envs", num_envs), 1)
    check_size(game, num_agents, num_envs * steps)
    mode = "n_agent" if mean_field is None else "mean_field"
    env = BatchEnv(game, num_envs, num_agents, seed, mode=mode)
    if mean_field is not None:
        env.set_mean_field(mean_field)
    played = as_policy(game, policy, observe=observe)
    env.reset()
    x, a, r, m = map(np.stack, zip(*decisions(env, played, steps), strict=True))
    return Episode(x, a.astype(np.float64) if a.dtype.kind == "f" else a, r, m)
