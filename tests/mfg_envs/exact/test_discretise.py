"""A continuous game on a grid: laws, means, densities, and players who follow its flow."""

from __future__ import annotations

import numpy as np
import pytest

from mfg_envs import BatchEnv, exact, make_game, policies
from mfg_envs.exact.discretise import GridPolicy, discretise
from mfg_envs.game import density

MANY = 100_000
GRIDS = {
    "linear_quadratic": {"num_states": 161, "num_actions": 5, "num_noise": 16},
    "beach_bar": {"num_states": 201, "num_actions": 7, "num_noise": 20},
    "price_impact": {"num_states": 101, "num_actions": 5, "num_noise": 25},
}


def some_policy(grid, seed=0):
    """Return a policy that drifts, more so in high states: no symmetry hides an error."""
    tilt = np.random.default_rng(seed).normal(size=grid.horizon)[:, None, None]
    x, a = np.linspace(-1, 1, grid.num_states), np.linspace(-1, 1, grid.num_actions)
    weights = np.exp(tilt * a + x[:, None] * a)
    return weights / weights.sum(-1, keepdims=True)


@pytest.fixture(scope="module", params=GRIDS)
def grid(request):
    return discretise(make_game(request.param), **GRIDS[request.param])


def test_the_mean_of_a_move_is_kept(grid):
    game, m = grid.game, np.zeros(grid.mean_field_shape)
    moves = exact.kernel(grid, 0, m)
    assert np.allclose(moves.prob.sum(-1), 1, atol=1e-12)
    x, a = np.meshgrid(grid.states[0], grid.actions[0], indexing="ij")
    law = game.noise_law(0, (x,), (a,), m)
    assert grid.noise[0].mean() == pytest.approx(0 if "price" in game.name else 0.5, abs=1e-12)
    there = game.step(0, (x,), (a,), m, (0 * x + (law[0] if "price" in game.name else 0),))[0]
    inside = abs(there - np.mean([game.state_low, game.state_high])) < 0.2 * np.ptp(grid.states[0])
    moved = (grid.states[0][moves.next] * moves.prob).sum(-1)
    assert inside.sum() > 50
    assert np.allclose(moved[inside], there[inside], atol=1e-12)


