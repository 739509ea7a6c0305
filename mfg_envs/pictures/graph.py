"""A network: nodes and links with their shares of the players, who are dots around and on them.

A link is as wide as its share of the players.  It is as dark, too, unless the game is one of roads
with capacities: then its colour is the volume on it over its capacity.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array, Layout
from mfg_envs.pictures.canvas import (
    BACKGROUND,
    INK,
    MARGIN,
    QUIET,
    SHADES,
    UNITS,
    Canvas,
    Entry,
    between,
    round_up,
    scatter,
)
from mfg_envs.pictures.scene import Scene, action_key, dot_radius

LOW, HIGH = (66, 90), (UNITS - 66, 590)  # where nodes are
FLOWS = np.array(  # colours of a link: empty to the fullest
    bytearray.fromhex("c9cfd9 9fb4d2 6f92c3 4470ac 274f8c")
).reshape(-1, 3)
JAMS = np.array(  # colours of a volume over the capacity: none to the end of the scale
    bytearray.fromhex("c9cfd9 e9c27c e69f00 d55e00 7a2e00")
).reshape(-1, 3)
TRAVELLER = (0, 114, 178)  # of players where links have the colours of jams
WIDTHS = (2.0, 11.0)  # of a link: empty, the fullest
NODE_RADII, AROUND = (3.0, 16.0), 26.0  # of nodes; how far around them players stand at most
APART = 7.0  # from the middle of a road to each of its directions
BULGE = 0.3  # of links between the same nodes, as a share of their length
LEGIBLE, LONGEST = 11.0, 3  # least radius of a node with words inside; letters that fit
LARGEST, LEAST = 6.0, 0.3  # radius of a player; how small things get in a dense network
MEASURED = 1000  # most nodes whose distances are measured
DARK = 150  # mean colour below which words are white
CLUSTER, FULL = 0.08, 30  # players in one place take this share of a link's length, if so many ...
LONG, WIDE = 0.25, 4.0  # ... and at most this share, if more, and this many times the width
BESIDE = (8.0, 13.5)  # how far right of the middle of their link players are


class Map(NamedTuple):
    """Where things are, in design units.

    Attributes:
        nodes: (V, 2).
        radius: Of a node.
        reach: How far around a node its players stand, (V,).
        curves: Begin, middle and end of every link's curve, (L, 3, 2).
    """

    nodes: Array
    radius: float
    reach: Array
    curves: Array

    @property
    def zoom(self) -> float:
        """Size of links and players: 1 where there is room, less in a dense network."""
        return max(self.radius / NODE_RADII[1], LEAST)


def draw_graph(canvas: Canvas, scene: Scene) -> None:
    """Paint links, nodes, their names, players and keys."""
    layout = scene.layout
    plan, (at_node, volume) = draw_map(layout), masses(scene)
    wide = None if scene.top is None else min(scene.top / len(scene.share), 1.0)
    most = round_up(at_node.max()) if wide is None else 1.0  # of a node
    widest = wide or (1.0 if volume is None else round_up(volume.max()))  # of a link
    jams = congestion(scene.game, scene.mean_field)
    level = np.zeros(len(plan.curves)) if volume is None else np.minimum(volume / widest, 1)
    worst = 1.0 if jams is None or wide else round_up(jams.max())
    if jams is None:
        colours = between(FLOWS, level)
    else:
        colours = between(JAMS, np.minimum(jams / worst, 1))
        scene = scene._replace(palette=np.array([TRAVELLER]), tint=np.zeros(len(scene.state), int))
    _draw_links(canvas, plan, level, colours)
    shades = between(SHADES, at_node / most)
    for centre, shade in zip(plan.nodes, shades, strict=True):
        canvas.disc(BACKGROUND, centre, plan.radius + 2)
        canvas.disc(shade, centre, plan.radius)
        canvas.disc(QUIET, centre, plan.radius, 1.5)
    _draw_players(canvas, scene, plan)
    names = layout.labels or ("",) * len(plan.nodes)
    for centre, name, reach, shade in zip(plan.nodes, names, plan.reach, shades, strict=True):
        if len(name) > LONGEST:
            right = centre[0] + reach + canvas.width(name, 27) < UNITS - MARGIN
            beside = centre + np.array([reach + 8 if right else -reach - 8, 0])
            canvas.text(name, beside, 27, 200, at="midleft" if right else "midright")
        elif plan.radius >= LEGIBLE:
            ink = INK if shade.mean() > DARK else BACKGROUND
            canvas.text(name, centre, 1.55 * plan.radius, 1.8 * plan.radius, ink)
    at = "players at a node" if jams is None else "at a node"  # there is less room
    keys = [Entry(at, SHADES, "bar", _ends(most))]
    if jams is not None:
        end = f"{worst:g}" if wide is None else f"{worst:g} or more"
        keys.append(Entry("volume / capacity", JAMS, "bar", ("0", end)))
        full = f"width: players on a link, up to {100 * widest:.3g} %"
        canvas.key(UNITS - 22, [Entry("player", TRAVELLER, "disc"), Entry(full, QUIET, "line")])
    else:
        if volume is not None:
            keys.append(Entry("on a link", FLOWS, "bar", _ends(widest)))
        canvas.key(UNITS - 22, action_key(layout))
    canvas.key(UNITS - 58, keys)


def draw_map(layout: Layout) -> Map:
    """Return where nodes and links are."""
    nodes, links = np.asarray(layout.nodes, float) * [1, -1], np.asarray(layout.links)
    whole = np.concatenate([nodes, along(curves(nodes, links, 0), np.full(len(links), 0.5))])
    (low, high), room = (whole.min(0), whole.max(0)), np.subtract(HIGH, LOW)
    scale = (room / np.maximum(high - low, 1e-9)).min()
    nodes = (nodes - (low + high) / 2) * scale + np.add(LOW, HIGH) / 2
    near = np.full(len(nodes), np.sqrt(room.prod() / len(nodes)))
    if len(nodes) <= MEASURED:
        gaps = np.hypot(*np.moveaxis(nodes[:, None] - nodes, -1, 0))
        np.fill_diagonal(gaps, UNITS)
        near = gaps.min(1)
    radius = float(np.clip(0.25 * np.median(near), *NODE_RADII))
    reach = radius + np.clip(0.48 * near - radius, 2, AROUND)
    return Map(nodes, radius, reach, curves(nodes, links, APART * radius / NODE_RADII[1]))


def curves(nodes: Array, links: Array, apart: float) -> Array:
    """Return begin, middle and end of every link, (L, 3, 2), no two the same.

    The two directions of a road are ``apart`` from its middle, parallel links bulge.
    """
    begin, end = nodes[links[:, 0]], nodes[links[:, 1]]
    road, count = np.unique(np.sort(links, 1), axis=0, return_inverse=True, return_counts=True)[1:]
    road = road.reshape(-1)  # of every link; in NumPy 2.0 it has two axes
    ahead = links[:, 0] < links[:, 1]
    both = np.bincount(road, ahead) == 1
    side = np.where((count == 2) & both, apart, 0.0)[road]
    for number in np.flatnonzero((count > 1) & ~((count == 2) & both)):
        own = np.flatnonzero(road == number)
        rank = np.arange(len(own)) - (len(own) - 1) / 2
        length = np.hypot(*(end - begin)[own[0]])
        side[own] = np.where(ahead[own], 1, -1) * rank * 2 * BULGE / len(own) * length
    middle = (begin + end) / 2 + 2 * side[:, None] * _right(end - begin)
    return np.stack([begin, middle, end], 1)


def along(curve: Array, share: Array) -> Array:
    """Return the points (*inner, 2) at shares (*inner) of curves (*inner or ones, 3, 2)."""
    s = np.asarray(share)[..., None]
    a, b, c = np.moveaxis(curve, -2, 0)
    return (1 - s) ** 2 * a + 2 * s * (1 - s) * b + s**2 * c


def masses(scene: Scene) -> tuple[Array, Array | None]:
    """Return the share of players at every node (V,) and on every link (L,); None: unknown."""
    layout, spots = scene.layout, np.asarray(scene.layout.spots)
    num_nodes, num_links = len(np.asarray(layout.nodes)), len(np.asarray(layout.links))
    every = np.bincount(spots, scene.share, num_nodes + num_links)
    at_node, volume = every[:num_nodes], every[num_nodes:]
    if layout.exits is not None and scene.game.mean_field_of_controls:
        taken = layout.exits >= 0
        volume = volume + np.bincount(layout.exits[taken], scene.mean_field[taken], num_links)
    elif (spots < num_nodes).all():
        return at_node, None
    return at_node, volume


def congestion(game: Any, mean_field: Array) -> Array | None:
    """Return the volume on every link over its capacity, (L,); None: the game has no such roads."""
    if not hasattr(game, "volumes"):
        return None
    return game.volumes(mean_field) / np.array(game.road.capacity)


def _draw_links(canvas: Canvas, plan: Map, level: Array, colours: Array) -> None:
    """Paint links of colours (L, 3), as wide as their level in [0, 1] says, the widest last."""
    outline, arrow = link_shapes(plan, level)
    for link in np.argsort(level, kind="stable"):
        canvas.polygon(colours[link], outline[link])
        canvas.polygon(colours[link], arrow[link])


def link_shapes(plan: Map, level: Array) -> tuple[Array, Array]:
    """Return outlines (L, 50, 2) and arrows (L, 3, 2) of links with levels (L,) in [0, 1]."""
    middle = along(plan.curves[:, None], np.linspace(0, 1, 25)[None])
    width = plan.zoom * (WIDTHS[0] + (WIDTHS[1] - WIDTHS[0]) * level)
    aside = _right(np.gradient(middle, axis=1)) * width[:, None, None] / 2
    outline = np.concatenate([middle + aside, (middle - aside)[:, ::-1]], 1)
    tail, tip = np.moveaxis(along(plan.curves[:, None], np.array([[0.56, 0.6]])), 1, 0)
    right = _right(tip - tail)
    ahead = right[:, ::-1] * [1, -1]
    size = (5 * plan.zoom + width / 2)[:, None]
    arrow = np.stack([tip + size * ahead, tip + size * (right - ahead / 2)], 1)
    return outline, np.append(arrow, (tip - size * (right + ahead / 2))[:, None], 1)


def _draw_players(canvas: Canvas, scene: Scene, plan: Map) -> None:
    """Paint players around their node, or on their link as far as their coordinates say."""
    layout = scene.layout
    nodes, links = np.asarray(layout.nodes, float), np.asarray(layout.links)
    spot = np.asarray(layout.spots)[scene.game.places[scene.state]]
    lane, shift = scatter(len(spot))
    area = np.pi * (plan.reach**2 - plan.radius**2).sum()
    radius = min(dot_radius(area, len(spot)), LARGEST * plan.zoom)
    points = np.empty((len(spot), 2))
    at = spot < len(nodes)
    inner, outer = plan.radius + radius, np.maximum(plan.reach - radius, plan.radius + radius)
    far = np.sqrt(inner**2 + lane[at] * (outer[spot[at]] ** 2 - inner**2))
    angle = 2 * np.pi * shift[at]
    points[at] = plan.nodes[spot[at]] + far[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)
    on = ~at
    link = spot[on] - len(nodes)
    begin, end = nodes[links[link, 0]], nodes[links[link, 1]]
    way, curve = end - begin, plan.curves[link]
    done = ((scene.points[on, :2] - begin) * way).sum(-1) / np.maximum((way**2).sum(-1), 1e-9)
    where = np.unique(np.stack([link, done]), axis=1, return_inverse=True, return_counts=True)
    crowd = where[2][where[1].reshape(-1)]  # players in the same place
    length = np.clip(CLUSTER * crowd / FULL, CLUSTER, LONG)
    done = np.clip(done, 0, 1) * (1 - length) + length * lane[on]
    ends = inner / np.maximum(np.hypot(*(curve[:, 2] - curve[:, 0]).T), 1e-9)  # under the nodes
    right = _right(curve[:, 2] - curve[:, 0])
    between_nodes = along(curve, ends + done * np.maximum(1 - 2 * ends, 0))
    wide = (BESIDE[1] - BESIDE[0]) * np.clip(np.sqrt(crowd / FULL), 1, WIDE)
    aside = plan.zoom * (BESIDE[0] + wide * (shift[on] + 0.5))
    points[on] = between_nodes + aside[:, None] * right
    canvas.dots(points, radius, scene.palette, scene.tint)


def _right(way: Array) -> Array:
    """Return the unit vectors to the right of ways (..., 2)."""
    length = np.hypot(way[..., 0], way[..., 1])[..., None]
    return way[..., ::-1] * [-1, 1] / np.maximum(length, 1e-9)


def _ends(share: float) -> tuple[str, str]:
    """Return what is written at the ends of the bar of a share."""
    return "0", f"{100 * share:.3g} %"
