"""Pictures are measured, not compared with stored ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mfg_envs.game import Layout
from mfg_envs.games.ring_road import RingRoad
from mfg_envs.pictures import canvas, drawing, ring
from mfg_envs.pictures.drawing import draw_population

pygame = pytest.importorskip("pygame")

GAME = RingRoad.make(reward="min", num_cells=50)
UNIFORM = np.full(50, 1 / 50)
SLOW, FAST = 0, GAME.num_actions - 1


def near(frame, colour, tolerance=6):
    return (abs(frame.astype(int) - np.array(colour)) <= tolerance).all(-1)


def polar(frame):
    """Return the distance to the ring's centre and the angle of every pixel, in design units."""
    height, width, _ = frame.shape
    unit = min(height, width) / canvas.UNITS
    y, x = np.mgrid[:height, :width] + 0.5
    x = (x - (width - unit * canvas.UNITS) / 2) / unit - ring.CENTRE[0]
    y = (y - (height - unit * canvas.UNITS) / 2) / unit - ring.CENTRE[1]
    return np.hypot(x, y), np.arctan2(-y, x)


def on_road(frame):
    inner, outer = ring.ROAD_RADII
    distance, _ = polar(frame)
    return (distance > inner + 1) & (distance < outer - 1)


def dot_pixels(frame):
    """Return which pixels of the road are saturated: a dot that has a colour."""
    return on_road(frame) & (np.ptp(frame.astype(int), axis=-1) > 40)


def band_end(frame, cell, num_cells=50):
    """Return where the band ends along the ray through a cell's middle, in design units."""
    distance, angle = polar(frame)
    off = np.angle(np.exp(1j * (angle - 2 * np.pi * cell / num_cells)))
    ray = near(frame, canvas.BAND) & (abs(off) < 0.01) & (distance < 330)
    return distance[ray].max(initial=ring.BAND_RADII[0])


def density(**relative):
    """Return a mean field with the given multiples of the average, the rest spread evenly."""
    m = np.full(50, np.nan)
    for name, value in relative.items():
        m[int(name[1:])] = value / 50
    free = np.isnan(m)
    m[free] = (1 - np.nansum(m)) / free.sum()
    return m


