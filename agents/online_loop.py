"""The compiled loop of the online learners; its oracle is the walk through the environment."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from mfg_envs import elementary, random
from mfg_envs.compiled import methods, scalar
from mfg_envs.game import FiniteGame

NEGLIGIBLE = -40.0
"""Log of the smallest softmax weight, relative to the largest, that draws can tell from zero."""


@functools.cache
def compiled_loop(game_class: type[FiniteGame]) -> Callable[..., Any]:
    """Compile the loop for a class of games."""
    view, noise_law, move, reward, jit = methods(game_class)
    bits, fold, unit = scalar(random.bits), scalar(random.fold), scalar(random.unit)
    exp, u64, u32, i64 = scalar(elementary.exp), np.uint64, np.uint32, np.int64
    noise, acting = random.NOISE, random.ACTION

    @functools.partial(jit, fastmath={"nnan", "nsz"})  # a maximum in any order: vector code
    def best_of(table, row, A):
        best = table[row]
        for j in range(1, A):
            value = table[row + u64(j)]
            best = value if value > best else best
        return best

    @jit
    def act(table, row, A, best, heat, u, sums):
        count, last = 0, 0
        for j in range(A):
            z = heat * (table[row + u64(j)] - best)
            sums[j] = z
            near = z > NEGLIGIBLE
            count += near
            last += near * j
        if count == 1:  # as good as greedy
            return last
        for j in range(A):
            z = sums[j]
            sums[j] = exp(z) if z > NEGLIGIBLE else 0.0
        total = 0.0
        for j in range(A):
            total += sums[j]
            sums[j] = total
        mark, a = u * total, 0
        for j in range(A):
            a += sums[j] <= mark
        return a

    @jit
    def walk(
        values, moves, sizes, legal, observed, flags, discount, t0, key, rates,
        behaviour, field, x, a, q, weights,
    ):  # fmt: skip
        game = view(*values)
        nxt, chance = moves
        fresh_policy, fresh_field, sarsa = flags
        alphas, betas, heats = rates
        A, last = sizes[1], u32(sizes[2] - 1)
        sums, factor = np.empty(A), 1.0
        noise_key, acting_key = fold(key, noise), fold(key, acting)
        table = q if fresh_policy else behaviour
        for i in range(alphas.size):
            t, alpha, beta, heat = t0 + i, alphas[i], betas[i], heats[i]
            row = u64(observed[u32(x)]) * u64(A)
            if a < 0 or not sarsa:
                u = unit(bits(fold(acting_key, t), u64(0)))
                a = act(table, row, A, best_of(table, row, A), heat, u, sums)
            m = (weights, factor) if fresh_field else (field, 1.0)
            r = reward(game, t, i64(u32(x)), i64(u32(a)), m)
            z = bits(fold(noise_key, t), u64(0))
            if nxt.size:
                pair = u32(x) * u32(A) + u32(a)
                w = u32(0)
                for k in range(last):
                    w += u32((z >> u64(11)) >= chance[pair * last + u32(k)])
                x2 = i64(nxt[pair * (last + u32(1)) + w])
            elif legal.size and not legal[x, a]:
                x2 = i64(x)
            else:
                law = noise_law(game, t, i64(x), i64(a), m)
                w, total = 0, 0.0
                for k in range(len(law) - 1):
                    total += law[k]
                    w += unit(z) >= total
                x2 = i64(move(game, t, i64(x), i64(a), m, w))
            s2 = u64(observed[u32(x2)])
            row2 = s2 * u64(A)
            if sarsa:
                u = unit(bits(fold(acting_key, t + 1), u64(0)))
                a2 = act(table, row2, A, best_of(table, row2, A), heat, u, sums)
                target = q[row2 + u64(a2)]
            else:
                a2 = -1
                target = best_of(q, row2, A)
            pair = row + u64(a)
            q[pair] -= alpha * (q[pair] - r - discount * target)
            if beta < 1:
                factor *= 1 - beta
                weights[s2] += beta / factor
            else:
                factor = 1.0
                weights[:] = 0
                weights[s2] = 1.0
            x, a = x2, a2
            if factor < 1e-200:
                weights *= factor
                factor = 1.0
        weights *= factor
        return x, a

    @jit
    def loop(
        values, moves, sizes, legal, observed, flags, discount, t0, keys, rates,
        behaviour, field, x, a, q, weights,
    ):  # fmt: skip
        for e in range(keys.size):
            x[e], a[e] = walk(
                values, moves, sizes, legal, observed, flags, discount, t0, keys[e], rates,
                behaviour[e], field[e], i64(x[e]), i64(a[e]), q[e], weights[e],
            )  # fmt: skip

    return loop
