"""Prior descent: by hand, fixed points with an entropy cost, and Nash once the prior moves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from agents import PriorDescent
from agents.solvers.prior_descent import OPERATORS
from mfg_envs import exact, make_game, policies
from mfg_envs.metrics.regularised import regularised_exploitability


def left_shares(learner):
    """Return the share that goes left after every iteration of the one-choice game."""
    return np.array([i.policy[0, 0, 0] for i in learner.learn(make_game("left_right"))])


def sigmoid(logit):
    return 1 / (1 + np.exp(-logit))


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_prior_moves_every_n_inner_iterations_and_eta_with_it(operator):
    # Both operators agree here: after the one choice nothing depends on what one does.
    p, prior, eta, shares = 0.5, 0.0, 0.8, []
    for k in range(1, 8):
        logit = prior + (2 - 3 * p) / eta
        p = sigmoid(logit)
        shares.append(p)
        if k % 3 == 0:
            prior, eta = logit, eta * 1.5
    learner = PriorDescent(iterations=7, eta=0.8, n_inner=3, operator=operator, eta_growth=1.5)
    np.testing.assert_allclose(left_shares(learner), shares, rtol=1e-12)


def test_a_prior_for_ever_contracts_to_its_closed_form():
    # p <- sigmoid((2 - 3 p) / eta), of slope at most 3 / (4 eta) = 3/4 with the default eta.
    shares = left_shares(PriorDescent(iterations=60))
    end = brentq(lambda p: sigmoid(2 - 3 * p) - p, 0, 1, xtol=1e-15)
    assert (np.abs(shares - end) <= 0.75 ** np.arange(1, 61) * abs(0.5 - end) + 1e-14).all()


def test_a_low_temperature_does_not_contract():
    # At eta = .05 the slope at the fixed point is -p (1 - p) 3 / eta = -13: best responses circle.
    shares = left_shares(PriorDescent(iterations=20, eta=0.05))
    assert (np.abs(np.diff(shares[10:])) > 0.9).all()


def test_with_a_moving_prior_the_end_is_the_equilibrium_itself():
    # logit <- logit + 2 - 3 p, of slope 1 - 3 p (1 - p) = 1/3 at p = 2/3 and in [1/4, 1] anywhere.
    shares = left_shares(PriorDescent(iterations=60, n_inner=1))
    assert shares[-1] == pytest.approx(2 / 3, abs=1e-12)


def test_a_temperature_that_grows_for_ever_ends_in_a_policy_that_stands_still():
    shares = left_shares(PriorDescent(iterations=400, n_inner=1, eta_growth=10.0))
    assert shares[-1] == shares[-100]
    assert np.isfinite(shares).all()


def test_relative_entropy_solves_the_regularised_game_at_once_without_a_crowd():
    game = make_game("no_interaction_chain")
    learner = PriorDescent(iterations=2, eta=5.0, n_inner=1, operator="relative_entropy")
    first, second = (i.policy for i in learner.learn(game))
    assert regularised_exploitability(game, first, 5.0, reference=policies.uniform(game)) < 1e-9
    assert regularised_exploitability(game, second, 5.0, reference=first) < 1e-9
    assert exact.exploitability(game, second) < exact.exploitability(game, first)


def test_boltzmann_is_the_softmax_of_best_values_without_a_crowd():
    game = make_game("no_interaction_chain")
    best = exact.action_values(game, np.full(7, 1 / 7))
    for k, iterate in enumerate(PriorDescent(iterations=5, eta=40, n_inner=1).learn(game), 1):
        wanted = policies.softmax(best, game.legal_actions, inverse_temperature=k / 40)
        np.testing.assert_allclose(iterate.policy, wanted, rtol=0, atol=1e-12)
        # A softmax of k Q / eta loses eta log(A) / k a decision at most.
        lost = 40 / k * np.log(3) / (1 - game.discount)
        assert exact.exploitability(game, iterate.policy) <= lost


def test_the_published_equilibrium_with_entropy_of_an_epidemic():
    # Entropy of weight .2 and relative entropy to the uniform policy differ by a constant.
    game = make_game("sis", setting="two_actions")
    learner = PriorDescent(iterations=60, eta=0.2, operator="relative_entropy")
    last = list(learner.learn(game))[-1]
    np.testing.assert_allclose(last.policy[:, 0], [0.609131, 0.5], atol=1e-6)
    assert last.mean_field[1] == pytest.approx(0.449147, abs=1e-6)


@pytest.mark.parametrize("operator", OPERATORS)
def test_illegal_actions_are_never_played(operator, toys):
    game = toys.Corridor()
    for iterate in PriorDescent(iterations=4, n_inner=2, operator=operator).learn(game):
        assert not iterate.policy[:, ~game.legal_actions].any()
        policies.policy_table(game, iterate.policy)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"iterations": 0}, "iterations must be at least 1, got 0"),
        ({"eta": 0.0}, "eta must be positive, got 0.0"),
        ({"n_inner": 0}, "n_inner must be at least 1, got 0"),
        ({"operator": "max"}, "operator must be one of 'boltzmann', 'relative_entropy'"),
        ({"eta_growth": 0.9}, "eta_growth must be at least 1, got 0.9"),
    ],
)
def test_bad_parameters_name_value_and_bound(parameters, message):
    with pytest.raises(ValueError, match=message):
        PriorDescent(**parameters)
