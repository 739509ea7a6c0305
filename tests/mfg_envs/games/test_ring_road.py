"""Relatives of the ring road: rewards by hand, equilibria of even crowds."""

from __future__ import annotations

import numpy as np
import pytest

from mfg_envs import exact, make_game
from mfg_envs.games import ring_road


@pytest.mark.parametrize(
    ("reward", "cost"),
    [
        ("lwr", lambda u, rho: 0.5 * (1 - u - rho) ** 2),
        ("separable", lambda u, rho: 0.5 * u**2 + rho - u),
        ("non_separable", lambda u, rho: 0.5 * u**2 + rho * u - u),
    ],
)
def test_the_relatives_pay_their_costs(reward, cost):
    game = make_game("ring_road", reward=reward, num_cells=4, num_speeds=5, jam_density=2)
    m = np.array([0.5, 0.25, 0.0, 0.25])
    r = exact.rewards(game, 0, m)
    u, rho = np.arange(1, 6) / 5, 4 * m / 2  # density in multiples of the average, by the jam's
    assert r == pytest.approx(-cost(u, rho[:, None]) / 4, abs=1e-15)
    assert (game.horizon, game.discount) == (50, 1)


@pytest.mark.parametrize(
    ("reward", "speed"), [("lwr", 2 / 3), ("separable", 1), ("non_separable", 2 / 3)]
)
def test_an_even_crowd_drives_evenly(reward, speed):
    game = make_game("ring_road", reward=reward, num_cells=6, num_speeds=3, horizon=5)
    policy = np.zeros((5, 6, 3))
    policy[..., round(3 * speed) - 1] = 1  # rho = 1/3 everywhere
    assert exact.flow(game, policy) == pytest.approx(np.full((5, 6), 1 / 6))
    assert exact.exploitability(game, policy) == pytest.approx(0, abs=1e-15)


def test_the_reward_picks_the_class():
    kinds = {"lwr": ring_road.LWR, "separable": ring_road.Separable}
    for reward, kind in {**kinds, "non_separable": ring_road.NonSeparable}.items():
        assert type(make_game("ring_road", reward=reward)) is kind


def test_a_value_out_of_its_range_is_refused():
    with pytest.raises(ValueError, match=r"jam_density must be at least 1e-09, got 0\.0"):
        make_game("ring_road", reward="lwr", jam_density=0)
