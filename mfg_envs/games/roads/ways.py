"""Ways over a road network: what trips can use of it, and how far it is."""

from __future__ import annotations

from typing import NamedTuple, NoReturn

import numpy as np

from mfg_envs.game import Array
from mfg_envs.games.roads.networks import Network, Trips
from mfg_envs.numerics.memory import check_memory


class Ways(NamedTuple):
    """What of a network can be on the way of a trip.  V nodes, L links, D destinations, R pairs.

    Attributes:
        destinations: Node index of every destination, int (D,).
        origin: Node index of every pair's origin, int (R,).
        goal: Which destination every pair has, int (R,).
        share: Share of all trips, (R,).
        nodes: Whether trips to a destination may meet a node, itself left out, bool (D, V).
        links: Whether they may use a link, bool (D, L).
    """

    destinations: Array
    origin: Array
    goal: Array
    share: Array
    nodes: Array
    links: Array


def ways(network: Network, trips: Trips) -> Ways:
    """Return what trips can use: links that lead from an origin on to the destination.

    Raises:
        ValueError: If a node is unknown, a destination cannot be reached (names the nodes), or the
            destinations do not fit into memory.
    """
    origin, destination = np.array([pair[:2] for pair in trips.table]).T
    unknown = np.setdiff1d([origin, destination], network.nodes)
    if unknown.size:
        raise ValueError(f"{network.name}: trips name node {unknown[0]}, which no link touches")
    origin, destination = np.searchsorted(network.nodes, [origin, destination])
    goals, goal = np.unique(destination, return_inverse=True)
    tail, head = network.ends
    flags = 6 * len(network.nodes) + 4 * len(tail)  # bytes
    check_memory(len(goals), flags, f"{network.name}: number of destinations")
    at_goal = np.arange(len(network.nodes)) == goals[:, None]
    closed = (network.nodes < network.first_thru_node) & ~at_goal  # (D, V)
    open_links = ~closed[:, head] & ~at_goal[:, tail]
    starts = np.zeros(closed.shape, bool)
    starts[goal, origin] = True
    reaching = _spread(at_goal, head, tail, open_links)
    if not reaching[goal, origin].all():
        pair = int(reaching[goal, origin].argmin())
        _fail_to_reach(network, origin[pair], destination[pair])
    nodes = reaching & _spread(starts, tail, head, open_links) & ~at_goal
    links = nodes[:, tail] & reaching[:, head] & open_links
    share = np.array([volume for *_, volume in trips.table]) / trips.total
    return Ways(goals, origin, goal, share, nodes, links)


def _fail_to_reach(network: Network, origin: int, destination: int) -> NoReturn:
    """Raise a ValueError that says why no way leads from one node index to another."""
    tail, head = network.ends
    goal = np.arange(len(network.nodes))[None] == destination
    anywhere = _spread(goal, head, tail, np.ones((1, len(tail)), bool))[0, origin]
    zones = f" without driving through a node below <FIRST THRU NODE> {network.first_thru_node}"
    o, d = network.nodes[[origin, destination]]
    why = zones if anywhere else ""
    raise ValueError(f"{network.name}: no way leads from node {o} to node {d}{why}")


def distances(network: Network, ways: Ways, cost: Array) -> Array:
    """Return the least cost from every node on a way to every destination, (D, V); else infinite.

    Args:
        network: The network.
        ways: What trips can use of it.
        cost: Cost of every link, (L,), >= 0.
    """
    tail, head = network.ends
    order = np.argsort(tail, kind="stable")
    tail, head = tail[order], head[order]
    step = np.where(ways.links, cost, np.inf)[:, order]
    first = np.flatnonzero(np.diff(tail, prepend=-1))
    far = np.full(ways.nodes.shape, np.inf)
    far[np.arange(len(far)), ways.destinations] = 0
    while True:
        nearer = far.copy()
        through = np.minimum.reduceat(step + far[:, head], first, axis=1)
        nearer[:, tail[first]] = np.minimum(far[:, tail[first]], through)
        if np.array_equal(nearer, far):
            return far
        far = nearer


def _spread(seeds: Array, source: Array, target: Array, open_links: Array) -> Array:
    """Return the nodes (D, V) that open links (D, L) from source to target reach from seeds."""
    order = np.argsort(target, kind="stable")
    source, target = source[order], target[order]
    first = np.flatnonzero(np.diff(target, prepend=-1))
    free, reached = _packed(open_links[:, order]), _packed(seeds)
    while True:
        grown = reached.copy()
        grown[target[first]] |= np.bitwise_or.reduceat(reached[source] & free, first)
        if np.array_equal(grown, reached):
            return np.unpackbits(grown.view(np.uint8), 1, len(seeds)).T.astype(bool)
        reached = grown


def _packed(flags: Array) -> Array:
    """Return flags (D, X) as bits of words, 64 destinations a word: uint64 (X, W)."""
    bits = np.packbits(flags.T, 1)
    packed = np.zeros((len(bits), -(-len(flags) // 64)), np.uint64)
    packed.view(np.uint8)[:, : bits.shape[1]] = bits
    return packed
