"""The one loop in which players decide: what they do, earn and meet, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array
from mfg_envs.players.policy import Policy


class Decision(NamedTuple):
    """One step of B populations.

    Attributes:
        state: Private states before it, int (B, N), of a continuous game (B, N, d).
        action: What each did there, int (B, N), of a continuous game (B, N, k).
        reward: What each earned by it, (B, N).
        mean_field: Met there, (B, *mean_field_shape).
    """

    state: Array
    action: Any
    reward: Array
    mean_field: Array


def decisions(env: Any, policy: Policy, num_steps: int) -> Iterator[Decision]:
    """Yield the next decisions of a ``BatchEnv`` whose players follow a policy."""
    for _ in range(num_steps):
        yield _decision(env, policy)


def _decision(env: Any, policy: Policy) -> Decision:
    x, before = env.state, env.mean_field
    a = policy.actions(env)
    step = env.step(a)
    if env.game.mean_field_of_controls and env.mode == "n_agent":
        return Decision(x, a, step.reward, step.mean_field)
    return Decision(x, a, step.reward, np.broadcast_to(before, step.mean_field.shape))
