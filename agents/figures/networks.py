"""Road networks in figures: links as wide as their flow, coloured by how full they are."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array, Layout
from mfg_envs.pictures.canvas import SHADES, between, round_up
from mfg_envs.pictures.graph import FLOWS, JAMS, congestion, draw_map, link_shapes, masses
from mfg_envs.pictures.scene import Scene

from .style import QUIET

LONGEST = 3
"""Letters that fit into a node."""


class Traffic(NamedTuple):
    """What links show.

    Attributes:
        share: Share of all players on every link, (L,), or None: only nodes are known.
        at_node: Share at every node, (V,).
        full: Volume over capacity, (L,), or None: the game has no capacities.
    """

    share: Array | None
    at_node: Array
    full: Array | None


def traffic(game: Any, layout: Layout, mean_field: Array) -> Traffic:
    """Return what links show of one mean field."""
    none = np.zeros(0, int)
    scene = Scene(game, layout, none, np.zeros((0, 2)), np.zeros((1, 3)), none, mean_field)
    at_node, share = masses(scene)
    return Traffic(share, at_node, congestion(game, mean_field))


def draw_network(
    axis: Any,
    layout: Layout,
    level: Array,
    colour: Array,
    at_node: Array | None = None,
    most: float = 1.0,
) -> None:
    """Draw links and nodes of a network.

    Args:
        axis: Where.
        layout: Of the game.
        level: How wide links are, in [0, 1], (L,).
        colour: Their colours, in [0, 1], (L, 3).
        at_node: Share of the players at every node, (V,): its shade; None: not shown.
        most: Share that has the darkest one.
    """
    from matplotlib.collections import PatchCollection, PolyCollection
    from matplotlib.patches import Circle

    plan = draw_map(layout)
    outline, arrow = link_shapes(plan, level)
    order = np.argsort(level, kind="stable")
    for shapes in (outline, arrow):
        axis.add_collection(PolyCollection(list(shapes[order]), facecolors=colour[order], zorder=2))
    rings = [Circle((float(x), float(y)), 1.15 * plan.radius) for x, y in plan.nodes]
    share = np.zeros(len(rings)) if at_node is None else at_node
    shades = between(SHADES, np.minimum(share / most, 1)) / 255
    axis.add_collection(PatchCollection(rings, facecolors=shades, edgecolors=QUIET, zorder=3))
    low = np.minimum(plan.nodes.min(0), outline.min((0, 1))) - 2 * plan.radius
    high = np.maximum(plan.nodes.max(0), outline.max((0, 1))) + 2 * plan.radius
    axis.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), aspect="equal")
    axis.set_axis_off()
    frame, page = axis.get_position(), axis.get_figure()
    inches = np.array([frame.width * page.get_figwidth(), frame.height * page.get_figheight()])
    unit = (72 * inches / (high - low)).min()  # points
    for (x, y), name, part in zip(plan.nodes, layout.labels, share, strict=False):
        words = {"zorder": 4, "va": "center"}
        if len(name) > LONGEST:
            name = name if at_node is None else f"{name}: {100 * part:.0f} %"
            axis.text(x + 1.7 * plan.radius, y, name, ha="left", fontsize=8, **words)
        else:
            size, ink = (
                np.clip(1.3 * unit * plan.radius, 4, 9),
                "black" if part < 0.6 * most else "white",
            )
            axis.text(x, y, name, ha="center", fontsize=size, color=ink, **words)


def colours(level: Array, jams: bool) -> Array:
    """Return the colours (..., 3) in [0, 1] of levels in [0, 1]: of jams, or of shares."""
    return between(JAMS if jams else FLOWS, level) / 255


def add_colour_bar(drawn: Any, axes: Any, top: float, palette: Array, label: str) -> None:
    """Add a colour bar from 0 to ``top`` beside axes, in a palette (C, 3)."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    shades = ListedColormap(between(palette, np.linspace(0, 1, 256)) / 255)
    drawn.colorbar(
        ScalarMappable(Normalize(0, top), shades), ax=list(axes), label=label, shrink=0.7, aspect=16
    )


def draw_flow(drawn: Any, axes: Any, layout: Layout, moments: list[Traffic]) -> str:
    """Draw the traffic of K moments on K axes, with a colour bar; return what the widths mean."""
    jams, nodes_only = moments[0].full is not None, moments[0].share is None
    num_links = len(np.asarray(layout.links))
    share = np.stack([np.zeros(num_links) if m.share is None else m.share for m in moments])
    full = share if not jams else np.stack([np.asarray(m.full) for m in moments])
    at_node = np.stack([m.at_node for m in moments])
    widest, top, most = round_up(share.max()), round_up(full.max()), round_up(at_node.max())
    for axis, wide, colour, nodes in zip(axes, share, full, at_node, strict=True):
        draw_network(axis, layout, wide / widest, colours(colour / top, jams), nodes, most)
    if nodes_only:
        add_colour_bar(drawn, axes, most, SHADES, "share of players at a node")
        return "node colour: share of players"
    if jams:
        add_colour_bar(drawn, axes, top, JAMS, "volume / capacity of a link")
    else:
        add_colour_bar(drawn, axes, top, FLOWS, "share of players on a link")
    return f"link width: share of players on it, up to {100 * widest:.3g} %"
