"""Crowd modelling: moves and rewards by hand on ring and torus, and its equilibrium."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agents import FixedPointIteration
from mfg_envs import exact, make_game, policies
from mfg_envs.games.crowd_modelling import CrowdModelling, TorusCrowdModelling


def law(game, x, a):
    """Return the law of the next state, (S,)."""
    moves = exact.kernel(game, 0, None)
    return np.bincount(moves.next[x, a], moves.prob[x, a], minlength=game.num_states)


def test_a_move_round_the_ring_is_followed_by_a_push():
    game = make_game("crowd_modelling", num_cells=5)
    third = 1 / 3
    assert law(game, 0, 0) == pytest.approx([third, 0, 0, third, third])  # -1, then -1, 0 or 1
    assert law(game, 2, 1) == pytest.approx([0, third, third, third, 0])
    calm = make_game("crowd_modelling", num_cells=5, noise=0.3)
    assert law(calm, 4, 2) == pytest.approx([0.8, 0.1, 0, 0, 0.1])


def test_the_reward_on_the_ring():
    game, m = make_game("crowd_modelling"), np.full(10, 0.1)
    r = exact.rewards(game, 0, m)
    assert r[5] == pytest.approx([1 - 0.1 - math.log(0.1), 1 - math.log(0.1), 0.9 - math.log(0.1)])
    assert r[0, 1] == pytest.approx(-math.log(0.1))
    assert r[8, 2] == pytest.approx(1 - 0.6 - 0.1 - math.log(0.1))
    empty = exact.rewards(game, 0, np.eye(10)[5])
    assert empty[0, 1] == pytest.approx(25 * math.log(10))
    dear = exact.rewards(make_game("crowd_modelling", with_congestion=True), 0, np.eye(10)[5])
    assert dear[5] == pytest.approx([1 - 0.1, 1, 1 - 0.1])
    assert dear[4, 0] == dear[4, 1]  # nobody is there: moving is free
    indifferent = make_game("crowd_modelling", crowd_aversion=0)
    assert exact.rewards(indifferent, 0, m)[5, 1] == pytest.approx(1)


def test_the_torus_twin_moves_and_pays_on_both_axes():
    game = make_game("crowd_modelling", geometry="torus", num_cells=4, noise=0)
    goals = [int(law(game, 0, a).argmax()) for a in range(5)]
    assert goals == [4, 1, 12, 3, 0]  # row + 1, column + 1, row - 1, column - 1, stay
    noisy = make_game("crowd_modelling", geometry="torus", num_cells=4)
    around = law(noisy, 5, 4).reshape(4, 4)
    assert around[1] == pytest.approx([0.2, 0.2, 0.2, 0])
    assert around[:, 1] == pytest.approx([0.2, 0.2, 0.2, 0])
    r = exact.rewards(game, 0, np.full(16, 1 / 16))
    assert r[10] == pytest.approx([2 - 0.25 - math.log(1 / 16)] * 4 + [2 - math.log(1 / 16)])
    assert r[0, 4] == pytest.approx(2 - 0.5 * 4 - math.log(1 / 16))


def test_make_picks_the_geometry():
    assert type(make_game("crowd_modelling")) is CrowdModelling
    torus = make_game("crowd_modelling", geometry="torus")
    assert type(torus) is TorusCrowdModelling
    assert (torus.num_states, torus.num_actions, torus.horizon) == (100, 5, 10)
    assert torus.neighbours(np.array([0]))[0].tolist() == [0, 10, 1, 90, 9]


@pytest.mark.parametrize("parameters", [{}, {"geometry": "torus"}, {"with_congestion": True}])
def test_averaging_solves_the_monotone_game(parameters):
    game = make_game("crowd_modelling", **parameters)
    start = exact.exploitability(game, policies.uniform(game))
    learner = FixedPointIteration(iterations=100, step=2, decay=1)
    policy = list(learner.learn(game))[-1].policy
    assert exact.exploitability(game, policy) < 0.025 * start


def test_without_a_crowd_a_walker_goes_to_the_bar_and_stays():
    game = make_game("crowd_modelling", crowd_aversion=0, noise=0)
    best = exact.best_response(game, np.full((10, 10), 0.1))
    assert best[0, 2].tolist() == [0, 0, 1]
    assert best[0, 5].tolist() == [0, 1, 0]
    assert best[0, 8].tolist() == [1, 0, 0]
    assert best[-1, 2].tolist() == [0, 1, 0]  # the last move would lead nowhere


def test_the_ring_is_drawn():
    pytest.importorskip("pygame")
    from mfg_envs import PopulationEnv

    env = PopulationEnv(make_game("crowd_modelling"), 20, render_mode="rgb_array")
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, 0))
    assert env.render().std() > 0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"num_cells": 2}, "num_cells must be in"),
        ({"noise": 2}, r"noise must be in \[0, 1\], got 2\.0"),
        ({"crowd_aversion": -1}, "crowd_aversion must be at least 0"),
        ({"geometry": "line"}, "geometry must be one of 'ring', 'torus'"),
    ],
)
def test_a_value_out_of_its_range_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_game("crowd_modelling", **parameters)
