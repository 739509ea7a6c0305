"""Flocking: windows at the ends of the ring by hand, and a flock that sees everybody."""

from __future__ import annotations

import numpy as np
import pytest

from mfg_envs import exact, make_game
from mfg_envs.games.flocking import Flocking
from mfg_envs.games.ring_road import RingRoad


def test_the_flock_ahead_draws():
    game = make_game("flocking", num_cells=10, num_speeds=10, radius=2)
    m = np.zeros(10)
    m[[1, 3, 9]] = 0.25, 0.25, 0.5  # cells 2, 4 and 10
    r = exact.rewards(game, 0, m)
    centre = [2, (2 + 4) / 2, 3, 3, 4, 4, 7, 10, 10, 10]  # cell 7 sees nobody
    gap = 1 - np.array(centre) / 10
    speed = np.arange(1, 11) / 10
    assert r == pytest.approx(-(speed**2 + 0.5 * gap[:, None] ** 2) / 10)


def test_the_whole_ring_is_one_flock_to_far_sighted_birds():
    game = make_game("flocking", num_cells=8, radius=8)
    m = np.random.default_rng(0).dirichlet(np.ones(8))
    r = exact.rewards(game, 0, m)
    gap = 1 - m @ np.arange(1, 9) / 8
    assert r == pytest.approx(np.tile(-(game.speeds**2 + 0.5 * gap**2) / 8, (8, 1)))
    # Nobody can change what it sees: the slowest speed is best, whatever the others do.
    best = exact.best_response(game, m)
    assert (best[:, 0] == 1).all()


def test_the_flock_flies_on_the_road():
    game = make_game("flocking", dynamics="position", num_cells=5, num_speeds=4)
    assert type(game) is Flocking
    assert (game.num_states, game.num_observations) == (20, 5)
    road = RingRoad(dynamics="position", num_cells=5, num_speeds=4)
    for one, two in zip(exact.kernel(game, 0, None), exact.kernel(road, 0, None), strict=True):
        assert np.array_equal(one, two)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"radius": -1}, r"radius must be in \[0, 50\], got -1"),
        ({"num_cells": 1}, "num_cells must be in"),
        ({"jam_density": 3}, "flocking has no parameter 'jam_density'"),
    ],
)
def test_a_value_out_of_its_range_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_game("flocking", **parameters)
