"""How those who leave a node of a network split between its links."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfg_envs import exact
from mfg_envs.game import Array, Layout
from mfg_envs.pictures.canvas import between, round_up
from mfg_envs.pictures.graph import FLOWS, along, draw_map

from .flows import name_of
from .networks import add_colour_bar, draw_network
from .style import figure

SURE = 0.995
"""Share that is as good as all."""


def split_image(game: Any, layout: Layout, policy: Array) -> Any:
    """Draw how travellers who leave a node split between its links, policy over states."""
    flow = link_flows(game, layout, policy)
    tail = np.asarray(layout.links)[:, 0]
    leaving = np.bincount(tail, flow, len(np.asarray(layout.nodes)))
    share = np.divide(flow, leaving[tail], out=np.zeros_like(flow), where=leaving[tail] > 0)
    drawn = figure(6.0, 5.6)
    _draw_split(drawn, layout, flow / round_up(flow.max()), share)
    drawn.suptitle(
        f"{name_of(game)}\nlink width: how many take it\n"
        "number and colour: share of those who leave the node",
        fontsize=10,
    )
    return drawn


def link_flows(game: Any, layout: Layout, policy: Array) -> Array:
    """Return how many enter each link when all follow a policy, (L,): in all, or in a step.

    Who comes to a link from elsewhere enters it; where players stand at nodes only, who goes from
    one to the next takes the link between, or the one that the layout's exits name.
    """
    spots, links = np.asarray(layout.spots)[game.places], np.asarray(layout.links)
    num_nodes = len(np.asarray(layout.nodes))
    taken = np.full((num_nodes, num_nodes + len(links)), -1)
    taken[links[:, 0], links[:, 1]] = np.arange(len(links))
    rules = policy if policy.ndim == 3 else policy[None]
    laws = exact.law_met(game, policy)
    laws = laws if game.horizon is not None else laws[None]
    flow = np.zeros(len(links))
    for t, (law, rule) in enumerate(zip(laws, rules, strict=True)):
        joint = law if game.mean_field_of_controls else law[:, None] * rule
        if layout.exits is not None:
            link = np.asarray(layout.exits)[game.places]
            flow += np.bincount(link[link >= 0], joint[link >= 0], len(links))
            continue
        after, chance = exact.kernel(game, t, game.crowd(law))
        begin, end = np.broadcast_arrays(spots[:, None, None], spots[after])
        link = np.where(end >= num_nodes, np.where(end == begin, -1, end - num_nodes), -1)
        at_nodes = (begin < num_nodes) & (end < num_nodes)
        link[at_nodes] = taken[begin[at_nodes], end[at_nodes]]
        mass = np.broadcast_to(joint[..., None] * chance, link.shape)
        flow += np.bincount(link[link >= 0], mass[link >= 0], len(links))
    return flow


def _draw_split(drawn: Any, layout: Layout, level: Array, share: Array) -> None:
    """Draw links as wide as their level (L,), with the share (L,) of those who leave their tail."""
    axis, plan = drawn.subplots(), draw_map(layout)
    draw_network(axis, layout, level, between(FLOWS, share) / 255)
    tail = np.asarray(layout.links)[:, 0]
    for link in np.flatnonzero(share > 1 - SURE):
        if share[tail == tail[link]].max() > SURE:
            continue  # there is no choice
        x, y = along(plan.curves[link], np.array([0.36]))[0]
        axis.text(
            x, y, f"{100 * share[link]:.0f} %", fontsize=7.5, ha="center", va="center", zorder=5,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"},
        )  # fmt: skip
    add_colour_bar(drawn, [axis], 1.0, FLOWS, "share of those who leave the node")
