"""What players of a continuous game do and earn, step by step."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array, ContinuousGame, as_int, check_range
from mfg_envs.game.horizons import decisions
from mfg_envs.numerics.memory import check_memory
from mfg_envs.simulate.batch import BatchEnv


class Trajectories(NamedTuple):
    """Trajectories of M players over T decisions.

    Attributes:
        state: Private states, float64 (T, M, d).
        action: Actions, float64 (T, M, k).
        reward: Rewards, float64 (T, M).
        mean_field: Mean fields met, (T, *mean_field_shape).
    """

    state: Array
    action: Array
    reward: Array
    mean_field: Array


def trajectories(
    game: ContinuousGame,
    policy: Any,
    num_players: int,
    *,
    mean_fields: Array | None = None,
    seed: int = 0,
) -> Trajectories:
    """Play one episode of a game with a horizon.

    Args:
        game: The game.
        policy: A function (t, states (B, N, d)) -> actions (B, N, k).
        num_players: Players, M >= 1.
        mean_fields: Of a frozen crowd (T, *mean_field_shape); None: the players meet each other.
        seed: Of first states and noise.

    Raises:
        ValueError: If the game has no horizon, or what is asked for does not fit into memory.
    """
    horizon = decisions(game)
    check_range("num_players", as_int("num_players", num_players), 1)
    each = 8 * horizon * (game.state_dim + game.action_dim + 1)
    check_memory(num_players, each, "num_players")
    env = BatchEnv(
        game, 1, num_players, seed, mode="n_agent" if mean_fields is None else "mean_field"
    )
    if mean_fields is not None:
        env.set_mean_field(mean_fields)
    env.reset()
    rows = []
    for t in range(horizon):
        x, m = env.state[0].copy(), env.mean_field[0]
        a = np.asarray(policy(t, env.state), np.float64)
        step = env.step(a)
        met = step.mean_field[0] if game.mean_field_of_controls and mean_fields is None else m
        rows.append((x, a[0], step.reward[0], met))
    return Trajectories(*(np.stack(column) for column in zip(*rows, strict=True)))
