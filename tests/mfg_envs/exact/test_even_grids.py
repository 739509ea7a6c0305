"""Grids among walls: who stands where, and that nobody gets through."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mfg_envs import discretise, exact, make_game, policies
from mfg_envs.exact.even_grids import stand_ins
from mfg_envs.game import Uniform
from mfg_envs.games.four_rooms import WALLS, FourRooms

SIDES = [(w.x - w.half_x, w.x + w.half_x, w.y - w.half_y, w.y + w.half_y) for w in WALLS]


def touched(x, y):
    """Return whether points are in or on a wall."""
    return np.any(
        [(x > a - 1e-9) & (x < b + 1e-9) & (y > c - 1e-9) & (y < d + 1e-9) for a, b, c, d in SIDES],
        axis=0,
    )


@pytest.mark.parametrize("size", [21, 26, 41])
def test_a_point_that_a_wall_touches_is_stood_for_by_the_nearest_free_one(size):
    grid = discretise(make_game("four_rooms"), num_states=size, num_actions=3, num_noise=2)
    x, y = grid.states
    closed, near = touched(x, y), stand_ins(grid.game, grid.states)
    np.testing.assert_array_equal(near != np.arange(size**2), closed)
    away = (x[:, None] - x[~closed]) ** 2 + (y[:, None] - y[~closed]) ** 2
    np.testing.assert_allclose((x - x[near]) ** 2 + (y - y[near]) ** 2, away.min(1), atol=1e-15)


def test_nobody_is_in_a_wall_and_nobody_is_lost():
    game = make_game("four_rooms", horizon=6)
    grid = discretise(game, num_states=26, num_actions=5, num_noise=3)
    flow = exact.flow(grid, policies.uniform(grid))
    np.testing.assert_allclose(flow.sum(1), 1, rtol=1e-12)
    assert (flow[:, touched(*grid.states)] == 0).all()
    density = grid.crowd(flow)
    assert (density[:, game.room == 0] == 0).all()
    np.testing.assert_allclose((density * game.room).sum((1, 2)) * (0.5 / 80) ** 2, 1, rtol=1e-10)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell(FourRooms):
    """Walkers beside the wall between the two lower rooms, who cannot reach its door."""

    initial_law = (Uniform(0.2, 0.22), Uniform(0.01, 0.02))


@pytest.mark.parametrize("size", [21, 41])
def test_nobody_gets_through_a_wall(size):
    game = Cell(horizon=2, speed=0.2)  # a step of at most .04 + noise; the door is .1 away
    grid = discretise(game, num_states=size, num_actions=3, num_noise=4)
    flow = exact.flow(grid, policies.uniform(grid))
    assert flow[-1][grid.states[0] > 0.225].sum() == 0
    right = np.zeros((2, grid.num_states, 9))
    right[..., 7] = 1  # along x alone
    assert exact.flow(grid, right)[-1][grid.states[0] > 0.225].sum() == 0


def test_an_even_crowd_is_even_where_no_wall_is_near():
    game = make_game("four_rooms")
    grid = discretise(game, num_states=81, num_actions=2, num_noise=2)
    free = ~touched(*grid.states)
    density = grid.crowd(free / free.sum())
    x, y = (np.indices((80, 80)) + 0.5) * (0.5 / 80)
    reach = 0.035 + 2 * 0.5 / 80  # of the blur, and of the points' own cells
    far = np.minimum.reduce([x, y, 0.5 - x, 0.5 - y]) > reach
    for a, b, c, d in SIDES:
        far &= (x < a - reach) | (x > b + reach) | (y < c - reach) | (y > d + reach)
    assert far.sum() > 500
    np.testing.assert_allclose(density[far], (80 / 0.5) ** 2 / free.sum(), rtol=1e-9)


def test_random_walkers_are_as_exploitable_as_another_method_says():
    """Visibility of cells and cell masses of the noise, on 80 x 80 cells, gave 63.8."""
    game = make_game("four_rooms", epsilon=1.0)
    grid = discretise(game, num_states=26, num_actions=9, num_noise=2)
    assert exact.exploitability(grid, policies.uniform(grid)) == pytest.approx(63.8, rel=0.03)
