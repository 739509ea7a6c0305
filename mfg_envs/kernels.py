"""The compiled loops of the simulator, and their NumPy oracles.

A step of N players is a handful of short passes, each one gather and one store, over blocks
that stay in the cache: reward, random bits, outcome, next state, histogram (four interleaved
ones, so that players in one state do not wait for each other).  Rewards come from a table where
there are more players than (state, action) pairs, else from the game's method; moves come from
a table where the law of motion is fixed, else from the methods.

Populations are laid end to end: ``x``, ``a``, ``r`` have B * N entries, ``m`` has a row for each
population (or one row that all of them share).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mfg_envs import exact, random
from mfg_envs.compiled import constants, methods, scalar
from mfg_envs.dependence import law_table, moves_are_fixed
from mfg_envs.game import Array, FiniteGame

BLOCK = 1024
"""Players a block: its scratch arrays stay in the first-level cache."""
TABLE_LIMIT = 1 << 22
"""Most entries (S * A * K) of a table of moves; larger games are evaluated player by player."""


class Moves(NamedTuple):
    """A fixed law of motion for the simulator; empty arrays if it is not fixed.

    Attributes:
        next: Next state of (x, a, w), uint32 (S * A * K,).
        chance: ``2^53`` times the running sums of the noise law without the last, rounded up:
            uint64 (S * A * (K - 1),).  The outcome is the number of them <= the random bits.
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
            sums = np.ceil(np.maximum(np.cumsum(prob, -1)[..., :-1], 0) * 2.0**53)
            moves = Moves(there.astype(np.uint32).ravel(), sums.astype(np.uint64).ravel())
    return moves, sizes


def alias_table(policy: Array) -> Array:
    """Return Walker's alias tables of the rows of a policy, uint64 of the policy's shape.

    A draw picks column j and a fraction; the high half of an entry is the fraction (in 2^-32)
    below which j is played, the low half the action that is played else.
    """
    rows = np.ascontiguousarray(policy.reshape(-1, policy.shape[-1]), np.float64)
    share = rows / rows.sum(-1, keepdims=True) * rows.shape[1]
    alias = np.broadcast_to(np.arange(rows.shape[1]), rows.shape).copy()
    every = np.arange(len(rows))
    open_ = np.ones(rows.shape, bool)
    for _ in range(rows.shape[1] - 1):  # the poorest column is topped up by the richest
        poor = np.where(open_, share, np.inf).argmin(-1)
        rich = np.where(open_, share, -np.inf).argmax(-1)
        alias[every, poor] = rich
        share[every, rich] -= 1 - share[every, poor]
        open_[every, poor] = False
    share[open_] = 1
    high = np.clip(np.rint(share * 2.0**32), 0, 2**32 - 1).astype(np.uint64)
    return ((high << np.uint64(32)) | alias.astype(np.uint64)).reshape(policy.shape)


def sample_actions(alias: Array, x: Array, keys: Array, t: int) -> Array:
    """Draw every player's action from alias tables (the oracle of the compiled rollout).

    Args:
        alias: ``alias_table`` of a rule, (S, A).
        x: Private states, (B, N).
        keys: Keys of the episodes, (B,).
        t: Time.
    """
    z = random.counter_bits(random.subkey(keys, random.ACTION, t), x.shape[1])
    column = random.below(z, alias.shape[1])
    entry = alias[x, column]
    played = np.where(z >> random.S32 < entry >> random.S32, column, entry & np.uint64(0xFFFFFFFF))
    return played.astype(np.int32)


def step(
    game: FiniteGame, t: int, x: Array, a: Array, m: Array, keys: Array
) -> tuple[Array, Array]:
    """Return next states and rewards (B, N) in NumPy: the oracle of the compiled step."""
    u = random.uniform(random.subkey(keys, random.NOISE, t), x.shape[1])
    r = np.broadcast_to(np.asarray(game.reward(t, x, a, m), np.float64), x.shape)
    law = law_table(game, t, x, a, m)
    w = np.zeros(x.shape, np.int64)
    total = np.zeros(x.shape)
    for k in range(law.shape[-1] - 1):
        total = total + law[..., k]
        w += u >= total
    x2 = np.broadcast_to(np.asarray(game.step(t, x, a, m, w)), x.shape)
    return np.where(game.legal_actions[x, a], x2, x).astype(np.int32), r.copy()


