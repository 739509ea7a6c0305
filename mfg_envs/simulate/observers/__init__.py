"""What players see, by kind of game: parts picked by name, computed for all players at once."""

from mfg_envs.simulate.observers.continuous import ContinuousObserver
from mfg_envs.simulate.observers.finite import Observer
from mfg_envs.simulate.observers.team import TeamObserver

__all__ = ["ContinuousObserver", "Observer", "TeamObserver"]
