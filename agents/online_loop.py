"""The compiled loop of the online learners; its oracle is the walk through the environment."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from mfg_envs import elementary, random
from mfg_envs.compiled import methods, scalar
from mfg_envs.game import FiniteGame


@functools.cache
def compiled_loop(game_class: type[FiniteGame]) -> Callable[..., Any]:
    """Compile the loop for a class of games."""
    view, noise_law, move, reward, jit = methods(game_class)
    bits, fold, unit = scalar(random.bits), scalar(random.fold), scalar(random.unit)
    exp, u64, u32, i64 = scalar(elementary.exp), np.uint64, np.uint32, np.int64
    noise, acting = random.NOISE, random.ACTION

    @jit
    def best_of(row, legal, all_legal):
        best = row[0] if all_legal or legal[0] else -np.inf
        for j in range(1, row.size):
            if all_legal or legal[j]:
                best = max(best, row[j])
        return best

    @jit
    def act(row, legal, all_legal, heat, u, sums):
        best = best_of(row, legal, all_legal)
        for j in range(row.size):
            sums[j] = exp(heat * (row[j] - best))
        total = 0.0
        for j in range(row.size):
            if all_legal or legal[j]:
                total += sums[j]
            sums[j] = total
        mark, a = u * total, 0
        for j in range(row.size):
            a += sums[j] <= mark
        return a

    @jit
    def loop(
        values, moves, sizes, private_legal, _, observed, legal, all_legal, flags, discount,
        t0, keys, alphas, betas, heats, behaviour, field, x, a, q, weights,
    ):  # fmt: skip
        game = view(*values)
        nxt, chance = moves
        fresh_policy, fresh_field, sarsa = flags
        A, last = sizes[1], sizes[2] - 1
        sums, factor = np.empty(A), 1.0
        noise_keys, acting_keys = np.empty(keys.size, u64), np.empty(keys.size, u64)
        for e in range(keys.size):
            noise_keys[e], acting_keys[e] = fold(keys[e], noise), fold(keys[e], acting)
        for i in range(alphas.size):
            t, alpha, beta, heat = t0 + i, alphas[i], betas[i], heats[i]
            before = factor
            if beta < 1:
                factor *= 1 - beta
            else:
                factor = 1.0
            gain = beta / factor
            for e in range(keys.size):
                s = observed[x[e]]
                rows = q[e] if fresh_policy else behaviour[e]
                if a[e] < 0 or not sarsa:
                    u = unit(bits(fold(acting_keys[e], t), u64(0)))
                    a[e] = act(rows[s], legal[s], all_legal, heat, u, sums)
                m = (weights[e], before) if fresh_field else (field[e], 1.0)
                r = reward(game, t, i64(x[e]), i64(a[e]), m)
                z = bits(fold(noise_keys[e], t), u64(0))
                if nxt.size:
                    pair = u32(x[e]) * u32(A) + u32(a[e])
                    w = u32(0)
                    for k in range(last):
                        w += u32((z >> u64(11)) >= chance[pair * u32(last) + u32(k)])
                    x2 = i64(nxt[pair * u32(last + 1) + w])
                elif private_legal.size and not private_legal[x[e], a[e]]:
                    x2 = i64(x[e])
                else:
                    law = noise_law(game, t, i64(x[e]), i64(a[e]), m)
                    w, total = 0, 0.0
                    for k in range(len(law) - 1):
                        total += law[k]
                        w += unit(z) >= total
                    x2 = i64(move(game, t, i64(x[e]), i64(a[e]), m, w))
                s2 = observed[x2]
                if sarsa:
                    u = unit(bits(fold(acting_keys[e], t + 1), u64(0)))
                    a2 = act(rows[s2], legal[s2], all_legal, heat, u, sums)
                    target = q[e, s2, a2]
                else:
                    a2 = -1
                    target = best_of(q[e, s2], legal[s2], all_legal)
                q[e, s, a[e]] -= alpha * (q[e, s, a[e]] - r - discount * target)
                if beta < 1:
                    weights[e, s2] += gain
                else:
                    weights[e, :] = 0
                    weights[e, s2] = 1.0
                x[e], a[e] = x2, a2
            if factor < 1e-200:
                weights *= factor
                factor = 1.0
        weights *= factor

    return loop
