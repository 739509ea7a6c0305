"""Transitions of thousands of players at once, from the simulator alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array, FiniteGame
from mfg_envs.numerics import random
from mfg_envs.simulate.batch import BatchEnv


class Walks(NamedTuple):
    """What M players did in n steps.

    Attributes:
        state: Private states, int (n, M).
        action: What each did there, int (n, M).
        reward: What each earned by it, (n, M).
        next: Private states afterwards, int (n, M).
        mean_field: Met at every step, mean of the populations, (n, *mean_field_shape).
    """

    state: Array
    action: Array
    reward: Array
    next: Array
    mean_field: Array


def walk(
    game: FiniteGame,
    policy: Array,
    num_steps: int,
    num_players: int,
    *,
    met: Array | None,
    explore: float,
    key: Any,
    num_agents: int | None = None,
    first: Array | None = None,
) -> Walks:
    """Let players follow a policy, some of them less than others.

    Args:
        game: The game.
        policy: (T, S, A), or (S, A) of a stationary game.
        num_steps: Steps, n.
        num_players: Players, M, rounded up to whole populations.
        met: Mean field or flow that all meet; None: players of a population meet each other.
        explore: Player i of M acts at random with chance ``explore * i / (M - 1)``: so everything
            within reach is seen, and most of what happens under the policy.
        key: Of everything random.
        num_agents: Players of a population, if they meet each other.
        first: Law of first states, (S,); None: that of the game.
    """
    size = num_players if met is not None else int(num_agents or num_players)
    mode = "n_agent" if met is None else "mean_field"
    env = BatchEnv(game, -(-num_players // size), size, int(key >> np.uint64(2)), mode=mode)
    if met is not None:
        env.set_mean_field(met)
    env.reset()
    count = env.num_envs * size
    shape = (env.num_envs, size)
    if first is not None:
        draws = random.uniform(random.subkey(key, random.INITIAL), count)
        env.stand(0, random.categorical(first, draws).astype(np.int32).reshape(shape))
    # Every population has all kinds of players.
    share = explore * (np.arange(count) / max(count - 1, 1)).reshape(size, -1).T.reshape(-1, 1)
    chance = game.legal_actions / game.legal_actions.sum(-1, keepdims=True)
    steps = []
    for t in range(num_steps):
        x, m = env.state.ravel(), env.mean_field.mean(0)
        rule = policy if policy.ndim == 2 else policy[t]
        law = (1 - share) * rule[x] + share * chance[x]
        a = random.categorical(law, random.uniform(random.subkey(key, random.ACTION, t), count))
        step = env.step(a.astype(np.int32).reshape(shape))
        steps.append((x, a, step.reward.ravel(), step.state.ravel(), m))
    return Walks(*map(np.stack, zip(*steps, strict=True)))
