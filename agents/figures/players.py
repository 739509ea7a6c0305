"""Players who follow a policy: what animations put into the crowd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.exact import policies, riccati
from mfg_envs.exact.discretise import GridGame, GridPolicy
from mfg_envs.game import Array, ContinuousGame, as_int, check_range
from mfg_envs.numerics import random
from mfg_envs.numerics.memory import check_memory
from mfg_envs.simulate.alias import alias_table, sample_actions
from mfg_envs.simulate.batch import BatchEnv


class Players(NamedTuple):
    """One episode of N players, who meet each other.

    Attributes:
        state: Private states, int (T, N), of a continuous game (T, N, d).
        action: What each does there, int (T, N), of a continuous game (T, N, k).
        reward: What each earns by it, (T, N).
        mean_field: Met at every decision, (T, *mean_field_shape).
    """

    state: Array
    action: Array
    reward: Array
    mean_field: Array


def sample_players(
    game: Any, policy: Any, num_players: int, num_steps: int | None = None, seed: int = 0
) -> Players:
    """Let players follow a policy in the N-player game.

    Args:
        game: The game; of a game on a grid the continuous one is played.
        policy: (T, S, A), (S, A) without a horizon, or over observed states; of a continuous game
            a function (t, states (B, N, d)) -> actions (B, N, k), a ``GridPolicy``, or a
            ``riccati.Affine``.
        num_players: Players, N >= 1.
        num_steps: Steps; None: the horizon.
        seed: Of first states, noise and actions.

    Raises:
        ValueError: If an argument is out of its range, or too large for the memory.
    """
    if isinstance(game, GridGame):
        policy = GridPolicy(game, policy) if isinstance(policy, np.ndarray) else policy
        game = game.game
    steps = game.horizon if num_steps is None else num_steps
    if steps is None:
        raise ValueError("a stationary game has no last step: give num_steps")
    check_range("num_steps", as_int("num_steps", steps), 1, game.horizon or np.inf)
    check_range("num_players", as_int("num_players", num_players), 1)
    numbers = getattr(game, "state_dim", 1) + getattr(game, "action_dim", 1) + 1
    check_memory(num_players, 8 * numbers * steps, "num_players")
    env, act = BatchEnv(game, 1, num_players, seed), actor(game, policy, seed)
    env.reset()
    rows = []
    for t in range(steps):
        x, m = env.state.copy(), env.mean_field[0]
        a = act(t, x)
        step = env.step(a)
        met = step.mean_field[0] if game.mean_field_of_controls else m
        rows.append((x[0], np.asarray(a)[0], step.reward[0], met))
    return Players(*(np.stack(column) for column in zip(*rows, strict=True)))


def actor(game: Any, policy: Any, seed: int = 0) -> Callable[[int, Array], Array]:
    """Return a policy as a function (t, states of one population) -> actions, drawn by counters."""
    keys = random.seed_key(seed, np.arange(1))
    if not isinstance(game, ContinuousGame):
        table = alias_table(policies.policy_table(game, policy))
        rules = table.reshape(-1, *table.shape[-2:])
        return lambda t, x: sample_actions(rules[min(t, len(rules) - 1)], x, keys, t)
    if isinstance(policy, riccati.Affine):
        return lambda t, x: x @ policy.gain[t].T + policy.offset[t]
    if isinstance(policy, GridPolicy):

        def act(t: int, x: Array) -> Array:
            draws = [random.subkey(keys, random.ACTION, t, j) for j in range(2)]
            u = np.stack([random.uniform(key, x.shape[1]) for key in draws], -1)
            return policy.act(t, x, u)

        return act
    if not callable(policy):
        raise ValueError(
            f"a policy of {type(game).__name__} is a function (t, states) -> actions, a GridPolicy"
            f" or a riccati.Affine, got {type(policy).__name__}"
        )
    given: Callable[..., Any] = policy
    return lambda t, x: np.asarray(given(t, x))


def laws(grid: GridGame, state: Array) -> Array:
    """Return the share of players (T, N, d) at every grid point, (T, S), as the grid puts them."""
    rows = []
    for x in state:
        index, weight = grid.around(tuple(x.T))
        rows.append(np.bincount(index.ravel(), weight.ravel(), grid.num_states) / len(x))
    return np.stack(rows)
