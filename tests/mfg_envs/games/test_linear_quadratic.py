"""The linear-quadratic game: rewards by hand, and the published game's exact equilibrium."""

from __future__ import annotations

import numpy as np
import pytest
from covering import covering

from mfg_envs import BatchEnv, check_game, exact, make_game, policies
from mfg_envs.exact.discretise import GridPolicy, discretise

BACK_END = "numba"

VARIANTS = (
    {}, {"noise": "normal"}, {"dim": 3}, {"bound": None}, {"horizon": None, "discount": 0.9},
    {"dim": 2, "noise": "normal", "drift": ((0.9, 0.1), (0, 0.8)), "bound": None,
     "action_bound": None, "crowd_cost": ((1, 0.5), (0.5, 2)), "target": (1, -1)},
)  # fmt: skip


@covering(parameters=VARIANTS, backend=("numpy", "numba"))
def test_the_game_keeps_the_contract(parameters, backend, use):
    use(backend)
    check_game(make_game("linear_quadratic", **parameters))


def test_move_and_reward_by_hand():
    game = make_game("linear_quadratic")
    x, a, m = (np.array([0.5, -0.9, 0.97]),), (np.array([0.1, -0.1, 0.05]),), np.array([0.25])
    (there,) = game.step(0, x, a, m, (np.array([0.02, -0.1, 0.03]),))
    assert np.allclose(there, [0.5 + 0.1 + 0.015 + 0.02, -1, 1])
    wanted = [
        -5 * (v - 0.6) ** 2 - 0.1 * u**2 - (v - 0.25) ** 2 for v, u in zip(*x, *a, strict=True)
    ]
    assert np.allclose(game.reward(0, x, a, m), wanted)


def test_two_dimensions_by_hand():
    game = make_game(
        "linear_quadratic", dim=2, drift=((1, 2), (0, 1)), control=2, coupling=0.5, bound=None,
        state_cost=((2, 1), (1, 3)), crowd_cost=0, action_cost=1, target=(1, 0), action_bound=None,
    )  # fmt: skip
    x, a, m = (np.float64(3), np.float64(1)), (np.float64(1), np.float64(-1)), np.array([2.0, 4.0])
    there = game.step(0, x, a, m, (np.float64(0), np.float64(0)))
    assert [float(v) for v in there] == [3 + 2 + 2 + 1, 1 - 2 + 2]
    assert float(game.reward(0, x, a, m)) == -((2 * 4 + 2 * 2 + 3) + 2)


@pytest.fixture(scope="module")
def equilibrium():
    """Return the game on the grid of the reference, and best responses iterated to a halt."""
    grid = discretise(make_game("linear_quadratic"), num_states=801, num_actions=41, num_noise=20)
    policy = policies.uniform(grid)
    for _ in range(6):
        policy = exact.best_response(grid, exact.flow(grid, policy))
    return grid, policy


def test_the_exact_equilibrium(equilibrium):
    grid, policy = equilibrium
    flow = exact.flow(grid, policy)
    means = grid.crowd(flow)[:, 0]
    known = [0, 0.0509, 0.1060, 0.1648, 0.2263]
    assert np.allclose([*means[:5], means[20]], [*known, 0.6047], atol=1e-4)
    assert exact.value(grid, flow) == pytest.approx(-16.827, abs=1e-3)
    assert exact.exploitability(grid, policy) < 1e-3


def test_the_exploitability_of_the_random_policy(equilibrium):
    grid, _ = equilibrium
    assert exact.exploitability(grid, policies.uniform(grid)) == pytest.approx(59.55, abs=0.01)


def test_players_who_play_the_equilibrium_have_its_means(equilibrium):
    grid, policy = equilibrium
    env = BatchEnv(grid.game, 1, 100_000, 1)
    env.reset()
    met = env.rollout(GridPolicy(grid, policy), 21).mean_field[:, 0, 0]
    flow = grid.crowd(exact.flow(grid, policy))[:, 0]
    # A state has at most standard deviation 1 / sqrt(3); the coupling multiplies errors by 1.06.
    assert (abs(met - flow) <= 5 / np.sqrt(3e5) * 1.06 ** np.arange(21) + 2 / 800).all()


def test_the_closed_form_refuses_the_bounded_game_and_names_the_cure():
    from mfg_envs import riccati

    with pytest.raises(ValueError, match="discretise and exact"):
        riccati.equilibrium(make_game("linear_quadratic"))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dim": 0}, "dim must be in"),
        ({"noise_scale": 0.0}, "noise_scale must be positive, got 0.0"),
        ({"bound": -1.0}, "bound must be positive"),
        ({"dim": 2, "drift": ((1, 2), (3,))}, "drift must be a number or 2 numbers"),
        ({"dim": 2, "drift": (1, 2)}, "drift must be a number or 2 rows"),
        ({"dim": 2, "target": (1, 2, 3)}, "target must be a number or 2 numbers"),
        ({"noise": "pink"}, "noise must be one of 'uniform', 'normal', got 'pink'"),
    ],
)
def test_wrong_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_game("linear_quadratic", **parameters)
