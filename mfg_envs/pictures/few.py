"""A few states: a box for each, with the share of players as a gauge and dots inside."""

from __future__ import annotations

import numpy as np

from mfg_envs.pictures.canvas import (
    BACKGROUND,
    BAND,
    FAINT,
    INK,
    MARGIN,
    ROAD,
    UNITS,
    Canvas,
    Entry,
    round_up,
    scatter,
)
from mfg_envs.pictures.scene import Scene, action_key, dot_radius

TOP, BOTTOM, GAP, HEADER = 56, 640, 14, 36
GAUGE = 0.1  # of a box's width, at least ...
NARROW = 14  # ... this much


def draw_few(canvas: Canvas, scene: Scene) -> None:
    """Paint a box for every place; in the order of the coordinate, if there is only one."""
    share, layout = scene.share, scene.layout
    num, first = len(share), np.unique(scene.game.places, return_index=True)[1]
    where = scene.game.coordinates(first)
    order = np.argsort(where[:, 0], kind="stable") if where.shape[1] == 1 else np.arange(num)
    slot = np.argsort(order)  # of every place
    columns = num if num <= 3 else int(np.ceil(np.sqrt(num)))
    rows = -(-num // columns)
    wide = (UNITS - 2 * MARGIN - (columns - 1) * GAP) / columns
    tall = (BOTTOM - TOP - (rows - 1) * GAP) / rows
    header = min(HEADER, 0.3 * tall)
    corner = np.stack([slot % columns * (wide + GAP), slot // columns * (tall + GAP)], -1)
    corner += np.array([MARGIN, TOP])
    gauge = max(GAUGE * wide, NARROW)
    most = round_up(share.max()) if scene.top is None else min(scene.top / num, 1.0)  # a full gauge
    labels = layout.labels or tuple(str(place) for place in range(num))
    for (x, y), label, part in zip(corner, labels, share, strict=True):
        ceiling, floor = y + header, y + tall
        percent = f"{100 * part:.3g} %"
        used = canvas.width(percent, 27)
        canvas.text(label, (x, y + header / 2 - 2), 27, wide - used - 12, INK, "midleft")
        canvas.text(percent, (x + wide, y + header / 2 - 2), 27, wide, INK, "midright")
        canvas.box(ROAD, (x, ceiling), (x + wide, floor))
        canvas.box(BACKGROUND, (x, ceiling), (x + gauge, floor))
        if part > 0:
            canvas.box(
                BAND, (x, floor - min(part / most, 1) * (floor - ceiling)), (x + gauge, floor)
            )
        canvas.box(FAINT, (x, ceiling), (x + gauge, floor), 1.5)
        even = floor - (floor - ceiling) / num / most
        canvas.line(INK, [(x, even), (x + gauge, even)], 2)

    size = np.array([wide - gauge, tall - header])
    radius = dot_radius(num * size.prod(), len(scene.state), num * share.max())
    radius = min(radius, size.min() / 6)
    lane, shift = scatter(len(scene.state))
    inset = radius + 3
    inside = np.stack([shift + 0.5, lane], -1) * (size - 2 * inset) + inset
    place = scene.game.places[scene.state]
    points = corner[place] + [gauge, header] + inside
    canvas.dots(points, radius, scene.palette, scene.tint)
    full = f"share of players, up to {100 * most:.3g} %"
    keys = [Entry(full, BAND, "band"), Entry("equal shares", INK, "line")]
    canvas.key(UNITS - 58, keys)
    canvas.key(UNITS - 22, action_key(layout))
