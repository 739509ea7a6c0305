"""Tabular policies: uniform, greedy, softmax, and checks that name the row at fault."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as some

from mfg_envs import policies
from mfg_envs.game.probabilities import check_laws
from mfg_envs.games.ring_road import RingRoad

LEGAL = np.ones((2, 3), bool)
PARTLY = np.array([[True, True, False], [False, True, True]])
values = some.arrays(float, (2, 3), elements=st.floats(-1e3, 1e3, width=32))


def test_the_uniform_policy_plays_legal_actions_alike(any_game):
    policy = policies.uniform(any_game)
    clock = () if any_game.horizon is None else (any_game.horizon,)
    legal = any_game.legal_actions
    assert policy.shape == (*clock, *legal.shape)
    assert np.array_equal(policy, np.broadcast_to(legal / legal.sum(-1)[:, None], policy.shape))


def test_the_uniform_policy_of_a_corridor_knows_its_walls(toys):
    policy = policies.uniform(toys.Corridor())
    assert policy.shape == (7, 5, 3)
    assert policy[3, 0].tolist() == [0, 0.5, 0.5]
    assert policy[3, 1] == pytest.approx(np.full(3, 1 / 3))
    assert policy[3, 4].tolist() == [0.5, 0.5, 0]


def test_greedy_plays_the_best_action():
    q = np.array([[1.0, 3, 2], [-1, -3, -2]])
    assert policies.greedy(q, LEGAL).tolist() == [[0, 1, 0], [1, 0, 0]]


def test_greedy_splits_ties_evenly_or_plays_the_first():
    q = np.array([[2.0, 1, 2], [0, 0, 0]])
    assert policies.greedy(q, LEGAL) == pytest.approx(np.array([[0.5, 0, 0.5], [1 / 3] * 3]))
    assert policies.greedy(q, LEGAL, ties="first").tolist() == [[1, 0, 0], [1, 0, 0]]


def test_greedy_takes_values_within_the_tolerance_as_ties():
    q = np.array([[1, 1 - 5e-10, 1 - 2e-9], [0, 0.01, 0.02]])
    assert policies.greedy(q, LEGAL).tolist() == [[0.5, 0.5, 0], [0, 0, 1]]
    assert policies.greedy(q, LEGAL, tolerance=0).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert policies.greedy(q, LEGAL, tolerance=0.015)[1].tolist() == [0, 0.5, 0.5]


def test_greedy_never_plays_an_illegal_action():
    q = np.array([[0.0, 1, 9], [9, 1, 0]])
    assert policies.greedy(q, PARTLY).tolist() == [[0, 1, 0], [0, 1, 0]]


def test_greedy_takes_one_table_for_each_time():
    q = np.stack([np.eye(2, 3), -np.eye(2, 3)])
    assert policies.greedy(q, LEGAL, ties="first").argmax(-1).tolist() == [[0, 1], [1, 0]]


def test_greedy_knows_two_ways_with_ties():
    with pytest.raises(ValueError, match="ties must be one of 'split', 'first', got 'last'"):
        policies.greedy(np.zeros((2, 3)), LEGAL, ties="last")


@given(q=values)
def test_greedy_is_a_law_on_best_legal_actions(q):
    for ties in ("split", "first"):
        policy = policies.greedy(q, PARTLY, ties=ties)
        assert np.allclose(policy.sum(-1), 1)
        assert (policy[~PARTLY] == 0).all()
        best = np.where(PARTLY, q, -np.inf).max(-1)
        assert ((policy * np.where(PARTLY, q, 0)).sum(-1) >= best - 1e-9 - 1e-12 * abs(best)).all()


def test_softmax_is_proportional_to_the_exponentials():
    q = np.log([[1.0, 2, 5], [4, 4, 8]])
    expected = np.array([[1, 2, 5], [2, 2, 4]]) / 8
    assert policies.softmax(q, LEGAL) == pytest.approx(expected)
    squares = np.array([[1, 4, 25], [1, 1, 4]]) / np.array([[30], [6]])
    assert policies.softmax(q, LEGAL, inverse_temperature=2.0) == pytest.approx(squares)


def test_softmax_gives_illegal_actions_no_mass_and_huge_values_no_overflow():
    q = np.array([[1e300, 0, 1e301], [-1e300, 0, 1e-300]])
    assert policies.softmax(q, PARTLY).tolist() == [[1, 0, 0], [0, 0.5, 0.5]]


def test_softmax_at_temperature_infinity_is_uniform_and_at_zero_greedy():
    q = np.array([[0.0, 1, 0.5], [2, 0, 1]])
    assert policies.softmax(q, LEGAL, inverse_temperature=0.0) == pytest.approx(
        np.full((2, 3), 1 / 3)
    )
    assert policies.softmax(q, LEGAL, inverse_temperature=1e6).tolist() == [[0, 1, 0], [1, 0, 0]]


@given(q=values, shift=st.floats(-100, 100))
def test_softmax_is_a_law_that_does_not_see_a_shift(q, shift):
    policy = policies.softmax(q, PARTLY)
    assert np.allclose(policy.sum(-1), 1)
    assert (policy[~PARTLY] == 0).all()
    assert np.allclose(policies.softmax(q + shift, PARTLY), policy, rtol=1e-9, atol=1e-12)


def test_a_checked_policy_is_float64_and_unchanged(any_game, random_policy):
    policy = random_policy(any_game)
    assert np.array_equal(policies.policy_table(any_game, policy), policy)
    assert policies.policy_table(any_game, policy.astype(np.float32)).dtype == np.float64
    certain = policies.greedy(policy, any_game.legal_actions, ties="first").astype(int)
    assert policies.policy_table(any_game, certain.tolist()).dtype == np.float64


def test_a_policy_over_observed_states_is_spread_to_private_ones():
    game = RingRoad(num_cells=3, num_speeds=4, dynamics="position", horizon=2)
    policy = np.random.default_rng(0).dirichlet(np.ones(4), (2, 3))
    spread = policies.policy_table(game, policy)
    assert spread.shape == (2, 12, 4)
    for x in range(12):
        assert np.array_equal(spread[:, x], policy[:, game.observed[x]])
    assert np.array_equal(policies.rule_table(game, policy[1]), spread[1])


@pytest.mark.parametrize("shape", [(2, 3), (6, 2, 3), (5, 2, 2), (6, 2), (6, 2, 2, 1)])
def test_a_policy_of_another_shape_is_refused_with_the_right_one(toys, shape):
    with pytest.raises(ValueError, match=r"policy must have shape \(T, S, A\) = \(6, 2, 2\), got"):
        policies.policy_table(toys.Epidemic(), np.ones(shape))


def test_the_shape_error_lists_both_shapes_where_players_observe_less():
    game = RingRoad(num_cells=3, num_speeds=4, dynamics="position")
    with pytest.raises(ValueError, match=r"\(S, A\) = \(3, 4\) or \(12, 4\), got \(5, 4\)"):
        policies.policy_table(game, np.ones((5, 4)))
    with pytest.raises(
        ValueError, match=r"rule must have shape \(S, A\) = \(12, 4\), got \(5, 4\)"
    ):
        policies.rule_table(game, np.ones((5, 4)))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([0.5, 0.4], r"\[t=4\]\[x=1\] must be probabilities .* \[0.4, 0.5\] and sum 0.9; divide"),
        ([1.5, -0.5], r"\[t=4\]\[x=1\] must be .* in \[-0.5, 1.5\] and sum 1;"),
        ([np.nan, 1], r"\[t=4\]\[x=1\] must be .* sum nan"),
        ([np.inf, 0], r"\[t=4\]\[x=1\] must be .* sum inf"),
        ([1, 1], r"\[t=4\]\[x=1\] must be .* sum 2;"),
        ([0, 0], r"\[t=4\]\[x=1\] must be .* sum 0;"),
    ],
)
def test_a_row_that_is_no_law_is_named(toys, row, message):
    policy = policies.uniform(toys.Epidemic())
    policy[4, 1] = policy[5, 0] = row  # the first of two
    with pytest.raises(ValueError, match="policy" + message):
        policies.policy_table(toys.Epidemic(), policy)
    with pytest.raises(ValueError, match="policy" + message.removeprefix(r"\[t=4\]")):
        policies.rule_table(toys.Epidemic(), policy[4])


def test_a_stationary_policy_is_named_by_its_state(toys):
    with pytest.raises(ValueError, match=r"policy\[x=1\] must be probabilities"):
        policies.policy_table(toys.Epidemic(horizon=None), np.array([[0.5, 0.5], [0.5, 0.6]]))


def test_sums_may_be_off_by_single_precision():
    rule = np.full((2, 2), 0.5) + 4e-7
    check_laws("rule", rule, "x")
    with pytest.raises(ValueError, match=r"rule\[x=0\]"):
        check_laws("rule", rule + 4e-7, "x")


def test_an_illegal_action_with_mass_is_named(toys):
    game = toys.Corridor()
    policy = policies.uniform(game)
    policy[2, 4] = [0.5, 0.25, 0.25]
    with pytest.raises(ValueError, match=r"illegal action mass at \[t=2\]\[x=4\]\[a=2\]"):
        policies.policy_table(game, policy)
    with pytest.raises(ValueError, match=r"illegal action mass at \[x=4\]\[a=2\]"):
        policies.rule_table(game, policy[2])


def test_laws_and_mean_fields_are_checked(toys):
    game = toys.Market()
    assert policies.check_law(game, [1, 0, 0, 0, 0, 0]).dtype == np.float64
    with pytest.raises(ValueError, match=r"law must have shape \(S,\) = \(6,\), got \(3,\)"):
        policies.check_law(game, np.ones(3) / 3)
    with pytest.raises(ValueError, match=r"law must be probabilities that sum to one, .* sum 2"):
        policies.check_law(game, np.ones(6) / 3)
    assert policies.check_mean_field(game, np.ones((3, 3)) / 9).shape == (3, 3)
    with pytest.raises(ValueError, match=r"mean field must have shape \(3, 3\), got \(3,\)"):
        policies.check_mean_field(game, np.ones(3) / 3)
    with pytest.raises(ValueError, match=r"mean field must be probabilities .* sum 9"):
        policies.check_mean_field(game, np.ones((3, 3)))
