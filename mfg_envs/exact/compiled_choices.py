"""The compiled loops of ``policies``: what is chosen from values, state by state.

Values and policies are [t, a, s].  All of it is done to a block of states at a time, action by
action, so that every inner loop runs over contiguous numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mfg_envs.game import Array
from mfg_envs.numerics import elementary
from mfg_envs.numerics.compiler import scalar
from mfg_envs.numerics.restrict import restrict

BLOCK = np.uint64(2048)
"""States a block: long enough to be fetched ahead, short enough for the second-level cache."""


class Choices(NamedTuple):
    """What the compiled loops store into a policy.

    Attributes:
        weigh: The softmax of one block at one time.
        softmax: The softmax everywhere.
        greedy: The best actions everywhere.
    """

    weigh: Callable[..., None]
    softmax: Callable[..., None]
    greedy: Callable[..., None]


@functools.cache
def choices() -> Choices:
    """Compile the loops; an empty ``legal`` says that all actions are."""
    exp, u64, zero = scalar(elementary.exp), np.uint64, np.uint64(0)

    @restrict
    def highest(q, t, lo, n, legal, top):
        for i in range(n):
            top[i] = -np.inf
        for a in range(q.shape[1]):
            if legal.size:
                for i in range(n):
                    if legal[a, lo + i] and q[t, a, lo + i] > top[i]:
                        top[i] = q[t, a, lo + i]
            else:
                for i in range(n):
                    top[i] = q[t, a, lo + i] if q[t, a, lo + i] > top[i] else top[i]

    @restrict
    def share(policy, t, lo, n, total):
        """Divide the weights of a block by their sums."""
        for i in range(n):
            total[i] = 1 / total[i]
        for a in range(policy.shape[1]):
            for i in range(n):
                policy[t, a, lo + i] *= total[i]

    @restrict
    def exponentiate(row):
        for i in range(row.size):
            row[i] = exp(row[i])

    @restrict
    def weigh(q, t, lo, n, legal, heat, top, total, policy):
        A, S = policy.shape[1:]
        highest(q, t, lo, n, legal, top)
        for a in range(A):
            for i in range(n):
                policy[t, a, lo + i] = heat * (q[t, a, lo + i] - top[i])
        if n == S:  # short rows in one piece: the last few numbers of a piece are no vector
            exponentiate(policy[t].reshape(A * S))
        else:
            for a in range(A):
                exponentiate(policy[t, a, lo : lo + n])
        for i in range(n):
            total[i] = 0
        for a in range(A):
            if legal.size:
                for i in range(n):
                    policy[t, a, lo + i] = policy[t, a, lo + i] if legal[a, lo + i] else 0.0
            for i in range(n):
                total[i] += policy[t, a, lo + i]
        share(policy, t, lo, n, total)

    @restrict
    def softmax(q, legal, heat, policy):
        top, total, size = np.empty(BLOCK), np.empty(BLOCK), u64(q.shape[2])
        for t in range(len(q)):
            for lo in range(zero, size, BLOCK):
                weigh(q, t, lo, min(BLOCK, size - lo), legal, heat, top, total, policy)

    @restrict
    def greedy(q, legal, only_first, tolerance, policy):
        top, count, size = np.empty(BLOCK), np.empty(BLOCK), u64(q.shape[2])
        for t in range(len(q)):
            for lo in range(zero, size, BLOCK):
                n = min(BLOCK, size - lo)
                highest(q, t, lo, n, legal, top)
                for i in range(n):
                    count[i] = 0
                    top[i] -= tolerance
                for a in range(q.shape[1]):
                    for i in range(n):
                        policy[t, a, lo + i] = 1.0 if q[t, a, lo + i] >= top[i] else 0.0
                    if legal.size:
                        for i in range(n):
                            policy[t, a, lo + i] = policy[t, a, lo + i] if legal[a, lo + i] else 0.0
                    if only_first:
                        for i in range(n):
                            policy[t, a, lo + i] = 0.0 if count[i] > 0 else policy[t, a, lo + i]
                    for i in range(n):
                        count[i] += policy[t, a, lo + i]
                share(policy, t, lo, n, count)

    return Choices(weigh, softmax, greedy)


def states_innermost(table: Array) -> Array:
    """Return (..., S, A) numbers as compiled loops want them: (..., A, S), contiguous, float64."""
    return np.ascontiguousarray(np.swapaxes(np.asarray(table, np.float64), -1, -2))
