"""Price impact: rewards by hand, the mean action, and fictitious play on the grid."""

from __future__ import annotations

import numpy as np
import pytest

from mfg_envs import BatchEnv, check_game, exact, make_game, policies
from mfg_envs.exact.discretise import discretise

BACK_END = "numba"


def test_the_game_keeps_the_contract():
    check_game(make_game("price_impact"))


def test_move_and_reward_by_hand():
    game = make_game("price_impact")
    x, a, m = (np.array([2.0, 4.5]),), (np.array([-1.0, 1.0]),), np.array([-0.5])
    assert np.allclose(game.step(0, x, a, m, (np.array([0.5, 0.0]),))[0], [1.5, 5.0])
    assert np.allclose(game.reward(0, x, a, m), [-4 - 1 - 0.5, -20.25 - 1 - 1.125])


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_players_meet_the_mean_of_their_own_actions(use, backend):
    use(backend)
    game = make_game("price_impact")
    env = BatchEnv(game, 2, 100, 0)
    first = env.reset()
    assert np.array_equal(first.mean_field, [[0.0], [0.0]])
    a = np.random.default_rng(0).uniform(-1, 1, (2, 100, 1))
    step = env.step(a)
    assert np.allclose(step.mean_field, a.mean(1), atol=1e-15)
    x = first.state[..., 0]
    assert np.allclose(step.reward, -(x**2) - a[..., 0] ** 2 + 0.5 * x * a.mean(1), atol=1e-12)


def test_best_responses_find_the_equilibrium():
    """Traders sell, the more the more they have, and hardly gain by anything else."""
    grid = discretise(make_game("price_impact"), num_states=101, num_actions=41, num_noise=15)
    policy = policies.uniform(grid)
    curve = [exact.exploitability(grid, policy)]
    for _ in range(12):
        response = exact.best_response(grid, exact.flow(grid, policy))
        policy = 0.5 * policy + 0.5 * response
        curve.append(exact.exploitability(grid, policy))
    assert curve[0] > 50
    assert curve[-1] < 1e-3 * curve[0]
    mean = grid.crowd(exact.flow(grid, policy))[:, 0]
    assert mean[0] < -0.7
    assert (np.diff(mean) > 0).all()


def test_wrong_parameters():
    with pytest.raises(ValueError, match="limit must be at least 5, got 4"):
        make_game("price_impact", limit=4.0)