@pytest.mark.parametrize("size", [(720, 720), (360, 360), (500, 300), (301, 400)])
@pytest.mark.parametrize("num", [1, 2, 100])
def test_shape_and_type(num, size):
    x = np.arange(num) % 50
    frame = draw_population(GAME, x, x, UNIFORM, 3, size)
    assert frame.shape == (size[1], size[0], 3)
    assert frame.dtype == np.uint8
    assert frame.flags.c_contiguous
    assert (frame[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()
    assert dot_pixels(frame).any()


def test_the_same_input_gives_the_same_picture_and_is_not_changed():
    rng = np.random.default_rng(0)
    x, a = rng.integers(0, 50, (2, 500))
    m = GAME.mean_field(x)
    before = x.copy(), a.copy(), m.copy()
    first = draw_population(GAME, x, a, m, 5)
    np.testing.assert_array_equal(first, draw_population(GAME, x, a, m, 5))
    for old, new in zip(before, (x, a, m), strict=True):
        np.testing.assert_array_equal(old, new)
    assert (first != draw_population(GAME, x, a, m, 6)).any()  # the title tells the time


def test_works_without_a_display_and_loads_pygame_late():
    code = """if True:
        import os, sys
        import numpy as np
        import mfg_envs.pictures.drawing as drawing
        from mfg_envs.games.ring_road import RingRoad
        window = drawing.Window()
        assert "pygame" not in sys.modules
        game = RingRoad.make(reward="min", num_cells=50)
        frame = drawing.draw_population(game, np.arange(9), None, np.full(50, 0.02), 0)
        import pygame
        assert not pygame.display.get_init()
        assert "SDL_VIDEODRIVER" not in os.environ and "DISPLAY" not in os.environ
        window.close()
        print(frame.shape)
    """
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    env = {key: value for key, value in os.environ.items() if key not in hidden}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=env | {"PYTHONPATH": str(Path(drawing.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(720, 720, 3)"  # and no greeting from pygame


def test_dots_take_the_colour_of_the_action():
    x = np.arange(50)
    counts = []
    for fast in (0, 10, 25, 50):
        a = np.where(x < fast, FAST, SLOW)
        frame = draw_population(GAME, x, a, UNIFORM, 1)
        yellow = on_road(frame) & near(frame, canvas.VIRIDIS[-1])
        violet = on_road(frame) & near(frame, canvas.VIRIDIS[0])
        counts.append((yellow.sum(), violet.sum()))
    yellow, violet = np.array(counts).T
    assert yellow[0] == violet[-1] == 0
    each = yellow[-1] / 50
    assert each > 50
    np.testing.assert_allclose(yellow, each * np.array([0, 10, 25, 50]), rtol=0.1)
    np.testing.assert_allclose(violet, each * np.array([50, 40, 25, 0]), rtol=0.1)


def test_dots_are_grey_before_the_first_action():
    frame = draw_population(GAME, np.arange(50), None, UNIFORM, 0)
    assert not dot_pixels(frame).any()
    assert (on_road(frame) & near(frame, canvas.WAITING)).sum() > 50 * 50


def test_a_single_action_value_is_drawn():
    game = RingRoad.make(num_cells=5, num_speeds=1)
    frame = draw_population(game, np.arange(5), np.zeros(5, int), np.full(5, 0.2), 1)
    assert dot_pixels(frame).any() or near(frame, canvas.VIRIDIS[0]).any()


@pytest.mark.parametrize("dynamics", ["cell", "position"])
@pytest.mark.parametrize("turn", [0, 0.1, 0.26, 0.5, 0.74])
def test_a_dot_is_where_its_player_is(turn, dynamics):
    game = RingRoad.make(num_cells=50, dynamics=dynamics)
    x = np.array([int(turn * game.num_states)])
    frame = draw_population(game, x, np.array([25]), game.mean_field(x), 1)
    distance, angle = polar(frame)
    dot = dot_pixels(frame)
    place = (distance * np.exp(1j * angle))[dot].mean()
    want = game.coordinates(x)[0] @ [1, 1j] * np.mean(ring.ROAD_RADII)
    assert abs(place - want) < 1.5


@pytest.mark.parametrize("size", [720, 1080])
def test_the_band_is_proportional_to_the_density(size):
    levels = {3: 0.3, 11: 0.7, 20: 1.4, 33: 1.7, 41: 1.9}
    m = density(**{f"c{cell}": level for cell, level in levels.items()})
    frame = draw_population(GAME, np.array([7]), None, m, 0, (size, size))
    low, high = ring.BAND_RADII
    pixel = canvas.UNITS / size
    for cell, level in levels.items():
        thickness = band_end(frame, cell) - low
        assert thickness == pytest.approx((high - low) * level / 2, abs=1.5 * pixel)


def test_the_average_is_marked_by_a_circle():
    frame = draw_population(GAME, np.array([7]), None, density(c25=0.0), 0)
    low, high = ring.BAND_RADII
    distance, angle = polar(frame)
    dark = near(frame, canvas.INK, 60) & (distance > low + 5) & (distance < high + 5)
    assert abs(distance[dark] - (low + high) / 2).max() < 2.5  # the axis ends at twice the average
    assert len(np.unique(np.round(np.degrees(angle[dark])))) > 355  # all around
    assert band_end(frame, 25) == low  # an empty cell has no band


@pytest.mark.parametrize("cell", [0, 12, 25, 31, 38])
def test_the_highest_peak_fits(cell):
    m = np.zeros(50)
    m[cell] = 1
    frame = draw_population(GAME, np.full(100, cell), None, m, 0)
    assert band_end(frame, cell) == pytest.approx(ring.BAND_RADII[1], abs=2)
    distance, angle = polar(frame)
    band = near(frame, canvas.BAND) & (distance < 330)  # not the sample in the key
    assert distance[band].max() < ring.BAND_RADII[1] + 1
    off = np.angle(np.exp(1j * (angle - 2 * np.pi * cell / 50)))[band]
    assert abs(off).max() == pytest.approx(np.pi / 50, abs=0.01)
    words = near(draw_population(GAME, np.full(100, cell), None, UNIFORM, 0), canvas.INK)
    assert not (band & words & (distance > ring.BAND_RADII[1])).any()


@pytest.mark.parametrize(
    ("peak", "top"), [(0.1, 2), (1, 2), (2, 2), (2 + 1e-12, 2), (2.1, 5), (5.1, 10), (50, 50)]
)
def test_the_axis_ends_at_a_round_number(peak, top):
    assert canvas.axis_top(peak) == top


def test_players_in_one_place_do_not_hide_each_other():
    x, a = np.full(100, 13), np.arange(100) // 2
    frame = draw_population(GAME, x, a, GAME.mean_field(x), 1)
    seen = frame[dot_pixels(frame)]
    colours = canvas.between(canvas.VIRIDIS, np.linspace(0, 1, 50))
    shown = [near(seen, colour, 16).any() for colour in colours]
    assert np.mean(shown) > 0.9


def test_a_crowd_fills_the_road_and_keeps_its_colours():
    rng = np.random.default_rng(1)
    x = rng.integers(0, 50, 10_000)
    _, angle = polar(frame := draw_population(GAME, x, x, GAME.mean_field(x), 1))
    assert dot_pixels(frame).sum() > 5_000
    right = dot_pixels(frame) & (abs(angle - np.pi / 2) < 0.1)  # cells 12 and 13: a quarter up
    mean = frame[right].mean(0)
    colours = canvas.between(canvas.VIRIDIS, np.linspace(0, 1, 50))
    assert abs(np.argmin(abs(colours - mean).sum(1)) - 12.5) < 8


def test_a_mean_field_of_controls_is_drawn_summed_over_actions():
    class Controls(RingRoad):
        mean_field_of_controls = True

    rng = np.random.default_rng(3)
    x, a = rng.integers(0, 50, (2, 30))
    game = Controls()
    with_controls = draw_population(game, x, a, game.mean_field(x, a), 1)
    plain = draw_population(GAME, x, a, GAME.mean_field(x), 1)
    np.testing.assert_array_equal(with_controls[60:], plain[60:])  # below the title


def test_another_kind_is_one_function(monkeypatch):
    class Row(RingRoad):
        def layout(self):
            return Layout("row", "speed", self.speeds)

    def draw_row(canvas, scene):
        points = np.stack([100 + 10.0 * scene.state, 0 * scene.state + 300], -1)
        canvas.dots(points, 4, scene.palette, scene.tint)

    monkeypatch.setitem(drawing.KINDS, "row", draw_row)
    x = np.arange(50)
    frame = draw_population(Row(), x, np.full(50, FAST), UNIFORM, 0)
    rows, columns = np.nonzero(near(frame, canvas.VIRIDIS[-1]))
    assert abs(rows.mean() - 300) < 2
    assert columns.max() - columns.min() == pytest.approx(490, abs=10)


def test_named_actions_are_listed_in_the_middle_of_the_ring():
    class Named(RingRoad):
        def layout(self):
            return Layout("ring", "last move", np.arange(2), ("slow", "fast"))

    frame = draw_population(Named(), np.arange(50), np.full(50, 1), UNIFORM, 1)
    distance, _ = polar(frame)
    for colour, driven in zip(canvas.CATEGORIES[:2], (False, True), strict=True):
        seen = near(frame, colour)
        assert (seen & (distance < 150)).sum() > 100  # the key
        assert (seen & on_road(frame)).any() == driven


def test_colours_follow_the_values_of_the_actions_not_their_indices():
    class Backwards(RingRoad):
        def layout(self):
            return Layout("ring", "minus the speed", -self.speeds)

    frame = draw_population(Backwards(), np.arange(50), np.full(50, FAST), UNIFORM, 1)
    assert (on_road(frame) & near(frame, canvas.VIRIDIS[0])).any()
    assert not (on_road(frame) & near(frame, canvas.VIRIDIS[-1])).any()
