"""What environments as arrays give back."""

from __future__ import annotations

from typing import NamedTuple

from mfg_envs.game import Array


class Step(NamedTuple):
    """What a step gives: arrays that no later step writes to.

    Observations and rewards are yours to change.  State, mean field and ``done`` are read-only,
    since the environment goes on from that very memory: ``copy()`` what you want to change.

    Attributes:
        state: Private states, int32 (B, N); of a continuous game float64 (B, N, d).
        observation: int (B, N), or float32 (B, N, D); see ``observe``.
        reward: float64 (B, N); zero after a reset.
        mean_field: Current mean field, float64 (B, *mean_field_shape); with controls that of the
            last decision.
        done: Whether the episode is over, bool (B,).
    """

    state: Array
    observation: Array
    reward: Array
    mean_field: Array
    done: Array


class Rollout(NamedTuple):
    """What T steps under one policy give.

    Attributes:
        mean_field: Met at every decision, (T, B, *mean_field_shape).
        reward: Mean over the players at every decision, (T, B); as all else, the same bits on
            every back end.
    """

    mean_field: Array
    reward: Array
