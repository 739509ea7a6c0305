"""Generalised advantages of rollouts."""

from __future__ import annotations

import numpy as np

from mfg_envs.game import Array


def advantages(
    reward: Array, value: Array, begins: Array, last: Array, discount: float, decay: float
) -> Array:
    """Return generalised advantages (Schulman et al. 2016, eq. 16).

    Args:
        reward: (T, ...).
        value: Of the observations at which was acted, (T, ...).
        begins: Whether a new episode begins after the step, bool (T, ...).
        last: Value of the observation after the last step, (...).
        discount: Weight of the next step's value.
        decay: Lambda.
    """
    out, ahead, after = np.empty_like(value), np.zeros_like(last), last
    for t in range(len(reward) - 1, -1, -1):
        goes_on = 1.0 - begins[t]
        gap = reward[t] + discount * goes_on * after - value[t]
        ahead = gap + discount * decay * goes_on * ahead
        out[t], after = ahead, value[t]
    return out