class Simulator(NamedTuple):
    """The compiled loops of one class of games.

    Attributes:
        step: One step of B populations into given arrays; False if an action is out of range.
        rollout: Steps under alias tables, into mean fields (T, B, O) and rewards (T, B).
    """

    step: Callable[..., bool]
    rollout: Callable[..., None]


def arguments(game: FiniteGame) -> tuple[object, ...]:
    """Return the arguments of every compiled loop that depend on the game alone."""
    moves, sizes = moves_table(game)
    legal = np.empty((0, 0), bool) if game.legal_actions.all() else game.legal_actions
    observed = game.observed if game.num_observations < game.num_states else game.observed[:0]
    return constants(game), tuple(moves), sizes, legal, observed


@functools.cache
def simulator(game_class: type[FiniteGame]) -> Simulator:
    """Compile the simulator of a class of games."""
    view, noise_law, move, reward, jit = methods(game_class)
    bits, fold, unit, below = map(scalar, (random.bits, random.fold, random.unit, random.below))
    u64, u32, i64 = np.uint64, np.uint32, np.int64
    noise, acting = random.NOISE, random.ACTION
    controls = game_class.mean_field_of_controls

    @jit
    def earn(values, t, x, a, m, table, r, first, n):
        game = view(*values)
        num_states, num_actions = table.shape
        if table.size:
            for s in range(num_states):
                for j in range(num_actions):
                    table[s, j] = reward(game, t, s, j, m)
            flat = table.reshape(table.size)
            for i in range(n):
                k = first + u64(i)
                r[k] = flat[u32(x[k]) * u32(num_actions) + u32(a[k])]
        else:
            for i in range(n):
                k = first + u64(i)
                r[k] = reward(game, t, i64(u32(x[k])), i64(u32(a[k])), m)

    @jit
    def move_by_table(nxt, chance, sizes, x, a, key, pair, draw, x2, first, low, n):
        num_actions, last = u32(sizes[1]), u32(sizes[2] - 1)
        start = first + low
        for i in range(n):
            k = start + u64(i)
            pair[i] = u32(x[k]) * num_actions + u32(a[k])
        for i in range(n):
            draw[i] = bits(key, low + u64(i)) >> u64(11)
        if last == 1:
            for i in range(n):
                x2[start + u64(i)] = nxt[u32(2) * pair[i] + u32(draw[i] >= chance[pair[i]])]
        else:
            for i in range(n):
                w = u32(0)
                for k in range(last):
                    w += u32(draw[i] >= chance[pair[i] * last + u32(k)])
                x2[start + u64(i)] = nxt[pair[i] * (last + u32(1)) + w]

    @jit
    def move_by_method(values, legal, t, x, a, m, key, x2, first, n):
        game = view(*values)
        for i in range(n):
            k = first + u64(i)
            u = unit(bits(key, u64(i)))
            s, j = i64(u32(x[k])), i64(u32(a[k]))
            law = noise_law(game, t, s, j, m)
            w, total = 0, 0.0
            for o in range(len(law) - 1):
                total += law[o]
                w += u >= total
            stays = legal.size > 0 and not legal[s, j]
            x2[k] = s if stays else move(game, t, s, j, m, w)

    @jit
    def count(x, a, observed, counts, m, b, first, n):
        counts[:] = 0
        if observed.size or controls:
            A = m.shape[-1] if controls else 1
            for i in range(n):
                s = u32(x[first + u64(i)])
                place = observed[s] if observed.size else s
                if controls:
                    place = place * A + a[first + u64(i)]
                counts[i & 3, u32(place)] += 1
        else:
            quads = n // 4 * 4
            for i in range(0, quads, 4):
                k = first + u64(i)
                counts[0, u32(x[k])] += 1
                counts[1, u32(x[k + u64(1)])] += 1
                counts[2, u32(x[k + u64(2)])] += 1
                counts[3, u32(x[k + u64(3)])] += 1
            for i in range(quads, n):
                counts[0, u32(x[first + u64(i)])] += 1
        row = m[b].reshape(counts.shape[1])
        for s in range(row.size):
            row[s] = (counts[0, s] + counts[1, s] + counts[2, s] + counts[3, s]) / n

    @jit
    def advance(values, moves, sizes, legal, t, x, a, m, keys, table, pair, draw, x2, r):
        nxt, chance = moves
        n = x.size // keys.size
        for b in range(keys.size):
            first = u64(b * n)
            key = fold(fold(keys[b], noise), t)
            field = m[min(b, len(m) - 1)]
            earn(values, t, x, a, field, table, r, first, n)
            if nxt.size:
                for low in range(0, n, BLOCK):
                    size = min(BLOCK, n - low)
                    move_by_table(
                        nxt, chance, sizes, x, a, key, pair, draw, x2, first, u64(low), size
                    )
            else:
                move_by_method(values, legal, t, x, a, field, key, x2, first, n)

    @jit
    def step(values, moves, sizes, legal, observed, t, x, a, m, keys, x2, r, m2):
        n = x.size // keys.size
        wrong = False
        for i in range(a.size):
            wrong |= u32(a[i]) >= u32(sizes[1])
        if wrong:
            return False
        table = np.empty((sizes[0] if n >= sizes[0] * sizes[1] else 0, sizes[1]))
        pair, draw = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint64)
        if controls and len(m2):  # the mean field is that of these actions
            counts = np.empty((4, m2[0].size), np.int32)
            for b in range(keys.size):
                count(x, a, observed, counts, m2, b, u64(b * n), n)
            advance(values, moves, sizes, legal, t, x, a, m2, keys, table, pair, draw, x2, r)
            return True
        advance(values, moves, sizes, legal, t, x, a, m, keys, table, pair, draw, x2, r)
        if len(m2):
            counts = np.empty((4, m2[0].size), np.int32)
            for b in range(keys.size):
                count(x2, a, observed, counts, m2, b, u64(b * n), n)
        return True

    @jit
    def act(alias, x, a, key, first, n):
        A = alias.shape[1]
        flat = alias.reshape(alias.size)
        for i in range(n):
            z = bits(key, u64(i))
            j = below(z, A)
            entry = flat[u64(u32(x[first + u64(i)])) * u64(A) + j]
            other = entry & u64(0xFFFFFFFF)
            a[first + u64(i)] = j if (z >> u64(32)) < (entry >> u64(32)) else other

    @jit
    def rollout(values, moves, sizes, legal, observed, t, x, m, keys, alias, ms, rs):
        n = x.size // keys.size
        a, x2, r = np.empty_like(x), np.empty_like(x), np.empty(x.size)
        table = np.empty((sizes[0] if n >= sizes[0] * sizes[1] else 0, sizes[1]))
        pair, draw = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint64)
        counts = np.empty((4, m[0].size), np.int32)
        for i in range(len(rs)):
            rule = alias[min(t + i, len(alias) - 1)]
            for b in range(keys.size):
                act(rule, x, a, fold(fold(keys[b], acting), t + i), u64(b * n), n)
                if controls:
                    count(x, a, observed, counts, m, b, u64(b * n), n)
            ms[i] = m
            advance(values, moves, sizes, legal, t + i, x, a, m, keys, table, pair, draw, x2, r)
            for b in range(keys.size):
                rs[i, b] = r[b * n : (b + 1) * n].sum() / n
                if not controls:
                    count(x2, a, observed, counts, m, b, u64(b * n), n)
            x[:] = x2

    return Simulator(step, rollout)
