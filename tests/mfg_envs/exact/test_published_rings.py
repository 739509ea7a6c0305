"""Exact quantities of the ring road against published numbers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mfg_envs import exact, policies
from mfg_envs.games.ring_road import AdditiveRingRoad, RingRoad

# Ring road, reward "additive": stationary density of the Lax-Friedrichs scheme, one of two periods
# of 25 cells, s = 0..24 (Zhang, Chen, Di, arXiv 2405.03718).
ADDITIVE = [
    *(0.014635, 0.013498, 0.012627, 0.011995, 0.011581, 0.011372, 0.011367, 0.011582, 0.012059),
    *(0.012906, 0.014371, 0.016887, 0.020883, 0.026141, 0.031335, 0.034758, 0.035608, 0.034281),
    *(0.031670, 0.028554, 0.025423, 0.022535, 0.020003, 0.017854, 0.016075),
]


# Ring road, reward "min": published density, greedy speeds in fiftieths, and mean squared error of
# the best learner at the end, s = 1..25 (Zhang et al., arXiv 2408.08192).
MIN = [
    *[0.016617] * 12,
    *(0.017655, 0.018990, 0.021809, 0.024277, 0.027417, 0.028550, 0.029910),
    *(0.027417, 0.026459, 0.022432, 0.020301, 0.018278, 0.017105),
]


SPEEDS = [18] * 13 + [16, 14, 12, 11, 10, 10, 10, 12, 13, 15, 17, 18]


BEST_LEARNER = 8.93e-5


def test_the_additive_ring_has_the_published_stationary_density():
    game = AdditiveRingRoad()
    rho = game.initial_law
    for _ in range(20_000):
        u = game.location + 0.5 - rho * game.slowdown
        flux = rho * u
        behind, ahead = np.roll(rho, 1), np.roll(rho, -1)
        moved = 0.5 * (behind + ahead) - 0.5 * (np.roll(flux, -1) - np.roll(flux, 1))
        rho, change = moved, np.abs(moved - rho).sum()
    assert change < 1e-12
    assert np.abs(rho - ADDITIVE * 2).max() < 1e-6  # six digits


@pytest.fixture(scope="module")
def equilibrium():
    """Return the min ring's game and its policy after averaging 600 best responses."""
    game = RingRoad()
    policy = policies.uniform(game)
    for k in range(1, 601):
        mu = exact.stationary_mean_field(game, policy)
        policy = policy + 2 / (k + 1) * (exact.best_response(game, mu) - policy)
    return game, policy


def test_the_min_ring_converges_to_an_equilibrium_with_the_published_speeds(equilibrium):
    game, policy = equilibrium
    assert exact.exploitability(game, policy) < 1e-7
    mu = exact.stationary_mean_field(game, policy)
    mean = policy @ np.arange(1, 51)
    greedy = exact.best_response(game, mu, ties="first").argmax(-1) + 1
    for speeds in (mean, greedy):
        assert np.abs(speeds - SPEEDS * 2).max() <= 1.001


def test_the_min_ring_has_the_published_density(equilibrium):
    game, policy = equilibrium
    mu = exact.stationary_mean_field(game, policy)
    # The flux is the same everywhere, so a density tells a speed.  The published one and ours are
    # both within one step of the published greedy speeds, hence within two of each other.
    told = mu[0] * SPEEDS[0] / np.array(MIN * 2)
    assert np.abs(told - policy @ np.arange(1, 51)).max() < 2
    assert ((mu - MIN * 2) ** 2).sum() < BEST_LEARNER


@pytest.mark.parametrize("dynamics", ["cell", "position"])
@pytest.mark.parametrize("horizon", [10, None])
def test_drivers_who_ignore_their_place_keep_the_ring_even(dynamics, horizon):
    game = RingRoad(num_cells=7, num_speeds=5, dynamics=dynamics, horizon=horizon)
    rule = np.random.default_rng(0).dirichlet(np.ones(5))
    policy = np.broadcast_to(rule, policies.uniform(game).shape)
    met = exact.law_met(game, policy)
    assert np.allclose(met, 1 / game.num_states, rtol=0, atol=1e-15)
    replaced = dataclasses.replace(game, horizon=3)
    flow = exact.flow(replaced, np.broadcast_to(rule, (3, game.num_states, 5)))
    assert np.allclose(flow, 1 / game.num_states, rtol=0, atol=1e-15)
