"""A ring: players on a closed road, the density as a band around it."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfg_envs.game import Array, Layout
from mfg_envs.pictures.canvas import (
    BACKGROUND,
    BAND,
    FAINT,
    INK,
    QUIET,
    ROAD,
    UNITS,
    VIRIDIS,
    Canvas,
    scatter,
)
from mfg_envs.pictures.scene import COMFORT, Scene, action_key, band_key, dot_radius

CENTRE, ROAD_RADII, BAND_RADII = np.array([360, 361]), (182, 230), (236, 312)
CROWDED = 0.35  # radians between a mark and a tick below which the tick gives way


def draw_ring(canvas: Canvas, scene: Scene) -> None:
    """Paint a ring of P equal cells, cell s around angle ``2 pi s / P``, anticlockwise."""
    top, words, density = scene.scale(scene.share * len(scene.share))
    num_cells = len(density)
    low, high = BAND_RADII
    inner, outer = ROAD_RADII
    corners = np.linspace(-0.5, 0.5, max(2, 720 // num_cells))  # of one cell's outer arc
    angle = 2 * np.pi * (np.arange(num_cells)[:, None] + corners) / num_cells
    edge = low + (high - low) * density / top
    edge = np.where(density > 0, edge, inner)[:, None] + 0 * corners  # no sliver if empty
    canvas.polygon(BAND, polar(edge, angle).reshape(-1, 2))
    canvas.disc(BACKGROUND, CENTRE, low)
    canvas.disc(FAINT, CENTRE, high, 1)
    canvas.disc(INK, CENTRE, low + (high - low) / top, 1.5)
    canvas.disc(ROAD, CENTRE, outer)
    canvas.disc(BACKGROUND, CENTRE, inner)
    for direction, name, colour in ticks(scene, num_cells):
        canvas.line(colour, polar(np.array([inner - 8, inner]), direction), 1.5)
        reach = 23 + 4.5 * len(name) * abs(np.cos(direction))  # half of the words, and a gap
        canvas.text(name, polar(inner - reach, direction), 27, 110, colour)
    action_bar(canvas, scene.layout, 160)

    num_players, places = len(scene.state), scene.game.num_states
    lane, shift = scatter(num_players)
    radius = dot_radius(np.pi * (outer**2 - inner**2), num_players, top)
    track = inner + radius + lane * (outer - inner - 2 * radius)
    # A place with more players than fit across the road spreads them along its cell as well.
    columns = num_players / places / min(1.0, COMFORT / top) * 2 * radius / (outer - inner)
    spread = min(0.8 * 2 * np.pi / places, 4 * radius * columns / outer)
    cosine, sine = np.moveaxis(scene.points, -1, 0)
    direction = np.arctan2(sine, cosine) + spread * shift
    canvas.dots(polar(track, direction), radius, scene.palette, scene.tint)
    canvas.key(UNITS - 22, band_key(words))


def polar(radius: Any, angle: Any) -> Array:
    """Return the point at a distance from the centre and an angle."""
    wheel = np.stack(np.broadcast_arrays(np.cos(angle), -np.sin(angle)), -1)
    return CENTRE + np.asarray(radius)[..., None] * wheel


def ticks(scene: Scene, num_cells: int) -> list[tuple[float, str, Any]]:
    """Return angles, words and colours: the quarters of the ring, and the marks."""
    marks = {int(scene.game.places[state]): word for word, state in scene.layout.marks}
    words = {cell: f"{word} {cell}" for cell, word in marks.items()}
    for cell in {quarter * num_cells // 4 for quarter in range(4)}:
        gaps = [abs(np.angle(np.exp(2j * np.pi * (cell - mark) / num_cells))) for mark in marks]
        if min(gaps, default=np.pi) > CROWDED:
            words[cell] = str(cell) if cell else "cell 0"
    tint = {cell: INK if cell in marks else QUIET for cell in words}
    return [(2 * np.pi * cell / num_cells, words[cell], tint[cell]) for cell in sorted(words)]


def action_bar(canvas: Canvas, layout: Layout, width: float) -> None:
    """Paint the key of the dots' colours in the middle: label, bar and both ends, or names."""
    x, y = CENTRE
    if layout.action_names or not layout.action_label:
        entries = action_key(layout)
        for row, entry in enumerate(entries):
            canvas.key(y + 30 * (row - (len(entries) - 1) / 2), [entry], x - width / 2)
        return
    canvas.bar(VIRIDIS, (x - width / 2, y - 8), (x + width / 2, y + 8))
    canvas.text(layout.action_label, (x, y - 36), 29, 1.5 * width)
    for side, value in ((-1, layout.action_values.min()), (1, layout.action_values.max())):
        canvas.text(f"{value:.3g}", (x + side * width / 2, y + 29), 27, width, QUIET)
