"""The laws of the draws, their independence, and the same bits on every back end."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mfg_envs.numerics import random
from mfg_envs.numerics.compiler import scalar

COUNT = 100_000
Z_4 = stats.norm.sf(4)
"""Chance of a false alarm of every test here: one-sided, four standard deviations."""


def uncorrelated(u, v):
    """Whether the sample correlation is within four of its standard errors of zero."""
    return abs(np.corrcoef(u, v)[0, 1]) < 4 / np.sqrt(len(u))


def test_uniform_numbers_follow_the_uniform_law():
    u = random.uniform(random.seed_key(1), COUNT)
    assert u.min() >= 0
    assert u.max() < 1
    assert stats.kstest(u, "uniform").pvalue > Z_4
    assert stats.chisquare(np.bincount((u * 1000).astype(int), minlength=1000)).pvalue > Z_4


def test_the_lowest_bits_of_a_draw_are_uniform_too():
    z = random.counter_bits(random.seed_key(2), COUNT)
    assert stats.chisquare(np.bincount((z & np.uint64(1023)).astype(int))).pvalue > Z_4


def test_every_bit_is_set_half_the_time():
    z = random.counter_bits(random.seed_key(3), COUNT)
    share = [((z >> np.uint64(b)) & np.uint64(1)).mean() for b in range(64)]
    assert np.abs(np.array(share) - 0.5).max() < 5 * 0.5 / np.sqrt(COUNT)


def test_a_uniform_number_is_the_high_53_bits():
    z = np.array([0, 2**11 - 1, 2**11, 2**63, 2**64 - 1], np.uint64)
    assert random.unit(z).tolist() == [0, 0, 2**-53, 0.5, 1 - 2**-53]


@pytest.mark.parametrize("bound", [1, 2, 7, 50, 1000])
def test_below_is_uniform_on_its_range(bound):
    drawn = random.below(random.counter_bits(random.seed_key(4), COUNT), bound).astype(int)
    counts = np.bincount(drawn, minlength=bound)
    assert len(counts) == bound
    assert bound == 1 or stats.chisquare(counts).pvalue > Z_4


def test_below_reaches_both_ends_of_its_range():
    z = np.array([0, 2**32 - 1, 2**64 - 1], np.uint64)
    assert random.below(z, 2**31).tolist() == [0, 2**31 - 1, 2**31 - 1]


def test_below_is_independent_of_the_high_bits_of_its_draw():
    z = random.counter_bits(random.seed_key(5), COUNT)
    table = np.zeros((8, 8))
    np.add.at(table, (random.below(z, 8).astype(int), (z >> np.uint64(61)).astype(int)), 1)
    assert stats.chi2_contingency(table).pvalue > Z_4


@pytest.mark.parametrize("which", [0, 1])
def test_normal_numbers_follow_the_normal_law(which):
    g = random.normals(random.counter_bits(random.seed_key(6), COUNT))[which].astype(float)
    assert stats.kstest(g, "norm").pvalue > Z_4
    moments = {1: (0, 1), 2: (1, 2), 3: (0, 15), 4: (3, 96)}  # mean, variance of g^k
    for k, (mean, variance) in moments.items():
        assert abs((g**k).mean() - mean) < 4 * np.sqrt(variance / COUNT)


def test_normal_numbers_have_the_normal_tails():
    g = random.normals(random.counter_bits(random.seed_key(7), 10 * COUNT))[0]
    for bound in (2, 3, 4):
        for tail in (g > bound, g < -bound):
            p = stats.norm.sf(bound)
            assert stats.binomtest(int(tail.sum()), g.size, p).pvalue > 2 * Z_4


def test_the_two_normal_numbers_of_a_draw_are_independent():
    first, second = random.normals(random.counter_bits(random.seed_key(8), COUNT))
    assert uncorrelated(first, second)
    assert uncorrelated(first**2, second**2)
    cuts = stats.norm.ppf(np.arange(1, 8) / 8)
    table = np.zeros((8, 8))
    np.add.at(table, (np.searchsorted(cuts, first), np.searchsorted(cuts, second)), 1)
    assert stats.chi2_contingency(table).pvalue > Z_4


def test_normal_numbers_are_box_muller_to_a_millionth():
    z = random.counter_bits(random.seed_key(9), COUNT)
    radius = np.sqrt(-2 * np.log(((z >> np.uint64(40)) + np.uint64(1)) * 2.0**-24))
    quarter = (z >> np.uint64(30)) & np.uint64(3)
    turn = ((z >> np.uint64(6)) & np.uint64(2**24 - 1)) * 2.0**-24 - 0.5
    angle = (quarter + turn) * np.pi / 2
    exact = radius * np.cos(angle), radius * np.sin(angle)
    assert np.abs(np.array(random.normals(z)) - exact).max() < 1e-6


def test_categorical_numbers_follow_their_law_and_never_meet_an_impossible_outcome():
    law = np.array([0, 0.1, 0, 0.6, 0.3, 0])
    drawn = random.categorical(law, random.uniform(random.seed_key(10), COUNT))
    counts = np.bincount(drawn, minlength=6)
    assert (counts[[0, 2, 5]] == 0).all()
    assert stats.chisquare(counts[[1, 3, 4]], COUNT * law[[1, 3, 4]]).pvalue > Z_4


@pytest.mark.parametrize("certain", [0, 1, 2])
def test_a_certain_outcome_always_happens(certain):
    u = np.array([0, 0.5, 1 - 2**-53])
    assert (random.categorical(np.eye(3)[certain], u) == certain).all()


def test_categorical_splits_the_unit_interval_at_the_running_sums():
    u = np.array([[0, 0.25 - 2**-54], [0.25, 0.5], [0.75 - 2**-53, 0.75]])
    drawn = random.categorical(np.array([0.25, 0.5, 0.25]), u)
    assert drawn.tolist() == [[0, 0], [1, 1], [1, 2]]


def test_a_law_for_each_number_gives_what_each_law_gives_alone():
    laws = np.random.default_rng(0).dirichlet(np.ones(4), (50, 3))
    u = random.uniform(random.seed_key(14), 150).reshape(50, 3)
    alone = [random.categorical(laws[i], u[i]) for i in np.ndindex(u.shape)]
    assert random.categorical(laws, u).ravel().tolist() == alone


def test_thresholds_count_to_the_outcome_that_the_number_falls_in():
    laws = np.random.default_rng(1).dirichlet(np.ones(4), 1000)
    laws[0], laws[1] = [0, 1, 0, 0], [-1e-9, 0.5, 0.5, 1e-9]  # rounding below 0 is nothing
    z = random.counter_bits(random.seed_key(15), 1000)
    ends = random.thresholds(laws)
    assert ends.dtype == np.uint64
    assert ends.shape == (1000, 3)
    counted = ((z >> np.uint64(11))[:, None] >= ends).sum(-1)
    assert counted.tolist() == random.categorical(laws, random.unit(z)).tolist()
    assert random.thresholds(np.array([0.25, 0.75])).tolist() == [2**51]


def test_a_draw_is_a_function_of_key_and_counter():
    key = random.subkey(random.seed_key(11), 3, random.NOISE, 5)
    assert np.array_equal(random.uniform(key, 10), random.uniform(key, 1000)[:10])


def draws(*path, seed=12):
    return random.uniform(random.subkey(random.seed_key(seed), *path), COUNT)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (draws(0, random.NOISE, 0), draws(0, random.NOISE, 1)),
        (draws(0, random.NOISE, 0), draws(1, random.NOISE, 0)),
        (draws(0, random.NOISE, 0), draws(0, random.ACTION, 0)),
        (draws(0, random.INITIAL), draws(0, random.NOISE, 0)),
        (draws(0, random.NOISE, 0), draws(0, random.NOISE, 0, seed=13)),
        (draws(0, random.NOISE, 0), draws(0, random.NOISE, 0, seed=12 + 2**64)),
        (draws(1, 0), draws(0, 1)),
        (draws(0)[1:], draws(0)[:-1]),
        (draws(0, 0)[1:], draws(0, 1)[:-1]),
    ],
    ids=["step", "episode", "stream", "first", "seed", "big-seed", "order", "player", "diagonal"],
)
def test_draws_under_distinct_keys_are_unrelated(one, other):
    assert np.mean(one == other) < 10 / COUNT
    assert uncorrelated(one, other)
    assert stats.kstest((one + other) % 1, "uniform").pvalue > Z_4  # sums show what pairs hide


def test_consecutive_seeds_give_unrelated_first_draws():
    first = random.uniform(random.seed_key(0, np.arange(COUNT)), 1)[:, 0]
    assert stats.kstest(first, "uniform").pvalue > Z_4
    assert uncorrelated(first[1:], first[:-1])


def test_keys_do_not_collide():
    keys = random.subkey(random.seed_key(0, np.arange(1000)), 0)
    folded = [random.subkey(keys, stream, t) for stream in range(4) for t in range(25)]
    assert len(np.unique(folded)) == 100_000


@pytest.mark.parametrize("seed", [0, 1, 2**32, 2**63, 2**64 - 3, 2**64 - 1, 2**128 - 2, 10**50])
def test_population_b_has_the_key_of_seed_plus_b(seed):
    keys = random.seed_key(seed, np.arange(5))
    assert keys.tolist() == [int(random.seed_key(seed + b)) for b in range(5)]
    assert len(set(keys.tolist())) == 5


def test_big_seeds_are_told_apart_beyond_64_bits():
    keys = [int(random.seed_key(s)) for s in (5, 5 + 2**64, 5 + 2**65, 5 + 2**128)]
    assert len(set(keys)) == 4


def test_a_seed_may_be_a_numpy_integer():
    assert random.seed_key(np.int64(7)) == random.seed_key(7)


def test_negative_seeds_are_refused():
    with pytest.raises(ValueError, match=r"seed must be at least 0, got -1"):
        random.seed_key(-1)


@pytest.mark.parametrize("seed", [1.5, "1", True, None])
def test_seeds_that_are_no_whole_numbers_are_refused(seed):
    with pytest.raises(TypeError, match="seed must be a whole number, got"):
        random.seed_key(seed)


def test_numba_draws_the_bits_numpy_draws():
    numba = pytest.importorskip("numba")
    mix, fold, bits, unit, below, normals = map(
        scalar,
        (random.mix, random.fold, random.bits, random.unit, random.below, random.normals),
    )

    @numba.njit
    def compiled(key, whole, real):
        for i in range(len(whole)):
            z = bits(key, np.uint64(i))
            whole[i, 0], whole[i, 1], whole[i, 2] = mix(np.uint64(i)), fold(key, i), z
            whole[i, 3] = below(z, 1000)
            real[i, 0] = unit(z)
            real[i, 1], real[i, 2] = normals(z)

    key = random.seed_key(14)
    whole, real = np.empty((COUNT, 4), np.uint64), np.empty((COUNT, 3))
    compiled(key, whole, real)
    counter = np.arange(COUNT, dtype=np.uint64)
    z = random.counter_bits(key, COUNT)
    folded = random.subkey(np.full(COUNT, key), counter)
    expected = np.stack([random.mix(counter), folded, z, random.below(z, 1000)], -1)
    assert np.array_equal(whole, expected)
    assert np.array_equal(real, np.stack([random.unit(z), *random.normals(z)], -1))
