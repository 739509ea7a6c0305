"""What a policy of a team misses: of the optimum, of a known value, of other policies."""

from __future__ import annotations

import numpy as np
import pytest

from agents import SubsampleMFQ, best_team_value, exact_team_value, optimality_gap, team_value
from agents.subsample.value import initial_value
from mfg_envs import make_game
from mfg_envs.games.teams.dispatcher import Dispatcher

GAME = Dispatcher(num_zones=4, discount=0.9)
SIGMAS = 4.5


def learned(game, k, sweeps=150):
    learner = SubsampleMFQ(k=k, iterations=sweeps)
    *_, last = learner.learn(game)
    return learner.policy(game, last)


@pytest.mark.parametrize("game", [GAME, make_game("gaussian_squeeze", num_levels=2, discount=0.8)])
def test_the_best_value_is_that_of_a_policy_that_looks_at_everybody(game):
    n = 3
    best = initial_value(game, exact_team_value(learned(game, n), n), n)
    assert best_team_value(game, n) == pytest.approx(best, rel=1e-5)


def test_a_policy_that_looks_at_everybody_misses_nothing_and_one_of_one_does():
    n, short = 4, learned(GAME, 1)
    whole = optimality_gap(learned(GAME, n), n, num_envs=400)
    assert abs(whole.gap) < SIGMAS * whole.error + 1e-4
    missed = optimality_gap(short, n, num_envs=400)
    wanted = best_team_value(GAME, n) - initial_value(GAME, exact_team_value(short, n), n)
    assert wanted > 0
    assert abs(missed.gap - wanted) < SIGMAS * missed.error + 1e-4
    assert missed.best - missed.value == pytest.approx(missed.gap)
    low, high = missed.interval
    assert low < missed.gap < high


def test_one_decision_has_its_best_sum():
    game = make_game("one_shot_squeeze")
    assert best_team_value(game, 3) >= team_value(learned(game, 1, 1), 3, num_envs=50).mean - 1e-9


def test_a_known_value_and_other_policies_do_as_the_best():
    one, all_ = learned(GAME, 1), learned(GAME, 4)
    known = optimality_gap(one, 4, 100.0, num_envs=50)
    assert known.best == 100
    assert known.gap == pytest.approx(100 - known.value)
    better = optimality_gap(one, 4, [one, all_], num_envs=300)
    assert better.best == team_value(all_, 4, num_envs=300).mean
    wanted = [initial_value(GAME, exact_team_value(p, 4), 4) for p in (one, all_)]
    assert abs(better.gap - (wanted[1] - wanted[0])) < SIGMAS * better.error
    assert better.error < known.error * np.sqrt(50 / 300) * 1.5  # pairs of episodes
    same = optimality_gap(one, 4, [one], num_envs=20)
    assert (same.gap, same.error) == (0, 0)


def test_what_cannot_be_computed_is_said():
    game = make_game("one_shot_squeeze", horizon=5)
    with pytest.raises(ValueError, match="without an end or of one decision"):
        best_team_value(game, 3)
