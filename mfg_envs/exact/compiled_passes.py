"""The compiled passes: sweeps over time and blocks of states, for one class of games."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mfg_envs.exact.compiled_blocks import blocks
from mfg_envs.exact.compiled_choices import BLOCK, choices
from mfg_envs.game import FiniteGame
from mfg_envs.numerics.restrict import restrict


class Sweeps(NamedTuple):
    """The sweeps of one class of games, whose arguments begin with ``passes.arguments``.

    False, or NaN, says that something is wrong: an invalid policy, a move that leads nowhere,
    a value that is not finite.

    Attributes:
        forward: Laws (T, S) met under a policy, from the first of them on.
        settle: Follow the lazy flow of a rule from ``laws[0]``; returns its last change.
        backward: Action values against mean fields, of a policy or (no policy) at best.  With
            logits y also ``y2 = y + rate q`` and their softmax.
        compare: Values of states (2, S), of a policy and at best; row 0 has those at time 0.
    """

    forward: Callable[..., bool]
    settle: Callable[..., float]
    backward: Callable[..., bool]
    compare: Callable[..., bool]


@functools.cache
def sweeps(game_class: type[FiniteGame]) -> Sweeps:
    """Compile the sweeps of a class of games."""
    lawful, push, pay, expect, mean, best = blocks(game_class)
    weigh = choices().weigh
    u64, zero = np.uint64, np.uint64(0)
    k = np.int64(0)  # the time of a table without times; for a literal all is compiled anew

    @restrict
    def forward(values, legal, moves, places, shape, policy, laws):
        shift, first, odd, chance = moves
        m, mass, total = np.empty(shape), np.empty(BLOCK), np.empty(BLOCK)
        last, size = len(policy) - 1, u64(laws.shape[1])
        for t in range(last):
            if not push(
                values, legal, shift, first, odd, chance, places, policy, t, laws, m, mass, total
            ):
                return False
        for lo in range(zero, size, BLOCK):
            if not lawful(policy, last, lo, min(BLOCK, size - lo), legal, total, mass):
                return False
        return True

    @restrict
    def settle(values, legal, moves, places, shape, rule, tolerance, max_steps, laws):
        shift, first, odd, chance = moves
        m, mass, change = np.empty(shape), np.empty(BLOCK), np.inf
        total = mass[:0]  # the rule was checked
        for _ in range(max_steps):
            if not push(
                values, legal, shift, first, odd, chance, places, rule, k, laws, m, mass, total
            ):
                return np.nan
            change = np.abs(laws[1] - laws[0]).sum()
            laws[0] += laws[1]
            laws[0] /= laws[0].sum()
            if change < tolerance:
                break
        return change

    @restrict
    def backward(values, legal, moves, g, ms, policy, q, y, rate, y2, policy2):
        shift, first, odd, chance = moves
        T, A, S = q.shape
        size, v = u64(S), np.zeros((2, S))
        total, least = np.empty(BLOCK), np.empty(BLOCK)
        for t in range(T - 1, -1, -1):
            m = ms[t]
            for lo in range(zero, size, BLOCK):
                n = min(BLOCK, size - lo)
                pay(values, t, lo, n, m, q, t, lo)
                if not expect(
                    values, legal, shift, first, odd, chance, g, t, lo, n, m, v, q, t, lo, total
                ):
                    return False
                if not policy.size:
                    if not best(legal, t, lo, n, q, t, lo, v, total):
                        return False
                    continue
                if not mean(policy, t, lo, n, legal, q, t, lo, v, total, least):
                    return False
                if y.size:
                    for a in range(A):
                        for i in range(n):
                            y2[t, a, lo + i] = y[t, a, lo + i] + rate * q[t, a, lo + i]
                    weigh(y2, t, lo, n, legal, 1.0, total, least, policy2)
        return True

    @restrict
    def compare(values, legal, moves, g, ms, policy, own, top):
        shift, first, odd, chance = moves
        T, A, S = policy.shape
        size, ahead, least = u64(S), np.empty(BLOCK), np.empty(BLOCK)
        r, q = np.empty((1, A, BLOCK)), np.empty((1, A, BLOCK))
        for t in range(T - 1, -1, -1):
            m = ms[t]
            for lo in range(zero, size, BLOCK):
                n = min(BLOCK, size - lo)
                pay(values, t, lo, n, m, r, k, zero)
                for a in range(A):
                    for i in range(n):
                        q[0, a, i] = r[0, a, i]
                if not expect(
                    values, legal, shift, first, odd, chance, g, t, lo, n, m, own, q, k, zero, ahead
                ):
                    return False
                expect(
                    values, legal, shift, first, odd, chance, g, t, lo, n, m, top, r, k, zero, ahead
                )
                if not mean(policy, t, lo, n, legal, q, k, zero, own, ahead, least):
                    return False
                best(legal, t, lo, n, r, k, zero, top, ahead)
        return True

    return Sweeps(forward, settle, backward, compare)
