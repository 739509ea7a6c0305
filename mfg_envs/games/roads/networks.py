"""Road networks: links with travel times, and trips over them.

A link that carries volume v takes ``free_time + delay (v / capacity)^power``.  The formula of the
Bureau of Public Roads (BPR) has ``delay = b free_time``; power 1 is a linear link, and ``delay`` 0
one that never jams.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from mfg_envs.game import Array, as_float, as_int, check_range


class Table:
    """A large frozen table: hashed once, equal by value, shown in one line."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @cached_property
    def digest(self) -> str:
        """Fingerprint of the contents, the same on every machine."""
        own = [repr(getattr(self, field.name)) for field in fields(self)]
        return hashlib.sha256("\n".join(own).encode()).hexdigest()[:16]

    def __hash__(self) -> int:
        return int(self.digest[:15], 16)


@dataclass(frozen=True, kw_only=True, repr=False)
class Network(Table):
    """A directed road network; two links may join the same nodes.

    Attributes:
        name: What errors and pictures call it.
        tail: Node each link leaves, L whole numbers.
        head: Node each link enters.
        free_time: Travel time of the empty link, >= 0, in any unit of time.
        delay: Travel time that a volume of ``capacity`` adds, >= 0.
        capacity: Volume, > 0, in the unit of the trips.
        power: Exponent of the volume, >= 0.
        length: Lengths, >= 0, or empty: all zero.
        toll: Tolls, >= 0, or empty: all zero.
        first_thru_node: Nodes below it are zones: trips begin and end there, none drives through.
        positions: (node, x, y) of every node, to draw it; empty: on a circle.

    Raises:
        ValueError: If a value is out of its range; names the link.
    """

    name: str
    tail: tuple[int, ...]
    head: tuple[int, ...]
    free_time: tuple[float, ...]
    delay: tuple[float, ...]
    capacity: tuple[float, ...]
    power: tuple[float, ...]
    length: tuple[float, ...] = ()
    toll: tuple[float, ...] = ()
    first_thru_node: int = 1
    positions: tuple[tuple[int, float, float], ...] = ()

    __hash__ = Table.__hash__

    def __post_init__(self) -> None:
        count = len(self.tail)
        if count == 0:
            raise ValueError(f"{self.name}: a network needs at least one link")
        for name in ("tail", "head"):
            ends = tuple(as_int(f"{self.name}: {name}", node) for node in getattr(self, name))
            for node in (min(ends), max(ends)) if ends else ():
                check_range(f"{self.name}: {name}", node, -(2**63), 2**63 - 1)
            object.__setattr__(self, name, ends)
            self._check_count(name, count)
        for name in ("free_time", "delay", "capacity", "power", "length", "toll"):
            values = getattr(self, name) or (0.0,) * (count * (name in ("length", "toll")))
            values = tuple(as_float(f"{self.name}: {name}", value) for value in values)
            object.__setattr__(self, name, values)
            self._check_count(name, count)
            for link, value in enumerate(values):
                if value < 0 or (name == "capacity" and value == 0):
                    bound = "positive" if name == "capacity" else "at least 0"
                    ends = f"{self.tail[link]} -> {self.head[link]}"
                    raise ValueError(
                        f"{self.name}: {name} of link {ends} must be {bound}, got {value:g}"
                    )
        loops = [tail for tail, head in zip(self.tail, self.head, strict=True) if tail == head]
        if loops:
            raise ValueError(f"{self.name}: a link leads from node {loops[0]} to itself")
        spots = Counter(node for node, *_ in self.positions)
        for node, times in spots.most_common(1):
            if times > 1:
                raise ValueError(f"{self.name}: node {node} has {times} positions, give it one")
        missing = set(self.tail + self.head) - spots.keys()
        if self.positions and missing:
            raise ValueError(f"{self.name}: node {min(missing)} has no position")

    def _check_count(self, name: str, count: int) -> None:
        if len(getattr(self, name)) != count:
            raise ValueError(f"{self.name}: {name} must have {count} entries, one a link")

    def __repr__(self) -> str:
        size = f"{len(self.nodes)} nodes, {len(self.tail)} links"
        return f"<Network {self.name}: {size}, {self.digest}>"

    @cached_property
    def nodes(self) -> Array:
        """Numbers of the nodes, ascending, int (V,); node indices below count in this order."""
        return np.unique([self.tail, self.head])

    @cached_property
    def ends(self) -> Array:
        """Node index of tail and head of every link, int (2, L)."""
        return np.searchsorted(self.nodes, [self.tail, self.head])

    @cached_property
    def exits(self) -> Array:
        """Links that leave each node in their own order, int (V, A); -1: there are no more."""
        tail = self.ends[0]
        order = np.argsort(tail, kind="stable")
        degree = np.bincount(tail, minlength=len(self.nodes))
        slot = np.arange(len(tail)) - np.repeat(np.cumsum(degree) - degree, degree)
        exits = np.full((len(self.nodes), degree.max()), -1)
        exits[tail[order], slot] = order
        return exits

    @cached_property
    def coordinates(self) -> Array:
        """Position of every node in [-1, 1], undistorted, (V, 2)."""
        angle = 2 * np.pi * np.arange(len(self.nodes)) / len(self.nodes)
        where = np.stack([np.cos(angle), np.sin(angle)], -1)
        if self.positions:
            known = {node: spot for node, *spot in self.positions}
            where = np.array([known[node] for node in self.nodes.tolist()], float)
        low, high = where.min(0), where.max(0)
        span = (high - low).max()
        return (2 * where - low - high) / (span if span > 0 else 1)

    def jam(self, volume: Array) -> Array:
        """Return what volumes (L,) add to the travel time of every link."""
        return np.multiply(self.delay, (volume / np.array(self.capacity)) ** self.power)

    def jam_area(self, volume: Array) -> Array:
        """Return the integral of ``jam`` from no volume to ``volume``, (L,)."""
        return self.jam(volume) * volume / np.add(self.power, 1)

    def jam_slope(self, volume: Array) -> Array:
        """Return the derivative of ``jam``, (L,); for an empty link that near to it."""
        ratio = np.maximum(volume / np.array(self.capacity), 1e-9)
        return self.jam(ratio * self.capacity) * self.power / (ratio * self.capacity)


@dataclass(frozen=True, repr=False)
class Trips(Table):
    """How many travel from where to where.

    Attributes:
        table: (origin, destination, volume), each pair of nodes with a volume once.  Trips to where
            one is already, and no trips, are left out.

    Raises:
        ValueError: If a volume is negative or a pair with a volume stands twice; names it.
    """

    table: tuple[tuple[int, int, float], ...]

    __hash__ = Table.__hash__

    def __post_init__(self) -> None:
        kept: dict[tuple[int, int], float] = {}
        for origin, destination, volume in self.table:
            pair = as_int("origin", origin), as_int("destination", destination)
            name = f"volume of the trips from {origin} to {destination}"
            if as_float(name, volume) < 0:
                raise ValueError(f"{name} must be at least 0, got {volume:g}")
            if pair in kept and (volume or kept[pair]):
                raise ValueError(f"trips from {origin} to {destination} stand there twice")
            kept[pair] = float(volume)
        table = tuple((o, d, v) for (o, d), v in kept.items() if o != d and v > 0)
        if not table:
            raise ValueError("there are no trips: give at least one volume above 0")
        object.__setattr__(self, "table", table)

    def __repr__(self) -> str:
        return f"<Trips: {len(self.table)} pairs, total {self.total:g}, {self.digest}>"

    @cached_property
    def total(self) -> float:
        """Volume of all trips."""
        return float(sum(volume for *_, volume in self.table))
