"""Policy iteration: by hand, Howard's bounds, and what tells it from a fixed-point iteration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from agents import FixedPointIteration, PolicyIteration
from mfg_envs import exact, make_game, policies


def left_shares(learner, **parameters):
    """Return the share that goes left after every iteration of the one-choice game."""
    game = make_game("left_right", **parameters)
    return np.array([i.policy[0, 0, 0] for i in learner.learn(game)])


def test_greedy_improvement_runs_in_a_circle():
    # At p = 1/2 left is better; when all are left, right is; and so on.
    assert left_shares(PolicyIteration(iterations=5)).tolist() == [1, 0, 1, 0, 1]


def test_damped_improvement_by_hand():
    p, shares = 0.5, []
    for k in range(1, 9):
        step = min(1, 0.8 / k**0.5)
        p += step * ((3 * p < 2) - p)
        shares.append(p)
    learned = left_shares(PolicyIteration(iterations=8, step=0.8, decay=0.5))
    np.testing.assert_allclose(learned, shares, rtol=1e-12)


def test_a_slow_crowd_is_the_average_of_what_was_played():
    # The first step replaces the crowd; the k-th has weight 1/k: the mean of the answers.  With
    # costs 1 : pi the mean of so few answers is never a tie.
    answers = [1.0]
    for _ in range(19):
        answers.append(float(np.mean(answers) < np.pi * (1 - np.mean(answers))))
    means = np.cumsum(answers) / np.arange(1, 21)
    learned = left_shares(PolicyIteration(iterations=20, crowd_decay=1), right_cost=np.pi)
    np.testing.assert_allclose(learned, means, rtol=1e-12)
    assert abs(means[-1] - np.pi / (1 + np.pi)) <= 1 / 20


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_boltzmann_improvement_converges_to_its_closed_form(temperature):
    # p <- 1 / (1 + exp((3 p - 2) / temperature)), of slope at most 3 / (4 temperature) < 1.
    def response(p):
        return 1 / (1 + np.exp((3 * p - 2) / temperature))

    shares = left_shares(PolicyIteration(iterations=40, temperature=temperature))
    np.testing.assert_allclose(shares[1:], response(shares[:-1]), rtol=1e-12)
    end = brentq(lambda p: response(p) - p, 0, 1, xtol=1e-15)
    bound = (3 / (4 * temperature)) ** np.arange(1, 41) * abs(0.5 - end)
    assert (np.abs(shares - end) <= bound + 1e-14).all()


def test_policies_improve_by_one_step_where_a_fixed_point_iteration_solves(toys):
    # Without a crowd to mind: after k improvements the last k decisions are best, and a
    # fixed-point iteration has them all after the first.
    game = toys.Corridor(crowding=0.0)
    best = exact.best_response(game, np.full((7, 5), 0.2))
    at_once = next(FixedPointIteration(iterations=1).learn(game)).policy
    np.testing.assert_allclose(at_once, best)
    gaps = []
    for k, iterate in enumerate(PolicyIteration(iterations=7).learn(game), 1):
        np.testing.assert_allclose(iterate.policy[7 - k :], best[7 - k :])
        gaps.append(exact.exploitability(game, iterate.policy))
    assert gaps[0] > 1e-3
    assert gaps[-1] == 0


@pytest.mark.parametrize("step", [1.0, 0.5])
def test_howards_rate_where_nothing_depends_on_the_crowd(step):
    # V_{k+1} >= (1 - step) V_k + step T V_k, so that the distance to V* shrinks by the factor
    # 1 - step (1 - discount) or faster; values never fall.
    game = make_game("no_interaction_chain")
    flow = np.full(7, 1 / 7)

    def values(policy):
        return exact.state_values(game, exact.action_values(game, flow, policy), policy)

    best = exact.state_values(game, exact.action_values(game, flow))
    last = values(policies.uniform(game))
    first = (best - last).max()
    for k, iterate in enumerate(PolicyIteration(iterations=30, step=step).learn(game), 1):
        v = values(iterate.policy)
        assert (v >= last - 1e-9).all()
        assert (best - v).max() <= (1 - step * (1 - game.discount)) ** k * first + 1e-9
        last = v


def test_a_slow_crowd_settles_where_a_fast_one_does_not():
    game = make_game("predator_prey")
    gap = {
        learner: exact.exploitability(game, list(learner.learn(game))[-1].policy)
        for learner in (
            PolicyIteration(iterations=100),
            PolicyIteration(iterations=100, crowd_decay=1),
        )
    }
    fast, slow = gap.values()
    assert slow < 0.1 * fast


def test_the_policy_of_a_slow_crowd_has_the_crowds_mean_field(toys):
    game = toys.Corridor()
    learner = PolicyIteration(iterations=5, step=0.7, crowd_step=0.4)
    for iterate in learner.learn(game):
        met = exact.law_met(game, iterate.policy)
        np.testing.assert_allclose(game.crowd(met), iterate.mean_field, atol=1e-12)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"iterations": 0}, "iterations must be at least 1, got 0"),
        ({"temperature": -1}, "temperature must be at least 0, got -1"),
        ({"step": 0}, "step must be positive, got 0"),
        ({"decay": -1}, "decay must be at least 0, got -1"),
        ({"crowd_step": 0}, "crowd_step must be positive, got 0"),
        ({"crowd_decay": -0.5}, "crowd_decay must be at least 0, got -0.5"),
    ],
)
def test_bad_parameters_name_value_and_bound(parameters, message):
    with pytest.raises(ValueError, match=message):
        PolicyIteration(**parameters)
