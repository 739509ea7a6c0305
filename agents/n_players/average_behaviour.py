"""What a population does whose players each follow a table of their own."""

from __future__ import annotations

import numpy as np

from mfg_envs.game import Array

from .tables import Rules, boltzmann

NUMBERS = 1 << 16
"""Numbers of policies that are averaged together: they stay in the cache."""


def average(q: Array, seen: Array, rules: Rules) -> tuple[Array, Array, Array]:
    """Return the average behaviour and table of N players, and where they were.

    Args:
        q: Everybody's table, (N, R, A).
        seen: How often each was in every row, (N, R).
        rules: How they act.

    Returns:
        Of every row the average law and the average values, (R, A) each, weighted by ``seen``
        (where nobody was, all alike), and how often anybody was there, (R,).
    """
    N, R, A = q.shape
    policy, mean_q, total = np.empty((R, A)), np.empty((R, A)), np.empty(R)
    some = max(1, NUMBERS // (N * A))
    for i in range(0, R, some):
        rows = slice(i, i + some)
        weight = seen[:, rows].astype(np.float64)
        total[rows] = weight.sum(0)
        weight = np.where(total[rows] > 0, weight, 1.0)
        weight = (weight / weight.sum(0))[..., None]
        law = boltzmann(q[:, rows], rules.legal[rows], rules.heat)
        policy[rows] = (weight * (law / law.sum(-1, keepdims=True))).sum(0)
        mean_q[rows] = (weight * q[:, rows]).sum(0)
    return policy / policy.sum(-1, keepdims=True), mean_q, total


def shares(total: Array) -> Array:
    """Return the shares of counts (..., O); of times that nobody has met, even ones."""
    met = total.sum(-1, keepdims=True)
    return np.where(met > 0, total / np.where(met > 0, met, 1), 1 / total.shape[-1])
