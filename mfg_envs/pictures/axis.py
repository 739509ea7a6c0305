"""An axis: cells in a row or numbers on a line, the density above it and the players below."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mfg_envs.game import Array
from mfg_envs.pictures.canvas import (
    BACKGROUND,
    BAND,
    FAINT,
    INK,
    MARGIN,
    QUIET,
    ROAD,
    UNITS,
    Canvas,
    Entry,
    scatter,
)
from mfg_envs.pictures.scene import Scene, action_key, band_key, dot_radius

LEFT, RIGHT = 30, UNITS - 30
CHART, STRIP = (122, 366), (378, 572)  # top and bottom
WORDS = (62, 86)  # heights of the words of marks: where there is room, the lower one
MOST_TICKS, MOST_BINS = 12, 40
GAPS = 40  # most cells that are painted apart


class Axis(NamedTuple):
    """What stands along the axis; 0 is its left end and 1 its right one.

    Attributes:
        heights: Density of each of B equal cells, in multiples of the average, (B,).
        ticks: Place and words of each tick.
        players: Place of each player, (N,).
    """

    heights: Array
    ticks: list[tuple[float, str]]
    players: Array


def draw_line(canvas: Canvas, scene: Scene) -> None:
    """Paint P cells in a row."""
    num_cells = len(scene.share)
    every = min(num_cells, MOST_TICKS if num_cells <= MOST_TICKS else 5)
    cells = np.unique(np.rint(np.linspace(0, num_cells - 1, every)).astype(int))
    ticks = [((cell + 0.5) / num_cells, str(cell)) for cell in cells]
    _, shift = scatter(len(scene.state))
    middle = _along(scene.points[:, 0], num_cells)
    players = middle + 0.76 * shift / num_cells
    marks = [(float(_along(place[0], num_cells)), word) for word, place in scene.marks]
    draw_axis(canvas, scene, Axis(scene.share * num_cells, ticks, players), marks)


def draw_interval(canvas: Canvas, scene: Scene) -> None:
    """Paint an interval of numbers; without a density, players are counted in bins."""
    (low,), (high,) = scene.game.state_low, scene.game.state_high
    players, heights = (scene.points[:, 0] + 1) / 2, scene.density
    if heights is None:
        bins = int(np.clip(2 * len(players) ** (1 / 3), 4, MOST_BINS))
        heights = np.histogram(players, bins, (0, 1))[0] * bins / len(players)
    ticks = [(share, f"{low + share * (high - low):g}") for share in np.linspace(0, 1, 5)]
    marks = [((place[0] + 1) / 2, word) for word, place in scene.marks]
    kind = scene.game.mean_field_kind
    mean = float(scene.mean_field[0]) if kind != "density" else 0.0
    if kind == "mean_state":
        marks.append((float(np.clip((mean - low) / (high - low), 0, 1)), "mean"))
    notes = (
        [Entry(f"mean {scene.action_name} {round(mean, 2) + 0.0:g}")]
        if kind == "mean_action"
        else []
    )
    draw_axis(canvas, scene, Axis(heights, ticks, players), marks, notes)


def draw_axis(
    canvas: Canvas,
    scene: Scene,
    axis: Axis,
    marks: list[tuple[float, str]],
    notes: list[Entry] | None = None,
) -> None:
    """Paint bars, the strip of players, ticks, marks and keys."""
    (ceiling, floor), (upper, lower) = CHART, STRIP
    top, words, heights = scene.scale(axis.heights)
    num_cells = len(heights)
    edges = LEFT + (RIGHT - LEFT) * np.arange(num_cells + 1) / num_cells
    gap = 1.5 if num_cells <= GAPS and scene.finite else 0
    canvas.box(ROAD, (LEFT, upper), (RIGHT, lower))
    if gap:
        for edge in edges[1:-1]:
            canvas.box(BACKGROUND, (edge - gap, upper), (edge + gap, lower))
    level = floor - (floor - ceiling) * heights / top
    for left, right, height in zip(edges[:-1] + gap, edges[1:] - gap, level, strict=True):
        if height < floor:
            canvas.box(BAND, (left, height), (right, floor))
    canvas.line(QUIET, [(LEFT, floor), (RIGHT, floor)], 1.5)
    canvas.line(FAINT, [(LEFT, ceiling), (RIGHT, ceiling)], 1)
    average = floor - (floor - ceiling) / top
    canvas.line(INK, [(LEFT, average), (RIGHT, average)], 1.5)
    _marks(canvas, marks)
    for place, name in axis.ticks:
        x = _x(place)
        canvas.line(QUIET, [(x, lower), (x, lower + 8)], 1.5)
        half = canvas.width(name, 27) / 2
        canvas.text(
            name, (np.clip(x, MARGIN + half, UNITS - MARGIN - half), lower + 23), 27, 90, QUIET
        )
    canvas.text(scene.layout.place_label, (UNITS / 2, lower + 51), 27, 600, QUIET)

    lane, _ = scatter(len(axis.players))
    radius = dot_radius((RIGHT - LEFT) * (lower - upper), len(axis.players), top)
    height = upper + radius + 2 + lane * (lower - upper - 2 * radius - 4)
    points = np.stack([_x(axis.players), height], -1)
    canvas.dots(points, radius, scene.palette, scene.tint)
    canvas.key(UNITS - 58, band_key(words))
    canvas.key(UNITS - 22, [*action_key(scene.layout), *(notes or [])])


def _marks(canvas: Canvas, marks: list[tuple[float, str]]) -> None:
    """Paint a thin upright line at every mark, and its word above."""
    ends: dict[int, float] = dict.fromkeys(WORDS, -np.inf)
    words: list[tuple[str, float, int]] = []
    for place, word in sorted(marks):
        x, half = _x(place), canvas.width(word, 27) / 2
        middle = float(np.clip(x, MARGIN + half, UNITS - MARGIN - half))
        free = [y for y in WORDS if middle - half > ends[y] + 8]
        canvas.line(QUIET, [(x, max(free, default=WORDS[-1]) + 12), (x, STRIP[1])], 1.5)
        if free:
            words.append((word, middle, max(free)))
            ends[max(free)] = middle + half
    for word, middle, y in words:  # over the lines of others
        half = canvas.width(word, 27) / 2 + 2
        canvas.box(BACKGROUND, (middle - half, y - 11), (middle + half, y + 11))
        canvas.text(word, (middle, y), 27, 200)


def _x(place: Array | float) -> Array:
    """Return where a place of the axis is, in design units."""
    return LEFT + (RIGHT - LEFT) * np.asarray(place)


def _along(coordinate: Array | float, num_cells: int) -> Array:
    """Return the middle of the cell at a coordinate in [-1, 1], as a place of the axis."""
    return ((np.asarray(coordinate) + 1) / 2 * (num_cells - 1) + 0.5) / num_cells
