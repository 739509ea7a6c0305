"""What every game on a road network has: the network, the trips, and what they can use of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from mfg_envs.game import FiniteGame, shown
from mfg_envs.games.roads.known_networks import known
from mfg_envs.games.roads.networks import Network, Trips
from mfg_envs.games.roads.ways import Ways, ways


@dataclass(frozen=True, kw_only=True)
class RoadGame(FiniteGame):
    """Travellers on a road network.

    Attributes:
        network: Name of a known network, or a ``Network``, such as ``read_network(path)`` gives.
        trips: ``Trips``, or (origin, destination, volume) triples; None: a known network's own.
    """

    player_name: ClassVar[str] = "traveller"

    network: str | Network = "braess"
    trips: Trips | tuple[tuple[int, int, float], ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.network, str | Network):
            raise TypeError(f"network must be a name or a Network, got {shown(self.network)}")
        if isinstance(self.trips, tuple):
            if not self.trips:
                raise ValueError("trips must hold (origin, destination, volume) entries, got ()")
            for entry in self.trips:
                if not isinstance(entry, tuple | list) or len(entry) != 3:
                    raise ValueError(
                        f"trips must hold (origin, destination, volume) entries, got {shown(entry)}"
                    )
            object.__setattr__(self, "trips", Trips(self.trips))
        if not isinstance(self.trips, Trips | None):
            raise TypeError(f"trips must be Trips or a tuple of triples, got {shown(self.trips)}")
        _ = self.ways  # raises if a destination cannot be reached

    @cached_property
    def road(self) -> Network:
        """The network itself."""
        return known(self.network)[0] if isinstance(self.network, str) else self.network

    @cached_property
    def demand(self) -> Trips:
        """The trips themselves."""
        if isinstance(self.trips, Trips):
            return self.trips
        if isinstance(self.network, str):
            return known(self.network)[1]
        raise ValueError(f"{self.network.name}: a network of your own needs trips=")

    @cached_property
    def ways(self) -> Ways:
        """What the trips can use of the network."""
        return ways(self.road, self.demand)

    @property
    def num_actions(self) -> int:
        """Most links that leave a node, A; action j takes the j-th."""
        return self.road.exits.shape[1]
