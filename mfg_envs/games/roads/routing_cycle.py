"""Routing for ever: one trip after the other over a road network; crowded roads are dear.

With cost "crowding" a node costs ``crowding m(node)^2``: the stationary game of Zhang, Chen, Di, "A
Single Online Agent Can Efficiently Learn Mean Field Games" (arXiv 2405.03718), on the roads of
Sioux Falls made one-way.  Their reward is not published; this form fits their first values.

With cost "bpr" it is static traffic assignment.  The mean field counts which link is taken at every
node.  Trips begin at the rate ``m(home) / stay``, so link a of a node is taken ``m(node, a) stay /
m(home)`` times a trip; that many of all trips is its volume v, and a step over it costs ``free_time
+ delay (v / capacity)^power`` and the toll.  When every traveller goes a cheapest way, this is
Wardrop's user equilibrium, known for many real networks; ``agents.FrankWolfe`` finds it.

There, what a traveller minimises is the cost of a trip.  ``exact`` and learners see an endless
discounted sequence of trips, in which a step more also puts off what is still to be paid, of this
trip and of the next ones.  This saves ``1 - discount`` of it: little if ``discount`` is near 1 and
``stay`` is long.  With the defaults, in the equilibrium of Sioux Falls, their best response is a
detour of less than 0.1 %; with ``stay=1, discount=0.98`` it would be one of 60 %.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from mfg_envs.game import Array, Layout, NonNegative, at
from mfg_envs.games.roads.networks import Network
from mfg_envs.games.roads.round_trips import RoundTrips

NOBODY = 1e-300
"""Rate of departures below which nobody is on the road."""


@dataclass(frozen=True, kw_only=True)
class RoutingCycle(RoundTrips, cost="crowding"):
    """Trips over a road network, one after the other; a crowd at a node costs.

    State, actions and noise: those of ``RoundTrips``; in the default network, state s is node
    s + 1, and home is the destination, node 20.
    Reward: ``-(crowding m(node)^2 + step_cost)`` on the way; at home and in forks 0.

    Attributes:
        crowding: Cost c1 of the squared mass at a node.
        step_cost: Cost c2 of a step.
    """

    name: ClassVar[str] = "routing_cycle"
    solution: ClassVar[str] = "In equilibrium every traveller goes a cheapest way."

    network: str | Network = "sioux_falls_one_way"
    crowding: NonNegative = 1e5
    step_cost: NonNegative = 0.0

    def reward(self, t, x, a, m):
        here = at(m, self.places[x])
        cost = self.crowding * here * here + self.step_cost
        return np.where(self.chance[x] == 0, -cost, 0.0)


@dataclass(frozen=True, kw_only=True)
class TrafficAssignment(RoundTrips, cost="bpr"):
    """Static traffic assignment: trips over a network of links that jam (see above).

    State, actions and noise: those of ``RoundTrips``.
    Reward: minus the cost of the link, ``free_time + delay (v / capacity)^power + toll_weight toll
    + length_weight length``; at home and in forks 0.  No volume v is more than all trips, and a
    link that does not exist costs as much as the dearest empty one.

    Attributes:
        toll_weight: Cost of one unit of toll.
        length_weight: Cost of one unit of length.
    """

    name: ClassVar[str] = "routing_cycle"
    solution: ClassVar[str] = (
        "Wardrop's user equilibrium, in which every traveller goes a cheapest way, is known "
        "for many real networks; ``agents.FrankWolfe`` finds it."
    )
    mean_field_of_controls: ClassVar[bool] = True

    network: str | Network = "sioux_falls"
    toll_weight: NonNegative = 1.0
    length_weight: NonNegative = 0.0
    stay: float = 100.0
    discount: float = 0.99

    @cached_property
    def total(self) -> float:
        """Volume of all trips."""
        return self.demand.total

    @cached_property
    def home(self) -> int:
        """Place of those who have arrived."""
        return int(self.places[self.cycle.home])

    @cached_property
    def exits(self) -> Array:
        """Link that each action takes at each place, int (P, A); -1: none."""
        no = np.full((2, self.num_actions), -1)
        exits = np.concatenate([self.road.exits, no])[self.labels]
        exits[self.home] = -1
        return exits

    @cached_property
    def fixed_cost(self) -> Array:
        """Cost of every link without traffic, (L,)."""
        toll = self.toll_weight * np.array(self.road.toll)
        return (
            np.array(self.road.free_time) + toll + self.length_weight * np.array(self.road.length)
        )

    @cached_property
    def fixed(self) -> Array:
        """Cost of the actions at every place without traffic, (P, A)."""
        cost = self._by_place(self.fixed_cost, self.fixed_cost.max())
        cost[self.labels >= len(self.road.nodes)] = cost[self.home] = 0
        return cost

    @cached_property
    def delay(self) -> Array:
        """What a volume of the capacity adds, (P, A)."""
        return self._by_place(self.road.delay, 0)

    @cached_property
    def capacity(self) -> Array:
        """Capacity, (P, A)."""
        return self._by_place(self.road.capacity, 1)

    @cached_property
    def power(self) -> Array:
        """Exponent of the volume, (P, A)."""
        return self._by_place(self.road.power, 1)

    def _by_place(self, values: Any, none: float) -> Array:
        return np.append(values, none)[self.exits]

    def reward(self, t, x, a, m):
        p = self.places[x]
        rate = 0.0
        for j in range(self.num_actions):
            rate = rate + at(m, p * 0 + self.home, p * 0 + j)
        rate = rate / self.stay
        share = np.minimum(at(m, p, a), rate) / np.maximum(rate, NOBODY)
        jam = (self.total * share / self.capacity[p, a]) ** self.power[p, a]
        return -(self.fixed[p, a] + self.delay[p, a] * jam)

    def volumes(self, m: Array) -> Array:
        """Return the volume on every link in mean fields (*batch, P, A), (*batch, L)."""
        rate = m[..., self.home, :].sum(-1)[..., None] / self.stay
        p, a = np.nonzero(self.exits >= 0)
        volume = np.zeros((*m.shape[:-2], len(self.road.tail)))
        share = np.minimum(m[..., p, a], rate) / np.maximum(rate, NOBODY)
        volume[..., self.exits[p, a]] = self.total * share
        return volume

    def travel_cost(self, m: Array) -> float:
        """Return what a trip costs on average in a mean field (P, A)."""
        v = self.volumes(m)
        return float((self.fixed_cost + self.road.jam(v)) @ v / self.total)

    def altruistic(self) -> TrafficAssignment:
        """Return the same network with marginal costs."""
        power = np.array(self.road.power)
        delay = tuple((np.array(self.road.delay) * (1 + power)).tolist())
        road = replace(self.road, name=f"{self.road.name}, marginal costs", delay=delay)
        return replace(self, network=road, trips=self.demand)

    def layout(self) -> Layout:
        return super().layout()._replace(exits=self.exits)
