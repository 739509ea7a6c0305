"""The compiled work on a block of states, which ``compiled_passes`` repeats over blocks and times.

Policies and values are [t, a, s]; laws and the values ``v`` of states are [t, s].  A block is the
states ``lo + i``, i < n.  Every inner loop runs over contiguous numbers, and all the work on a
block is done while they are in the cache.  ``lo``, ``n`` and ``i`` are unsigned, since numba would
wrap negative indices around; whole arrays are passed on with a time, since it would count the
references to every slice.

``shift, first, odd, chance`` are a law of motion; see ``passes.Maps``.  ``chance.ndim`` tells its
kinds apart; numba compiles the branch of one kind and drops the others, for arguments only.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mfg_envs.exact.compiled_choices import BLOCK
from mfg_envs.game import FiniteGame
from mfg_envs.game.probabilities import TOLERANCE
from mfg_envs.numerics.compiler import methods
from mfg_envs.numerics.restrict import restrict


class Blocks(NamedTuple):
    """The work on a block, for one class of games; False says that something is wrong.

    Attributes:
        lawful: Whether a policy is valid.
        push: Move the crowd of all blocks by one step; with room for sums, check its policy.
        pay: Store the rewards, as ``q[k, a, base + i]``.
        expect: Add the values expected of the next step to them.
        mean: Store the values of a policy, and check it.
        best: Store the values of the best legal actions.
    """

    lawful: Callable[..., bool]
    push: Callable[..., bool]
    pay: Callable[..., None]
    expect: Callable[..., bool]
    mean: Callable[..., bool]
    best: Callable[..., bool]


@functools.cache
def blocks(game_class: type[FiniteGame]) -> Blocks:
    """Compile the work on a block for a class of games."""
    view, noise_law, step, reward, _ = methods(game_class)
    controls = game_class.mean_field_of_controls
    u64, i64, zero = np.uint64, np.int64, np.uint64(0)

    @restrict
    def fair(policy, t, lo, n, legal, total, least):
        """Return whether these sums and least entries are those of laws of legal actions."""
        wrong = 0
        for i in range(n):
            wrong += not (abs(total[i] - 1) <= TOLERANCE and least[i] >= -TOLERANCE)  # so is NaN
        if legal.size:
            for a in range(policy.shape[1]):
                for i in range(n):
                    wrong += (policy[t, a, lo + i] > TOLERANCE) & (not legal[a, lo + i])
        return wrong == 0

    @restrict
    def lawful(policy, t, lo, n, legal, total, least):
        for i in range(n):
            total[i] = 0
            least[i] = 0
        for a in range(policy.shape[1]):
            for i in range(n):
                p = policy[t, a, lo + i]
                total[i] += p
                least[i] = p if p < least[i] else least[i]
        return fair(policy, t, lo, n, legal, total, least)

    @restrict
    def whole(chances):
        """Return whether the outcomes of one pair have probabilities that sum to one."""
        total, wrong = 0.0, False
        for w in range(len(chances)):
            total += chances[w]
            wrong |= not (chances[w] >= -TOLERANCE)  # NaN is wrong, too
        return not wrong and abs(total - 1) <= TOLERANCE

    @restrict
    def push_each(values, legal, places, policy, t, laws, m):
        """Move a crowd whose law of motion changes, pair by pair."""
        game, (A, S) = view(*values), policy.shape[1:]
        m[:] = 0
        for s in range(S):
            if controls:
                for a in range(A):
                    m[places[s], a] += laws[t, s] * policy[t, a, s]
            else:
                m[places[s]] += laws[t, s]
        for a in range(A):
            for s in range(S):
                moving = laws[t, s] * policy[t, a, s]
                if moving == 0:
                    continue
                if legal.size and not legal[a, s]:
                    laws[t + 1, s] += moving
                    continue
                chances = noise_law(game, t, s, a, m)
                if not whole(chances):
                    return False
                for w in range(len(chances)):
                    y = step(game, t, s, a, m, w)
                    if not (y >= 0 and y < S):  # NaN is nowhere, too
                        return False
                    laws[t + 1, y] += moving * chances[w]
        return True

    @restrict
    def push(values, legal, shift, first, odd, chance, places, policy, t, laws, m, mass, total):
        size = u64(laws.shape[1])
        for s in range(size):
            laws[t + 1, s] = 0
        for lo in range(zero, size, BLOCK):
            n, block = min(BLOCK, size - lo), i64(lo // BLOCK)
            if total.size and not lawful(policy, t, lo, n, legal, total, mass):
                return False
            for d in range(len(shift)):
                if chance.ndim == 2:
                    for i in range(n):
                        mass[i] = 0
                    for a in range(len(chance)):
                        p = chance[a, d]
                        if p != 0:
                            for i in range(n):
                                mass[i] += p * policy[t, a, lo + i]
                elif chance.ndim == 3:
                    a, w = divmod(d, chance.shape[1])
                    for i in range(n):
                        mass[i] = policy[t, a, lo + i] * chance[a, w, lo + i]
                for e in range(first[d, block], first[d, block + 1]):
                    i = odd[0, e] - lo
                    laws[t + 1, odd[1, e]] += mass[i] * laws[t, odd[0, e]]
                    mass[i] = 0
                to = i64(lo) + shift[d]  # may lie outside of the states, where all states are odd
                start, stop, there = max(-to, 0), min(i64(size) - to, i64(n)), u64(to)
                for i in range(u64(start), u64(max(start, stop))):
                    laws[t + 1, there + i] += mass[i] * laws[t, lo + i]
        if chance.ndim == 1:
            return push_each(values, legal, places, policy, t, laws, m)
        return True

    @restrict
    def pay(values, t, lo, n, m, q, k, base):
        game = view(*values)
        for i in range(n):  # what does not depend on the action is evaluated once a state
            for a in range(q.shape[1]):
                q[k, a, base + i] = reward(game, t, i64(lo + i), a, m)

    @restrict
    def expect_each(values, legal, g, t, lo, n, m, v, q, k, base):
        """Add what is expected of a law of motion that changes, pair by pair."""
        game, later = view(*values), (t + 1) & 1
        for a in range(q.shape[1]):
            for i in range(n):
                s = i64(lo + i)
                if legal.size and not legal[a, s]:
                    q[k, a, base + i] += g * v[later, s]
                    continue
                chances = noise_law(game, t, s, a, m)
                if not whole(chances):
                    return False
                expected = 0.0
                for w in range(len(chances)):
                    y = step(game, t, s, a, m, w)
                    if not (y >= 0 and y < v.shape[1]):
                        return False
                    expected += chances[w] * v[later, y]
                q[k, a, base + i] += g * expected
        return True

    @restrict
    def expect(values, legal, shift, first, odd, chance, g, t, lo, n, m, v, q, k, base, ahead):
        later, block = (t + 1) & 1, i64(lo // BLOCK)
        for d in range(len(shift)):
            to = i64(lo) + shift[d]
            start, stop, there = max(-to, 0), min(v.shape[1] - to, i64(n)), u64(to)
            for i in range(u64(start), u64(max(start, stop))):
                ahead[i] = g * v[later, there + i]
            for e in range(first[d, block], first[d, block + 1]):
                ahead[odd[0, e] - lo] = g * v[later, odd[1, e]]
            if chance.ndim == 2:
                for a in range(len(chance)):
                    p = chance[a, d]
                    if p != 0:
                        for i in range(n):
                            q[k, a, base + i] += p * ahead[i]
            elif chance.ndim == 3:
                a, w = divmod(d, chance.shape[1])
                for i in range(n):
                    q[k, a, base + i] += chance[a, w, lo + i] * ahead[i]
        if chance.ndim == 1:
            return expect_each(values, legal, g, t, lo, n, m, v, q, k, base)
        return True

    @restrict
    def mean(policy, t, lo, n, legal, q, k, base, v, total, least):
        now, wrong = t & 1, 0
        for i in range(n):
            v[now, lo + i] = 0
            total[i] = 0
            least[i] = 0
        for a in range(policy.shape[1]):
            for i in range(n):  # checked as in ``lawful``, while it is read anyhow
                p = policy[t, a, lo + i]
                total[i] += p
                least[i] = p if p < least[i] else least[i]
                v[now, lo + i] += p * q[k, a, base + i]
        for i in range(n):
            wrong += not (abs(v[now, lo + i]) < np.inf)  # it is finite where all values are
        return wrong == 0 and fair(policy, t, lo, n, legal, total, least)

    @restrict
    def best(legal, t, lo, n, q, k, base, v, wild):
        now, wrong = t & 1, 0
        for i in range(n):
            v[now, lo + i] = -np.inf
            wild[i] = 0
        for a in range(q.shape[1]):
            for i in range(n):
                wild[i] += 0 * q[k, a, base + i]  # NaN, and stays NaN, where a value is not finite
            if legal.size:
                for i in range(n):
                    if legal[a, lo + i] and q[k, a, base + i] > v[now, lo + i]:
                        v[now, lo + i] = q[k, a, base + i]
            else:
                for i in range(n):
                    if q[k, a, base + i] > v[now, lo + i]:
                        v[now, lo + i] = q[k, a, base + i]
        for i in range(n):
            wrong += wild[i] != 0
        return wrong == 0

    return Blocks(lawful, push, pay, expect, mean, best)
