"""The compiled loop of the online learners; its oracle is the walk through the environment."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from mfg_envs.game import FiniteGame
from mfg_envs.game.probabilities import TOLERANCE
from mfg_envs.numerics import elementary, random
from mfg_envs.numerics.compiler import methods, scalar

NEGLIGIBLE = -40.0
"""Log of the smallest softmax weight, relative to the largest, that draws can tell from zero."""
BLOCK = 512
"""Steps whose random numbers are drawn at once."""


@functools.cache
def compiled_loop(game_class: type[FiniteGame]) -> Callable[..., Any]:
    """Compile the loop for a class of games; it returns False if a move is invalid."""
    view, noise_law, move, reward, jit = methods(game_class)
    bits, fold, unit = scalar(random.bits), scalar(random.fold), scalar(random.unit)
    exp, u64, u32, i64 = scalar(elementary.exp), np.uint64, np.uint32, np.int64
    noise, acting = random.NOISE, random.ACTION

    @jit
    def survey(table, row, A):
        """Return the best value of a row, where it is, and the second best."""
        best, place, second = table[row], 0, -np.inf
        for j in range(1, A):
            value = table[row + u64(j)]
            if value > best:
                best, place, second = value, j, best
            elif value > second:
                second = value
        return best, place, second

    @jit
    def act(table, row, A, best, heat, u, sums):
        """Draw from the softmax of a row."""
        for j in range(A):
            z = heat * (table[row + u64(j)] - best)
            weight = exp(z)  # before the choice, not in a branch: vector code
            sums[j] = weight if z > NEGLIGIBLE else 0.0
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
        states = q.size // A
        # Best value, its action and the second best of every row: a step changes one number, so
        # they are kept up to date in a few instructions and a row is rarely looked at as a whole.
        best, place, second = np.empty(states), np.empty(states, np.int64), np.empty(states)
        for s in range(states):
            best[s], place[s], second[s] = survey(q, u64(s * A), A)
        table, tops, greedy, runners = q, best, place, second
        if not fresh_policy:
            table, tops, greedy, runners = behaviour, best.copy(), place.copy(), second.copy()
        sums, factor = np.empty(A), 1.0
        noise_key, acting_key = fold(key, noise), fold(key, acting)
        luck, chosen = np.empty(BLOCK, u64), np.empty(BLOCK + 1)
        for i in range(alphas.size):
            at = i % BLOCK
            if at == 0:  # draws of many steps at once: vector code
                for k in range(BLOCK):
                    luck[k] = bits(fold(noise_key, t0 + i + k), u64(0))
                for k in range(BLOCK + 1):
                    chosen[k] = unit(bits(fold(acting_key, t0 + i + k), u64(0)))
            t, alpha, beta, heat = t0 + i, alphas[i], betas[i], heats[i]
            s = u64(observed[u32(x)])
            row = s * u64(A)
            if a < 0 or not sarsa:
                if heat * (tops[s] - runners[s]) > -NEGLIGIBLE:
                    a = greedy[s]
                else:
                    a = act(table, row, A, tops[s], heat, chosen[at], sums)
            m = (weights, factor) if fresh_field else (field, 1.0)
            r = reward(game, t, i64(u32(x)), i64(u32(a)), m)
            if nxt.size:
                pair = u32(x) * u32(A) + u32(a)
                w = u32(0)
                for k in range(last):
                    w += u32((luck[at] >> u64(11)) >= chance[pair * last + u32(k)])
                x2 = i64(nxt[pair * (last + u32(1)) + w])
            elif legal.size and not legal[x, a]:
                x2 = i64(x)
            else:
                law = noise_law(game, t, i64(x), i64(a), m)
                w, total = 0, 0.0
                lawful = True
                for k in range(len(law) - 1):
                    total += law[k]
                    w += unit(luck[at]) >= total
                    lawful &= law[k] >= -TOLERANCE  # not if it is NaN
                rest = law[len(law) - 1]
                lawful &= (rest >= -TOLERANCE) & (abs(total + rest - 1) <= TOLERANCE)
                y = move(game, t, i64(x), i64(a), m, w)
                if not (lawful and y >= 0 and y < sizes[0]):  # NaN leads nowhere, too
                    return -1, a
                x2 = i64(y)
            s2 = u64(observed[u32(x2)])
            if sarsa:
                row2 = s2 * u64(A)
                if heat * (tops[s2] - runners[s2]) > -NEGLIGIBLE:
                    a2 = greedy[s2]
                else:
                    a2 = act(table, row2, A, tops[s2], heat, chosen[at + 1], sums)
                target = q[row2 + u64(a2)]
            else:
                a2 = -1
                target = best[s2]
            pair = row + u64(a)
            old = q[pair]
            new = old - alpha * (old - r - discount * target)
            q[pair] = new
            if a == place[s] and new > second[s]:
                best[s] = new
            elif a == place[s] or old == second[s] or new >= second[s]:
                best[s], place[s], second[s] = survey(q, row, A)
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
            if x[e] < 0:
                return False
        return True

    return loop
