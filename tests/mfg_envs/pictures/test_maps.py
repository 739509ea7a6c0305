"""Pictures of plans and networks: walls, shades, links and who is where; all measured."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pytest
from toys import Still

from mfg_envs import make_game
from mfg_envs.game import Layout
from mfg_envs.games.four_rooms import FourRooms
from mfg_envs.pictures import board, canvas, graph
from mfg_envs.pictures.canvas import CATEGORIES, INK, UNITS
from mfg_envs.pictures.drawing import draw_population
from mfg_envs.pictures.scene import Scene

pytest.importorskip("pygame")


class Rooms(FourRooms):
    def layout(self):
        return Layout("plane", "speed", np.array([0, 0.6]), marks=(("door", (0.25, 0.15)),))


class Roads(Still):
    """Three towns; two roads lead from 0 to 1 and back, and three parallel ones from 1 to 2."""

    mean_field_of_controls = True
    num_states, num_actions, initial_law = 3, 3, np.full(3, 1 / 3)
    towns = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 2.0]])
    links = np.array([[0, 1], [1, 0], [1, 2], [1, 2], [1, 2]])

    def coordinates(self, x):
        return self.towns[x]

    def layout(self):
        exits = np.array([[0, -1, -1], [1, 2, 3], [-1, -1, -1]])
        return Layout(
            *("graph", "", np.zeros(3)),
            labels=("0", "1", "the last town"),
            nodes=self.towns,
            links=self.links,
            spots=np.arange(3),
            exits=exits,
        )


class Towns(Roads):
    """The same without knowing who takes which road."""

    mean_field_of_controls = False


class Way(Roads):
    """Places are the roads; state 11 i + j is j tenths of road i."""

    num_states, num_places, mean_field_of_controls = 55, 5, False

    def place(self, x):
        return x // 11

    @cached_property
    def ends(self):
        return self.towns[self.links]

    def coordinates(self, x):
        begin, end = np.moveaxis(self.ends[x // 11], 1, 0)
        return begin + (end - begin) * (x % 11 / 10)[:, None]

    def layout(self):
        return super().layout()._replace(spots=3 + np.arange(5), exits=None)


def near(frame, colour, tolerance=6):
    return (abs(frame.astype(int) - np.array(colour)) <= tolerance).all(-1)


def middle(mask):
    """Return x and y of the middle of the pixels of a mask, in design units at 720 pixels."""
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean(), rows.mean()]) + 0.5


def cells(game, frame):
    """Return the colour in the corner of every cell of a grid, where no player is."""
    rows, columns = game.layout().walls.shape
    side = min((UNITS - 40) / columns, (board.BOTTOM - board.TOP) / rows)
    low = (UNITS - side * columns) / 2, (board.TOP + board.BOTTOM - side * rows) / 2
    y, x = low[1] + side * (np.arange(rows) + 0.12), low[0] + side * (np.arange(columns) + 0.5)
    return frame[np.ix_(y.astype(int), x.astype(int))], side, low


@pytest.mark.parametrize("plan", ["13x13", "maze"])
def test_walls_are_where_they_are_and_shades_grow_with_the_density(plan):
    game = make_game("four_rooms_grid", layout=plan)
    m = np.linspace(0, 1, game.num_states) ** 2
    frame = draw_population(game, np.array([0]), None, m / m.sum(), 0)
    colours, *_ = cells(game, frame)
    np.testing.assert_array_equal(near(colours, INK), ~game.free)
    light = colours[game.free].mean(-1)
    assert (np.diff(light) <= 1).all()
    assert light[0] - light[-1] > 70


@pytest.mark.parametrize("state", [0, 7, 50, 103])
def test_players_are_in_their_cell_of_a_grid(state):
    game = make_game("four_rooms_grid")
    x = np.full(200, state)
    frame = draw_population(game, x, np.full(200, 1), np.full(104, 1 / 104), 1)
    _, side, low = cells(game, frame)
    rows, columns = np.nonzero(near(frame[: board.BOTTOM], CATEGORIES[1], 10))
    row, column = np.argwhere(game.free)[state]
    assert set((rows - low[1]) // side) == {row}
    assert set((columns - low[0]) // side) == {column}


def test_row_0_of_kinetic_congestion_is_at_the_bottom_and_the_target_has_a_frame():
    game = make_game("kinetic_congestion")
    frame = draw_population(game, np.zeros(50, int), np.full(50, 1), np.full(25, 0.04), 1)
    x, y = middle(near(frame[: board.BOTTOM], CATEGORIES[1], 10))
    assert x < 200
    assert y > 500
    dark = near(frame[: board.BOTTOM], INK, 30)
    dark[:50] = False  # the title
    x, y = middle(dark)
    assert x > 500
    assert y < 200


def test_populations_have_a_colour_and_a_shape_each():
    game, sizes, shapes = make_game("predator_prey", num_populations=4), [], []
    for number in range(4):
        x = np.array([game.area * number + 12])
        frame = draw_population(game, x, None, np.full(100, 0.01), 1)
        rows = np.nonzero(near(frame[: board.BOTTOM], CATEGORIES[number], 20))[0]
        sizes.append(len(rows))
        shapes.append(np.bincount(rows - rows.min()))
    np.testing.assert_allclose(sizes, sizes[0], rtol=0.15)
    assert np.ptp(shapes[2][2:-2]) <= 2  # the square is equally wide everywhere
    assert shapes[1][-4] > 2 * shapes[1][4]  # the triangle stands on its base
    assert shapes[3].argmax() == pytest.approx(len(shapes[3]) / 2, abs=2)  # the diamond


def test_a_plane_has_walls_shades_and_players_at_their_points():
    game = Rooms()
    density = np.outer(np.linspace(1, 2, 80), np.ones(80)) * game.room
    x = np.array([[0.1, 0.4], [0.45, 0.05]])
    a = np.array([[0.0, 0.0], [0.6, 0.0]])
    frame = draw_population(game, x, a, density, 1)
    tall = board.BOTTOM - 26 - board.TOP
    low = np.array([UNITS / 2 - tall / 2, board.BOTTOM - 26])
    for point, colour in zip(x, (canvas.VIRIDIS[0], canvas.VIRIDIS[-1]), strict=True):
        here = middle(near(frame[: board.BOTTOM - 26], colour, 12))
        np.testing.assert_allclose(here, low + [1, -1] * point / 0.5 * tall, atol=1.5)
    grid = (np.indices((80, 80)).reshape(2, -1).T + 0.5) / 160
    pixels = (low + [1, -1] * grid / 0.5 * tall).astype(int)
    seen = frame[pixels[:, 1], pixels[:, 0]]
    dots = np.hypot(*(grid[:, None] - [*x, [0.25, 0.15], [0.25, 0.17]]).T).min(0) < 0.03
    wall = game.room.ravel() == 0
    np.testing.assert_array_equal(near(seen, INK)[~dots], wall[~dots])
    light = seen.mean(-1).reshape(80, 80)[:, 20]
    assert (np.diff(light[~dots.reshape(80, 80)[:, 20]]) <= 1).all()


def on_road(game, frame, link, share):
    """Return the pixels across a link, at a share of it."""
    plan = graph.draw_map(game.layout())
    spot = graph.along(plan.curves[link], np.array([share]))[0]
    way = plan.curves[link][2] - plan.curves[link][0]
    aside = way[::-1] * [-1, 1] / np.hypot(*way)
    points = spot + np.linspace(-8, 8, 33)[:, None] * aside
    return frame[points[:, 1].astype(int), points[:, 0].astype(int)]


def test_links_are_as_wide_and_dark_as_their_volume():
    game, m = Roads(), np.zeros((3, 3))
    m[0, 0], m[1, :3], m[2] = 0.25, (0.05, 0.35, 0.1), (0.25, 0, 0)
    frame = draw_population(game, np.array([0]), None, m, 1)
    seen = [on_road(game, frame, link, 0.3) for link in range(5)]
    wide = [(pixels.mean(-1) < 235).sum() for pixels in seen]
    dark = [pixels.mean(-1).min() for pixels in seen]
    order = np.argsort([0.25, 0.05, 0.35, 0.1, 0])
    assert (np.diff(np.array(wide)[order]) >= 0).all()
    assert wide[2] > wide[4] + 4
    assert (np.diff(np.array(dark)[order]) < 0).all()
    np.testing.assert_allclose(graph.masses(scene(game, m))[1], [0.25, 0.05, 0.35, 0.1, 0])
    np.testing.assert_allclose(graph.masses(scene(game, m))[0], [0.25, 0.5, 0.25])


def scene(game, m):
    none = np.zeros(1, int)
    return Scene(game, game.layout(), none, game.coordinates(none), np.zeros((1, 3)), none, m)


def test_no_two_links_are_the_same_line():
    plan = graph.draw_map(Roads().layout())
    halves = [graph.along(curve, np.array([0.5]))[0] for curve in plan.curves]
    gaps = np.hypot(*(np.array(halves)[:, None] - halves).T) + 1e3 * np.eye(5)
    assert gaps.min() > 10
    assert halves[0][1] > halves[1][1]  # on the right, where y grows downwards


def test_unknown_volumes_leave_links_alike_and_nodes_show_the_crowd():
    game, m = Towns(), np.array([0.1, 0.2, 0.7])
    assert graph.masses(scene(game, m))[1] is None
    frame = draw_population(game, np.array([1]), None, m, 1)
    plan = graph.draw_map(game.layout())
    spots = (plan.nodes - [0, 0.8 * plan.radius]).astype(int)
    light = [frame[y, x].mean() for x, y in spots]
    assert light[0] > light[1] + 5 > light[2] + 10
    assert np.hypot(*(middle(near(frame[:640], canvas.PLAYER)) - plan.nodes[1])) < plan.reach[1]


def test_players_are_on_their_link_as_far_as_they_got():
    game = Way()
    plan, done = graph.draw_map(game.layout()), []
    for state in (22, 27, 29, 32):
        x = np.full(30, state)
        frame = draw_population(game, x, None, game.mean_field(x), 1)
        spots = np.argwhere(near(frame[:640], canvas.PLAYER))[:, ::-1] + 0.5
        assert np.hypot(*(spots[:, None] - plan.nodes).T).min() > plan.radius  # names stay legible
        line = graph.along(plan.curves[2], np.linspace(0, 1, 201))
        gaps = np.hypot(*(spots[:, None] - line).T)
        assert gaps.min(0).max() < 20
        done.append(gaps.argmin(0).mean() / 200)
    assert done == sorted(done)
    assert 0.05 < done[0] < 0.2
    assert 0.45 < done[1] < 0.55
    assert 0.8 < done[3] < 0.95


@pytest.mark.parametrize("game", [Roads(), Towns(), Way()], ids=["roads", "towns", "way"])
@pytest.mark.parametrize(("num", "size"), [(2, 360), (10_000, 720)])
def test_nothing_of_a_network_is_cut_off_and_all_is_drawn_again(game, num, size):
    rng = np.random.default_rng(0)
    x, a = rng.integers(0, game.num_states, num), rng.integers(0, 3, num)
    m = game.mean_field(x, a)
    frame = draw_population(game, x, a, m, 1, (size, size))
    assert (frame[:, [0, -1]] == 255).all()
    np.testing.assert_array_equal(frame, draw_population(game, x, None, m, 1, (size, size)))


def test_a_dense_network_is_drawn_with_smaller_things():
    towns = np.stack(np.meshgrid(np.arange(20.0), np.arange(20.0)), -1).reshape(-1, 2)
    ahead = np.arange(399)
    plain = Layout("graph", "", np.zeros(1), nodes=towns, links=np.stack([ahead, ahead + 1], 1))
    dense, sparse = graph.draw_map(plain), graph.draw_map(Roads().layout())
    assert dense.zoom < 0.5 < sparse.zoom == 1
    assert (dense.reach <= 0.5 * np.hypot(*(dense.nodes[1] - dense.nodes[0])) + 2).all()
