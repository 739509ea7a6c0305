"""Left or right: the costs by hand, and the equilibrium in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from agents import FixedPointIteration
from mfg_envs import exact, make_game, policies


def test_left_costs_its_crowd_and_right_twice_its_crowd():
    game = make_game("left_right")
    r = exact.rewards(game, 1, np.array([0.5, 0.3, 0.2]))
    assert r == pytest.approx(np.array([[0, 0], [-0.3, -0.3], [-0.4, -0.4]]))
    assert exact.kernel(game, 0, None).next[..., 0].tolist() == [[1, 2]] * 3


def split(game, share):
    return np.tile([share, 1 - share], (game.horizon, 3, 1))


def test_two_thirds_go_left():
    game = make_game("left_right")
    assert exact.exploitability(game, split(game, 2 / 3)) == pytest.approx(0, abs=1e-15)
    # All left: they earn -1, the right side would cost nothing.
    assert exact.exploitability(game, split(game, 1)) == 1
    # Uniform: (-1/2 - 1) / 2, the left side -1/2.
    assert exact.exploitability(game, policies.uniform(game)) == pytest.approx(0.25)
    learner = FixedPointIteration(iterations=300, step=1, decay=1)
    policy = list(learner.learn(game))[-1].policy
    assert exact.flow(game, policy)[1] == pytest.approx([0, 2 / 3, 1 / 3], abs=2 / 300)


def test_other_costs_and_several_choices_move_the_split():
    game = make_game("left_right", left_cost=3, right_cost=1, horizon=5)
    assert exact.exploitability(game, split(game, 1 / 4)) == pytest.approx(0, abs=1e-15)
    assert exact.value(game, exact.flow(game, split(game, 1 / 4))) == pytest.approx(-4 * 3 / 4)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"left_cost": 0}, r"left_cost must be positive, got 0\.0"),
        ({"right_cost": -2}, r"right_cost must be positive, got -2\.0"),
    ],
)
def test_a_value_out_of_its_range_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_game("left_right", **parameters)
