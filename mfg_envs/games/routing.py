"""Dynamic routing: travellers pick one link after the other, and a link's volume sets its time.

Who enters a link travels on it for ``free_time + delay (v / capacity)^power``, v being the volume
on it in the step of entering, itself included, and then picks the next link.  The mean field is the
share of all trips on every link.  With everybody setting out at once this is the game of
Cabannes et al., "Solving N-player dynamic routing games with congestion: a mean field approach"
(arXiv 2110.11943); at equilibrium all ways in use take the same, least time.  On Braess's network
that is 3.75, and without the bridge everybody would get there in 3.5.

Times are drawn at random between the two whole numbers of steps around them, so that they are right
on average; rounding them would move the mean by up to half a step, the same way for everybody.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from mfg_envs.game import Array, Layout, as_float, at, check_range
from mfg_envs.games.journey import Journey, features, journey
from mfg_envs.games.networks import distances
from mfg_envs.games.road_game import RoadGame

MOST_STATES = 20_000_000
"""Most private states of a game."""
ROUNDING = 0.05
"""Change of a travel time by rounding above which a warning is due."""


def link_steps(free: Any, delay: Any, ratio: Any, power: Any, most: Any) -> Any:
    """Return a travel time in steps: at least one, at most ``most``."""
    return np.minimum(np.maximum(free + delay * ratio**power, 1.0), most)


@dataclass(frozen=True, kw_only=True)
class Routing(RoadGame):
    """Travellers on a road network who want to arrive soon.

    State: origin and destination before departure; link, steps to go and destination on the way;
    arrived.  Action: which link to take next, in the order in which the network lists those that
    leave the node; links that do not lead to the destination, and those beyond the last, are
    illegal: who plays one waits.  It counts before departure and in the last step on a link;
    elsewhere every action does the same.  Noise: whether one departs, and on entering a link
    whether its travel time is rounded up.
    Reward: minus the length of a step, dt, for every step on a link.

    Attributes:
        network: Name of a known network, or a ``Network``.
        trips: ``Trips``, or (origin, destination, volume) triples; None: a known network's own.
        dt: Length of a step, > 0, in the network's unit of time; None: so that the longest trip on
            empty roads takes about half of the horizon (braess: 0.05).
        departures: Steps over which travellers set out evenly; 1: all at once.
        discount: In (0, 1].
        horizon: Steps, T; who is still on the way then has paid until then.

    Raises:
        ValueError: If a parameter is out of its range, or a destination cannot be reached at all or
            not before the horizon.
    """

    name: ClassVar[str] = "routing"

    dt: float | None = None
    departures: int = 1
    discount: float = 1.0
    horizon: int | None = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.horizon is None:
            raise ValueError("routing has an end: horizon must be a number of steps, got None")
        check_range("horizon", self.horizon, 2)
        last = self.horizon - 1
        check_range("departures", self.departures, 1, last, f"horizon = {self.horizon}")
        if self.dt is not None and not as_float("dt", self.dt) > 0:
            raise ValueError(f"dt must be positive, got {self.dt}")
        self._check_horizon(self.horizon)
        size = len(self.ways.share) + int((self.ways.links @ self.most[:-1]).sum()) + 1
        if size > MOST_STATES:
            raise ValueError(
                f"{self.road.name}: {size:,} states, at most {MOST_STATES:,} are possible: use a"
                " larger dt, a shorter horizon or fewer destinations"
            )
        self._warn_of_rounding()

    def _check_horizon(self, horizon: int) -> None:
        goals, origin, goal, *_ = self.ways
        far = distances(self.road, self.ways, np.maximum(self.free[:-1], 1))[goal, origin]
        needed = int(np.ceil(far.max())) + self.departures
        if needed > horizon:
            o, d = self.road.nodes[[origin[far.argmax()], goals[goal[far.argmax()]]]]
            raise ValueError(
                f"horizon must be at least {needed}, got {horizon}: on empty roads the trip from"
                f" {o} to {d} takes {far.max():g} steps of dt = {self.step_length:g}"
            )

    def _warn_of_rounding(self) -> None:
        road, empty = self.road, np.array(self.road.free_time)
        rounded = np.maximum(np.rint(empty / self.step_length), 1) * self.step_length
        excess = np.abs(rounded - empty) - ROUNDING * (empty + road.delay)
        link = int(np.where(self.ways.links.any(0), excess, -np.inf).argmax())
        if excess[link] > 1e-12:
            warnings.warn(
                f"dt = {self.step_length:g} is coarse: {road.name}'s link {road.tail[link]} ->"
                f" {road.head[link]} takes {empty[link]:g} when empty, {rounded[link]:g} in whole"
                " steps",
                UserWarning,
                stacklevel=4,
            )

    @cached_property
    def step_length(self) -> float:
        """Length of a step: ``dt``, or the next above 1, 2 or 5 times a power of ten."""
        if self.dt is not None:
            return float(self.dt)
        least = np.maximum(self.road.free_time, self.road.delay)
        far = distances(self.road, self.ways, least)[self.ways.goal, self.ways.origin].max()
        wanted = 2 * far / ((self.horizon or 1) - self.departures) or 1.0
        lengths = 10.0 ** np.floor(np.log10(wanted)) * np.array([1, 2, 5, 10])
        return float(lengths[np.searchsorted(lengths, wanted * (1 - 1e-9))])

    @cached_property
    def num_links(self) -> int:
        """Number of links, L; behind them, an empty link for all who enter none."""
        return len(self.road.tail)

    @cached_property
    def free(self) -> Array:
        """Steps on an empty link, not rounded, (L + 1,)."""
        return np.append(self.road.free_time, self.step_length) / self.step_length

    @cached_property
    def delay(self) -> Array:
        """Steps that a volume of the capacity adds, (L + 1,)."""
        return np.append(self.road.delay, 0) / self.step_length

    @cached_property
    def ratio(self) -> Array:
        """Volume over capacity if all travellers are on a link, (L + 1,)."""
        return np.append(self.demand.total / np.array(self.road.capacity), 0)

    @cached_property
    def power(self) -> Array:
        """Exponent of that, (L + 1,)."""
        return np.append(self.road.power, 1)

    @cached_property
    def most(self) -> Array:
        """Most steps on a link, int (L + 1,): with all on it who may be, but no longer than T."""
        goals, _, goal, share, _, links = self.ways
        users = np.bincount(goal, share, len(goals)) @ links
        ratio = self.ratio * np.append(np.minimum(users, 1), 0)
        horizon = np.full(self.num_links + 1, float(self.horizon or 1))
        slowest = link_steps(self.free, self.delay, ratio, self.power, horizon)
        return np.ceil(slowest - 1e-9).astype(np.int64)

    @cached_property
    def journey(self) -> Journey:
        """States and moves as arrays."""
        return journey(self.road, self.ways, self.most[:-1], self.free[:-1] >= 2)

    @property
    def num_states(self) -> int:
        return len(self.journey.link)

    @property
    def num_places(self) -> int:
        return self.num_links + 2

    @property
    def initial_law(self) -> Array:
        share = self.ways.share
        return np.append(share, np.zeros(self.num_states - len(share)))

    @cached_property
    def legal_actions(self) -> Array:
        return self.journey.legal

    def place(self, x: Any) -> Any:
        """Return the link; L before departure, L + 1 after arrival."""
        return self.journey.link[x]

    @property
    def steps(self) -> Array:
        """Steps to go, int32 (S,)."""
        return self.journey.steps

    @property
    def row(self) -> Array:
        """Row of ``turn`` of every state, int32 (S,)."""
        return self.journey.row

    @property
    def turn(self) -> Array:
        """Where the actions lead at the end of a link, int32 (Q, A)."""
        return self.journey.turn

    @cached_property
    def entered(self) -> Array:
        """Link that is just being entered, int32 (S,); L: none."""
        entering = (self.journey.steps == 0) & (self.journey.link < self.num_links)
        return np.where(entering, self.journey.link, self.num_links).astype(np.int32)

    def noise_law(self, t: Any, x: Any, a: Any, m: Any) -> Any:
        i = self.entered[x]
        ratio = at(m, i) * self.ratio[i]
        steps = link_steps(self.free[i], self.delay[i], ratio, self.power[i], self.most[i])
        leave = 1 / np.maximum(self.departures - t, 1)
        one = np.where(self.places[x] == self.num_links, leave, steps - np.floor(steps))
        return 1 - one, one

    def step(self, t: Any, x: Any, a: Any, m: Any, w: Any) -> Any:
        i, on = self.entered[x], self.places[x]
        ratio = at(m, i) * self.ratio[i]
        steps = link_steps(self.free[i], self.delay[i], ratio, self.power[i], self.most[i])
        drawn = np.minimum(np.int64(np.floor(steps)) + w, self.most[i])
        after = np.where(i < self.num_links, drawn, self.steps[x]) - 1
        end = self.turn[self.row[x], a]
        ahead = np.where((on < self.num_links) & (after > 0), x - self.steps[x] + after, end)
        return np.where((on == self.num_links) & (w == 0), x, ahead)

    def reward(self, t: Any, x: Any, a: Any, m: Any) -> Any:
        return np.where(self.places[x] < self.num_links, -self.step_length, 0.0)

    def volumes(self, m: Array) -> Array:
        """Return the volume on every link in mean fields (*batch, P), (*batch, L)."""
        return self.demand.total * m[..., : self.num_links]

    @cached_property
    def features(self) -> Array:
        """What ``coordinates`` returns, of every state, (S, D)."""
        return features(self.road, self.ways, self.journey, self.free)

    def coordinates(self, x: Array) -> Array:
        """Return position, steps to go, -1 before, 0 on, 1 after the trip, and the goal's position.

        With one destination its position is left out: (*inner, 4), else (*inner, 6).
        """
        return self.features[x]

    def layout(self) -> Layout:
        size, low = len(self.road.nodes), self.road.coordinates[:, 1].min() - 0.4
        nodes = np.concatenate([self.road.coordinates, [[-0.9, low], [0.3, low]]])
        names = (*map(str, self.road.nodes.tolist()), "not departed", "arrived")
        spots = np.append(size + 2 + np.arange(self.num_links), [size, size + 1])
        return Layout(
            "graph", "", np.zeros(self.num_actions), labels=names, nodes=nodes,
            links=self.road.ends.T, spots=spots,
        )  # fmt: skip
