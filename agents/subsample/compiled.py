"""The compiled sweeps of SUBSAMPLE-MFQ; their oracles are in ``value_iteration``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mfg_envs.numerics import compiler, random

TIES = 1e-9
"""By how much a value must exceed another to be better: rounding does not choose actions."""


class Kernels(NamedTuple):
    """A sweep with sampled next states, and one with exact expectations.

    Both take ``layout`` (locals told apart, S, multisets of the others, table and starts of their
    insertions), ``crowds`` (crowd, place, number, state), ``laws`` (of locals, of the global
    agent, global states that follow) and ``gains`` (rewards, discount, eta) of a ``Surrogate``,
    then values (S_g, states), action values (of size 0 if they are not kept), and where results go.
    """

    sampled: Callable[..., None]
    exact: Callable[..., None]


@functools.cache
def kernels() -> Kernels:
    """Compile both sweeps; one version serves every game and table."""
    bits, fold = map(compiler.scalar, (random.bits, random.fold))
    jit, u64, i64, ties = compiler.compile_kernel, np.uint64, np.int64, TIES

    @jit
    def keep(x_g, c, s, crowd, mean, gains, q, held, value, action, best):
        """Turn the expected values of a configuration into new values and best actions."""
        reward, earned, discount, eta = gains
        r = 0.0
        for i in range(crowd.shape[1]):
            r += reward[x_g, crowd[c, i]]
        r /= crowd.shape[1]
        row = min(c, earned.shape[1] - 1)
        for a_g in range(mean.size):
            b = r + earned[x_g, row, a_g] + discount * mean[a_g]
            if q.size:
                b = (1 - eta) * q[x_g, c, a_g] + eta * b
                q[x_g, c, a_g] = b
            value[x_g, s] = max(value[x_g, s], b)
            if b > held[s] + ties:
                held[s], action[x_g, s], best[x_g, s] = b, a_g, c

    @jit
    def sampled(layout, crowds, laws, gains, draws, v, q, value, action, best):
        ordered, S, rests, table, start = layout
        crowd, place, number, state = crowds
        nxt, bounds, nxt_g, bounds_g, follow = laws
        key, m = draws
        k, K, K_g, A_g = crowd.shape[1], nxt.shape[2], nxt_g.shape[2], gains[1].shape[2]
        L, states, before = A_g * m, u64(v.shape[1]), v.reshape(v.size)
        width = L if K > 1 else 1  # without chance all samples are alike
        draw, w = np.zeros(L, np.int64), np.zeros(L, np.uint32)
        first, rest = np.empty(width, np.uint64), np.empty(width, np.uint64)
        there, mean, held = np.empty(K, np.uint64), np.empty(A_g), np.empty(v.shape[1])
        for x_g in range(len(v)):
            key_g = fold(key, x_g)
            held[:] = -np.inf
            for c in range(len(crowd)):
                own_key = fold(key_g, number[c])
                first[:] = 0
                rest[:] = 0
                for i in range(k):
                    slot = place[min(c, len(place) - 1), i]
                    pair, low = crowd[c, slot], u64((slot + 1) * L)
                    if K > 1:
                        for j in range(L):
                            draw[j] = i64(bits(own_key, low + u64(j)) >> u64(11))
                        w[:] = 0
                        for o in range(K - 1):
                            bound = bounds[x_g, pair, o]
                            for j in range(L):
                                w[j] += draw[j] >= bound
                    if i < ordered:
                        for o in range(K):
                            there[o] = nxt[x_g, pair, o]
                        for j in range(width):
                            first[j] = first[j] * u64(S) + there[w[j]]
                    else:
                        low, high = start[i - ordered], start[i - ordered + 1]
                        for o in range(K):
                            y = u64(nxt[x_g, pair, o])
                            there[o] = u64(low) + y * u64((high - low) // S)
                        for j in range(width):
                            rest[j] = table[there[w[j]] + rest[j]]
                if K_g > 1:
                    for j in range(L):
                        draw[j] = i64(bits(own_key, u64(j)) >> u64(11))
                for a_g in range(A_g):
                    total = 0.0
                    for j in range(a_g * m, (a_g + 1) * m):
                        after = first[min(j, width - 1)] * u64(rests) + rest[min(j, width - 1)]
                        if follow.size:
                            after_g = u64(follow[after])
                        else:
                            o = 0
                            for e in range(K_g - 1):
                                o += draw[j] >= bounds_g[x_g, a_g, e]
                            after_g = u64(nxt_g[x_g, a_g, o])
                        total += before[after_g * states + after]
                    mean[a_g] = total / m
                keep(x_g, c, state[c], crowd, mean, gains, q, held, value, action, best)

    @jit
    def exact(layout, crowds, laws, gains, v, q, value, action, best):
        ordered, S, _, table, start = layout
        crowd, place, _, state = crowds
        nxt, chance, nxt_g, chance_g, follow = laws
        k, (_, Z, K), A_g, states = crowd.shape[1], nxt.shape, gains[1].shape[2], v.shape[1]
        # Level i: values of the states that i locals leave open, (A_g, sizes[i]).
        sizes, begin = np.ones(k + 1, np.int64), np.zeros(k + 1, np.int64)
        sizes[0] = states
        for i in range(k):
            if i < ordered:
                sizes[i + 1] = sizes[i] // S
            else:
                sizes[i + 1] = (start[k - i] - start[k - i - 1]) // S
            begin[i + 1] = begin[i] + sizes[i] * A_g
        level = np.empty(begin[k] + A_g)
        # Chance of each multiset of r draws from the law of the last pair; r = 0, 1, ... .
        ends = np.zeros(k - ordered + 2, np.int64)
        for r in range(k - ordered + 1):
            ends[r + 1] = ends[r] + sizes[k - r]
        law, together = np.empty(S), np.empty(ends[k - ordered + 1])
        mean, held = np.empty(A_g), np.empty(states)
        own, last = np.empty(k, np.int64), np.empty(k, np.int64)
        for x_g in range(len(v)):
            law[:] = 0.0
            for o in range(K):
                law[nxt[x_g, Z - 1, o]] += chance[x_g, Z - 1, o]
            together[:] = 0.0
            together[0] = 1.0
            for r in range(k - ordered):
                size = sizes[k - r]
                for y in range(S):
                    for f in range(size):
                        after = ends[r + 1] + i64(table[start[r] + y * size + f])
                        together[after] += law[y] * together[ends[r] + f]
            for a_g in range(A_g):
                for s in range(states):
                    total = v[follow[s], s] if follow.size else 0.0
                    for o in range(nxt_g.shape[2]):
                        total += chance_g[x_g, a_g, o] * v[nxt_g[x_g, a_g, o], s]
                    level[a_g * states + s] = total
            held[:] = -np.inf
            last[:] = -1
            for c in range(len(crowd)):
                for i in range(k):
                    own[i] = crowd[c, place[min(c, len(place) - 1), i]]
                i = 0
                while i < k - 1 and own[i] == last[i]:
                    i += 1
                last[:] = own
                while i < k and (i < ordered or own[i] < Z - 1):
                    size = u64(sizes[i + 1])
                    for a_g in range(A_g):
                        old = u64(begin[i]) + u64(a_g) * u64(sizes[i])
                        new = u64(begin[i + 1]) + u64(a_g) * size
                        for o in range(K):
                            p, y = chance[x_g, own[i], o], u64(nxt[x_g, own[i], o])
                            if i < ordered:
                                for f in range(size):
                                    b = p * level[old + y * size + u64(f)]
                                    level[new + u64(f)] = b if o == 0 else level[new + u64(f)] + b
                            else:
                                low = u64(start[k - i - 1]) + y * size
                                for f in range(size):
                                    b = p * level[old + u64(table[low + u64(f)])]
                                    level[new + u64(f)] = b if o == 0 else level[new + u64(f)] + b
                    i += 1
                mean[:] = 0.0
                for f in range(sizes[i]):
                    p = together[ends[k - i] + f]
                    for a_g in range(A_g):
                        mean[a_g] += p * level[begin[i] + a_g * sizes[i] + f]
                keep(x_g, c, state[c], crowd, mean, gains, q, held, value, action, best)

    return Kernels(sampled, exact)
