"""What players see, by kind of game: parts picked by name, computed for all players at once."""

from mfg_envs.players.observers.continuous import ContinuousObserver
from mfg_envs.players.observers.finite import Observer
from mfg_envs.players.observers.team import TeamObserver

__all__ = ["ContinuousObserver", "Observer", "TeamObserver"]
