"""An environment with a faulty part."""

from __future__ import annotations

from pettingzoo import ParallelEnv

from mfg_envs import PopulationEnv


def planted(part):
    """Return the environment with a faulty part, a class that can be pickled by its name."""
    return type(part.__name__, (part, PopulationEnv, ParallelEnv), {"__module__": part.__module__})


class Part:
    """Lets the results of an environment go through ``spoil`` once they are made."""

    def spoil(self, frame):
        return frame

    def reset(self, seed=None, options=None):
        observations, infos = super().reset(seed, options)
        frame = self.spoil([observations, {}, {}, {}, infos])
        return frame[0], frame[4]

    def step(self, actions):
        return tuple(self.spoil(list(super().step(actions))))
