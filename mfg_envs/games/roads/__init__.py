"""Road networks, TNTP files, and the two games of routing."""

from mfg_envs.games.roads.networks import Network, Trips
from mfg_envs.games.roads.tntp import read_network, read_trips

__all__ = ["Network", "Trips", "read_network", "read_trips"]
