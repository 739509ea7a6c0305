"""Dynamic routing: travellers pick one link after the other, and a link's volume sets its time.

A link with the volume v on it takes ``free_time + delay (v / capacity)^power``; at its end a
traveller picks the next one.  The mean field is the share of all trips on every link.  With
everybody setting out at once and short steps this is the game of Cabannes et al., "Solving N-player
dynamic routing games with congestion: a mean field approach" (arXiv 2110.11943); in equilibrium
a trip over Braess's network takes 3.75, and without the bridge it would take 3.5.

Who enters a link meets those who enter it up to one step later, too: v is the volume one step after
entering (on links that may take a single step, that of the step itself).  The time is rounded to
the nearest whole number of steps for moves, but paid in full.  So a platoon stays together, two
that rounding has put one step apart still meet, and values converge to those of continuous time at
the rate of dt, without further states.  (With times rounded at random a platoon splits, and its
front escapes its own congestion however small dt is.)  Moves jump where a time is just between two
steps: there N players need not follow the exact flow.  After many links rounding can part platoons
that meet in continuous time, unless dt divides the times.  Errors against values by hand, of what
is paid and of arrivals, if all set out at once on Braess's network, p of them turn to B and q of
these cross the bridge; and of what is paid for two links in a row that are entered evenly::

    p, q, by hand             dt: .1     .05     .025    .0125   .00625    slope
    .6225, .6225, 3.535803  paid  .1463  0       0       0       0         -
                         arrival  .1785 -.0148   .0005   .0007   .0007     2.1
    .6, .6, 3.5236          paid  .1440  0       0       0       0         -
    .65, .6, 3.5411         paid  .1365  0       0       0       0         -
    .83, .41, 3.636230      paid  .0579  0       0       0       0         -
                         arrival  .0447  .0097  -.0068  -.0026   .0016     1.2
    .75, 2/3, 3.75          paid  0      0       0       0       0         -
    evenly entered, 3       paid  .1000  .0513   .0259   .0130   .0065     1.0

The slope is that of log(error) against log(dt); "-": all is right to 1e-12 once dt is so short that
platoons which are apart in continuous time do not meet.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from mfg_envs.game import Array, Layout, Positive, at, check_range
from mfg_envs.games.roads.journey import Journey, features, journey
from mfg_envs.games.roads.road_game import RoadGame
from mfg_envs.games.roads.ways import distances

MOST_STATES = 20_000_000
"""Most private states of a game."""
ROUNDING = 0.05
"""Change of a travel time by rounding above which a warning is due."""
MOST_STEPS = 2.0**40  # on a link, that are told apart: no horizon is as long
NEAREST = 0.5 + 1e-9
"""Makes a floor round: halves up, even if they come out a little low."""


def link_steps(free: Any, delay: Any, ratio: Any, power: Any, most: Any) -> Any:
    """Return a travel time in steps, not rounded: at least one, at most ``most``."""
    return np.minimum(np.maximum(free + delay * ratio**power, 1.0), most)


def whole_steps(steps: Any) -> Any:
    """Return the whole number of steps that is next to a travel time, int64."""
    return np.int64(np.floor(steps + NEAREST))


@dataclass(frozen=True, kw_only=True)
class Routing(RoadGame):
    """Travellers on a road network who want to arrive soon.

    State: origin and destination before departure; link, steps to go and destination on the way;
    arrived.  Action: which link to take next, in the order in which the network lists those that
    leave the node; links that do not lead to the destination, and those beyond the last, are
    illegal: who plays one waits.  It counts before departure and in the last step on a link;
    elsewhere every action does the same.  Noise: whether one departs.
    Reward: minus dt for every step on a link; in the step that sets its travel time, also minus
    what this is longer than whole steps.

    Attributes:
        network: Name of a known network, or a ``Network``.
        trips: ``Trips``, or (origin, destination, volume) triples; None: a known network's own.
        dt: Length of a step, in the network's unit of time; None: so that the longest trip on
            empty roads takes about half of the horizon (braess: 0.05).
        departures: Steps over which travellers set out evenly; 1: all at once.
        discount: Weight of the next step.
        horizon: Steps, T; who is still on the way then has paid until then.

    Raises:
        ValueError: If a parameter is out of its range, or a destination cannot be reached at all or
            not before the horizon.
    """

    name: ClassVar[str] = "routing"
    solution: ClassVar[str] = "In equilibrium all ways in use take the same, least time."

    dt: Positive | None = None
    departures: int = 1
    discount: float = 1.0
    horizon: int | None = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.horizon is None:
            raise ValueError("routing has an end: horizon must be a number of steps, got None")
        if self.horizon == 1:
            raise ValueError("horizon must be at least 2, to set out and to drive, got 1")
        last = self.horizon - 1
        check_range("departures", self.departures, 1, last, f"horizon = {self.horizon}")
        self._check_size(int(self.ways.links.sum()))  # before dt is found, which takes longer
        self._check_horizon(self.horizon)
        self._check_size(int((self.ways.links @ self.most[:-1]).sum()))
        self._warn_of_rounding()

    def _check_size(self, on_links: int) -> None:
        size = len(self.ways.share) + on_links + 1
        if size > MOST_STATES:
            raise ValueError(
                f"{self.road.name}: {size:,} states, at most {MOST_STATES:,} are possible: use a"
                " larger dt, a shorter horizon or fewer destinations"
            )

    def _check_horizon(self, horizon: int) -> None:
        goals, origin, goal, *_ = self.ways
        far = distances(self.road, self.ways, self.least[:-1])[goal, origin]
        needed = int(far.max()) + self.departures
        if needed > horizon:
            o, d = self.road.nodes[[origin[far.argmax()], goals[goal[far.argmax()]]]]
            raise ValueError(
                f"horizon must be at least {needed}, got {horizon}: on empty roads the trip from"
                f" {o} to {d} takes {far.max():g} steps of dt = {self.step_length:g}"
            )

    def _warn_of_rounding(self) -> None:
        road, empty = self.road, np.array(self.road.free_time)
        rounded = self.least[:-1] * self.step_length
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
    def slowest(self) -> Array:
        """Longest travel times in steps, (L + 1,): with all on it who may be, at most T."""
        goals, _, goal, share, _, links = self.ways
        users = np.bincount(goal, share, len(goals)) @ links
        ratio = self.ratio * np.append(np.minimum(users, 1), 0)
        return link_steps(self.free, self.delay, ratio, self.power, float(self.horizon or 1))

    @cached_property
    def least(self) -> Array:
        """Fewest steps on a link, int (L + 1,)."""
        return whole_steps(np.clip(self.free, 1, MOST_STEPS))

    @cached_property
    def most(self) -> Array:
        """Most steps on a link, int (L + 1,)."""
        return whole_steps(self.slowest)

    @cached_property
    def journey(self) -> Journey:
        """States and moves as arrays."""
        return journey(self.road, self.ways, self.least[:-1], self.most[:-1])

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

    def place(self, x):
        """Return the link; L before departure, L + 1 after arrival."""
        return self.journey.link[x]

    @property
    def met(self) -> Array:
        """Link whose travel time is set by the volume then on it, int32 (S,); L: none."""
        return self.journey.met

    @property
    def onward(self) -> Array:
        """Next state if none is chosen and no time is set, int32 (S,); -1: by ``turn``."""
        return self.journey.onward

    @property
    def row(self) -> Array:
        """Row of ``turn`` of every state, int32 (S,)."""
        return self.journey.row

    @property
    def turn(self) -> Array:
        """Where the actions lead at the end of a link, int32 (Q, A)."""
        return self.journey.turn

    @cached_property
    def spent(self) -> Array:
        """Steps on a link when its travel time is set, that one included, int (L + 1,)."""
        return np.minimum(self.least, 2)

    def noise_law(self, t, x, a, m):
        leave = 1 / np.maximum(self.departures - t, 1)
        one = np.where(self.places[x] == self.num_links, leave, 0.0)
        return 1 - one, one

    def step(self, t, x, a, m, w):
        i = self.met[x]
        ratio = at(m, i) * self.ratio[i]
        time = link_steps(self.free[i], self.delay[i], ratio, self.power[i], self.slowest[i])
        left = whole_steps(time) - self.spent[i]
        going = np.where(left > 0, x + left, -1)
        ahead = np.where(i < self.num_links, going, self.onward[x])
        there = np.where(ahead < 0, self.turn[self.row[x], a], ahead)
        return np.where((self.places[x] == self.num_links) & (w == 0), x, there)

    def reward(self, t, x, a, m):
        i = self.met[x]
        ratio = at(m, i) * self.ratio[i]
        time = link_steps(self.free[i], self.delay[i], ratio, self.power[i], self.slowest[i])
        rest = np.where(i < self.num_links, time - whole_steps(time), 0.0)
        return np.where(self.places[x] < self.num_links, -self.step_length * (1 + rest), 0.0)

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
