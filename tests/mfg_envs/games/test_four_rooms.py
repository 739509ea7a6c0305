"""Four rooms: areas and densities of the paper, and walls that nobody ever crosses."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mfg_envs import BatchEnv, check_game, make_game
from mfg_envs.game import density
from mfg_envs.games.four_rooms import blocked

BACK_END = "numba"

# Walls as printed, corner to corner, in thousandths: bars around .25, doors at .15 and .35.
SPANS = ((0, 125), (175, 325), (375, 500))
WALLS = [(225, 275, *span) for span in SPANS] + [(*span, 225, 275) for span in SPANS]
EDGES = sorted({v / 1000 for wall in WALLS for v in wall})
PLACES = st.floats(0, 0.5) | st.sampled_from(EDGES)


def crosses(x0, y0, x1, y1):
    """Return whether a segment meets the inside of a wall: clipped in exact fractions."""
    start, end = (Fraction(x0), Fraction(y0)), (Fraction(x1), Fraction(y1))
    for left, right, low, high in WALLS:
        first, last = Fraction(0), Fraction(1)
        box = (
            (Fraction(left, 1000), Fraction(right, 1000)),
            (Fraction(low, 1000), Fraction(high, 1000)),
        )
        for p, q, (a, b) in zip(start, end, box, strict=True):
            if p == q:
                if not a < p < b:
                    break
                continue
            one, two = sorted(((a - p) / (q - p), (b - p) / (q - p)))
            first, last = max(first, one), min(last, two)
            if first >= last:
                break
        else:
            return True
    return False


@settings(max_examples=1500)
@given(x0=PLACES, y0=PLACES, x1=PLACES, y1=PLACES)
@example(x0=0.224, y0=0.126, x1=0.276, y1=0.174)  # through a door, close to two of its corners
@example(x0=0.224, y0=0.124, x1=0.2251, y1=0.1251)  # past a corner
@example(x0=0.2, y0=0.125, x1=0.3, y1=0.125)  # along the side of a door
@example(x0=0.2, y0=0.2, x1=0.2, y1=0.3)
def test_no_segment_that_crosses_a_wall_is_free(x0, y0, x1, y1):
    stop = bool(blocked(*map(np.float64, (x0, y0, x1, y1))))
    assert stop or not crosses(x0, y0, x1, y1)


@given(x0=PLACES, y0=PLACES, x1=PLACES, y1=PLACES)
@settings(max_examples=500)
def test_only_segments_that_come_close_to_a_wall_are_stopped(x0, y0, x1, y1):
    if not bool(blocked(*map(np.float64, (x0, y0, x1, y1)))):
        return
    middle, half = (x0 + x1) / 2, (y0 + y1) / 2
    near = any(
        crosses(x0 + dx, y0 + dy, x1 + dx, y1 + dy)
        or crosses(x0 + dx, y0 + dy, middle + dx, half + dy)
        for dx in (-1e-9, 0, 1e-9)
        for dy in (-1e-9, 0, 1e-9)
    )
    assert near


def test_doors_are_open():
    for door in (0.15, 0.35):
        for u in (door - 0.024, door, door + 0.024):
            assert not blocked(np.float64(0.2), np.float64(u), np.float64(0.3), np.float64(u))
            assert not blocked(np.float64(u), np.float64(0.2), np.float64(u), np.float64(0.3))
        for u in (door - 0.026, door + 0.026):
            assert blocked(np.float64(0.2), np.float64(u), np.float64(0.3), np.float64(u))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_players_with_random_velocities_never_cross_a_wall(use, backend):
    use(backend)
    game = make_game("four_rooms", noise_scale=0.03, horizon=200)
    env = BatchEnv(game, 1, 2000, 0)
    x, rng = env.reset().state[0], np.random.default_rng(0)
    moved = 0
    for _ in range(200 if backend == "numba" else 20):
        there = env.step(rng.uniform(-0.4, 0.4, (1, 2000, 2))).state[0]
        assert there.min() >= 0
        assert there.max() <= 0.5
        go = np.flatnonzero((there != x).any(1))
        moved += len(go)
        # Exact fractions are slow: they look at moves that start within a reach of the walls.
        near = go[(abs(there[go] - 0.25).min(1) < 0.1)][:60]
        assert not any(crosses(*x[i], *there[i]) for i in near)
        x = there
    assert moved > 1000
    if backend == "numba":  # they have come into every room
        assert len({tuple(room) for room in (x > 0.25).tolist()}) == 4


def test_a_move_out_of_bounds_is_not_made():
    game = make_game("four_rooms")
    x = tuple(np.array(v) for v in ([0.01, 0.49, 0.1, 0.1], [0.1, 0.1, 0.49, 0.2]))
    a = tuple(np.array(v) for v in ([-0.4, 0.4, 0.0, 0.0], [0.0, 0.0, 0.4, 0.1]))
    there = game.step(0, x, a, None, (np.zeros(4), np.zeros(4)))
    assert np.allclose(there, [[0.01, 0.49, 0.1, 0.1], [0.1, 0.1, 0.49, 0.22]])


def test_areas_and_densities_of_the_paper():
    game = make_game("four_rooms")
    weights = density.smoother(game)
    assert game.room.sum() * weights.volume == pytest.approx(0.2125)
    even = density.of_histogram(game, game.room.ravel() / game.room.sum())
    assert np.allclose(even[game.room > 0], 4.7059, atol=5e-5)
    corner = (np.array([0.01]), np.array([0.49]))
    still = (np.zeros(1), np.zeros(1))
    assert game.reward(0, corner, still, even)[0] == pytest.approx(-1.5488, abs=5e-5)
    sharp = density.of_law(make_game("four_rooms", blur_width=1e-4))
    assert sharp.max() == pytest.approx(1600)
    assert game.reward(0, corner, (np.array([0.3]), np.array([-0.4])), even)[0] == pytest.approx(
        -0.1 * 0.25 - np.log(4.705882 + 1e-6), abs=1e-6
    )


def test_players_start_in_the_corner():
    env = BatchEnv(make_game("four_rooms"), 1, 100_000, 0)
    first = env.reset()
    low, high = first.state.min((0, 1)), first.state.max((0, 1))
    assert (low >= [0, 0.475]).all()
    assert (high <= [0.025, 0.5]).all()
    exact = density.of_law(env.game)
    share = 1 / 16  # of the players in each of the sixteen cells, smoothed: a mean of those
    error = 5 * np.sqrt(share * (1 - share) / 1e5) / share
    assert (abs(first.mean_field[0] - exact) <= error * exact + 1e-9).all()


def test_a_crowd_moves_as_in_a_simulation_of_its_own():
    """Quadrants and start after some steps: plain NumPy, other random numbers, sampled walls."""
    rng, num = np.random.default_rng(1), 20_000
    x = np.stack([rng.uniform(0, 0.025, num), rng.uniform(0.475, 0.5, num)], 1)
    path = np.linspace(0, 1, 41)[:, None, None]
    env = BatchEnv(make_game("four_rooms"), 1, num, 2)
    env.reset()
    for t in range(21):
        v = np.stack([np.where(rng.random(num) < 0.7, 0.4, -0.2), rng.uniform(-0.4, 0.1, num)], 1)
        w = np.stack([np.where(rng.random(num) < 0.7, 0.4, -0.2), rng.uniform(-0.4, 0.1, num)], 1)
        there = x + 0.2 * v + rng.normal(0, 0.01, (num, 2))
        points = x + path * (there - x)
        px, py = points[..., 0], points[..., 1]
        hit = ((points < 0) | (points > 0.5)).any((0, 2))
        for left, right, low, high in np.array(WALLS) / 1000:
            hit |= ((px > left) & (px < right) & (py > low) & (py < high)).any(0)
        x = np.where(hit[:, None], x, there)
        state = env.step(w[None]).state[0]
        for edge in ((0.1, 0.4), (0.25, 0.25), (0.4, 0.1)):
            for lower in (True, False):
                mine, theirs = (((v < edge) == lower).all(1).mean() for v in (x, state))
                slack = 5 * np.sqrt(2 * max(mine * (1 - mine), 1 / num) / num)
                # A path of 41 points misses corners that a move touches: under one in a hundred.
                assert abs(mine - theirs) <= slack + 0.01, (t, edge)


def test_many_players_and_representatives_agree():
    """Representatives in the flow of very many players earn what players do."""
    game = make_game("four_rooms", bins=40)

    def policy(t, x):
        return np.stack([0.3 - 0.4 * x[..., 0], -0.2 * x[..., 1]], -1)

    many = BatchEnv(game, 1, 400_000, 0)
    many.reset()
    flow = many.rollout(policy, game.horizon).mean_field[:, 0]
    returns = []
    for mode in ("n_agent", "mean_field"):
        env = BatchEnv(game, 20, 20_000, 1, mode=mode)
        if mode == "mean_field":
            env.set_mean_field(flow)
        env.reset()
        returns.append(env.rollout(policy, game.horizon).reward.sum(0))
    error = np.hypot(*(r.std(ddof=1) / np.sqrt(20) for r in returns))
    # N players see a cell as p + (1 - p) / N full: the logarithm is up to cells / N too high.
    cells = sum((flow[t] > 1e-6).sum() for t in range(game.horizon))
    assert abs(returns[0].mean() - returns[1].mean()) < 5 * error + cells / 20_000


def test_the_game_keeps_the_contract():
    check_game(make_game("four_rooms"))


@pytest.mark.parametrize("parameters", [{"bins": 30}, {"epsilon": 0.0}, {"speed": -1.0}])
def test_wrong_parameters(parameters):
    with pytest.raises(ValueError, match=f"{next(iter(parameters))} must be"):
        make_game("four_rooms", **parameters)
