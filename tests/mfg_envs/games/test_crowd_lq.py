"""Linear-quadratic crowd: pushes and rewards by hand, and what averaging finds."""

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


def test_gaussian_pushes_are_cell_masses_with_folded_tails():
    game = make_game("crowd_lq")
    below = [0.5 * math.erfc(-edge / math.sqrt(2)) for edge in (0.5, 1.5, 2.5)]
    half = [below[1] - below[0], below[2] - below[1], 1 - below[2]]
    assert game.push_law == pytest.approx([*half[::-1], 2 * below[0] - 1, *half])
    assert law(game, 0, 3) == pytest.approx(
        [game.push_law[3], *half, 0, 0, 0, *half[::-1]], abs=1e-15
    )
    wide = make_game("crowd_lq", volatility=2.0)
    assert wide.push_law[0] == pytest.approx(0.5 * math.erfc(1.25 / math.sqrt(2)))


def test_the_linear_quadratic_reward():
    game = make_game("crowd_lq", time_step=0.5)
    m = np.zeros(10)
    m[[2, 7]] = 0.25, 0.75  # mean 5.75
    r = exact.rewards(game, 0, m)
    for x, a in ((0, -3), (5, 0), (9, 2)):
        gap = 5.75 - x
        want = 0.25 * (-(a**2) + 0.02 * a * gap - 0.5 * gap**2)
        assert r[x, a + 3] == pytest.approx(want)


def test_averaging_finds_a_pure_equilibrium():
    game = make_game("crowd_lq")
    learner = FixedPointIteration(iterations=50, step=2, decay=1)
    policy = list(learner.learn(game))[-1].policy
    assert exact.exploitability(game, policies.uniform(game)) > 10
    assert exact.exploitability(game, policy) == pytest.approx(0, abs=1e-9)


def test_the_ring_is_drawn():
    pytest.importorskip("pygame")
    from mfg_envs import PopulationEnv

    env = PopulationEnv(make_game("crowd_lq"), 20, render_mode="rgb_array")
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, 0))
    assert env.render().std() > 0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kappa": 0.1, "q": 0.5}, r"kappa must be at least 0\.25, got 0\.1"),
        ({"volatility": 0}, r"volatility must be positive, got 0\.0"),
        ({"time_step": 0}, r"time_step must be positive, got 0\.0"),
    ],
)
def test_a_value_out_of_its_range_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_game("crowd_lq", **parameters)
