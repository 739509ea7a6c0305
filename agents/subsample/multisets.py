"""Multisets ranked: what k exchangeable locals can look like, numbered without gaps.

A multiset of k members of S kinds is written as its members in ascending order, ``x_1 <= ... <=
x_k``; the multisets are numbered in the lexicographic order of these rows.  With
``N(s, r) = C(s + r - 1, r)`` multisets of r members of s kinds,

    rank(x) = sum_i [N(S - x_{i-1}, k - i + 1) - N(S - x_i, k - i + 1)],        x_0 = 0,

for there are so many rows that agree with x before place i and are smaller there.  Loops need no
ranks of whole rows: ``insertion`` says where a multiset goes when one member joins, so that k
look-ups number k members in any order.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

from mfg_envs.game import Array


def count(num_kinds: int, size: int) -> int:
    """Return the number of multisets of ``size`` members."""
    return math.comb(num_kinds + size - 1, size)


def members(num_kinds: int, size: int) -> Array:
    """Return all multisets in their order, as ascending rows: int32 (N, size)."""
    rows = np.zeros((1, 0), np.int32)
    for place in range(size):
        last = rows[:, -1] if place else np.zeros(1, np.int32)
        repeats = num_kinds - last
        source = np.repeat(np.arange(len(rows)), repeats)
        first = np.repeat(np.cumsum(repeats) - repeats, repeats)
        own = last[source] + (np.arange(len(source)) - first)
        rows = np.concatenate([rows[source], own[:, None].astype(np.int32)], 1)
    return rows


def rank(rows: Array, num_kinds: int) -> Array:
    """Return the numbers of multisets given as ascending rows (..., size), int64 (...)."""
    size = rows.shape[-1]
    total = np.zeros(rows.shape[:-1], np.int64)
    before = np.zeros(rows.shape[:-1], np.int64)
    for place in range(size):
        left = size - place
        number = np.array([math.comb(s + left - 1, left) for s in range(num_kinds + 1)], np.int64)
        total += number[num_kinds - before] - number[num_kinds - rows[..., place]]
        before = rows[..., place]
    return total


def counts(rows: Array, num_kinds: int) -> Array:
    """Return how many members of each kind multisets have, int64 (N, S)."""
    return (rows[:, :, None] == np.arange(num_kinds)).sum(1)


class Insertion(NamedTuple):
    """Where multisets go when a member joins; what belongs to r members begins at ``start[r]``.

    Attributes:
        table: At ``start[r] + y N + f``, N multisets of r members: number, among the multisets of
            r + 1 members, of multiset f with y added; uint32.
        start: int64 (size + 1,).
    """

    table: Array
    start: Array

    def of(self, r: int, num_kinds: int) -> Array:
        """Return the table for multisets of r members, (S, N)."""
        return self.table[self.start[r] : self.start[r + 1]].reshape(num_kinds, -1)


@functools.lru_cache(maxsize=8)
def insertion(num_kinds: int, size: int) -> Insertion:
    """Return the tables for multisets of 0, 1, ..., ``size - 1`` members."""
    parts, start = [np.empty(0, np.uint32)], [0]
    for r in range(size):
        rows = members(num_kinds, r)
        joined = np.empty((num_kinds, len(rows), r + 1), np.int32)
        joined[..., :r] = rows
        joined[..., r] = np.arange(num_kinds)[:, None]
        joined.sort(-1)
        parts.append(rank(joined, num_kinds).ravel().astype(np.uint32))
        start.append(start[-1] + parts[-1].size)
    table = np.concatenate(parts)
    table.flags.writeable = False
    return Insertion(table, np.array(start))


def number_of(rows: Array, num_kinds: int) -> Array:
    """Return the numbers of multisets whose members come in any order, (..., size) -> (...)."""
    size = rows.shape[-1]
    joins, number = insertion(num_kinds, size), np.zeros(rows.shape[:-1], np.int64)
    for r in range(size):
        number = joins.of(r, num_kinds)[rows[..., r], number].astype(np.int64)
    return number


def chances(law: Array, size: int) -> Array:
    """Return the chance of every multiset of ``size`` independent draws from a law, (N,)."""
    joins, chance = insertion(len(law), size), np.ones(1)
    for r in range(size):
        after = np.zeros(count(len(law), r + 1))
        for y, p in enumerate(law):
            after[joins.of(r, len(law))[y]] += p * chance
        chance = after
    return chance
