"""What players of a continuous game do and earn, step by step."""

from __future__ import annotations

from typing import Any

from mfg_envs.game import Array, ContinuousGame
from mfg_envs.game.horizons import decisions
from mfg_envs.simulate.play import Episode, check_size, play


def trajectories(
    game: ContinuousGame,
    policy: Any,
    num_players: int,
    *,
    mean_fields: Array | None = None,
    seed: int = 0,
) -> Episode:
    """Play one episode of a game with a horizon: states (T, M, d), actions (T, M, k), ...

    Args:
        game: The game.
        policy: A policy in any form.
        num_players: Players, M >= 1.
        mean_fields: Of a frozen crowd (T, *mean_field_shape); None: the players meet each other.
        seed: Of first states and noise.

    Raises:
        ValueError: If the game has no horizon, or what is asked for does not fit into memory.
    """
    check_size(game, num_players, decisions(game), "num_players")
    return play(game, policy, num_players, seed=seed, mean_field=mean_fields).population(0)
