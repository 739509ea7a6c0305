"""The beach bar on a line: moves by hand, and fictitious play on the grid."""

from __future__ import annotations

import numpy as np
import pytest

from mfg_envs import BatchEnv, check_game, exact, make_game, policies
from mfg_envs.exact.discretise import GridPolicy, discretise

BACK_END = "numba"


def fictitious_play(game, iterations):
    """Return the average of the best responses after each iteration, and its exploitability."""
    even = policies.uniform(game)

    def joint(policy):
        law = exact.flow(game, policy)
        return law if game.mean_field_of_controls else law[..., None] * policy

    policy, average = even, joint(even)
    curve = [exact.exploitability(game, even)]
    for k in range(1, iterations + 1):
        met = average if game.mean_field_of_controls else average.sum(-1)
        average = average + (joint(exact.best_response(game, met)) - average) / (k + 1)
        mass = average.sum(-1, keepdims=True)
        policy = np.where(mass > 0, average / np.where(mass > 0, mass, 1), even)
        curve.append(exact.exploitability(game, policy))
    return policy, np.array(curve)


def test_the_game_keeps_the_contract():
    check_game(make_game("beach_bar"))


def test_move_and_reward_by_hand():
    game = make_game("beach_bar", bins=10)
    x, a = (np.array([0.05, 0.95, 0.5]),), (np.array([-0.3, 0.3, 0.1]),)
    (there,) = game.step(0, x, a, None, (np.array([-0.05, 0.05, 0.02]),))
    assert np.allclose(there, [0.3, 0.7, 0.62])
    m = np.arange(10.0)
    wanted = [-25 * 0.45**2 - 0.09 - 0, -25 * 0.45**2 - 2.5 * 9 - 0.09, -2.5 * 5 - 0.01]
    assert np.allclose(game.reward(0, x, a, m), wanted)


def test_players_stay_on_the_beach():
    env = BatchEnv(make_game("beach_bar"), 1, 10_000, 0)
    env.reset()
    for side in (-0.3, 0.3):
        for _ in range(5):
            x = env.step(np.full((1, 10_000, 1), side)).state
            assert x.min() >= 0
            assert x.max() <= 1


def test_fictitious_play_finds_the_equilibrium():
    game = make_game("beach_bar")
    grid = discretise(game, num_states=101, num_actions=31, num_noise=20)
    policy, curve = fictitious_play(grid, 150)
    assert 17 < curve[0] < 22  # Figure of the paper: 17.5 to 21.6 before the first iteration
    assert curve[40:].max() < 0.1 * curve[0]
    assert curve[-1] < 0.02 * curve[0]
    env = BatchEnv(game, 1, 100_000, 2)
    env.reset()
    met = env.rollout(GridPolicy(grid, policy), 11).mean_field[:, 0].reshape(11, 10, 10).mean(-1)
    flow = GridPolicy(grid, policy).mean_fields().reshape(11, 10, 10).mean(-1)
    share = flow / 10
    # 5 sigma of counting, and the tenth of a cell by which the grid's crowds are wider.
    assert (abs(met - flow) <= 50 * np.sqrt(share * (1 - share) / 1e5) + 0.05 * flow.max()).all()


@pytest.mark.parametrize("parameters", [{"bins": 1}, {"reach": 0.6}, {"crowd_cost": -1.0}])
def test_wrong_parameters(parameters):
    with pytest.raises(ValueError, match=f"{next(iter(parameters))} must be"):
        make_game("beach_bar", **parameters)
