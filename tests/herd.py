"""A foreign environment whose agents come and go, written like PettingZoo's own tutorial."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv


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

    metadata = {"name": "herd_v0"}  # noqa: RUF012
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
