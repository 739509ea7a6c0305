"""A small foreign environment whose every observation is known: the hour, from 1 on."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv


class Clock(ParallelEnv):
    """All see the hour [t + 1], earn 1 a step, and leave after as many steps as ``die`` says.

    ``played`` has the actions of every step that the environment (and not a copy of it) was given.
    """

    metadata: ClassVar = {"name": "clock_v0"}
    render_mode = None

    def __init__(self, die=(5, 5, 5), names=None, space=None, num_actions=3):
        self.possible_agents = list(names or [f"hand_{i}" for i in range(len(die))])
        self.die = dict(zip(self.possible_agents, die, strict=True))
        self.space = spaces.Box(0, 99, (1,), np.float32) if space is None else space
        self.num_actions, self.agents, self.played = num_actions, [], []

    def observation_space(self, agent):
        return self.space

    def action_space(self, agent):
        return spaces.Discrete(self.num_actions)

    def shown(self, agent):
        return np.array([self.t + 1], np.float32)

    def reset(self, seed=None, options=None):
        self.agents, self.t = self.possible_agents[:], 0
        return {a: self.shown(a) for a in self.agents}, {
            a: {"options": options} for a in self.agents
        }

    def step(self, actions):
        assert actions.keys() == set(self.agents), (actions, self.agents)
        self.played.append({a: int(np.asarray(action).item()) for a, action in actions.items()})
        self.t += 1
        now = self.agents
        ends = {a: self.t >= self.die[a] for a in now}
        self.agents = [a for a in now if not ends[a]]
        seen, infos = {a: self.shown(a) for a in now}, {a: {"hour": self.t + 1} for a in now}
        return seen, dict.fromkeys(now, 1.0), ends, dict.fromkeys(now, False), infos


class Masked(Clock):
    """A clock at which one action is legal: the hour's, modulo the number of actions."""

    def __init__(self, die=(5, 5, 5), **given):
        super().__init__(die, **given)
        mask = spaces.Box(0, 1, (self.num_actions,), np.int8)
        self.space = spaces.Dict({"observation": self.space, "action_mask": mask})

    def shown(self, agent):
        legal = np.eye(self.num_actions, dtype=np.int8)[(self.t + 1) % self.num_actions]
        return {"observation": super().shown(agent), "action_mask": legal}


class Kinds(Clock):
    """A clock with a minute hand, which sees (hour, 0) and has one action more than the others."""

    def observation_space(self, agent):
        return spaces.Box(0, 99, (2,), np.float32) if agent.startswith("minute") else self.space

    def action_space(self, agent):
        return spaces.Discrete(self.num_actions + agent.startswith("minute"))

    def shown(self, agent):
        hour = super().shown(agent)
        return np.append(hour, np.float32(0)) if agent.startswith("minute") else hour
