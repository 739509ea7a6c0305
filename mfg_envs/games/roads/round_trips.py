"""Trips over a road network, one after the other: where travellers are and where they go.

Everybody starts at home, stays there for ``stay`` steps on average, draws a trip, drives to its
destination, which is home again, and so on.  A trip is drawn by a tree of forks, one state and one
step each: a table of moves then has two outcomes, however many pairs there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, NamedTuple

import numpy as np

from mfg_envs.game import Array, Between, Layout
from mfg_envs.games.roads.road_game import RoadGame
from mfg_envs.numerics.memory import check_memory

STATE_BYTES = 64
"""Of memory that a state takes while ``cycle`` is made, and those of its actions."""


class Cycle(NamedTuple):
    """Where travellers can be, and where they go from there.  V: number of nodes.

    Attributes:
        label: Node index of a state; V at home if there are several destinations, V + 1 while a
            trip is drawn: int32 (S,).
        goal: Which destination it is bound for, int32 (S,).
        home: State of those who have arrived.
        start: State in which every pair's trips begin, int (R,).
        after: Next state by action if the noise is 0, int32 (S, A).
        other: Next state if the noise is 1, int32 (S,).
        chance: Chance of that, (S,); 0 on the way.
        legal: Legal actions, bool (S, A).
    """

    label: Array
    goal: Array
    home: int
    start: Array
    after: Array
    other: Array
    chance: Array
    legal: Array


@dataclass(frozen=True, kw_only=True)
class RoundTrips(RoadGame):
    """Trips over a road network, one after the other; a subclass says what they cost.

    State: destination and node (only nodes on a way there), home, and forks of the draw of a trip.
    One destination's own state is home for all; with a single pair of all nodes, state s is the
    s-th node.  Action: which link to take, in the order in which the network lists those that leave
    the node; those beyond the last, and links that do not lead to the destination, are illegal.  At
    home and in forks every action does the same.  Noise: whether home is left, with probability ``1
    / stay``, and which way a fork is taken.  Nothing else is random.

    Attributes:
        network: Name of a known network, or a ``Network``.
        trips: ``Trips``, or (origin, destination, volume) triples; None: a known network's own.
        stay: Steps at home between two trips on average.
        discount: Weight of the next step; below 1 without a horizon.
        horizon: Steps, or None: no end.

    Raises:
        ValueError: If a parameter is out of its range, a destination cannot be reached, or there
            is too little memory for all states.
    """

    stay: Annotated[float, Between(1)] = 1.0
    discount: float = 0.98
    horizon: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        each = STATE_BYTES + 5 * self.num_actions  # a next state and a flag an action
        trips = f"{len(self.ways.share):,} pairs, {len(self.ways.destinations)} destinations"
        check_memory(self.num_states, each, f"{self.road.name} with {trips}: num_states")

    @cached_property
    def cycle(self) -> Cycle:
        """States and moves as arrays."""
        goals, origin, goal, share, nodes, links = self.ways
        num_nodes, forks = nodes.shape[1], len(share) - 1
        there = nodes.copy()
        there[0, goals[0]] = True  # home
        to, label = np.nonzero(there)
        trips = len(to)
        index = there.ravel().cumsum(dtype=np.int32).reshape(there.shape) - 1
        home, start = int(index[0, goals[0]]), index[goal, origin]
        after = np.empty((trips + forks, self.num_actions), np.int32)
        legal = np.ones(after.shape, bool)
        for a, exits in enumerate(self.road.exits.T):  # one by one: a city fits into memory
            link = exits[label]
            head = self.road.ends[1][link]
            ahead = np.where(head == goals[to], home, index[to, head])
            legal[:trips, a] = (link >= 0) & links[to, link]
            after[:trips, a] = np.where(legal[:trips, a], ahead, np.arange(trips))
        legal[home] = True
        if len(goals) > 1:
            label[home] = num_nodes
        children, chance = split(share)
        children = np.concatenate([trips + np.arange(forks), start])[children]
        other = np.concatenate([np.arange(trips), children[:, 1]])
        other[home] = trips if forks else start[0]
        chance = np.concatenate([np.zeros(trips), chance])
        chance[home] = 1 / self.stay
        after[trips:] = children[:, :1]
        return Cycle(
            np.concatenate([label, np.full(forks, num_nodes + 1)]).astype(np.int32),
            np.concatenate([to, np.zeros(forks, int)]).astype(np.int32),
            home,
            start,
            after,
            other.astype(np.int32),
            chance,
            legal,
        )

    @cached_property
    def size(self) -> int:
        """Number of states, S, without making them: nodes on a way, home, and forks."""
        return int(self.ways.nodes.sum()) + len(self.ways.share)

    @property
    def num_states(self) -> int:
        return self.size

    @property
    def num_places(self) -> int:
        return len(self.labels)

    @property
    def initial_law(self) -> Array:
        return np.eye(1, self.num_states, self.cycle.home)[0]

    @cached_property
    def legal_actions(self) -> Array:
        return self.cycle.legal

    @cached_property
    def labels(self) -> Array:
        """Label of every place (see ``Cycle``), in the order of the states, int (P,)."""
        first = np.unique(self.cycle.label, return_index=True)[1]
        return self.cycle.label[np.sort(first)]

    def place(self, x):
        """Return the node, wherever one goes; home and forks are places of their own."""
        where = np.zeros(self.labels.max() + 1, np.int32)
        where[self.labels] = np.arange(self.num_places)
        return where[self.cycle.label[x]]

    @property
    def after(self) -> Array:
        """Next state by action if the noise is 0, int32 (S, A)."""
        return self.cycle.after

    @property
    def other(self) -> Array:
        """Next state if the noise is 1, int32 (S,)."""
        return self.cycle.other

    @property
    def chance(self) -> Array:
        """Chance that the noise is 1, (S,); 0 on the way and nowhere else."""
        return self.cycle.chance

    def noise_law(self, t, x, a, m):
        leave = self.chance[x]
        return 1 - leave, leave

    def step(self, t, x, a, m, w):
        return np.where(w == 1, self.other[x], self.after[x, a])

    def coordinates(self, x: Array) -> Array:
        """Return the position and, with several destinations, that of the own one, (*inner, D)."""
        centre = np.zeros((2, 2))
        here = np.concatenate([self.road.coordinates, centre])[self.cycle.label[x]]
        goals = self.ways.destinations
        if len(goals) == 1:
            return here
        there = self.road.coordinates[goals][self.cycle.goal[x]]
        return np.concatenate([here, np.where((self.chance == 0)[x][..., None], there, 0)], -1)

    def neighbours(self, x: Array) -> Array:
        """Return the own state and those next to it."""
        x = np.asarray(x)
        return np.concatenate([x[..., None], self.other[x][..., None], self.after[x]], -1)

    def layout(self) -> Layout:
        low = self.road.coordinates[:, 1].min() - 0.4
        nodes = np.concatenate([self.road.coordinates, [[-0.9, low], [0.3, low]]])
        nodes = nodes[: self.labels.max() + 1]
        names = (*map(str, self.road.nodes.tolist()), "at home", "setting out")[: len(nodes)]
        return Layout(
            "graph", "", np.zeros(self.num_actions), labels=names, nodes=nodes,
            links=self.road.ends.T, spots=self.labels,
        )  # fmt: skip


def split(weights: Array) -> tuple[Array, Array]:
    """Return a draw from any law as a tree of draws between two.

    Args:
        weights: Weights of R outcomes, > 0.

    Returns:
        Children of the R - 1 forks, int (R - 1, 2), fork 0 first; child i < R - 1 is fork i, child
        R - 1 + j is outcome j.  Chance of the second child of each fork, (R - 1,).
    """
    forks = len(weights) - 1
    children = 2 * np.arange(forks)[:, None] + [1, 2]
    total = np.concatenate([np.zeros(forks), weights])
    for fork in range(forks - 1, -1, -1):
        total[fork] = total[2 * fork + 1] + total[2 * fork + 2]
    return children, total[children[:, 1]] / total[:forks]
