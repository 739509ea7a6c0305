"""A plan seen from above, cells or points: the density is its shade, players are dots on it."""

from __future__ import annotations

import numpy as np

from mfg_envs.game import Array
from mfg_envs.pictures.canvas import (
    BACKGROUND,
    CATEGORIES,
    FAINT,
    INK,
    MARGIN,
    QUIET,
    SHADES,
    SHAPES,
    UNITS,
    Canvas,
    Entry,
    between,
    scatter,
)
from mfg_envs.pictures.scene import Scene, action_key, dot_radius

TOP, BOTTOM = 54, 636
RULED = 14  # least size of cells with lines between them, in units
BINS = 20  # along each axis, where players are counted
ROOM = 0.84  # share of a cell's side in which its players are


def draw_grid(canvas: Canvas, scene: Scene) -> None:
    """Paint cells; several populations have a colour and a shape each."""
    layout, game = scene.layout, scene.game
    walls = np.asarray(layout.walls, bool)
    cells = cells_at(game.coordinates(np.unique(game.places, return_index=True)[1]), walls.shape)
    heat = np.zeros(walls.shape)
    np.add.at(heat, tuple(cells.T), scene.share * (~walls).sum())
    low, high = _frame(walls.shape, BOTTOM)
    top, words, heat = scene.scale(heat)
    _draw_board(canvas, heat / top, walls, low, high)
    size = (high - low) / walls.shape[::-1]
    marks = {word: cells_at(place[None], walls.shape)[0] for word, place in scene.marks}
    for row, column in marks.values():
        corner = low + size * [column, row]
        canvas.box(INK, corner, corner + size, 3)

    radius = dot_radius((~walls).sum() * size.prod(), len(scene.state), top)
    radius = min(radius, size.min() / 5)
    lane, shift = scatter(len(scene.state))
    jitter = np.stack([shift, lane - 0.5], -1) * np.maximum(ROOM * size - 2 * radius, 0)
    points = low + size * (cells_at(scene.points, walls.shape)[:, ::-1] + 0.5) + jitter
    keys = [_density_key(words), *(Entry(word, INK, "cell") for word in marks)]
    if layout.place_label:
        keys.append(Entry(layout.place_label))
    canvas.key(UNITS - 58, keys)
    if not layout.labels:
        canvas.dots(points, radius, scene.palette, scene.tint)
        canvas.key(UNITS - 22, action_key(layout))
        return
    last = len(layout.labels) - 1
    group = np.rint((scene.points[:, -1] + 1) / 2 * last).astype(int)
    for number, (shape, _) in enumerate(zip(SHAPES, layout.labels, strict=False)):
        own = group == number
        canvas.dots(points[own], 1.15 * radius, CATEGORIES, group[own], shape)
    names = zip(layout.labels, CATEGORIES, SHAPES, strict=False)
    canvas.key(UNITS - 22, [Entry(name, colour, shape) for name, colour, shape in names])


def draw_plane(canvas: Canvas, scene: Scene) -> None:
    """Paint points of a rectangle; without a density, players are counted in cells."""
    game, heat = scene.game, scene.density
    walls = np.asarray(game.room == 0) if heat is not None else np.zeros((BINS, BINS), bool)
    if heat is None:
        edges = np.linspace(-1, 1, BINS + 1)
        counts = np.histogram2d(*scene.points.T, bins=(edges, edges))[0]
        heat = counts * BINS**2 / len(scene.points)
    span = np.subtract(game.state_high, game.state_low)
    low, high = _frame((span[1], span[0]), BOTTOM - 26)
    top, words, heat = scene.scale(heat)
    _draw_board(canvas, heat.T[::-1] / top, walls.T[::-1], low, high)
    radius = dot_radius((~walls).mean() * (high - low).prod(), len(scene.state), top)
    place = (scene.points * [1, -1] + 1) / 2
    canvas.dots(low + place * (high - low), radius, scene.palette, scene.tint)
    for word, (x, y) in scene.marks:
        spot = low + np.array([x + 1, 1 - y]) / 2 * (high - low)
        canvas.disc(INK, spot, 9, 3)
        canvas.text(word, spot - np.array([0, 22]), 27, 120)
    below = high[1] + 15
    canvas.text(f"{game.state_low[0]:g}", (low[0], below), 27, 90, QUIET, "midleft")
    canvas.text(
        scene.layout.place_label,
        ((low[0] + high[0]) / 2, below),
        27,
        400,
        QUIET,
    )
    canvas.text(f"{game.state_high[0]:g}", (high[0], below), 27, 90, QUIET, "midright")
    canvas.key(UNITS - 58, [_density_key(words)])
    canvas.key(UNITS - 22, action_key(scene.layout))


def _draw_board(canvas: Canvas, level: Array, walls: Array, low: Array, high: Array) -> None:
    """Paint shades of levels in [0, 1], (rows, columns), and walls."""
    shades = between(SHADES, level)
    shades[walls] = INK
    canvas.cells(shades, low, high)
    rows, columns = level.shape
    size = (high - low) / (columns, rows)
    if size.min() >= RULED:
        for row in range(1, rows):
            y = low[1] + row * size[1]
            canvas.line(BACKGROUND, [(low[0], y), (high[0], y)], 1)
        for column in range(1, columns):
            x = low[0] + column * size[0]
            canvas.line(BACKGROUND, [(x, low[1]), (x, high[1])], 1)
        for row, column in np.argwhere(walls):
            corner = low + size * [column, row]
            canvas.box(INK, corner, corner + size)
    canvas.box(FAINT, low, high, 1.5)


def _density_key(top: str) -> Entry:
    return Entry("player density", SHADES, "bar", ("0", top))


def _frame(shape: tuple[float, ...], bottom: float) -> tuple[Array, Array]:
    """Return the corners of the largest board of (rows, columns) equal cells."""
    wide, tall = UNITS - 2 * MARGIN, bottom - TOP
    side = min(wide / shape[1], tall / shape[0])
    size = side * np.array([shape[1], shape[0]])
    low = np.array([UNITS / 2, (TOP + bottom) / 2]) - size / 2
    return low, low + size


def cells_at(points: Array, shape: tuple[int, ...]) -> Array:
    """Return row, from the top, and column of the cells at coordinates (N, D), int (N, 2)."""
    last = np.array(shape) - 1
    return np.rint((np.stack([-points[:, 1], points[:, 0]], -1) + 1) / 2 * last).astype(int)
