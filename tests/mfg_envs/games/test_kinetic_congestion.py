"""Kinetic congestion: moves into empty, half full and full cells, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from agents import FixedPointIteration
from mfg_envs import exact, make_game, policies

UP, RIGHT, DOWN, LEFT, STAY = range(5)


def test_moves_lead_to_the_cell_next_door_and_the_border_holds():
    game = make_game("kinetic_congestion")
    assert game.goal[12].tolist() == [17, 13, 7, 11, 12]
    assert game.goal[0].tolist() == [5, 1, 0, 0, 0]
    assert game.goal[24].tolist() == [24, 24, 19, 23, 24]
    assert game.goal[4].tolist() == [9, 4, 4, 3, 4]


def test_a_move_succeeds_with_the_free_part_of_the_capacity():
    game = make_game("kinetic_congestion")
    m = np.zeros(25)
    m[17], m[13], m[7], m[11], m[12] = 0, 0.09, 0.18, 0.5, 0.23
    moves = exact.kernel(game, 0, m)
    assert moves.prob[12, :, 0] == pytest.approx([1, 0.5, 0, 0, 1])
    assert moves.next[12, :, 0].tolist() == [17, 13, 7, 11, 12]
    assert (moves.next[12, :, 1] == 12).all()
    crowded = np.zeros(25)
    crowded[0] = 1
    moves = exact.kernel(game, 0, crowded)
    for a in (DOWN, LEFT, STAY):  # nobody leaves the cell, however full it is
        assert (moves.next[0, a] == 0).all()


def test_the_way_and_every_step_of_it_cost():
    game = make_game("kinetic_congestion")
    r = exact.rewards(game, 0, np.full(25, 1 / 25))
    assert r[0] == pytest.approx([-1.1, -1.1, -1.1, -1.1, -1])
    assert r[24] == pytest.approx([-0.1, -0.1, -0.1, -0.1, 0])


def test_a_lonely_walker_takes_the_shortest_way():
    game = make_game("kinetic_congestion", num_rows=3, num_columns=4, target=5, capacity=1e9)
    values = exact.state_values(game, exact.action_values(game, np.full(12, 1 / 12)))
    steps = np.array([abs(x // 4 - 1) + abs(x % 4 - 1) for x in range(12)])
    free = -1.1 * (1 - 0.9**steps) / 0.1
    assert values == pytest.approx(free, abs=1e-6)


def test_averaging_comes_close_to_the_equilibrium():
    game = make_game("kinetic_congestion")
    learner = FixedPointIteration(iterations=8, step=2, decay=1)
    policy = list(learner.learn(game))[-1].policy
    assert exact.exploitability(game, policies.uniform(game)) > 5
    assert exact.exploitability(game, policy) < 0.1
    assert exact.stationary_mean_field(game, policy)[24] <= 0.18 + 1e-9


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"target": 25}, r"target must be in \[0, 24\], got 25"),
        ({"num_rows": 0}, "num_rows must be in"),
        ({"capacity": 0}, r"capacity must be positive, got 0\.0"),
    ],
)
def test_a_value_out_of_its_range_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_game("kinetic_congestion", **parameters)
