"""Contraction game: its numbers by hand, and its equilibrium."""

from __future__ import annotations

import numpy as np
import pytest

from agents import FixedPointIteration
from mfg_envs import exact, make_game, policies


def test_switching_and_company_cost_two_each():
    game = make_game("contraction_game")
    r = exact.rewards(game, 0, np.array([0.25, 0.75]))
    assert r.tolist() == [[-0.5, -2.5], [-1.5, -3.5]]
    moves = exact.kernel(game, 0, None)
    assert moves.next[..., 0].tolist() == [[0, 1], [1, 0]]
    assert (moves.prob == 1).all()


def test_where_both_places_are_alike_everybody_stays():
    game = make_game("contraction_game")
    stay = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert exact.stationary_mean_field(game, stay).tolist() == [0.5, 0.5]
    assert exact.exploitability(game, stay) == 0
    policy = list(FixedPointIteration(iterations=3).learn(game))[-1].policy
    assert np.array_equal(policy, stay)
    # Half of the steps of uniform play cost 2, and v = -1 - 1 + .9 v; staying earns -1 a step.
    assert exact.exploitability(game, policies.uniform(game)) == pytest.approx(20 - 10)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"switching_cost": -1}, "switching_cost must be at least 0, got -1"),
        ({"crowd_aversion": -1}, "crowd_aversion must be at least 0, got -1"),
    ],
)
def test_a_value_out_of_its_range_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_game("contraction_game", **parameters)
