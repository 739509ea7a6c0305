"""Team games: one leader and its locals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mfg_envs.game import TeamGame


@dataclass(frozen=True, kw_only=True)
class Follow(TeamGame):
    """Locals walk on a ring of four; the leader names where they should be."""

    discount: float = 0.9
    num_global_states = num_global_actions = num_local_states = 4
    num_local_actions = 2

    def noise_law_local(self, x, x_g, a):
        go = 0.5 * a
        return 1 - go, go

    def step_global(self, x_g, a_g, w_g):
        return a_g

    def step_local(self, x, x_g, a, w):
        return (x + w) % 4

    def reward_global(self, x_g, a_g, m):
        return 0.1 * x_g

    def reward_local(self, x, x_g, a):
        return 1.0 * (x == x_g)


@dataclass(frozen=True, kw_only=True)
class Pair(TeamGame):
    """Two global and two local states; only the first laws are of interest, and may be wrong."""

    leader: tuple = (0.5, 0.5)
    local: tuple = (0.5, 0.5)
    discount: float = 0.9
    horizon: int | None = 3
    num_global_states = num_global_actions = num_local_states = num_local_actions = 2

    @property
    def initial_global_law(self):
        return np.array(self.leader)

    @property
    def initial_local_law(self):
        return np.array(self.local)

    def step_local(self, x, x_g, a, w):
        return a + 0 * x

    def reward_global(self, x_g, a_g, m):
        return 0.0 * x_g

    def reward_local(self, x, x_g, a):
        return 1.0 * x


@dataclass(frozen=True, kw_only=True)
class TeamGarnet(TeamGame):
    """Random laws for both kinds of agents; ``crowding`` pays the team for its joint law."""

    crowding: float = 0.0
    discount: float = 0.9
    num_global_states, num_global_actions, num_local_states, num_local_actions = 3, 2, 3, 2
    initial_global_law = np.array([0.5, 0.25, 0.25])
    initial_local_law = np.array([0.125, 0.25, 0.625])

    @cached_property
    def chances(self):
        rng = np.random.default_rng(0)
        return rng.dirichlet(np.ones(2), (3, 2)), rng.dirichlet(np.ones(3), (3, 3, 2))

    @cached_property
    def payoffs(self):
        rng = np.random.default_rng(1)
        return rng.normal(size=(3, 2)), rng.normal(size=(3, 3, 2))

    def noise_law_global(self, x_g, a_g):
        return self.chances[0][x_g, a_g]

    def noise_law_local(self, x, x_g, a):
        return self.chances[1][x, x_g, a]

    def step_global(self, x_g, a_g, w_g):
        return (x_g + 1 + w_g) % 3

    def step_local(self, x, x_g, a, w):
        return (x + x_g + w) % 3

    def reward_global(self, x_g, a_g, m):
        r = self.payoffs[0][x_g, a_g]
        return r - self.crowding * (m * m).sum((-2, -1)) if self.crowding else r

    def reward_local(self, x, x_g, a):
        return self.payoffs[1][x, x_g, a]
