"""Exploitability of continuous games: against exact numbers, closed forms, and real walls."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mfg_envs import exact, make_game, metrics, policies, riccati
from mfg_envs.exact.discretise import GridPolicy, discretise
from mfg_envs.game import Uniform
from mfg_envs.games.four_rooms import FourRooms

GRIDS = {
    "linear_quadratic": {"num_states": 161, "num_actions": 11, "num_noise": 16},
    "beach_bar": {"num_states": 151, "num_actions": 13, "num_noise": 20},
    "price_impact": {"num_states": 101, "num_actions": 11, "num_noise": 15},
}


@pytest.fixture(scope="module", params=GRIDS)
def known(request):
    """Return a game on a grid, its even policy, and the exact numbers of both."""
    grid = discretise(make_game(request.param), **GRIDS[request.param])
    policy = policies.uniform(grid)
    flow = exact.flow(grid, policy)
    return grid, GridPolicy(grid, policy), flow


def test_the_response_is_that_of_the_game_on_the_grid(known):
    grid, _, flow = known
    found = metrics.grid_response(grid.game, grid.crowd(flow), **GRIDS[grid.game.name])
    assert found.value == pytest.approx(exact.value(grid, flow), rel=1e-10)
    assert exact.value(grid, flow, found.policy.policy) == pytest.approx(found.value, rel=1e-10)


def test_the_response_is_that_of_the_game_on_the_grid_in_two_dimensions():
    coupling = ((0.06, 0.02), (0, 0.06))
    game = make_game("linear_quadratic", dim=2, coupling=coupling, horizon=4, discount=0.9)
    sizes = {"num_states": 15, "num_actions": 3, "num_noise": 3}
    grid = discretise(game, **sizes)
    flow = exact.flow(grid, policies.uniform(grid))
    found = metrics.grid_response(game, grid.crowd(flow), **sizes)
    assert found.value == pytest.approx(exact.value(grid, flow), rel=1e-10)


def test_gain_and_estimate_are_near_the_exact_exploitability(known):
    grid, policy, _ = known
    wanted = exact.exploitability(grid, policy.policy)
    found = metrics.approximate_exploitability(grid.game, policy, **GRIDS[grid.game.name])
    # The crowd is that of 1e5 players, a mean of theirs 3e-3 deviations off: a hundredth is ample.
    slack = 0.01 * wanted
    assert abs(found.gain.mean - wanted) < 4 * found.gain.error + slack
    assert abs(found.estimate - wanted) < 4 * found.gain.value_error + slack
    low, high = found.gain.interval
    assert low < found.gain.mean < high
    assert high - low == pytest.approx(4.02 * found.gain.error, rel=1e-3)


def test_the_published_game_has_its_published_number():
    game = make_game("linear_quadratic")
    draw = np.random.default_rng(0)
    found = metrics.approximate_exploitability(game, lambda t, x: draw.uniform(-0.1, 0.1, x.shape))
    # 59.55 is for actions on 41 points, whose variance is larger by a factor 42 / 40.
    assert abs(found.gain.mean - 59.55) < 4 * found.gain.error + 0.2
    assert found.mean_fields.shape == (21, 1)


def test_in_equilibrium_there_is_nothing_to_gain():
    grid = discretise(make_game("linear_quadratic"), **GRIDS["linear_quadratic"])
    policy = policies.uniform(grid)
    for _ in range(6):
        policy = exact.best_response(grid, exact.flow(grid, policy))
    assert exact.exploitability(grid, policy) < 1e-9
    played = GridPolicy(grid, policy)
    found = metrics.approximate_exploitability(
        grid.game, played, mean_fields=played.mean_fields(), num_players=20_000
    )
    # A finer grid sees what this one gives away: actions .02 apart are .01 off, which costs
    # R + S < 8 times its square at each of 21 decisions.
    assert -4 * found.gain.error - 1e-3 < found.gain.mean < 8 * 0.01**2 * 21


PARTS = {
    "noise_scale": 0.1, "start": 0.1, "start_scale": 0.2, "horizon": 6, "target": 0.4,
    "action_cost": 2.0,
}  # fmt: skip


def test_far_from_its_bounds_a_linear_quadratic_game_has_the_closed_form():
    free = make_game("linear_quadratic", bound=None, action_bound=None, **PARTS)
    game = make_game("linear_quadratic", bound=1.5, action_bound=0.8, **PARTS)
    right = riccati.equilibrium(free)
    policy = riccati.Affine(0.6 * right.gain, right.offset + 0.05)
    wanted = riccati.exploitability(free, policy)
    found = metrics.approximate_exploitability(
        game, policy, mean_fields=riccati.flow(free, policy), num_states=301, num_actions=81
    )
    # Half a step of the action grid costs at most (R + S) (h / 2)^2 a step, a split state
    # S h^2 / 4, with S < 8; a played response pays for both once more.
    slack = 6 * (10 * (0.02 / 2) ** 2 + 8 * 0.01**2 / 4)
    assert wanted > 20 * slack
    assert abs(found.estimate - wanted) < slack + 4 * found.gain.value_error
    assert wanted - 2 * slack < found.gain.mean + 4 * found.gain.error
    assert found.gain.mean - 4 * found.gain.error < wanted


def test_in_three_dimensions_a_response_of_ones_own_is_played():
    game = make_game(
        "linear_quadratic", dim=3, noise="normal", bound=None, action_bound=None, discount=0.9,
        **PARTS,
    )  # fmt: skip
    right = riccati.equilibrium(game)
    policy = riccati.Affine(0.6 * right.gain, right.offset + 0.05)
    flow = riccati.flow(game, policy)
    with pytest.raises(ValueError, match=r"at most 2 state components, linear_quadratic has 3: tr"):
        metrics.grid_response(game, flow)
    best = riccati.best_response(game, flow)
    found = metrics.simulated_gain(game, policy, best, flow, num_players=20_000)
    assert abs(found.mean - riccati.exploitability(game, policy)) < 4 * found.error
    assert abs(found.value - riccati.value(game, flow, policy)) < 4 * found.value_error
    assert found.error < found.value_error  # common random numbers


def test_the_interval_holds_the_gain_as_often_as_it_says():
    game = make_game("linear_quadratic", bound=None, action_bound=None, **PARTS)
    right = riccati.equilibrium(game)
    policy = riccati.Affine(0.6 * right.gain, right.offset + 0.05)
    flow = riccati.flow(game, policy)
    best, wanted = riccati.best_response(game, flow), riccati.exploitability(game, policy)
    held = 0
    for seed in range(200):
        gain = metrics.simulated_gain(game, policy, best, flow, num_players=1000, seed=seed)
        held += gain.interval[0] <= wanted <= gain.interval[1]
    # Binomial: 190 of 200 are expected, with a deviation of 3.1.
    assert abs(held - 190) < 4 * 3.1


def test_the_same_seed_gives_the_same_numbers():
    game, policy = make_game("beach_bar"), lambda t, x: 0.2 - 0.3 * x
    sizes = {"num_states": 41, "num_actions": 5, "num_noise": 5, "num_players": 500}
    one, two, three = (
        metrics.approximate_exploitability(game, policy, seed=seed, **sizes) for seed in (3, 3, 4)
    )
    assert one.gain == two.gain != three.gain
    assert one.estimate == two.estimate


@dataclasses.dataclass(frozen=True, kw_only=True)
class Elsewhere(FourRooms):
    """Walkers who start around (x, y)."""

    x: float = 0.21
    y: float = 0.06

    @property
    def initial_law(self):
        return Uniform(self.x - 0.005, self.x + 0.005), Uniform(self.y - 0.005, self.y + 0.005)


WALLS = (
    (0.25, 0.0625, 0.025, 0.0625), (0.25, 0.25, 0.025, 0.075), (0.25, 0.4375, 0.025, 0.0625),
    (0.0625, 0.25, 0.0625, 0.025), (0.25, 0.25, 0.075, 0.025), (0.4375, 0.25, 0.0625, 0.025),
)  # fmt: skip


def by_loops(game, m, size, levels, values):
    """Return values on a grid (size, size) whose points at walls stand for the nearest others."""
    line = np.linspace(0, 0.5, size)
    x, y = np.meshgrid(line, line, indexing="ij")
    at_wall = np.zeros((size, size), bool)
    for middle_x, middle_y, half_x, half_y in WALLS:
        at_wall |= (abs(x - middle_x) < half_x + 1e-6) & (abs(y - middle_y) < half_y + 1e-6)
    open_x, open_y = np.nonzero(~at_wall)
    far = (x[..., None] - line[open_x]) ** 2 + (y[..., None] - line[open_y]) ** 2
    near = open_x[far.argmin(-1)], open_y[far.argmin(-1)]
    pushes, v = np.linspace(-game.speed, game.speed, levels), np.zeros((size, size))
    for t in reversed(range(game.horizon)):
        best = np.full((size, size), -np.inf)
        for i, j in np.ndindex(levels, levels):
            a, mean = (pushes[i], pushes[j]), np.zeros((size, size))
            for k, n in np.ndindex(len(values), len(values)):
                w = game.noise_scale * values[k], game.noise_scale * values[n]
                u, z = (v * (size - 1) / 0.5 for v in game.step(t, (x, y), a, m[t], w))
                p, q = (np.minimum(v.astype(int), size - 2) for v in (u, z))
                u, z = u - p, z - q
                mean += (1 - u) * ((1 - z) * v[p, q] + z * v[p, q + 1])
                mean += u * ((1 - z) * v[p + 1, q] + z * v[p + 1, q + 1])
            best = np.maximum(best, game.reward(t, (x, y), a, m[t]) + mean / len(values) ** 2)
        v = best[near]
    return v


@pytest.mark.parametrize("points", [11, 21])  # 21: points lie on the very sides of walls
def test_among_walls_the_response_is_that_of_plain_loops(points):
    game = Elsewhere(horizon=4, bins=20, speed=0.6)
    m = np.random.default_rng(0).exponential(size=(4, 20, 20)) * 4
    values = by_loops(game, m, points, 3, np.array([-1.0, 1.0]))
    for x, y in ((0.21, 0.06), (0.3, 0.15), (0.1, 0.29), (0.49, 0.21), (0.15, 0.25), (0.01, 0.49)):
        start = dataclasses.replace(game, x=x, y=y)
        found = metrics.grid_response(start, m, num_states=points, num_actions=3, num_noise=2)
        first = found.policy.grid.initial_law.reshape(points, points)
        assert found.value == pytest.approx((first * values).sum(), rel=1e-12)


@pytest.mark.parametrize("points", [51, 41])  # 41: points lie on the very sides of walls
def test_nobody_looks_through_a_wall(points):
    game = Elsewhere(horizon=2)
    behind = np.zeros((80, 80), bool)
    behind[44:, :36] = True  # the wall is .05 thick, a step .08 long
    level = 80**2 / 0.25 / (game.room * ~behind).sum()
    crowd = np.repeat(np.where(behind, 0.0, level)[None], 2, 0)
    found = metrics.grid_response(game, crowd, num_states=points, num_actions=5)
    still = -np.log(level + 1e-6)
    assert found.value == pytest.approx(2 * still, abs=1e-9)
    game = dataclasses.replace(game, horizon=8)
    crowd = np.repeat(crowd[:1], 8, 0)
    found = metrics.grid_response(game, crowd, num_states=points, num_actions=5)
    assert found.value > 8 * still + 20  # but through the door: a step there earns 13.8 + 1.8
    stay = metrics.simulated_gain(
        game, lambda t, x: np.zeros_like(x), found.policy, crowd, num_players=2000
    )
    assert stay.value == pytest.approx(8 * still, abs=1e-9)
    assert stay.value + stay.mean == pytest.approx(found.value, rel=0.05)


def test_walkers_who_cost_nothing_stand_still():
    game = make_game("four_rooms", crowd_cost=0.0, horizon=5)
    found = metrics.approximate_exploitability(
        game, lambda t, x: np.full(x.shape, 0.1), num_states=26, num_actions=3, num_players=1000
    )
    assert found.estimate == pytest.approx(5 * 0.1 * 0.02, abs=1e-12)
    assert found.gain.mean == pytest.approx(5 * 0.1 * 0.02, abs=1e-12)
    assert found.gain.error < 1e-15


@pytest.mark.parametrize(("num_states", "num_actions"), [(26, 5), (51, 7)])
def test_in_four_rooms_the_response_earns_what_the_grid_says(num_states, num_actions):
    def drift(t, x):
        return np.stack([0.3 - 0.4 * x[..., 0], -0.2 * x[..., 1]], -1)

    found = metrics.approximate_exploitability(
        make_game("four_rooms"), drift, num_states=num_states, num_actions=num_actions,
        num_noise=3, num_players=5000,
    )  # fmt: skip
    # To arrive anywhere nobody is earns log(1e-6) more a step: some three hundred in all.
    assert found.gain.interval[0] > 300
    assert found.estimate == pytest.approx(found.gain.mean, rel=0.01)


def test_invalid_flows_sizes_and_endless_games_are_refused():
    game = make_game("linear_quadratic")
    flow = np.zeros((21, 1))
    with pytest.raises(ValueError, match=r"mean_fields must be finite numbers of shape \(21, 1\)"):
        metrics.grid_response(game, flow[:20])
    with pytest.raises(ValueError, match="mean_fields must be finite numbers"):
        metrics.grid_response(game, flow * np.nan)
    with pytest.raises(ValueError, match="actions must be bounded to be put on a grid"):
        metrics.grid_response(make_game("linear_quadratic", action_bound=None), flow)
    for name in ("num_states", "num_actions", "num_noise"):
        with pytest.raises(ValueError, match=rf"{name} must be in \[2, 1000000\], got 1"):
            metrics.grid_response(game, flow, **{name: 1})
    with pytest.raises(ValueError, match=r"GiB are free: use at most"):
        metrics.grid_response(game, flow, num_states=10**6, num_actions=10**6)
    endless = dataclasses.replace(game, horizon=None, discount=0.9)
    with pytest.raises(ValueError, match="a best response on a grid needs an end"):
        metrics.grid_response(endless, flow)
    with pytest.raises(ValueError, match="an episode needs an end"):
        metrics.simulated_flow(endless, lambda t, x: x)
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        metrics.simulated_flow(game, lambda t, x: 0 * x, seed=-1)
    rich = discretise(game, num_states=2, num_actions=10**6, num_noise=2)
    many = GridPolicy(rich, np.broadcast_to(0.0, (21, 2, 10**6)))
    with pytest.raises(ValueError, match=r"num_players = 100000 needs 1490\.1 GiB"):
        metrics.simulated_gain(game, many, many, flow)
    with pytest.raises(ValueError, match="num_players must be at least 100, got 99"):
        metrics.approximate_exploitability(game, lambda t, x: 0 * x, num_players=99)
