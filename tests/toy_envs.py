"""Foreign environments that show what is known, and wrappers that several tests put around them.

==========  ======================================================================
toy         what it has
==========  ======================================================================
Clock       all see the hour, earn one a step and leave when they are told to
Masked      a clock with action masks
Kinds       a clock of two kinds of agents, with spaces of their own
Herd        agents that come and go, see random numbers and log what they do
Foreign     a wrapper that hides that an environment is one of ours
==========  ======================================================================
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv
from pettingzoo.utils.wrappers import BaseParallelWrapper


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


class Herd(ParallelEnv):
    """Agents that are there at certain times, see random numbers and earn one a step.

    The generator is made once and remade by a seed only, so that a deep copy has the same.  No
    part of an observation is zero: a random number, the time and the agent's number, from one.

    Args:
        lives: When each agent is there: a number of steps, or pairs (first, end).
        cut: Agents whose lives are cut, by their numbers.
        spread: Steps by which every end may be later, drawn at each reset.

    Attributes:
        log: Every step of every agent: (name, seen, action, seen next, over).
        options: Of each reset.
    """

    metadata: ClassVar = {"name": "herd_v0"}
    render_mode = None

    def __init__(self, lives=(4, 8, 12), cut=(), spread=0):
        self.possible_agents = [f"cow_{i}" for i in range(len(lives))]
        self.lives = [[(0, life)] if isinstance(life, int) else life for life in lives]
        self.cut, self.spread, self.agents = cut, spread, []
        self.rng = np.random.default_rng()
        self.log, self.options = [], []

    def observation_space(self, agent):
        return spaces.Box(0, 99, (3,), np.float32)

    def action_space(self, agent):
        return spaces.Discrete(3)

    def reset(self, seed=None, options=None):
        if seed is not None:
            self.rng = np.random.default_rng(seed)
        self.t, self.late = 0, int(self.rng.integers(self.spread + 1))
        self.options.append(options)
        self.agents = self._there()
        self.seen = self._look(self.agents)
        level = (options or {}).get("level", 0)
        return dict(self.seen), {agent: {"level": level} for agent in self.agents}

    def step(self, actions):
        assert set(actions) == set(self.agents)
        acted, before = self.agents, self.seen
        self.t += 1
        self.agents = self._there()
        over = {agent: agent not in self.agents for agent in acted}
        self.seen = self._look(dict.fromkeys([*acted, *self.agents]))
        for agent in acted:
            action = float(np.squeeze(actions[agent]))
            self.log.append((agent, before[agent], action, self.seen[agent], over[agent]))
        cuts = {agent: int(agent[4:]) in self.cut for agent in acted}
        ends = {agent: over[agent] and not cuts[agent] for agent in acted}
        cuts = {agent: over[agent] and cuts[agent] for agent in acted}
        infos = {agent: {"score": 7 + self.t} for agent in acted}
        return dict(self.seen), dict.fromkeys(acted, 1.0), ends, cuts, infos

    def _there(self):
        return [
            agent
            for agent, lives in zip(self.possible_agents, self.lives, strict=True)
            if any(first <= self.t < end + self.late for first, end in lives)
        ]

    def _look(self, agents):
        u = 1 - self.rng.random(len(agents))
        parts = [(u[k], 1 + self.t, 1 + int(agent[4:])) for k, agent in enumerate(agents)]
        return dict(zip(agents, np.array(parts, np.float32), strict=True))


class Foreign(BaseParallelWrapper):
    """Hide what an environment is, so that only its dicts are left."""
