"""Tables of N players in compiled code; ``tables.Tables`` says what they do, and is the oracle.

What a player knows in one row is a line of memory, one cache line for up to ten actions::

    Q(s, 0), ..., Q(s, A-1)   float32      visits of the A pairs, and of the row   uint16

Loops are short passes over blocks of players: every line that is read is touched first, so that
memory answers all of them at once, and exponentials are vector code.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array
from mfg_envs.numerics import elementary, random
from mfg_envs.numerics.compiler import compile_kernel, scalar

from ..mirror_ascent.compiled import line_bytes
from ..mirror_ascent.compiled_td import empty_lines
from .tables import MOST, Rules, Transition

BLOCK = 256
"""Players a block: their lines stay in the second-level cache between touch and use."""


class CompiledTables:
    """What N players know, as lines of memory; arguments and methods are those of ``Tables``."""

    def __init__(self, q: Array, visits: Array, rules: Rules) -> None:
        self._rules, self._legal = rules, rules.legal[:0] if rules.legal.all() else rules.legal
        self._shape = N, R, A = q.shape
        self._lines = empty_lines(N * R, A)
        self._counts = self._lines.view(np.uint16)
        self._lines[:, :A] = q.reshape(-1, A)
        self._counts[:, 2 * A : 3 * A] = visits.reshape(-1, A)
        self._counts[:, 3 * A] = 0
        self._loops = compiled_loops(A)

    @property
    def q(self) -> Array:
        """Action values, float32 (N, R, A)."""
        return self._lines[:, : self._shape[2]].reshape(self._shape)

    @property
    def visits(self) -> Array:
        """How often everybody has learned of every pair, uint16 (N, R, A)."""
        A = self._shape[2]
        return self._counts[:, 2 * A : 3 * A].reshape(self._shape)

    @property
    def seen(self) -> Array:
        """How often everybody was in every row since these tables were made, uint16 (N, R)."""
        return self._counts[:, 3 * self._shape[2]].reshape(self._shape[:2])

    def act(self, row: Array, key: Array) -> Array:
        """Return everybody's action, int32 (N,)."""
        a, heat = np.empty(len(row), np.int32), float(self._rules.heat)
        self._loops.act(self._lines.ravel(), self._shape[1], row, self._legal, heat, key, a)
        return a

    def learn(self, met: Transition) -> None:
        """Let everybody learn from its own transition."""
        rules = self._rules
        discount = np.float32(rules.discount if met.goes_on else 0.0)
        self._loops.learn(
            self._lines.ravel(), self._counts.ravel(), self._shape[1], met.row, met.action,
            met.reward, met.after, self._legal, rules.alphas, discount, float(rules.zero),
            float(rules.deviation),
        )  # fmt: skip


class Loops(NamedTuple):
    """The compiled loops of games with a number of actions.

    Attributes:
        act: Draws everybody's action into an array.  No ``legal`` at all: everything is.
        learn: Lets everybody learn; updates lines in place.
    """

    act: Callable[..., Any]
    learn: Callable[..., Any]


@functools.cache
def compiled_loops(num_actions: int) -> Loops:
    """Compile the loops for a number of actions: choices are unrolled."""
    bits, unit, exp = scalar(random.bits), scalar(random.unit), scalar(elementary.exp)
    u64, u16, f32, f64 = np.uint64, np.uint16, np.float32, np.float64
    A, width, most = num_actions, line_bytes(num_actions) // 4, MOST

    @compile_kernel
    def act(lines, num_rows, row, legal, heat, key, a):
        size = min(row.size, BLOCK)
        line, best, mark = np.empty(size, u64), np.empty(size), np.empty(size)
        weight = np.empty((A, size))
        for low in range(0, row.size, BLOCK):
            size = min(BLOCK, row.size - low)
            for i in range(size):
                line[i] = u64((low + i) * num_rows + row[low + i]) * u64(width)
                best[i] = -np.inf
            for j in range(A):
                for i in range(size):
                    weight[j, i] = f64(lines[line[i] + u64(j)])
            for j in range(A if legal.size else 0):
                for i in range(size):
                    weight[j, i] = weight[j, i] if legal[row[low + i], j] else -np.inf
            for j in range(A):
                for i in range(size):
                    best[i] = max(best[i], weight[j, i])
            for j in range(A):
                for i in range(size):
                    weight[j, i] = exp(heat * (weight[j, i] - best[i]))
            for j in range(1, A):
                for i in range(size):
                    weight[j, i] += weight[j - 1, i]
            for i in range(size):
                mark[i] = unit(bits(key, u64(low + i))) * weight[A - 1, i]
                a[low + i] = 0
            for j in range(A):
                for i in range(size):
                    a[low + i] += weight[j, i] <= mark[i]

    @compile_kernel
    def learn(
        lines, counts, num_rows, row, action, reward, after, legal, alphas, discount, zero,
        deviation,
    ):  # fmt: skip
        size, touched = min(row.size, BLOCK), f32(0)
        line, ahead = np.empty(size, u64), np.empty(size, u64)
        gain = np.empty(size, f32)
        for low in range(0, row.size, BLOCK):
            size = min(BLOCK, row.size - low)
            for i in range(size):
                line[i] = u64((low + i) * num_rows + row[low + i]) * u64(width)
                ahead[i] = u64((low + i) * num_rows + after[low + i]) * u64(width)
                gain[i] = f32((reward[low + i] - zero) / deviation)
            for i in range(size):
                touched += lines[ahead[i]]
            for i in range(size):
                best, place = f32(-np.inf), line[i] + u64(action[low + i])
                for j in range(A):
                    if legal.size == 0 or legal[after[low + i], j]:
                        best = max(best, lines[ahead[i] + u64(j)])
                of_pair = u64(2) * line[i] + u64(2 * A) + u64(action[low + i])
                of_row = u64(2) * line[i] + u64(3 * A)
                old, n = lines[place], counts[of_pair]
                lines[place] = old + alphas[n] * (gain[i] + discount * best - old)
                counts[of_pair] = n + u16(n < most)
                counts[of_row] += u16(counts[of_row] < most)
        return touched

    return Loops(act, learn)
