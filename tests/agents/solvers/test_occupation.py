"""Occupation measures: their marginals, their policies, and mixes of them."""

import numpy as np
import pytest

from agents.solvers.occupation import law_of, occupation, policy_of
from mfg_envs import exact, make_game


@pytest.mark.parametrize("name", ["left_right", "sis", "lasry_lions_chain"])
def test_a_policy_comes_back_from_its_occupation_measure(name, random_policy):
    game = make_game(name)
    policy = random_policy(game)
    joint = occupation(game, policy)
    assert joint.shape == policy.shape
    assert joint.sum((-1, -2)) == pytest.approx(1)
    np.testing.assert_allclose(law_of(game, joint), exact.law_met(game, policy), atol=1e-15)
    met = joint.sum(-1, keepdims=True) > 0
    other = np.full(policy.shape, 1 / game.num_actions)
    wanted = np.where(met, policy, other)
    np.testing.assert_allclose(policy_of(joint, other), wanted, rtol=1e-13, atol=1e-15)


def test_a_mean_field_of_controls_is_its_own_occupation_measure(random_policy):
    game = make_game("routing_cycle", cost="bpr", network="braess")
    policy = random_policy(game)
    joint = occupation(game, policy)
    assert joint.shape == (game.num_states, game.num_actions)
    assert law_of(game, joint) is joint
    np.testing.assert_allclose(joint, exact.law_met(game, policy), atol=1e-15)


def test_where_moves_are_fixed_a_mix_of_measures_is_that_of_one_policy(random_policy):
    game = make_game("lasry_lions_chain", horizon=5)
    one, two = (occupation(game, random_policy(game)) for _ in range(2))
    mix = 0.3 * one + 0.7 * two
    policy = policy_of(mix, np.full(mix.shape, 1 / game.num_actions))
    np.testing.assert_allclose(occupation(game, policy), mix, atol=1e-14)
