"""The density of players: mass, even crowds, walls, and values worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfg_envs import make_game
from mfg_envs.game import density

GAMES = {"line": make_game("beach_bar"), "rooms": make_game("four_rooms", bins=40)}


@pytest.fixture(params=GAMES)
def game(request):
    return GAMES[request.param]


def mass(game, m):
    return (m * game.room).sum() * density.smoother(game).volume


@given(seed=st.integers(0, 2**32 - 1), sparse=st.floats(0, 1))
@pytest.mark.parametrize("name", GAMES)
def test_mass_is_kept(name, seed, sparse):
    game, rng = GAMES[name], np.random.default_rng(seed)
    open_ = game.room.ravel() > 0
    h = rng.exponential(size=open_.size) * open_ * (rng.random(open_.size) >= 0.99 * sparse)
    h[open_.argmax()] += 1e-6
    m = density.of_histogram(game, h / h.sum())
    assert abs(mass(game, m) - 1) < 1e-12
    assert m.min() >= 0
    assert m.max() <= density.peak(game) * (1 + 1e-12)


def test_an_even_crowd_has_an_even_density(game):
    h = game.room.ravel() / game.room.sum()
    m = density.of_histogram(game, h)
    even = 1 / (game.room.sum() * density.smoother(game).volume)
    assert np.allclose(m[game.room > 0], even, rtol=1e-12)
    assert (m[game.room == 0] == 0).all()


def test_a_density_far_from_walls_is_a_gaussian():
    game = make_game("beach_bar", bins=1000, blur_width=0.02)
    h = np.eye(1000)[500]
    m = density.of_histogram(game, h)
    x = (np.arange(1000) - 500) / 1000
    exact = np.exp(-0.5 * (x / 0.02) ** 2) / 0.02 / np.sqrt(2 * np.pi)
    # What lies beyond 3.5 standard deviations is left out.
    assert np.allclose(m, exact, atol=np.exp(-0.5 * 3.5**2) * exact.max())


def test_players_are_counted_where_they_are():
    game = make_game("beach_bar", bins=4, blur_width=1e-3)
    x = (np.array([[0.0, 0.1, 0.25, 0.49, 0.5, 1.0], [0.3] * 6]),)
    assert np.allclose(game.mean_field(x), [[8 / 6, 8 / 6, 4 / 6, 4 / 6], [0, 4, 0, 0]])
    rooms = make_game("four_rooms", blur_width=1e-4)
    corner = rooms.mean_field((np.array([0.01]), np.array([0.49])))
    assert corner[1, 78] == pytest.approx(160**2)
    assert np.count_nonzero(corner) == 1


def test_the_peak_is_reached(game):
    weights = density.smoother(game)
    cells = np.flatnonzero(weights.scale == weights.scale.max())
    m = density.of_histogram(game, np.eye(weights.scale.size)[cells[0]])
    assert m.max() == pytest.approx(density.peak(game), rel=1e-12)


def test_the_first_density_is_that_of_many_players():
    game = make_game("beach_bar", bins=10)
    assert np.allclose(density.of_law(game), 1, rtol=1e-12)
    rooms = make_game("four_rooms", blur_width=1e-4)
    first = density.of_law(rooms)
    assert first.max() == pytest.approx(1600)  # 1 / .025^2
    assert (first > 1e-6).sum() == 16