def test_the_variance_grows_by_at_most_a_quarter_of_a_squared_step(grid):
    game, m = grid.game, np.zeros(grid.mean_field_shape)
    moves = exact.kernel(grid, 0, m)
    there = grid.states[0][moves.next]
    variance = (there**2 * moves.prob).sum(-1) - (there * moves.prob).sum(-1) ** 2
    noise = 1.0 if "price" in game.name else 0.2**2 / 12
    h = np.diff(grid.states[0])[0]
    middle = variance[grid.num_states // 2, grid.num_actions // 2]
    if "price" in game.name:  # the normal law is cut off at the limits, five deviations away
        assert noise - 1e-3 < middle < noise + h**2 / 4
    else:
        assert noise - 1e-12 <= middle <= noise + h**2 / 4


def test_first_states_have_the_mean_of_their_law(grid):
    law = grid.initial_law
    first = grid.game.initial_law[0]
    assert law.sum() == pytest.approx(1)
    assert law @ grid.states[0] == pytest.approx((first.low + first.high) / 2)


def test_the_mean_field_is_that_of_the_game(grid):
    game, rng = grid.game, np.random.default_rng(0)
    x, a = (rng.integers(n, size=(2, 500)) for n in (grid.num_states, grid.num_actions))
    m = grid.mean_field(x, a)
    assert m.shape == (2, *game.mean_field_shape)
    points = (grid.states[0][x],), (grid.actions[0][a],)
    if game.mean_field_kind == "density":
        weights = density.smoother(game).volume * game.room
        assert np.allclose((m * weights).sum(1), 1)
        even = grid.crowd(np.full(grid.num_states, 1 / (grid.num_states - 1)) * half_ends(grid))
        assert np.allclose(even, 1, rtol=1e-12)
    else:
        assert np.allclose(m, game.mean_field(*points), atol=1e-12)


def half_ends(grid):
    weights = np.ones(grid.num_states)
    weights[[0, -1]] = 0.5
    return weights


def test_many_players_follow_the_flow_of_the_grid(grid):
    """The error of the grid is at most what halving its step changes, that of chance 5 sigma."""
    game = grid.game
    half = {k: v // 2 + 1 if k == "num_states" else v for k, v in GRIDS[game.name].items()}
    coarse = discretise(game, **half)
    fine = GridPolicy(grid, some_policy(grid))
    flow, rough = fine.mean_fields(), GridPolicy(coarse, some_policy(coarse)).mean_fields()
    env = BatchEnv(game, 1, MANY, 0)
    env.reset()
    met = env.rollout(fine, game.horizon).mean_field[:, 0]
    if game.mean_field_kind == "density":  # shares of ten parts of the beach
        flow, rough, met = (v.reshape(len(v), 10, -1).mean(-1) / 10 for v in (flow, rough, met))
        deviation = np.sqrt(flow * (1 - flow) / MANY)
    else:
        widest = np.ptp(grid.actions[0] if game.mean_field_of_controls else grid.states[0]) / 2
        deviation = widest / np.sqrt(MANY)  # a bounded number deviates by at most half its range
    # The mean field moves players, so that errors add up over time.
    slack = np.maximum.accumulate(abs(flow - rough).max(-1, keepdims=True), 0)
    assert slack.max() < 0.05 * np.ptp(met)
    assert (abs(met - flow) <= 5 * deviation + slack).all()


def test_many_players_and_representatives_agree(grid):
    """Players among many others meet what representatives meet in the flow of all."""
    game, policy = grid.game, GridPolicy(grid, some_policy(grid))
    returns = []
    for mode in ("n_agent", "mean_field"):
        env = BatchEnv(game, 50, 2000, 1, mode=mode)
        if mode == "mean_field":
            env.set_population_policy(policy)
        env.reset()
        returns.append(env.rollout(policy, game.horizon).reward.sum(0))
    value = exact.value(grid, exact.flow(grid, policy.policy), policy.policy)
    error = np.hypot(*(r.std(ddof=1) / np.sqrt(50) for r in returns))
    assert abs(returns[0].mean() - returns[1].mean()) < 5 * error + 2e-3 * abs(value)
    assert returns[1].mean() == pytest.approx(value, rel=0.02)


def test_two_dimensions():
    game = make_game("linear_quadratic", dim=2, target=(0.6, -0.2), coupling=((0, 0.1), (0, 0)))
    grid = discretise(game, num_states=(21, 31), num_actions=3, num_noise=4)
    assert (grid.num_states, grid.num_actions) == (651, 9)
    moves = exact.kernel(grid, 0, np.array([0.0, 0.5]))
    assert moves.prob.shape == (651, 9, 64)
    x = np.ravel_multi_index((10, 15), (21, 31))  # the origin, and the action (.1, -.1)
    mean = [(v[moves.next[x, 6]] * moves.prob[x, 6]).sum() for v in grid.states]
    assert np.allclose(mean, [0.1 + 0.05, -0.1], atol=1e-12)
    policy = policies.uniform(grid)
    flow = grid.crowd(exact.flow(grid, policy))
    assert np.allclose(flow, 0, atol=1e-12)


def test_a_linear_quadratic_game_far_from_its_bounds_has_the_closed_form():
    from mfg_envs import riccati

    parts = {"noise_scale": 0.1, "start": 0.1, "start_scale": 0.2, "horizon": 6, "target": 0.4}
    game = make_game("linear_quadratic", bound=1.5, action_bound=0.8, action_cost=2.0, **parts)
    free = make_game("linear_quadratic", bound=None, action_bound=None, action_cost=2.0, **parts)
    grid = discretise(game, num_states=301, num_actions=161, num_noise=8)
    flow = riccati.flow(free, riccati.equilibrium(free))
    law = np.eye(301)[np.rint((flow[:, 0] + 1.5) * 100).astype(int)]  # wrong by half a step
    value = exact.value(grid, law)
    shifted = riccati.value(free, (law @ grid.states[0])[:, None])
    # Half a step of the action grid costs at most (R + S) (h / 2)^2 a step, a split state
    # S h^2 / 4, with S < 8.
    bound = 6 * (10 * (0.01 / 2) ** 2 + 8 * 0.01**2 / 4)
    assert abs(value - shifted) < bound


def test_what_cannot_be_put_on_a_grid():
    with pytest.raises(ValueError, match=r"num_states must be at least 21, got 20: walls of four"):
        discretise(make_game("four_rooms"), num_states=20)
    with pytest.raises(ValueError, match="actions must be bounded to be put on a grid"):
        discretise(make_game("linear_quadratic", action_bound=None))
    for wrong in ({"num_states": 1}, {"num_actions": 1}, {"num_noise": 1}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be at least 2|in \\[2"):
            discretise(make_game("beach_bar"), **wrong)
    with pytest.raises(ValueError, match=r"num_states must be one number or 1, got \(3, 4\)"):
        discretise(make_game("beach_bar"), num_states=(3, 4))
