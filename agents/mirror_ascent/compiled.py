"""The compiled loop of conditional TD learning; its oracle is ``conditional_td.Walk``.

What a player needs in one state is a line of memory, one cache line for up to ten actions::

    Q(s, 0), ..., Q(s, A-1)   h(pi(s))   float32        A - 1 marks of pi(s)   uint16

A step is a handful of short passes over a block of players: random bits, next states, one touch of
every line that will be read (so that memory answers all of them at once), then next actions and
updates.  Independent players have a line for every state; one table for all has a single player's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import FiniteGame
from mfg_envs.numerics import random
from mfg_envs.numerics.compiler import methods, scalar

from .conditional_td import TO_MARKS

BLOCK = 256
"""Players a block: their lines stay in the second-level cache between touch and use."""
CACHE_LINE = 64
"""Bytes."""


def line_bytes(num_actions: int) -> int:
    """Return the bytes of a line: a power of two, or whole cache lines."""
    used = 6 * num_actions + 2
    whole = -(-used // CACHE_LINE) * CACHE_LINE
    return min(whole, 1 << (used - 1).bit_length())


class Loop(NamedTuple):
    """The compiled loops of a class of games.

    Attributes:
        walk: Moves everybody by many steps; False if a move leads nowhere.
        replay: Learns from stored transitions.
    """

    walk: Callable[..., Any]
    replay: Callable[..., None]


@functools.cache
def compiled_loop(game_class: type[FiniteGame], num_actions: int) -> Loop:
    """Compile the loops for a class of games and a number of actions: choices are unrolled."""
    view, noise_law, move, reward, jit = methods(game_class)
    bits, fold = scalar(random.bits), scalar(random.fold)
    u64, u32, i64, f32 = np.uint64, np.uint32, np.int64, np.float32
    noise, acting, to_marks = random.NOISE, random.ACTION, TO_MARKS
    to_unit, to_bits = random.TO_UNIT, 1 / random.TO_UNIT
    A, width, first = num_actions, line_bytes(num_actions) // 4, 2 * num_actions + 2

    @jit
    def choose(marks, line, draw):
        """Return how many marks of a line a draw reaches: the action."""
        a = u32(0)
        for j in range(A - 1):
            a += u32(u32(draw) >= marks[u64(2) * line + u64(first + j)])
        return a

    @jit
    def walk(
        values, moves, sizes, legal, observed, t0, key, steps, mixing, betas, low, scale,
        discount, lines, marks, x, visits, before, after, gains, earned,
    ):  # fmt: skip
        game = view(*values)
        nxt, chance = moves
        S, last, n, num_seen = sizes[0], u32(sizes[2] - 1), x.size, visits.size
        learners, stored = before.shape
        forgotten = steps // (mixing + 1) - stored
        own = u64(num_seen * width) if learners > 1 else u64(0)  # from player to player
        noise_key, acting_key = fold(key, noise), fold(key, acting)
        before, after, gains = before.ravel(), after.ravel(), gains.ravel()
        table = np.empty(S * A if n > S * A else 0, np.float32)
        size = min(n, BLOCK)
        pair, there = np.empty(size, np.uint32), np.empty(size, np.uint32)
        gain = np.empty(size, np.float32)
        draw, line, ahead = np.empty(size, u64), np.empty(size, u64), np.empty(size, u64)
        a, m, counts = np.empty(n, np.uint32), np.zeros(num_seen), np.zeros((4, num_seen), np.int32)
        shrunk, weight, touched, wrong = f32(discount), 1.0, f32(0), False
        tabled = nxt.size == 0 and table.size > 0  # players outnumber pairs: moves of every step
        if tabled:
            last = u32(len(noise_law(game, t0, 0, 0, m)) - 1)
            nxt = np.empty(S * A * (i64(last) + 1), np.uint32)
            chance = np.empty(S * A * i64(last), u64)
        now = fold(acting_key, t0)
        for i in range(n):
            s = u64(observed[u32(x[i])])
            counts[0, s] += 1
            a[i] = choose(marks, u64(i) * own + s * u64(width), bits(now, u64(i)) >> to_marks)
        for step in range(steps):
            t, number = t0 + step, step // (mixing + 1)
            # How many players learn from this step, or are paid for it.
            wanted = learners if step % (mixing + 1) == mixing else 0
            wanted = n if earned.size else wanted
            for s in range(num_seen):
                total = counts[0, s] + counts[1, s] + counts[2, s] + counts[3, s]
                m[s] = total / n
                visits[s] += total
            counts[:] = 0
            if wanted and table.size:
                for s in range(S):
                    for j in range(A):
                        table[s * A + j] = f32((reward(game, t, s, j, m) - low) * scale)
            if tabled:
                for s in range(S):
                    for j in range(A):
                        at, law, total = s * A + j, noise_law(game, t, s, j, m), 0.0
                        for k in range(last + u32(1)):
                            y = move(game, t, s, j, m, i64(k))
                            if legal.size and not legal[s, j]:
                                y = s
                            if not (y >= 0 and y < S):
                                wrong |= law[k] > 0
                                y = s
                            nxt[at * (i64(last) + 1) + k] = y
                            total += law[k]
                            if k < last:
                                chance[at * i64(last) + k] = u64(np.ceil(max(total, 0.0) * to_bits))
                if wrong:
                    return False, touched
            chances, choices = fold(noise_key, t), fold(acting_key, t + 1)
            for begin in range(0, n, BLOCK):
                low_i, size = u64(begin), min(BLOCK, n - begin)
                some = max(min(size, wanted - begin), 0)
                for i in range(size):
                    p = low_i + u64(i)
                    draw[i] = bits(chances, p) >> u64(11)
                for i in range(size):
                    p = low_i + u64(i)
                    pair[i] = u32(x[p]) * u32(A) + a[p]
                    line[i] = p * own + u64(observed[u32(x[p])]) * u64(width)
                if nxt.size == 0:
                    for i in range(size):
                        s, j = i64(u32(x[low_i + u64(i)])), i64(a[low_i + u64(i)])
                        law = noise_law(game, t, s, j, m)
                        w, total, u = 0, 0.0, draw[i] * to_unit
                        for k in range(len(law) - 1):
                            total += law[k]
                            w += u >= total
                        if legal.size == 0 or legal[s, j]:
                            s = move(game, t, s, j, m, w)
                        wrong |= not ((s >= 0) & (s < S))
                        there[i] = s
                    if wrong:
                        return False, touched
                elif last == 1:
                    for i in range(size):
                        there[i] = nxt[u32(2) * pair[i] + u32(draw[i] >= chance[pair[i]])]
                else:
                    for i in range(size):
                        w = u32(0)
                        for k in range(last):
                            w += u32(draw[i] >= chance[pair[i] * last + u32(k)])
                        there[i] = nxt[pair[i] * (last + u32(1)) + w]
                for i in range(size):
                    ahead[i] = (low_i + u64(i)) * own + u64(observed[there[i]]) * u64(width)
                if own:
                    for i in range(size):
                        touched += lines[ahead[i]]
                    for i in range(some):
                        touched += lines[line[i]]
                if table.size:
                    for i in range(some):
                        gain[i] = table[pair[i]]
                else:
                    for i in range(some):
                        s, j = i64(u32(x[low_i + u64(i)])), i64(a[low_i + u64(i)])
                        gain[i] = f32((reward(game, t, s, j, m) - low) * scale)
                for i in range(size):
                    draw[i] = bits(choices, low_i + u64(i)) >> to_marks
                if earned.size:
                    for i in range(some):
                        earned[low_i + u64(i)] += weight * (gain[i] + lines[line[i] + u64(A)])
                if betas.size:
                    for i in range(some):
                        p, b = low_i + u64(i), choose(marks, ahead[i], draw[i])
                        place = line[i] + u64(a[p])
                        old, target = lines[place], gain[i] + lines[line[i] + u64(A)]
                        target += shrunk * lines[ahead[i] + u64(b)]
                        lines[place] = old + betas[number] * (target - old)
                        a[p] = b
                else:
                    for i in range(some):
                        p, b = low_i + u64(i), choose(marks, ahead[i], draw[i])
                        if stored and number >= forgotten:
                            k = p * u64(stored) + u64(number - forgotten)
                            before[k] = u32(line[i] - p * own) + a[p]
                            after[k] = u32(ahead[i] - p * own) + b
                            gains[k] = gain[i] + lines[line[i] + u64(A)]
                        a[p] = b
                for i in range(some, size):
                    a[low_i + u64(i)] = choose(marks, ahead[i], draw[i])
                for i in range(size):
                    x[low_i + u64(i)] = there[i]
                quads = size // 4 * 4
                for i in range(0, quads, 4):
                    counts[0, u32(observed[there[i]])] += 1
                    counts[1, u32(observed[there[i + 1]])] += 1
                    counts[2, u32(observed[there[i + 2]])] += 1
                    counts[3, u32(observed[there[i + 3]])] += 1
                for i in range(quads, size):
                    counts[0, u32(observed[there[i]])] += 1
            weight *= discount
        return True, touched

    @jit
    def replay(lines, num_states, betas, discount, orders, before, after, gains):
        shrunk, stored = f32(discount), before.shape[1]
        for i in range(before.shape[0]):
            first, number = i * num_states * width, 0
            for turn in range(orders.shape[0]):
                for j in range(stored):
                    k = orders[turn, j]
                    place = first + before[i, k]
                    old = lines[place]
                    target = gains[i, k] + shrunk * lines[first + after[i, k]]
                    lines[place] = old + betas[number] * (target - old)
                    number += 1

    return Loop(walk, replay)
