"""Games whose parameters plant a fault."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfg_envs.game import FiniteGame, TeamGame, at
from toys.finite import Switch, Walk


@dataclass(kw_only=True)
class Melting(FiniteGame):
    """Can be changed, so that nothing about it can be kept."""

    discount: float = 0.9
    horizon: int | None = 4
    num_states, num_actions, initial_law = 5, 2, np.full(5, 0.2)
    noise_law, step, reward = Walk.noise_law, Walk.step, Walk.reward


@dataclass(frozen=True, kw_only=True)
class Faulty(FiniteGame):
    """Three states; moves read the crowd, so that nothing about them is tabulated beforehand.

    Its faults show at t = 1 alone, where the first look at a game does not see them.
    """

    leap: int = 1  # where the second outcome leads, in states
    leak: float = 0.0  # mass the noise law loses
    hole: float = 0.0  # reward of state 2: NaN is a fault
    discount: float = 0.9
    horizon: int | None = 4
    num_states, num_actions, initial_law = 3, 2, np.full(3, 1 / 3)

    def noise_law(self, t, x, a, m):
        go = 0.25 + 0.5 * at(m, x)
        return 1 - go - self.leak * (t == 1), go

    def step(self, t, x, a, m, w):
        return np.where(w == 0, x, (x + 1) % 3 + (self.leap - 1) * (t == 1))

    def reward(self, t, x, a, m):
        return np.where((x == 2) & (t == 1), self.hole, 1.0 * a)

    def __post_init__(self):  # a NaN parameter is the fault to be found later
        pass


@dataclass(frozen=True, kw_only=True)
class FaultyPair(FiniteGame):
    """Three states, two actions, and one fault in the pair (x = 2, a = 1)."""

    chance: float = 0.5
    target: int = 0
    pay: float = 1.0
    discount: float = 0.9
    horizon: int | None = 3
    num_states, num_actions, initial_law = 3, 2, np.full(3, 1 / 3)

    def noise_law(self, t, x, a, m):
        return np.where(x * a == 2, self.chance, 0.5), 0.5 + 0 * x

    def step(self, t, x, a, m, w):
        return np.where(x * a * w == 2, self.target, 0)

    def reward(self, t, x, a, m):
        return np.where(x * a == 2, np.log(self.pay), 0)

    def __post_init__(self):  # an infinite parameter is the fault to be found later
        pass


@dataclass(frozen=True, kw_only=True)
class Hole(Switch):
    """At t = 1 action 1 in state 0 earns ``pay`` more, which may be no number."""

    pay: float = 0.0

    def __post_init__(self):
        pass

    def reward(self, t, x, a, m):
        return np.where((x == 0) & (a == 1) & (t == 1), self.pay, -at(m, x))


@dataclass(frozen=True, kw_only=True)
class FaultyTeam(TeamGame):
    """Two global states, three local ones; a fault may be built in."""

    fault: str = ""
    discount: float = 0.5
    num_global_states, num_global_actions, num_local_states, num_local_actions = 2, 1, 3, 2

    def noise_law_local(self, x, x_g, a):
        return (0.5, 0.6 if self.fault == "law" else 0.5)

    def step_local(self, x, x_g, a, w):
        return x + w if self.fault == "step" else x

    def reward_global(self, x_g, a_g, m):
        return 1.0 * x_g

    def reward_local(self, x, x_g, a):
        return np.where((x == 2) & (a == 1) & (self.fault == "local"), np.nan, 0.0)
