"""Distances between crowds: axioms, values by hand, and linear programmes."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.stats import wasserstein_distance

from mfg_envs import exact, make_game, metrics, policies
from mfg_envs.exact.discretise import discretise

SEEDS = st.integers(0, 10**6)


def laws(rng, size, count=3):
    """Return laws of which some entries are zero."""
    raw = rng.exponential(size=(count, size)) * (rng.random((count, size)) < 0.7)
    raw[:, 0] += 0.1
    return raw / raw.sum(-1, keepdims=True)


def programme(p, q, cost):
    """Return the least cost of a transport by linear programming, and its tolerance."""
    n, m = cost.shape
    margins = np.concatenate([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    found = linprog(cost.ravel(), A_eq=margins, b_eq=np.concatenate([p, q]))
    assert found.status == 0
    return found.fun, 1e-7 * (n + m) * cost.max()  # the solver's own tolerance of a margin


def arcs(points, circumference):
    apart = np.abs(points[:, None] - points) % circumference
    return np.minimum(apart, circumference - apart)


@given(SEEDS)
def test_every_distance_is_a_metric(seed):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 9))
    points = rng.permutation(50)[:size] / 10.0
    where = rng.random((size, 2))
    cost = np.linalg.norm(where[:, None] - where, axis=-1)
    for distance in (
        metrics.total_variation,
        lambda p, q: metrics.wasserstein_line(p, q, points),
        lambda p, q: metrics.wasserstein_ring(p, q, points, 5.0),
        lambda p, q: metrics.wasserstein(p, q, cost),
    ):
        p, q, r = laws(rng, size)
        assert distance(p, p) == pytest.approx(0, abs=1e-15)
        assert distance(p, q) == pytest.approx(distance(q, p), abs=1e-14)
        assert distance(p, r) <= distance(p, q) + distance(q, r) + 1e-14
        if np.abs(p - q).max() > 1e-9:
            assert distance(p, q) > 0


@given(SEEDS)
def test_the_line_is_that_of_scipy(seed):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 12))
    points = rng.integers(-5, 6, size).astype(float)  # some are the same
    p, q, r = laws(rng, size)
    wanted = [wasserstein_distance(points, points, *pair) for pair in ((p, q), (q, r))]
    found = metrics.wasserstein_line(np.stack([p, q]), np.stack([q, r]), points)
    assert found == pytest.approx(wanted, abs=1e-13)


@given(SEEDS)
def test_the_ring_is_the_best_transport_along_arcs(seed):
    rng = np.random.default_rng(seed)
    points = rng.random(int(rng.integers(1, 8))) * 30 - 10  # any turn
    p, q, _ = laws(rng, points.size)
    wanted, slack = programme(p, q, arcs(points, 7.0))
    assert metrics.wasserstein_ring(p, q, points, 7.0) == pytest.approx(wanted, abs=slack)


@given(SEEDS, st.booleans())
def test_transport_is_that_of_linear_programming(seed, whole):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 9, 2)
    cost = rng.integers(0, 4, (n, m)) * 1.0 if whole else rng.random((n, m))
    p, q = laws(rng, n)[0], laws(rng, m)[1]
    wanted, slack = programme(p, q, cost)
    assert metrics.wasserstein(p, q, cost) == pytest.approx(wanted, abs=slack)


@given(SEEDS)
def test_transport_of_equal_masses_is_the_best_assignment(seed):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 7))
    cost, even = rng.random((size, size)), np.full(size, 1 / size)
    best = min(cost[range(size), order].sum() for order in permutations(range(size))) / size
    assert metrics.wasserstein(even, even, cost) == pytest.approx(best, abs=1e-15)


def test_numpy_ships_what_numba_ships(use):
    rng = np.random.default_rng(0)
    p, q = laws(rng, 40, 4).reshape(2, 2, 40)
    cost = rng.random((40, 40))
    found = []
    for backend in ("numpy", "numba"):
        use(backend)
        found.append(metrics.wasserstein(p, q, cost))
    assert found[0].shape == (2,)
    assert found[0] == pytest.approx(found[1], rel=1e-15)
    assert found[0][1] == metrics.wasserstein(p[1], q[1], cost)


def test_on_a_line_and_on_a_ring_transport_is_the_closed_form():
    rng = np.random.default_rng(1)
    points = rng.random(150) * 4
    p, q, _ = laws(rng, 150)
    along = metrics.wasserstein(p, q, np.abs(points[:, None] - points))
    assert metrics.wasserstein_line(p, q, points) == pytest.approx(along, rel=1e-12)
    around = metrics.wasserstein(p, q, arcs(points, 4.0))
    assert metrics.wasserstein_ring(p, q, points, 4.0) == pytest.approx(around, rel=1e-12)
    assert metrics.total_variation(p, q) == pytest.approx(
        metrics.wasserstein(p, q, 1.0 - np.eye(150)), rel=1e-12
    )


def test_values_by_hand():
    p, q = np.array([1.0, 0, 0, 0]), np.array([0, 0.5, 0, 0.5])
    cells = np.arange(4)
    assert metrics.total_variation(p, q) == 1
    assert metrics.wasserstein_line(p, q, cells) == 2  # half a unit goes 1, half a unit 3
    assert metrics.wasserstein_ring(p, q, cells, 4) == 1  # one cell each way
    joint = np.array([[0.5, 0.0], [0.25, 0.25]]), np.array([[0.25, 0.25], [0.5, 0.0]])
    assert metrics.total_variation(*joint, axes=2) == 0.5


@given(SEEDS)
def test_samples_have_the_distance_of_their_empirical_laws(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=rng.integers(1, 30)), rng.integers(-2, 3, rng.integers(1, 30))
    assert metrics.wasserstein_samples(x, y) == pytest.approx(wasserstein_distance(x, y), abs=1e-14)
    assert metrics.wasserstein_samples(x, x[::-1]) == pytest.approx(0, abs=1e-15)


def test_many_samples_of_shifted_normals_are_apart_by_the_shift():
    rng, num = np.random.default_rng(3), 100_000
    x, y = rng.normal(size=num), rng.normal(0.02, 1, num)
    # Shifted by .02; means of N draws deviate by sqrt(2 / N), five of those are allowed.
    assert metrics.wasserstein_samples(x, y) == pytest.approx(0.02, abs=5 * np.sqrt(2 / num))
    turned = metrics.wasserstein_samples(np.array([0.05]), np.array([0.95]), circumference=1.0)
    assert turned == pytest.approx(0.1)


def test_steps_go_around_walls():
    plan = ("..#.", "..#.", "....")
    free = np.array([[c == "." for c in row] for row in plan])
    steps = metrics.grid_steps(free)
    number = {place: i for i, place in enumerate(map(tuple, np.argwhere(free)))}
    assert steps[number[0, 1], number[0, 3]] == 6
    assert steps[number[0, 0], number[2, 3]] == 5
    assert np.array_equal(steps, steps.T)
    torus = metrics.grid_steps(free, wrap=True)
    assert torus[number[0, 0], number[0, 3]] == torus[number[0, 0], number[2, 0]] == 1
    assert metrics.grid_steps(np.ones((5, 5), bool), wrap=True).max() == 4
    assert metrics.grid_steps(np.array([[True, False, True]]))[0, 1] == np.inf


def test_steps_are_those_of_the_game():
    """Within one step of the game, without noise, a walker comes one cell far."""
    game = make_game("four_rooms_grid", noise=0.0)
    moves = exact.kernel(game, 0, None)
    near = np.zeros((game.num_states, game.num_states), bool)
    near[np.arange(game.num_states)[:, None], moves.next[..., -1]] = True
    reached, steps = np.eye(game.num_states, dtype=bool), metrics.grid_steps(game.free)
    for k in range(30):
        assert np.array_equal(reached, steps <= k)
        reached = reached @ near


def test_flows_of_games_know_their_geometry(random_policy):
    game = make_game("beach_bar_grid", num_cells=8, bar=4)
    p, q = (exact.flow(game, random_policy(game, seed)) for seed in (0, 1))
    ring = metrics.flow_distance(game, p, q)
    assert ring.shape == (game.horizon,)
    for t in (1, 7):
        wanted, slack = programme(p[t], q[t], arcs(np.arange(8), 8) / 8)
        assert ring[t] == pytest.approx(wanted, abs=slack)
    even = metrics.flow_distance(game, p, q, kind="total_variation")
    assert even == pytest.approx(np.abs(p - q).sum(-1) / 2)

    chain = make_game("lasry_lions_chain")
    one, two = np.eye(7)[0], np.eye(7)[3]
    assert metrics.flow_distance(chain, one, two) == pytest.approx(0.5)  # half of the chain

    grid = discretise(make_game("price_impact"), num_states=41, num_actions=5, num_noise=5)
    p, q = (exact.flow(grid, random_policy(grid, seed)) for seed in (0, 1))
    found = metrics.flow_distance(grid, p, q)
    points = (grid.states[0] + 5) / 10
    wanted = [wasserstein_distance(points, points, *row.sum(-1)) for row in np.stack([p, q], 1)]
    assert found == pytest.approx(wanted, abs=1e-13)
    joint = metrics.flow_distance(grid, p, q, kind="total_variation")
    assert joint == pytest.approx(np.abs(p - q).sum((1, 2)) / 2)

    road = make_game("ring_road", dynamics="position", num_cells=6, num_speeds=4, horizon=3)
    flow = exact.flow(road, policies.uniform(road))
    crowd = road.crowd(flow)
    assert crowd.shape != flow.shape
    assert metrics.flow_distance(road, crowd, crowd[::-1])[1] == 0


def test_invalid_laws_points_costs_and_kinds_are_refused():
    p = np.array([0.5, 0.5])
    with pytest.raises(ValueError, match=r"p\[i=1\] must be probabilities that sum to one"):
        metrics.total_variation(np.stack([p, 2 * p]), np.stack([p, p]))
    with pytest.raises(ValueError, match=r"two laws need one shape, got \(2,\) and \(3,\)"):
        metrics.wasserstein_line(p, np.ones(3) / 3, np.arange(2))
    with pytest.raises(ValueError, match="points must be 2 finite positions"):
        metrics.wasserstein_line(p, p, np.arange(3))
    with pytest.raises(ValueError, match="circumference must be positive, got 0"):
        metrics.wasserstein_ring(p, p, np.arange(2), 0.0)
    with pytest.raises(ValueError, match="a sample needs at least one number"):
        metrics.wasserstein_samples(np.empty(0), p)
    for cost in (-np.ones((2, 2)), np.full((2, 2), np.inf)):
        with pytest.raises(ValueError, match="costs must be finite numbers, at least 0"):
            metrics.wasserstein(p, p, cost)
    with pytest.raises(ValueError, match="must fit the rows and columns"):
        metrics.wasserstein(p, p, np.ones((2, 3)))
    with pytest.raises(ValueError, match="costs are too many, at most 4000000 are possible"):
        even = np.full(2001, 1 / 2001)
        metrics.wasserstein(even, even, np.broadcast_to(0.0, (2001, 2001)))
    plan = make_game("four_rooms_grid")
    flow = exact.flow(plan, policies.uniform(plan))
    with pytest.raises(ValueError, match="lie on no ring and on no line: give distances"):
        metrics.flow_distance(plan, flow, flow)
    with pytest.raises(ValueError, match="p must be laws of 104 states"):
        metrics.flow_distance(plan, flow[:, :5], flow[:, :5])
    with pytest.raises(ValueError, match="kind must be one of"):
        metrics.flow_distance(plan, flow, flow, kind="energy")
