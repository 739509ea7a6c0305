"""The states of dynamic routing: where a traveller can be, and where it goes from there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mfg_envs.game import Array
from mfg_envs.games.roads.networks import Network
from mfg_envs.games.roads.ways import Ways


class Journey(NamedTuple):
    """Where travellers can be, and where they go from there.

    First come the pairs of origin and destination, before departure; then, for every link on the
    way to every destination, a block: entering, meeting (unless the link may take a single step),
    and 1, 2, ... steps to go; last, the arrived.

    Attributes:
        link: Link of every state, int32 (S,); L before departure, L + 1 after arrival.
        steps: Steps to go, int32 (S,); 0 while they are not known, before and after the trip.
        goal: Which destination, int32 (S,); 0 after arrival.
        met: Link whose travel time is set by the volume then on it, int32 (S,); L: none.
        onward: Next state if none is chosen and no time is set, int32 (S,); -1: by ``turn``.
        row: Row of ``turn`` of every state, int32 (S,).
        turn: Where the actions lead at the end of a link, int32 (Q, A).
        legal: Legal actions, bool (S, A).
    """

    link: Array
    steps: Array
    goal: Array
    met: Array
    onward: Array
    row: Array
    turn: Array
    legal: Array


def journey(network: Network, ways: Ways, least: Array, most: Array) -> Journey:
    """Return the states and moves of travellers.

    Args:
        network: The network.
        ways: What trips can use of it.
        least: Fewest steps on every link, int (L,), >= 1.
        most: Most steps on every link, int (L,).
    """
    goals, origin, goal, share, _, links = ways
    L, R, A = len(most), len(share), network.exits.shape[1]
    to, link = np.nonzero(links)
    size = most[link]
    first = R + np.cumsum(size) - size
    arrived = R + int(size.sum())
    block = np.repeat(np.arange(len(link)), size)
    here, fewest = np.arange(R, arrived), least[link][block]
    rank, meets = here - first[block], fewest > 1
    steps = np.maximum(rank - meets, 0)
    met = np.where(rank == meets, link[block], L)
    onward = np.where(meets & (rank == 0), here + 1, np.where(steps > 1, here - 1, -1))
    index = np.full(links.shape, arrived)
    index[to, link] = first
    node, bound = np.append(origin, network.ends[1][link]), np.append(goal, to)
    exits = network.exits[node]
    leads = (exits >= 0) & links[bound[:, None], exits]
    turn = np.where(leads, index[bound[:, None], exits], arrived)
    leads |= (node == goals[bound])[:, None]
    row = np.concatenate([np.arange(R), R + block, [len(node)]])
    legal = np.append(leads, np.ones((1, A), bool), 0)[row]
    not_over = (met < L) & (fewest > 2)  # when its time is set, the link does not end yet
    legal[R:arrived] |= ((onward >= 0) | not_over)[:, None]
    return Journey(
        np.concatenate([np.full(R, L), link[block], [L + 1]]).astype(np.int32),
        np.concatenate([np.zeros(R), steps, [0]]).astype(np.int32),
        np.append(bound, 0)[row].astype(np.int32),
        np.concatenate([np.full(R, L), met, [L]]).astype(np.int32),
        np.concatenate([np.full(R, -1), onward, [-1]]).astype(np.int32),
        row.astype(np.int32),
        np.append(turn, np.full((1, A), arrived), 0).astype(np.int32),
        legal,
    )


def features(network: Network, ways: Ways, journey: Journey, free: Array) -> Array:
    """Return what describes every state, in [-1, 1]: (S, 6), or (S, 4) with one destination.

    Position (halfway along an empty link at half of its time), steps to go, -1 before, 0 on and 1
    after the trip, position of the destination (0 after several; left out if there is one).
    """
    link, steps, goal, *_ = journey
    spots, (tail, head), goals = network.coordinates, network.ends, ways.destinations
    on = link < len(tail)
    begin, end = spots[tail[link[on]]], spots[head[link[on]]]
    left = np.minimum(steps[on] / np.maximum(free[link[on]], 1), 1)
    left = np.where(steps[on] == 0, 1, left)[:, None]
    bound = spots[goals[goal]]
    if len(goals) > 1:
        bound[-1] = 0
    here = np.concatenate([spots[ways.origin], end + (begin - end) * left, bound[-1:]])
    phase = np.where(on, 0, 2 * (link - len(tail)) - 1)
    every = np.column_stack([here, 2 * steps / max(steps.max(), 1) - 1, phase, bound])
    return every if len(goals) > 1 else every[:, :4]
