"""Four rooms: the plan, walls, both rules of moving, and where the crowd goes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agents import FixedPointIteration
from mfg_envs import exact, make_game, policies
from mfg_envs.games.four_rooms_grid import ROOMS

DOWN, RIGHT, UP, LEFT, STAY = range(5)
LAYOUTS = ("13x13", "11x11", "maze", "torus")


def cells(game):
    """Return row and column of every state, (S, 2)."""
    return np.argwhere([[mark != "#" for mark in row] for row in game.plan])


def state(game, row, column):
    return cells(game).tolist().index([row, column])


def law(game, row, column, a):
    """Return the law of the next cell as {(row, column): probability}."""
    moves, x = exact.kernel(game, 0, None), state(game, row, column)
    mass = np.bincount(moves.next[x, a], moves.prob[x, a], minlength=game.num_states)
    return {tuple(cells(game)[y].tolist()): mass[y] for y in np.flatnonzero(mass)}


@pytest.mark.parametrize("layout", ["13x13", "11x11"])
def test_four_rooms_have_104_cells_four_of_them_doors(layout):
    game = make_game("four_rooms_grid", layout=layout)
    assert game.num_states == 104
    free = {tuple(cell) for cell in cells(game).tolist()}
    rooms = {(r, c) for r in range(1, 12) for c in range(1, 12) if r != 6 and c != 6}
    assert free - rooms == {(3, 6), (9, 6), (6, 3), (6, 9)}
    assert len(rooms) == 100


def test_the_default_is_the_benchmark():
    game = make_game("four_rooms_grid")
    assert (game.horizon, game.discount, game.noise, game.floor) == (40, 1, 1, 1e-25)
    assert cells(game)[game.initial_law.argmax()].tolist() == [1, 1]
    assert game.initial_law.max() == 1
    other = make_game("four_rooms_grid", layout="11x11")
    assert (other.horizon, other.discount, other.noise, other.floor) == (None, 0.9, 1, 1e-12)
    assert other.initial_law == pytest.approx(np.full(104, 1 / 104))


@pytest.mark.parametrize("layout", ["13x13", "maze", "torus"])
def test_walls_are_never_crossed(layout):
    game = make_game("four_rooms_grid", layout=layout)
    place, size = cells(game), np.array([len(game.plan), len(game.plan[0])])
    one_step = np.abs(place[:, None] - place).astype(float)
    if layout == "torus":
        one_step = np.minimum(one_step, size - one_step)
    near = one_step.sum(-1) <= 1
    moves = exact.kernel(game, 0, None)
    for a in range(5):
        reached = np.zeros((game.num_states, game.num_states), bool)
        rows = np.broadcast_to(np.arange(game.num_states)[:, None], moves.next[:, a].shape)
        reached[rows, moves.next[:, a]] = moves.prob[:, a] > 0
        assert (reached <= (near.astype(int) @ near > 0)).all()  # by way of a free cell
    assert (game.after[np.arange(game.num_states), STAY] == np.arange(game.num_states)).all()
    assert near[np.arange(game.num_states)[:, None], game.after].all()


def test_moves_into_walls_are_not_legal():
    game = make_game("four_rooms_grid")
    legal = {
        (1, 1): [1, 1, 0, 0, 1],
        (3, 5): [1, 1, 1, 1, 1],  # beside a door
        (3, 6): [0, 1, 0, 1, 1],  # in it
        (6, 3): [1, 0, 1, 0, 1],
        (11, 11): [0, 0, 1, 1, 1],
    }
    for cell, moves in legal.items():
        assert game.legal_actions[state(game, *cell)].tolist() == list(map(bool, moves))
    assert make_game("four_rooms_grid", layout="11x11").legal_actions.all()
    assert make_game("four_rooms_grid", layout="torus").legal_actions.all()


def test_a_second_move_is_uniform_over_those_legal_at_the_new_cell():
    game = make_game("four_rooms_grid")
    third, quarter = 1 / 3, 1 / 4
    assert law(game, 3, 5, RIGHT) == pytest.approx({(3, 5): third, (3, 6): third, (3, 7): third})
    assert law(game, 1, 1, RIGHT) == pytest.approx(
        {(1, 1): quarter, (1, 2): quarter, (1, 3): quarter, (2, 2): quarter}
    )
    calm = make_game("four_rooms_grid", noise=0.1)
    assert law(calm, 3, 5, RIGHT) == pytest.approx(
        {(3, 5): 0.1 / 3, (3, 6): 0.9 + 0.1 / 3, (3, 7): 0.1 / 3}
    )
    assert law(game, 1, 1, UP) == {(1, 1): 1}  # illegal: a wasted step


def test_in_the_11x11_layout_two_moves_are_added_before_the_walls_are_looked_at():
    game = make_game("four_rooms_grid", layout="11x11")
    fifth = 1 / 5
    assert law(game, 1, 1, UP) == pytest.approx(
        {(1, 1): 1}
    )  # up + anything is outside or up + down
    assert law(game, 1, 1, STAY) == pytest.approx({(1, 1): 3 * fifth, (2, 1): fifth, (1, 2): fifth})
    # Right of (1, 5) is the wall: right + right leads over it, right + left back to (1, 5).
    assert law(game, 1, 5, RIGHT) == pytest.approx({(1, 7): fifth, (1, 5): 4 * fifth})
    assert law(game, 3, 5, RIGHT) == pytest.approx(
        {(3, 7): fifth, (3, 6): fifth, (3, 5): 3 * fifth}
    )
    assert law(game, 3, 2, DOWN) == pytest.approx(
        {(5, 2): fifth, (4, 3): fifth, (3, 2): fifth, (4, 1): fifth, (4, 2): fifth}
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_reward_is_the_surprise_of_meeting_anybody(layout):
    game = make_game("four_rooms_grid", layout=layout, crowd_aversion=2)
    m = np.zeros(game.num_states)
    m[:2] = 0.25, 0.75
    r = exact.rewards(game, 0, m)
    assert r[0] == pytest.approx(np.full(5, -2 * math.log(0.25)))
    assert r[2] == pytest.approx(np.full(5, -2 * math.log(game.floor)))


def test_start_and_rewards_can_be_placed():
    game = make_game(
        "four_rooms_grid", start=[(1, 1, 1), (11, 11, 3)], place_rewards=[(3, 6, 5.0), (1, 2, -1)]
    )
    assert game.initial_law[state(game, 1, 1)] == 0.25
    assert game.initial_law[state(game, 11, 11)] == 0.75
    even = np.full(104, 1 / 104)
    bonus = exact.rewards(game, 0, even) - exact.rewards(make_game("four_rooms_grid"), 0, even)
    want = np.zeros(104)
    want[state(game, 3, 6)], want[state(game, 1, 2)] = 5, -1
    assert bonus == pytest.approx(np.repeat(want[:, None], 5, 1))
    hash(game)


def test_a_torus_of_any_size_is_an_open_plan():
    game = make_game("four_rooms_grid", layout="torus", plan=("   ",) * 4, noise=0)
    assert game.num_states == 12
    moves = exact.kernel(game, 0, None)
    corner = np.where(moves.prob[0] == 1, moves.next[0], 0).sum(-1)
    assert corner.tolist() == [3, 1, 9, 2, 0]


def test_the_maze_is_one_piece():
    game = make_game("four_rooms_grid", layout="maze")
    steps, reached = 0, game.initial_law > 0
    while not reached.all():
        reached = reached | np.isin(np.arange(game.num_states), game.after[reached])
        steps += 1
        assert steps <= game.num_states
    assert steps == 60


def test_uniform_play_is_an_equilibrium_of_the_11x11_layout():
    game = make_game("four_rooms_grid", layout="11x11")
    assert exact.stationary_mean_field(game, policies.uniform(game)) == pytest.approx(1 / 104)
    assert exact.exploitability(game, policies.uniform(game)) < 1e-10


def test_the_crowd_learns_to_spread_out():
    game = make_game("four_rooms_grid")
    learner = FixedPointIteration(iterations=100, step=1, decay=1)
    policy = list(learner.learn(game))[-1].policy
    start = exact.exploitability(game, policies.uniform(game))
    assert exact.exploitability(game, policy) < 0.01 * start

    def entropy(m):
        return -(m * np.log(m + 1e-300)).sum()

    learned, walked = (exact.flow(game, p)[-1] for p in (policy, policies.uniform(game)))
    assert entropy(walked) < entropy(learned) < math.log(104)
    assert entropy(learned) > 0.97 * math.log(104)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"layout": "12x12"}, "layout must be one of '13x13', '11x11', 'maze', 'torus'"),
        ({"noise": 1.5}, r"noise must be in \[0, 1\], got 1\.5"),
        ({"floor": 0}, r"floor must be positive, got 0\.0"),
        ({"start": "centre"}, "start must be one of 'corner', 'anywhere', got 'centre'"),
        ({"start": ((0, 0, 1),)}, r"start names \(0, 0\), which is no free cell"),
        ({"start": ((1, 13, 1),)}, r"start names \(1, 13\), which is no free cell"),
        ({"start": ((1, 1, -1),)}, r"start must hold \(row, column, weight > 0\) entries"),
        ({"start": ()}, r"start must hold \(row, column, weight > 0\) entries"),
        ({"place_rewards": ((1, 1, float("nan")),)}, "place_rewards must be finite, got nan"),
        ({"place_rewards": ((6, 6, 1),)}, r"place_rewards names \(6, 6\), which is no free cell"),
        ({"plan": ("##", "#")}, "plan must have rows of one length and a free cell"),
        ({"plan": ("##", "##")}, "plan must have rows of one length and a free cell"),
        ({"plan": ()}, "plan must have rows of one length and a free cell"),
        ({"crowd_aversion": -1}, "crowd_aversion must be at least 0"),
    ],
)
def test_a_value_out_of_its_range_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_game("four_rooms_grid", **parameters)


def test_the_plan_is_symmetric():
    assert ROOMS == ROOMS[::-1] == tuple(row[::-1] for row in ROOMS)
