"""Munchausen mirror descent: the published recursion, mirror descent, and entropic equilibria."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import brentq

from agents import MunchausenOMD, OnlineMirrorDescent
from mfg_envs import exact, make_game, policies
from mfg_envs.metrics.regularised import regularised_exploitability


def test_descent_with_alpha_1_is_mirror_descent(any_game):
    ours = MunchausenOMD(iterations=5, alpha=1, temperature=0.7).learn(any_game)
    theirs = OnlineMirrorDescent(iterations=5, rate=1 / 0.7).learn(any_game)
    for one, two in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.policy, two.policy, rtol=0, atol=1e-9)
        np.testing.assert_allclose(one.q, two.q, rtol=1e-9, atol=1e-9)


def published(game, flow, policy, temperature, alpha):
    """Return Q of the paper's recursion for a policy in a flow, (T, S, A), one entry at a time."""
    log = np.log(np.where(policy > 0, policy, 1))
    q, v = np.zeros(policy.shape), np.zeros(game.num_states)
    for t in reversed(range(game.horizon)):
        moves, r = exact.kernel(game, t, flow[t]), exact.rewards(game, t, flow[t])
        for x, a in itertools.product(range(game.num_states), range(game.num_actions)):
            later = sum(moves.prob[x, a] * v[moves.next[x, a]])
            q[t, x, a] = r[x, a] + alpha * temperature * log[t, x, a] + game.discount * later
        v = (policy[t] * (q[t] - temperature * log[t])).sum(-1)
    return q


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("toy", ["Epidemic", "Corridor", "Garnet"])
def test_policies_are_the_softmax_of_the_published_recursion(toy, alpha, toys):
    game, temperature = getattr(toys, toy)(), 0.5
    policy = policies.uniform(game)
    learner = MunchausenOMD(iterations=4, alpha=alpha, temperature=temperature)
    for iterate in learner.learn(game):
        q = published(game, exact.flow(game, policy), policy, temperature, alpha)
        wanted = policies.softmax(q, game.legal_actions, inverse_temperature=1 / temperature)
        np.testing.assert_allclose(iterate.policy, wanted, rtol=0, atol=1e-10)
        policy = iterate.policy


@pytest.mark.parametrize(("alpha", "temperature"), [(0.9, 1.0), (0.5, 2.0), (0.0, 1.5)])
def test_the_one_choice_game_converges_to_its_closed_form(alpha, temperature):
    # Logit l of going left: l <- alpha l + (2 - 3 p) / temperature, of slope alpha - 3 p (1 - p) /
    # temperature, which is between alpha - 3 / (4 temperature) and alpha.
    game, weight = make_game("left_right"), (1 - alpha) * temperature

    def pull(logit):
        return (2 - 3 / (1 + np.exp(-logit))) / temperature

    learner = MunchausenOMD(iterations=60, alpha=alpha, temperature=temperature)
    end = brentq(lambda logit: (1 - alpha) * logit - pull(logit), -9, 9, xtol=1e-14)
    factor, logit = max(alpha, abs(alpha - 3 / (4 * temperature))), 0.0
    for k, iterate in enumerate(learner.learn(game), 1):
        logit = alpha * logit + pull(logit)
        left = iterate.policy[0, 0, 0]
        assert left == pytest.approx(1 / (1 + np.exp(-logit)), rel=1e-12)
        assert abs(logit - end) <= factor**k * abs(end) + 1e-13
    share = 1 / (1 + np.exp(-end))
    # Who leaves the mix for the better side gains |2 - 3 p| times the share on the worse one.
    gain = (2 - 3 * share) * (1 - share)
    # The rest of the way is at most factor^60 end, and no slope of the gain exceeds 5.
    rest = 5 * factor**60 * end + 1e-12
    assert exact.exploitability(game, iterate.policy) == pytest.approx(gain, abs=rest)
    assert regularised_exploitability(game, iterate.policy, weight) <= rest


def test_the_published_equilibrium_with_entropy_of_an_epidemic():
    # Weight .2: go out with probability .609131 if susceptible and .5 if ill; .449147 are ill.
    game = make_game("sis", setting="two_actions")
    learner = MunchausenOMD(iterations=400, alpha=0.9, temperature=2.0)
    last = list(learner.learn(game))[-1]
    np.testing.assert_allclose(last.policy[:, 0], [0.609131, 0.5], atol=1e-6)
    assert last.mean_field[1] == pytest.approx(0.449147, abs=1e-6)
    assert regularised_exploitability(game, last.policy, 0.2) < 1e-9


def test_the_best_policy_with_entropy_where_nothing_depends_on_the_crowd():
    # The distance to it shrinks by alpha + (1 - alpha) discount an update (Cen et al. 2022,
    # theorem 1): .99^3000 < 1e-13.
    game = make_game("no_interaction_chain")
    learner = MunchausenOMD(iterations=3000, alpha=0.9, temperature=20.0)
    policy = list(learner.learn(game))[-1].policy
    assert regularised_exploitability(game, policy, 2.0) < 1e-9
    # Staying in the middle is worth the gap of one way out and back more than leaving it.
    assert 0.5 < policy[3, 1] < 1


def test_an_action_that_has_underflowed_comes_back():
    game = make_game("left_right")
    learner = MunchausenOMD(iterations=2, alpha=1, temperature=1e-4)
    first, second = (i.policy[0, 0].tolist() for i in learner.learn(game))
    assert first == [1, 0]  # logit (2 - 3 / 2) / 1e-4 = 5000
    assert second == [0, 1]  # 5000 + (2 - 3) / 1e-4


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"iterations": 0}, "iterations must be at least 1, got 0"),
        ({"temperature": 0.0}, "temperature must be positive, got 0.0"),
        ({"alpha": 1.1}, r"alpha must be in \[0, 1\], got 1.1"),
    ],
)
def test_bad_parameters_name_value_and_bound(parameters, message):
    with pytest.raises(ValueError, match=message):
        MunchausenOMD(**parameters)
