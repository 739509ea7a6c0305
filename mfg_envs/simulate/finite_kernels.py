"""The compiled loops of the simulator, and their NumPy oracles.

A step of N players is a handful of short passes, each one gather and one store, over blocks
that stay in the cache: (state, action) index, reward, random bits, next state, histogram (four
interleaved ones, so that players in one state do not wait for each other).  Rewards come from a
table where there are more players than (state, action) pairs, else from the game's method; moves
come from a table where the law of motion is fixed, else from the methods.

Players are ``x``, ``a``, ``r`` (B, N); ``m`` has a row for each population, or one row that all
of them share.  Loops run over flat arrays with unsigned indices, in one function each: numba
would wrap negative indices around, and count the references to every array it passes on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mfg_envs import exact
from mfg_envs.game import Array, FiniteGame
from mfg_envs.game.probabilities import TOLERANCE, check_laws
from mfg_envs.game.reads import law_table, moves_are_fixed
from mfg_envs.numerics import random
from mfg_envs.numerics.compiler import constants, methods, scalar
from mfg_envs.soundness.finite import check_sound
from mfg_envs.soundness.next_states import check_next
from mfg_envs.soundness.rewards import check_rewards

BLOCK = 1024
"""Players a block: its scratch arrays stay in the first-level cache."""
TABLE_LIMIT = 1 << 22
"""Most entries (S * A * K) of a table of moves; larger games are evaluated player by player."""


class Moves(NamedTuple):
    """A fixed law of motion for the simulator; empty arrays if it is not fixed.

    Attributes:
        next: Next state of (x, a, w), uint32 (S * A * K,).
        chance: ``random.thresholds`` of the noise law, uint64 (S * A * (K - 1),).
    """

    next: Array
    chance: Array


@functools.lru_cache(maxsize=16)
def moves_table(game: FiniteGame) -> tuple[Moves, tuple[int, int, int]]:
    """Tabulate a fixed law of motion; also return the sizes (S, A, K)."""
    sizes = (game.num_states, game.num_actions, 0)
    moves = Moves(np.empty(0, np.uint32), np.empty(0, np.uint64))
    if sizes[0] * sizes[1] <= TABLE_LIMIT and moves_are_fixed(game):
        there, prob = exact.kernel(game, 0, None)
        sizes = prob.shape
        if prob.size <= TABLE_LIMIT:
            moves = Moves(there.astype(np.uint32).ravel(), random.thresholds(prob).ravel())
    return moves, sizes


def step(
    game: FiniteGame, t: int, x: Array, a: Array, m: Array, keys: Array
) -> tuple[Array, Array]:
    """Return next states and rewards (B, N) in NumPy: the oracle of the compiled step."""
    x, a = x.astype(np.int64), a.astype(np.int64)  # as compiled: x * x must fit
    u = random.uniform(random.subkey(keys, random.NOISE, t), x.shape[1])
    r = np.broadcast_to(np.asarray(game.reward(t, x, a, m), np.float64), x.shape)
    law = law_table(game, t, x, a, m)
    check_laws("noise_law", law, "bi")
    w = random.categorical(law, u)
    x2 = np.broadcast_to(np.asarray(game.step(t, x, a, m, w)), x.shape)
    x2 = np.where(game.legal_actions[x, a], x2, x)
    check_next("step", x2, game.num_states, lambda i: f"t={t}, x={x[i]}, a={a[i]}, w={w[i]}")
    check_rewards("reward", r, lambda i: f"t={t}, x={x[i]}, a={a[i]}")
    return x2.astype(np.int32), r.copy()


def mean_reward(r: Array) -> Array:
    """Return the mean over the players, (B, N) -> (B,): the oracle of the compiled ``mean``."""
    n = r.shape[1]
    quads = n // 4 * 4
    sums = r[:, :quads].reshape(len(r), -1, 4).sum(1, initial=0.0)  # row by row: in order
    for k in range(quads, n):
        sums[:, 0] += r[:, k]
    return (sums[:, 0] + sums[:, 1] + sums[:, 2] + sums[:, 3]) / n


class Loops(NamedTuple):
    """The compiled loops of one class of games.

    Attributes:
        step: One step of B populations into given arrays; False if an action is out of range.
        rollout: Steps under alias tables, into mean fields (T, B, O) and rewards (T, B).
    """

    step: Callable[..., bool]
    rollout: Callable[..., bool]


def arguments(game: FiniteGame) -> tuple[object, ...]:
    """Return the arguments of every compiled loop that depend on the game alone."""
    check_sound(game)
    moves, sizes = moves_table(game)
    legal = np.empty((0, 0), bool) if game.legal_actions.all() else game.legal_actions
    places = game.places[:0] if game.num_places == game.num_states else game.places
    return constants(game), tuple(moves), sizes, legal, places


@functools.cache
def simulator(game_class: type[FiniteGame]) -> Loops:
    """Compile the simulator of a class of games."""
    view, noise_law, move, reward, jit = methods(game_class)
    bits, fold, below = map(scalar, (random.bits, random.fold, random.below))
    u64, u32, i64 = np.uint64, np.uint32, np.int64
    noise, acting, to_unit = random.NOISE, random.ACTION, random.TO_UNIT
    controls = game_class.mean_field_of_controls

    @jit
    def count_pairs(x, a, places, num_actions, m):
        """Store the joint histograms of states and actions; False if an action is invalid."""
        wrong = False
        for b in range(a.shape[0]):
            for i in range(a.shape[1]):
                wrong |= u32(a[b, i]) >= num_actions
        if wrong:
            return False
        counts = np.empty(m.shape[1:], np.int32)
        for b in range(a.shape[0]):
            counts[:] = 0
            for i in range(a.shape[1]):
                s = u32(x[b, i])
                counts[u32(places[s] if places.size else s), u32(a[b, i])] += 1
            m[b] = counts / a.shape[1]
        return True

    @jit
    def step(values, moves, sizes, legal, places, t, x, a, m, keys, x2, r, m2):
        game = view(*values)
        nxt, chance = moves
        num_states, num_actions, last = sizes[0], u32(sizes[1]), u32(sizes[2] - 1)
        n, cells, counting = x.shape[1], m.shape[1], len(m2) > 0
        if controls and counting:  # the mean field is that of these actions; m is m2
            if not count_pairs(x, a, places, num_actions, m2):
                return False
            counting = False
        x, a, x2, r = x.reshape(x.size), a.reshape(a.size), x2.reshape(x.size), r.reshape(x.size)
        table = np.empty(num_states * sizes[1] if n > num_states * sizes[1] else 0)
        pair, draw = np.empty(min(n, BLOCK), np.uint32), np.empty(min(n, BLOCK), np.uint64)
        counts = np.empty((4, cells), np.int32)
        for b in range(keys.size):
            key, field = fold(fold(keys[b], noise), t), m[min(b, len(m) - 1)]
            counts[:] = 0
            if table.size:
                for s in range(num_states):
                    for j in range(sizes[1]):
                        table[s * sizes[1] + j] = reward(game, t, s, j, field)
            for low in range(0, n, BLOCK):
                first, size = u64(b * n + low), min(BLOCK, n - low)
                wrong = False
                for i in range(size):
                    wrong |= u32(a[first + u64(i)]) >= num_actions
                    pair[i] = u32(x[first + u64(i)]) * num_actions + u32(a[first + u64(i)])
                if wrong:
                    return False
                if table.size:
                    for i in range(size):
                        r[first + u64(i)] = table[pair[i]]
                else:
                    for i in range(size):
                        s, j = i64(u32(x[first + u64(i)])), i64(u32(a[first + u64(i)]))
                        r[first + u64(i)] = reward(game, t, s, j, field)
                for i in range(size):
                    wrong |= not (abs(r[first + u64(i)]) < np.inf)
                if wrong:
                    return False
                for i in range(size):
                    draw[i] = bits(key, u64(low + i)) >> u64(11)
                if nxt.size == 0:
                    for i in range(size):
                        s, j = i64(u32(x[first + u64(i)])), i64(u32(a[first + u64(i)]))
                        u = draw[i] * to_unit
                        law = noise_law(game, t, s, j, field)
                        w, total = 0, 0.0
                        for o in range(len(law) - 1):
                            total += law[o]
                            w += u >= total
                            wrong |= not (law[o] >= -TOLERANCE)
                        p = law[len(law) - 1]
                        wrong |= not ((p >= -TOLERANCE) & (abs(total + p - 1) <= TOLERANCE))
                        if legal.size == 0 or legal[s, j]:
                            s = move(game, t, s, j, field, w)
                        wrong |= not ((s >= 0) & (s < num_states))  # NaN is wrong, too
                        x2[first + u64(i)] = s
                    if wrong:
                        return False
                elif last == 1:
                    for i in range(size):
                        w = u32(draw[i] >= chance[pair[i]])
                        x2[first + u64(i)] = nxt[u32(2) * pair[i] + w]
                else:
                    for i in range(size):
                        w = u32(0)
                        for k in range(last):
                            w += u32(draw[i] >= chance[pair[i] * last + u32(k)])
                        x2[first + u64(i)] = nxt[pair[i] * (last + u32(1)) + w]
                if counting and places.size:
                    for i in range(size):
                        counts[i & 3, u32(places[u32(x2[first + u64(i)])])] += 1
                elif counting:
                    quads = size // 4 * 4
                    for i in range(0, quads, 4):
                        k = first + u64(i)
                        counts[0, u32(x2[k])] += 1
                        counts[1, u32(x2[k + u64(1)])] += 1
                        counts[2, u32(x2[k + u64(2)])] += 1
                        counts[3, u32(x2[k + u64(3)])] += 1
                    for i in range(quads, size):
                        counts[0, u32(x2[first + u64(i)])] += 1
            if counting:
                for s in range(cells):
                    m2[b, s] = (counts[0, s] + counts[1, s] + counts[2, s] + counts[3, s]) / n
        return True

    @jit
    def act(rule, t, x, keys, a):
        """Draw everybody's action from alias tables (S, A); see ``alias.sample_actions``."""
        num_actions, n = u32(rule.shape[1]), x.shape[1]
        x, a = x.reshape(x.size), a.reshape(a.size)
        entries = rule.reshape(rule.size)
        draw, entry = np.empty(min(n, BLOCK), np.uint64), np.empty(min(n, BLOCK), np.uint64)
        for b in range(keys.size):
            key = fold(fold(keys[b], acting), t)
            for low in range(0, n, BLOCK):
                first, size = u64(b * n + low), min(BLOCK, n - low)
                for i in range(size):
                    draw[i] = bits(key, u64(low + i))
                for i in range(size):
                    column = u32(below(draw[i], num_actions))
                    entry[i] = entries[u32(x[first + u64(i)]) * num_actions + column]
                for i in range(size):
                    own = (draw[i] >> u64(32)) < (entry[i] >> u64(32))
                    column, other = below(draw[i], num_actions), entry[i] & u64(0xFFFFFFFF)
                    a[first + u64(i)] = column if own else other

    @jit
    def mean(r, first, n):
        """Return the mean of n numbers, by four sums that do not wait for each other."""
        r0, r1, r2, r3 = 0.0, 0.0, 0.0, 0.0
        quads = first + n // 4 * 4
        for k in range(first, quads, 4):
            r0 += r[k]
            r1 += r[k + 1]
            r2 += r[k + 2]
            r3 += r[k + 3]
        for k in range(quads, first + n):
            r0 += r[k]
        return (r0 + r1 + r2 + r3) / n

    @jit
    def rollout(values, moves, sizes, legal, places, t, last, m, keys, alias, ms, rs):
        x, x2, a, r = last.copy(), np.empty_like(last), np.empty_like(last), np.empty(last.shape)
        earned, n = r.reshape(r.size), x.shape[1]
        for i in range(len(rs)):
            act(alias[min(t + i, len(alias) - 1)], t + i, x, keys, a)
            if not controls:
                ms[i] = m
            if not step(values, moves, sizes, legal, places, t + i, x, a, m, keys, x2, r, m):
                return False
            if controls:
                ms[i] = m
            for b in range(keys.size):
                rs[i, b] = mean(earned, b * n, n)
            x, x2 = x2, x
        last[:] = x
        return True

    return Loops(step, rollout)
