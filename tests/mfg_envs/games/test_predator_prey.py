"""Predators and prey: populations, corners, moves and rewards by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agents import FixedPointIteration
from mfg_envs import BatchEnv, exact, make_game, policies


def test_random_play_is_as_exploitable_as_open_spiel_says_on_a_torus():
    game = make_game("predator_prey")
    gain = exact.exploitability(game, policies.uniform(game))
    assert 3 * gain == pytest.approx(3.158357597025507)  # 2.0.2, geometry TORUS: sums over species


def law(game, x, a):
    moves = exact.kernel(game, 0, None)
    return np.bincount(moves.next[x, a], moves.prob[x, a], minlength=game.num_states)


@pytest.mark.parametrize(
    ("parameters", "corners"),
    [
        ({}, [0, 25 + 4, 50 + 20]),
        ({"num_populations": 4}, [0, 25 + 20, 50 + 24, 75 + 4]),
        ({"num_cells": 2}, [0, 4 + 1, 8 + 2]),
    ],
)
def test_each_population_starts_in_its_corner(parameters, corners):
    game = make_game("predator_prey", **parameters)
    assert np.flatnonzero(game.initial_law).tolist() == corners
    assert game.initial_law[corners] == pytest.approx(1 / len(corners))


def test_nobody_changes_its_population():
    game = make_game("predator_prey", num_populations=4, num_cells=3)
    moves = exact.kernel(game, 0, None)
    own = np.arange(game.num_states)[:, None, None] // 9
    assert (moves.next // 9 == own).all()
    env = BatchEnv(game, 1, 400, 0)
    first = env.reset().state // 9
    env.rollout(policies.uniform(game), 10)
    assert np.array_equal(env.state // 9, first)


def test_moves_wrap_and_a_random_move_follows():
    calm = make_game("predator_prey", noise=0)
    assert [int(law(calm, 25, a).argmax()) - 25 for a in range(5)] == [5, 1, 20, 4, 0]
    default = law(make_game("predator_prey"), 12, 4)
    assert default[[12, 17, 13, 7, 11]] == pytest.approx(np.full(5, 0.2))
    some = law(make_game("predator_prey", noise=0.4), 12, 4)
    assert some[[12, 17, 13, 7, 11]] == pytest.approx([0.6, 0.1, 0.1, 0.1, 0.1])


def test_the_reward_reads_each_population_on_its_own():
    game = make_game("predator_prey", crowd_aversion=2)
    m = np.zeros((3, 25))
    m[0, :2], m[1, 0], m[1, 5], m[2, :2] = (0.25, 1 / 12), 0.1, 7 / 30, (0.2, 2 / 15)
    r = exact.rewards(game, 0, m.ravel())
    own = 3 * m[:, 0]
    assert r[0] == pytest.approx(np.full(5, -2 * math.log(own[0]) - own[1] + own[2]))
    assert r[25] == pytest.approx(np.full(5, -2 * math.log(own[1]) + own[0] - own[2]))
    assert r[50] == pytest.approx(np.full(5, -2 * math.log(own[2]) - own[0] + own[1]))
    assert r[25 + 1, 0] == pytest.approx(-2 * math.log(1e-25) + 0.25 - 0.4)


def test_populations_can_pull_otherwise():
    rows = [[0, 0, 0], [0, 0, 0], [5, 0, 0]]
    game = make_game("predator_prey", interaction=rows, crowd_aversion=0)
    r = exact.rewards(game, 0, game.initial_law)
    assert r[50, 0] == pytest.approx(5)
    assert not r[:50].any()
    hash(game)


@pytest.mark.parametrize("populations", [3, 4])
def test_the_interaction_is_skew_symmetric_and_its_total_is_zero(populations):
    pull = make_game("predator_prey", num_populations=populations).pull
    assert np.array_equal(pull, -pull.T)
    assert not pull.sum(0).any()


def test_averaging_comes_close_to_the_equilibrium():
    game = make_game("predator_prey")
    learner = FixedPointIteration(iterations=100, step=1, decay=1)
    policy = list(learner.learn(game))[-1].policy
    start = exact.exploitability(game, policies.uniform(game))
    assert exact.exploitability(game, policy) < 0.1 * start


def test_a_player_sees_all_populations_around():
    game = make_game("predator_prey")
    near = game.neighbours(np.array([25 + 6]))[0]
    places = np.array([6, 11, 7, 1, 5])
    assert near.tolist() == [*(places + 25), *(places + 50), *places]
    assert game.coordinates(np.array([0, 74])).tolist() == [[-1, -1, -1], [1, 1, 1]]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"num_populations": 2}, "num_populations must be one of 3, 4, got 2"),
        ({"num_cells": 1}, "num_cells must be in"),
        ({"noise": 1.1}, r"noise must be in \[0, 1\], got 1\.1"),
        ({"crowd_aversion": -1}, "crowd_aversion must be at least 0"),
        ({"interaction": [[0, 1], [1, 0]]}, "interaction must hold 3 rows of 3 numbers"),
    ],
)
def test_a_value_out_of_its_range_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_game("predator_prey", **parameters)
