"""Beach bar: distances and rewards by hand, and the symmetric equilibrium."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agents import FixedPointIteration
from mfg_envs import exact, make_game, policies


def law(game, x, a):
    """Return the law of the next state, (S,)."""
    moves = exact.kernel(game, 0, None)
    return np.bincount(moves.next[x, a], moves.prob[x, a], minlength=game.num_states)


def test_the_bar_is_reached_the_short_way():
    game = make_game("beach_bar_grid", num_cells=6, bar=1)
    assert game.distance.tolist() == [1, 0, 1, 2, 3, 2]
    r = exact.rewards(game, 0, np.full(6, 1 / 6))
    assert r[3] == pytest.approx(-2 + math.log(6) - np.array([1, 0, 1]) / 6)
    assert law(game, 0, 0) == pytest.approx([0.05, 0, 0, 0, 0.05, 0.9])


def averaged(game, iterations):
    learner = FixedPointIteration(iterations=iterations, step=2, decay=1)
    return list(learner.learn(game))[-1].policy


def test_averaging_solves_the_monotone_game():
    game = make_game("beach_bar_grid")
    start = exact.exploitability(game, policies.uniform(game))
    assert exact.exploitability(game, averaged(game, 100)) < 0.01 * start


def test_the_equilibrium_at_the_bar_is_symmetric():
    game = make_game("beach_bar_grid", num_cells=8, bar=4, horizon=6)
    flow = exact.flow(game, averaged(game, 60))
    mirror = (8 - np.arange(8)) % 8
    assert flow == pytest.approx(flow[:, mirror], abs=1e-10)
    assert (flow[-1, 1:5] > flow[-1, :4]).all()


def test_the_ring_is_drawn():
    pytest.importorskip("pygame")
    from mfg_envs import PopulationEnv

    env = PopulationEnv(make_game("beach_bar_grid"), 20, render_mode="rgb_array")
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, 0))
    assert env.render().std() > 0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"bar": 20}, r"bar must be in \[0, 19\], got 20"),
        ({"noise": -0.5}, r"noise must be in \[0, 1\], got -0\.5"),
    ],
)
def test_a_value_out_of_its_range_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_game("beach_bar_grid", **parameters)
