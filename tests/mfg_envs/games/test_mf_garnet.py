"""Random games: the documented generator written out by hand, laws, and one frozen game."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfg_envs import exact, make_game

U64 = 2**64 - 1


def mix(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & U64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & U64
    return z ^ (z >> 31)


def uniform(seed, number, i):
    """Return u_number[i] from whole numbers alone."""
    key = 0
    for part in (seed, number):
        key = mix((key + 0x9E3779B97F4A7C15 * (part + 1) & U64) ^ 0xD1B54A32D192ED03)
    return (mix(key + 0x9E3779B97F4A7C15 * (i + 1) & U64) >> 11) / 2**53


@pytest.mark.parametrize("structure", ["additive", "multiplicative"])
@pytest.mark.parametrize("interaction", ["potential", "cyclic"])
def test_the_game_is_the_one_that_is_documented(structure, interaction):
    S, A, K, seed, d, e = 4, 3, 3, 11, 0.25, 0.75
    game = make_game(
        "mf_garnet", num_states=S, num_actions=A, branching=K, seed=seed, dynamics_strength=d,
        dynamics_structure=structure, reward_strength=e, reward_structure=structure,
        interaction=interaction,
    )  # fmt: skip
    m = np.array([0.1, 0.4, 0.3, 0.2])
    moves, r = exact.kernel(game, 0, m), exact.rewards(game, 0, m)

    def cut(numbers):
        return np.diff([0.0, *sorted(numbers), 1.0])

    u = np.array([[2 * uniform(seed, 4, S * x + y) - 1 for y in range(S)] for x in range(S)])
    matrix = (u + (1 if interaction == "potential" else -1) * u.T) / 2
    assert np.array_equal(game.matrix, matrix)  # to the bit, on every machine
    for x in range(S):
        for a in range(A):
            pair = A * x + a
            order = sorted(range(S), key=lambda y, p=pair: uniform(seed, 0, S * p + y))
            assert moves.next[x, a].tolist() == order[:K]
            base = cut([uniform(seed, 1, (K - 1) * pair + k) for k in range(K - 1)])
            assert np.array_equal(game.base[x, a], base)
            law = np.zeros(K)
            for y in range(S):
                first = S * pair + y
                if structure == "additive":
                    q = cut([uniform(seed, 2, (K - 1) * first + k) for k in range(K - 1)])
                    shift = d * (q - base)
                else:
                    c = np.array([uniform(seed, 2, K * first + k) for k in range(K)])
                    shift = (
                        d * base * (c - sum(p * number for p, number in zip(base, c, strict=True)))
                    )
                assert np.array_equal(game.shift[x, a, y], shift)
                law += m[y] * (base + shift)
            assert moves.prob[x, a] == pytest.approx(law, abs=1e-14)
            payoff, pull = uniform(seed, 3, pair), matrix[x] @ m
            want = (1 - e) * payoff + e * pull
            if structure == "multiplicative":
                want = payoff * (1 - e + e * pull)
            assert r[x, a] == pytest.approx(want, abs=1e-14)


@given(
    seed=st.integers(0, 2**70),
    size=st.integers(1, 6),
    strength=st.floats(0, 1),
    structure=st.sampled_from(["additive", "multiplicative"]),
)
def test_every_mean_field_gives_a_law_over_different_successors(seed, size, strength, structure):
    game = make_game(
        "mf_garnet", num_states=size, num_actions=2, branching=min(3, size), seed=seed,
        dynamics_strength=strength, dynamics_structure=structure,
    )  # fmt: skip
    rng = np.random.default_rng(size)
    for m in (*np.eye(size), rng.dirichlet(np.ones(size))):
        moves = exact.kernel(game, 0, m)
        assert moves.prob.min() >= -1e-15
        assert moves.prob.sum(-1) == pytest.approx(np.ones((size, 2)))
    distinct = [len(set(row)) for row in game.successors.reshape(-1, game.branching)]
    assert set(distinct) == {game.branching}


def test_without_strength_the_crowd_does_not_matter():
    game = make_game("mf_garnet", dynamics_strength=0, reward_strength=0)
    one, two = np.eye(20)[:2]
    assert np.array_equal(exact.kernel(game, 0, one).prob, exact.kernel(game, 0, two).prob)
    assert np.array_equal(exact.rewards(game, 0, one), exact.rewards(game, 0, two))


def test_seeds_differ_and_interactions_are_symmetric_or_skew():
    one, two = (make_game("mf_garnet", seed=seed) for seed in (0, 1))
    assert not np.array_equal(one.payoff, two.payoff)
    assert np.array_equal(one.matrix, one.matrix.T)
    skew = make_game("mf_garnet", interaction="cyclic").matrix
    assert np.array_equal(skew, -skew.T)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"num_states": 0}, "num_states must be at least 1, got 0"),
        ({"num_actions": 0}, "num_actions must be at least 1, got 0"),
        ({"branching": 21}, r"branching must be in \[1, 20\], got 21"),
        ({"branching": 0}, r"branching must be in \[1, 20\], got 0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"dynamics_structure": "linear"}, "dynamics_structure must be one of"),
        ({"reward_structure": "linear"}, "reward_structure must be one of"),
        ({"interaction": "zero"}, "interaction must be one of 'potential', 'cyclic'"),
        ({"dynamics_strength": 1.5}, r"dynamics_strength must be in \[0, 1\], got 1\.5"),
        ({"reward_strength": -1}, r"reward_strength must be in \[0, 1\], got -1\.0"),
        ({"num_states": 10**4}, r"num_states\^2 \* num_actions \* branching must be in"),
    ],
)
def test_a_value_out_of_its_range_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_game("mf_garnet", **parameters)
