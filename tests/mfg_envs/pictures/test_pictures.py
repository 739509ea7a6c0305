"""Every kind of picture says what it should: measured, not compared with stored ones."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from covering import covering

from mfg_envs import make_game
from mfg_envs.environments.population import PopulationEnv
from mfg_envs.game import FiniteGame, Layout
from mfg_envs.games.beach_bar import BeachBar
from mfg_envs.games.chains import LasryLionsChain, TwoBarCoordination
from mfg_envs.games.four_rooms import FourRooms
from mfg_envs.games.linear_quadratic import LinearQuadratic
from mfg_envs.games.price_impact import PriceImpact
from mfg_envs.pictures import axis, canvas
from mfg_envs.pictures.canvas import CATEGORIES, INK, SHADES, UNITS, Canvas, Entry, between
from mfg_envs.pictures.drawing import draw_population, title
from mfg_envs.registry import CONTINUOUS_GAMES, GAMES

pygame = pytest.importorskip("pygame")


class Beach(BeachBar):
    def layout(self):
        ends = np.array([-self.reach, self.reach])
        return Layout("interval", "move", ends, place_label="place", marks=(("bar", 0.5),))


class Steering(LinearQuadratic):
    def layout(self):
        return Layout("interval", "push", np.array([-0.1, 0.1]), marks=(("target", 0.6),))


class Trading(PriceImpact):
    def layout(self):
        return Layout("interval", "trade", np.array([-1.0, 1.0]), place_label="stock")


class Rooms(FourRooms):
    def layout(self):
        return Layout("plane", "speed", np.array([0, 0.6]), marks=(("door", (0.25, 0.15)),))


OTHERS = {
    "lake": make_game("crowd_modelling", geometry="torus"),
    "maze": make_game("four_rooms_grid", layout="maze"),
    "four animals": make_game("predator_prey", num_populations=4),
    "two actions": make_game("sis", setting="two_actions"),
    "long chain": make_game("lasry_lions_chain", num_cells=200),
    "beach": Beach(),
    "steering": Steering(),
    "trading": Trading(),
    "rooms": Rooms(),
}
REGISTERED = {name: make_game(name) for name in (*GAMES, *CONTINUOUS_GAMES)}
DRAWN = {name: game for name, game in REGISTERED.items() if game.layout() is not None} | OTHERS


def crowd(game, num, seed=0):
    """Return states, actions and mean field of players who start, or who are anywhere."""
    rng = np.random.default_rng(seed)
    if isinstance(game, FiniteGame):
        x = rng.integers(0, game.num_states, num)
        a = (rng.random((num, game.num_actions)) * game.legal_actions[x]).argmax(1)
        return x, a, game.mean_field(x, a if game.mean_field_of_controls else None)
    x = np.stack([rng.uniform(*law, num) for law in game.initial_law], -1)
    a = rng.uniform(-0.1, 0.1, (num, game.action_dim))
    return x, a, game.mean_field(tuple(x.T), tuple(a.T))


def near(frame, colour, tolerance=6):
    return (abs(frame.astype(int) - np.array(colour)) <= tolerance).all(-1)


def middle(mask):
    """Return x and y of the middle of the pixels of a mask, in design units at 720 pixels."""
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean(), rows.mean()]) + 0.5


@pytest.fixture(params=DRAWN)
def game(request):
    return DRAWN[request.param]


@covering(game=DRAWN, players={"2": (2, 360), "100": (100, 360), "10000": (10_000, 720)})
def test_every_game_with_a_layout_is_drawn(game, players):
    num, size = players
    x, a, m = crowd(game, num)
    before = x.copy(), a.copy(), m.copy()
    frame = draw_population(game, x, a, m, 5, (size, size))
    assert frame.shape == (size, size, 3)
    assert frame.dtype == np.uint8
    assert (frame[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()
    assert (frame[:, [0, -1]] == 255).all()  # nothing is cut off at the sides
    assert np.ptp(frame) > 200
    np.testing.assert_array_equal(frame, draw_population(game, x, a, m, 5, (size, size)))
    for old, new in zip(before, (x, a, m), strict=True):
        np.testing.assert_array_equal(old, new)


def test_players_show_where_they_are_and_what_they_do(game):
    x, a, m = crowd(game, 40)
    other, changed, _ = crowd(game, 40, seed=1)
    frame = draw_population(game, x, a, m, 5)
    assert (frame != draw_population(game, other, a, m, 5)).any()
    waiting = draw_population(game, x, None, m, 5)
    if game.layout().action_label:
        assert (frame != draw_population(game, x, changed, m, 5)).any()
        assert near(waiting, canvas.WAITING).sum() > near(frame, canvas.WAITING).sum() + 100
    else:
        np.testing.assert_array_equal(frame, waiting)


def calls(work):
    """Return how many functions, compiled ones included, are called while some work is done."""
    counts = {"call": 0, "c_call": 0, "return": 0, "c_return": 0, "c_exception": 0}

    def count(frame, event, argument):
        counts[event] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return counts["call"] + counts["c_call"]


def test_players_are_drawn_as_arrays_not_one_by_one(game):
    few, many = 1000, 10_000
    draw_population(game, *crowd(game, few), 1)  # what is cached is there from now on
    first, second = crowd(game, few), crowd(game, many)
    least = calls(lambda: draw_population(game, *first, 1))
    most = calls(lambda: draw_population(game, *second, 1))
    assert most - least < 0.05 * (many - few)


def test_calls_are_counted():
    """One a player is seen: of the function itself, and of the sum it asks for."""
    assert calls(lambda: [sum(()) for _ in range(100)]) >= 100


@pytest.mark.parametrize(
    ("name", "words"),
    [("RingRoad", "Ring road"), ("SIS", "SIS"), ("TwoActionSIS", "Two action SIS"),
     ("CrowdLQ", "Crowd LQ"), ("MFGarnet", "MF garnet"), ("Mesh2D", "Mesh2 D")],
)  # fmt: skip
def test_a_title_is_the_name_in_words(name, words):
    assert title(name) == words


def test_bars_on_a_line_are_proportional_to_the_density():
    chain, m = LasryLionsChain(num_cells=5), np.array([0.1, 0.28, 0.2, 0.42, 0])
    frame = draw_population(chain, np.array([0]), None, m, 0)
    ceiling, floor = axis.CHART
    for cell, share in enumerate(m):
        x = int(axis.LEFT + (axis.RIGHT - axis.LEFT) * (cell + 0.3) / 5)
        tall = near(frame[ceiling - 5 : floor, x], canvas.BAND, 40).sum()
        assert tall == pytest.approx((floor - ceiling) * share * 5 / 5, abs=4)  # axis to 5 times


def test_players_on_a_line_are_below_their_cell_and_bars_are_marked():
    game = TwoBarCoordination(num_cells=7, bars=(2, 5))
    for cell in (0, 3, 6):
        x = np.full(300, cell)
        frame = draw_population(game, x, np.full(300, 1), np.eye(7)[cell], 0)
        rows, columns = np.nonzero(near(frame[:640], CATEGORIES[1], 30))
        share = (columns - axis.LEFT) / (axis.RIGHT - axis.LEFT) * 7
        assert cell < share.min() < cell + 0.2
        assert cell + 0.8 < share.max() < cell + 1
        assert axis.STRIP[0] < rows.min()
        assert rows.max() < axis.STRIP[1]
    for cell in range(7):
        column = frame[105:115, round(axis.LEFT + (axis.RIGHT - axis.LEFT) * (cell + 0.5) / 7)]
        assert (column.mean() < 200) == (cell in (2, 5))


def test_an_interval_shows_the_density_and_everybody():
    game, x, a = Beach(), np.array([[0.1], [0.85]]), np.array([[-0.3], [0.3]])
    density = np.linspace(0.5, 1.5, 100)
    frame = draw_population(game, x, a, density, 1)
    ceiling, floor = axis.CHART
    for cell in (3, 30, 70, 95):
        column = round(axis.LEFT + (axis.RIGHT - axis.LEFT) * (cell + 0.5) / 100)
        tall = near(frame[ceiling - 5 : floor, column], canvas.BAND, 40).sum()
        assert tall == pytest.approx((floor - ceiling) * density[cell] / 2, abs=4)
    strip = frame[axis.STRIP[0] : axis.STRIP[1]]
    for place, colour in ((0.1, canvas.VIRIDIS[0]), (0.85, canvas.VIRIDIS[-1])):
        want = axis.LEFT + (axis.RIGHT - axis.LEFT) * place
        assert middle(near(strip, colour, 20))[0] == pytest.approx(want, abs=1)


def test_an_interval_without_a_density_counts_players_and_shows_the_mean():
    x, a = np.linspace(-1, -0.5, 1000)[:, None], np.zeros((1000, 1))
    frames = [draw_population(Steering(), x, a, np.array([m]), 1) for m in (0.0, 0.5)]
    band = near(frames[0][axis.CHART[0] : axis.CHART[1]], canvas.BAND, 10)
    assert axis.LEFT + 0.23 * 660 < np.nonzero(band)[1].max() < axis.LEFT + 0.29 * 660
    for frame, place in zip(frames, (0.5, 0.75), strict=True):
        column = round(axis.LEFT + (axis.RIGHT - axis.LEFT) * place)
        assert (frame[400:560, column - 1 : column + 1].mean((1, 2)) < 180).all()
    told = [draw_population(Trading(), x, a, np.array([m]), 1) for m in (0.0, 0.5)]
    rows = np.nonzero((told[0] != told[1]).any((1, 2)))[0]
    assert rows.min() > UNITS - 40  # the mean trade is told in the last line
    same = [draw_population(Trading(), x, a, np.array([m]), 1) for m in (0.0, -1e-4)]
    np.testing.assert_array_equal(*same)  # not "-0"


def test_gauges_of_a_few_states_are_proportional_to_the_share():
    game = make_game("sis")
    for share in (0.1, 0.35, 0.8):
        frame = draw_population(game, np.zeros(4, int), None, np.array([share, 1 - share]), 0)
        tall = [near(frame[92:640, column], canvas.BAND, 30).sum() for column in (40, 385)]
        assert tall == pytest.approx([548 * share, 548 * (1 - share)], abs=8)
    frame = draw_population(make_game("mf_garnet"), np.zeros(4, int), None, np.full(20, 0.05), 0)
    assert near(frame[:640], canvas.BAND).sum() > 20 * 10 * 50  # full at 5 %, not at 100 %


def test_a_few_states_stand_in_the_order_of_their_coordinate():
    game = make_game("left_right")
    for state, column in ((1, 0), (0, 1), (2, 2)):
        x = np.full(50, state)
        frame = draw_population(game, x, np.zeros(50, int), np.eye(3)[state], 2)
        assert middle(near(frame[:640], CATEGORIES[0], 10))[0] // 240 == column


def test_round_numbers_are_the_next_ones_above():
    assert [canvas.round_up(peak) for peak in (0, 0.011, 0.2, 0.21, 1, 3)] == pytest.approx(
        [1, 0.02, 0.2, 0.5, 1, 5]
    )


def test_a_key_fits_into_its_row():
    few, many = ([Entry("a long description", INK, "disc")] * number for number in (2, 9))
    for entries in (few, many, [Entry("density", SHADES, "bar", ("0", "1")), *few]):
        page = Canvas(360, 360)
        page.key(360, entries)
        columns = np.nonzero((page.image() < 250).any((0, 2)))[0]
        assert columns.min() >= 9
        assert columns.max() <= 351


def test_colours_between_anchors_are_on_the_way():
    np.testing.assert_allclose(
        between([(0, 0, 0), (10, 20, 30)], np.array([0, 0.5, 1]))[1], [5, 10, 15]
    )


def test_what_cannot_be_drawn_is_said():
    class Bare(LasryLionsChain):
        def layout(self):
            return Layout("graph", "", np.zeros(3), nodes=np.zeros((7, 2)))

    class Many(LasryLionsChain):
        def layout(self):
            return Layout("line", "action", np.arange(9), tuple("abcdefghi"))

    one = np.zeros(1, int)
    with pytest.raises(ValueError, match="Bare has layout kind 'graph' without links, spots"):
        draw_population(Bare(), one, None, np.full(7, 1 / 7), 0)
    with pytest.raises(ValueError, match="Many names 9 actions, at most 8"):
        draw_population(Many(), one, None, np.full(7, 1 / 7), 0)
    with pytest.raises(ValueError, match=r"action must have shape \(1, 1\), got \(1,\)"):
        draw_population(Beach(), np.zeros((1, 1)), np.zeros(1), np.ones(100), 0)


def test_environments_of_both_kinds_render(use):
    use("numpy")
    for game in (Beach(), DRAWN["predator_prey"]):
        env = PopulationEnv(game, 6, render_mode="rgb_array")
        env.reset(seed=0)
        frames = [env.render()]
        env.step({agent: env.action_space(agent).sample() for agent in env.agents})
        frames.append(env.render())
        assert (frames[0] != frames[1]).any()
        env.close()
