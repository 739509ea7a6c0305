"""Multisets: their order, their numbers, and how often they are drawn."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations_with_replacement, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.subsample import multisets

kinds, sizes = st.integers(1, 6), st.integers(0, 6)


def test_multisets_by_hand():
    rows = [[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2]]
    assert multisets.members(3, 2).tolist() == rows
    assert multisets.rank(np.array(rows), 3).tolist() == list(range(6))
    assert multisets.counts(np.array(rows), 3)[4].tolist() == [0, 1, 1]
    assert multisets.insertion(3, 2).of(1, 3).tolist() == [[0, 1, 2], [1, 3, 4], [2, 4, 5]]
    assert multisets.count(5, 25) == 23_751


@given(kinds, sizes)
def test_members_are_all_ascending_rows_in_order(num_kinds, size):
    rows = multisets.members(num_kinds, size)
    assert list(map(tuple, rows.tolist())) == list(
        combinations_with_replacement(range(num_kinds), size)
    )
    assert len(rows) == multisets.count(num_kinds, size)
    assert rows.shape == (len(rows), size)


@given(kinds, sizes, st.randoms(use_true_random=False))
def test_numbers_are_found_again(num_kinds, size, generator):
    rows = multisets.members(num_kinds, size)
    assert multisets.rank(rows, num_kinds).tolist() == list(range(len(rows)))
    places = list(range(size))
    generator.shuffle(places)  # in any order
    assert multisets.number_of(rows[:, places], num_kinds).tolist() == list(range(len(rows)))


@given(kinds, st.integers(1, 5))
def test_insertion_adds_one_member(num_kinds, size):
    joins = multisets.insertion(num_kinds, size)
    for r in range(size):
        rows, table = multisets.members(num_kinds, r), joins.of(r, num_kinds)
        assert table.shape == (num_kinds, len(rows))
        larger = multisets.members(num_kinds, r + 1).tolist()
        for y, f in product(range(num_kinds), range(len(rows))):
            assert larger[table[y, f]] == sorted([*rows[f].tolist(), y])
    with pytest.raises(ValueError, match="read-only"):
        joins.table[0] = 0


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=4), st.integers(0, 4))
def test_chances_are_those_of_independent_draws(weights, size):
    law = np.array(weights) / sum(weights)
    wanted = Counter()
    for drawn in product(range(len(law)), repeat=size):
        wanted[tuple(sorted(drawn))] += math.prod(law[y] for y in drawn)
    got = multisets.chances(law, size)
    rows = multisets.members(len(law), size).tolist()
    assert got == pytest.approx([wanted[tuple(row)] for row in rows], abs=1e-14)
    assert got.sum() == pytest.approx(1)
