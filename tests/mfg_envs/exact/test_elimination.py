"""Long-run averages of chains against rational arithmetic, closed forms and hand calculations."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Chain

from mfg_envs import exact
from mfg_envs.exact import elimination
from mfg_envs.exact.elimination import long_run_average

BACKENDS = ("numpy", "numba")
ROUNDING = 2.0**-53


def averaged(rows, law):
    """Return the limit of the averages of law P^n in rational arithmetic, by its definition."""
    S = len(rows)
    reach = [{i} for i in range(S)]
    for _ in range(S):
        reach = [set().union(own, *(reach[j] for j in range(S) if rows[i][j])) for i, own in
                 enumerate(reach)]  # fmt: skip
    classes = {frozenset(r) for i, r in enumerate(reach) if all(i in reach[j] for j in r)}
    transient = [i for i in range(S) if not any(i in members for members in classes)]
    visits = solve(  # expected visits of transient states, v = law + v P
        [[int(i == j) - rows[j][i] for j in transient] for i in transient],
        [law[i] for i in transient],
    )
    out = [Fraction(0)] * S
    for members in map(sorted, classes):
        mass = sum(law[i] for i in members)
        mass += sum(v * rows[i][j] for i, v in zip(transient, visits, strict=True) for j in members)
        balance = [[rows[j][i] - int(i == j) for j in members] for i in members]
        balance[-1] = [Fraction(1)] * len(members)
        for i, mu in zip(members, solve(balance, [0] * (len(members) - 1) + [1]), strict=True):
            out[i] = mass * mu
    return out


def solve(matrix, right):
    """Return the solution of a linear system in rational arithmetic."""
    rows = [[*map(Fraction, row), Fraction(b)] for row, b in zip(matrix, right, strict=True)]
    for k in range(len(rows)):
        pivot = next(i for i in range(k, len(rows)) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for i in range(len(rows)):
            if i != k and rows[i][k]:
                factor = rows[i][k] / rows[k][k]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[-1] / row[k] for k, row in enumerate(rows)]


def in_floats(rows):
    return np.array([[float(p) for p in row] for row in rows])


def off(got, expected):
    """Return the largest relative error of an entry; what is 0 must be 0."""
    assert all(g == 0 for g, e in zip(got, expected, strict=True) if e == 0)
    return max(abs(Fraction(float(g)) / e - 1) for g, e in zip(got, expected, strict=True) if e)


@st.composite
def chains(draw):
    """Return rows of multiples of powers of two and a first law, all of them exact in float64."""
    S = draw(st.integers(1, 7))
    deterministic = draw(st.booleans())  # cycles with tails, many classes
    rows = []
    for i in range(S):
        row = [Fraction(0)] * S
        if deterministic:
            row[draw(st.integers(0, S - 1))] = Fraction(1)
        else:
            for _ in range(draw(st.integers(0, 3))):
                size = draw(st.sampled_from((1, 3, 20, 40, 51)))
                row[draw(st.integers(0, S - 1))] = Fraction(draw(st.integers(1, 3)), 4 * 2**size)
            row[i] += 1 - sum(row)
        rows.append(row)
    weights = draw(st.lists(st.integers(0, 3), min_size=S, max_size=S).filter(any))
    return rows, [Fraction(w, sum(weights)) for w in weights]


@pytest.mark.parametrize("backend", BACKENDS)
@given(chain=chains())
@settings(max_examples=200)
def test_every_entry_is_right_to_its_last_digits(backend, chain):
    rows, law = chain
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MFG_ENVS_BACKEND", backend)
        got = long_run_average(in_floats(rows), np.array([float(p) for p in law]))
    S = len(rows)
    assert off(got, averaged(rows, law)) <= (2 * S**3 + 8 * S) * ROUNDING


@given(seed=st.integers(0, 2**32 - 1), share=st.sampled_from((0.02, 0.1, 0.5, 1.0)))
@settings(max_examples=60)
def test_the_back_ends_give_the_same_bits(seed, share):
    rng = np.random.default_rng(seed)
    S = int(rng.integers(1, 3 * elimination.PANEL))
    matrix = rng.exponential(size=(S, S)) ** 8 * (rng.random((S, S)) < share)
    matrix[matrix.sum(1) == 0, rng.integers(S)] = 1
    matrix /= matrix.sum(1, keepdims=True)
    law, got = rng.dirichlet(np.ones(S)), []
    for backend in BACKENDS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MFG_ENVS_BACKEND", backend)
            got.append(long_run_average(matrix, law))
    assert np.array_equal(*got)
    assert np.abs(got[0] @ matrix - got[0]).max() < 1e-14  # it is stationary
    lazy = (np.eye(S) + matrix) / 2
    for _ in range(60):
        lazy = lazy @ lazy
        lazy /= lazy.sum(1, keepdims=True)
    if share == 1:  # one class, and the powers of a well mixed chain are right
        assert np.abs(got[0] - law @ lazy).max() < 1e-10


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_parts_that_are_left_once_in_1e16_steps(use, backend):
    use(backend)
    out, back = 3e-16, 9e-16
    matrix = np.array([[0.5, 0.5, 0, 0], [0.5, 0.5, out, 0], [0, back, 0.5, 0.5], [0, 0, 0.5, 0.5]])
    got = long_run_average(matrix, np.full(4, 0.25))
    assert got == pytest.approx([0.375, 0.375, 0.125, 0.125], rel=1e-14)
    pair = np.array([[1.0, out], [back, 1.0]])
    assert long_run_average(pair, np.array([0.5, 0.5])) == pytest.approx([0.75, 0.25], rel=1e-15)


def adoption(size, error, alone):
    """Return the chances of how many of N adopt next what pays from a third of them on.

    Kandori, Mailath, Rob, "Learning, Mutation, and Long Run Equilibria" (Econometrica 1993): in a
    step one, or every one, chooses anew, and errs with half of the chance of a mutation.
    """
    rows = []
    for n in range(size + 1):
        adopt = 1 - error if 3 * n >= size else error
        row = [Fraction(0)] * (size + 1)
        if alone:
            up, down = Fraction(size - n, size) * adopt, Fraction(n, size) * (1 - adopt)
            row[n] = 1 - up - down
            if n < size:
                row[n + 1] = up
            if n:
                row[n - 1] = down
        else:
            for k in range(size + 1):
                row[k] = comb(size, k) * adopt**k * (1 - adopt) ** (size - k)
        rows.append(row)
    return rows


def settled_adoption(size, error, alone):
    """Return where the chain settles: detailed balance, or a mix of two binomial laws."""
    rows = adoption(size, error, alone)
    if alone:
        law = [Fraction(1)]
        for n in range(size):
            law.append(law[-1] * rows[n][n + 1] / rows[n + 1][n])
        return [p / sum(law) for p in law]
    bar = -(-size // 3)
    rare, common = rows[0], rows[-1]
    up, down = sum(rare[bar:]), sum(common[:bar])
    return [(down * r + up * c) / (up + down) for r, c in zip(rare, common, strict=True)]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(("size", "mutation", "share"), [(27, 1e-3, 0.98659), (40, 1e-4, 0.99800)])
def test_what_pays_from_a_third_on_is_adopted_by_all(use, backend, alone, size, mutation, share):
    use(backend)
    error = mutation / 2
    expected = settled_adoption(size, Fraction(error), alone)
    assert float(expected[-1]) == pytest.approx(share, abs=5e-6)
    rows = tuple(map(tuple, in_floats(adoption(size, Fraction(error), alone)).tolist()))
    for first in (0, size):
        game = Chain(rows=rows, first=first)
        got = exact.stationary_mean_field(game, np.ones((size + 1, 1)))
        assert got[-1] == pytest.approx(float(expected[-1]), rel=1e-12)
        normal = [i for i, p in enumerate(expected) if p > Fraction(1, 10**290)]
        assert off(got[normal], [expected[i] for i in normal]) < 1e-10


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_size_of_a_chance_is_no_matter_of_structure(use, backend):
    use(backend)
    for leak in (1e-20, 1e-100, 1e-300, 5e-324):
        stays = np.array([[1.0, 0.0, 0.0], [leak, 1.0, 0.0], [0.0, leak, 1.0]])
        assert np.array_equal(long_run_average(stays, np.full(3, 1 / 3)), [1, 0, 0])
        drawn_in = stays[::-1, ::-1]
        assert np.array_equal(long_run_average(drawn_in, np.full(3, 1 / 3)), [0, 0, 1])
        swap = np.array([[1 - leak, leak], [2 * leak, 1 - 2 * leak]])
        assert long_run_average(swap, np.array([0.0, 1.0])) == pytest.approx([2 / 3, 1 / 3])
    lopsided = np.array([[0.0, 1.0], [5e-324, 1.0]])
    assert long_run_average(lopsided, np.array([1.0, 0.0])) == pytest.approx([0, 1])


@pytest.mark.parametrize("backend", BACKENDS)
def test_ways_out_that_are_no_numbers_are_named(use, backend):
    use(backend)
    rare = 1e-200  # from 0 by way of 2 to 1, and back by way of 3: 1e-400 each
    matrix = np.array([[1, 0, rare, 0], [0, 1, 0, rare], [1, rare, 0, 0], [rare, 1, 0, 0]])
    with pytest.raises(ValueError, match=r"ways out of state 0 .* set the smallest chances to 0"):
        long_run_average(matrix, np.full(4, 0.25))
    matrix[0, 1] = matrix[1, 0] = rare  # another way, beside which those are nothing
    got = long_run_average(matrix, np.full(4, 0.25))
    assert got == pytest.approx([0.5, 0.5, rare / 2, rare / 2], rel=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
def test_roundings_below_zero_are_no_ways(use, backend):
    use(backend)
    matrix = np.array([[1.0, -1e-18], [0.0, 1.0]])
    assert np.array_equal(long_run_average(matrix, np.array([0.25, 0.75])), [0.25, 0.75])
