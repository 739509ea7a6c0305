"""Games with one planted fault each, as a user would write them; ``mfg-envs check`` names it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mfg_envs.game import Axis, ContinuousGame, FiniteGame, Normal, TeamGame, Uniform, at, cell

CHANCE = np.random.default_rng(0)


@dataclass(frozen=True, kw_only=True)
class Walk(FiniteGame):
    """Sound: stay or go right around ``num_places`` places; crowds cost.

    Attributes:
        price: Of being in a crowd.
        places: Places on the ring, at least 2.
    """

    price: float = 1.0
    places_: int = 5
    horizon: int | None = 5
    discount: float = 0.9
    num_actions = 2

    def __post_init__(self):
        super().__post_init__()
        if self.places_ < 2:
            raise ValueError(f"places_ must be at least 2, got {self.places_}")

    @property
    def num_states(self):
        return self.places_

    @cached_property
    def initial_law(self):
        return np.full(self.places_, 1 / self.places_)

    def noise_law(self, t, x, a, m):
        go = 0.75 * a
        return 1 - go, go

    def step(self, t, x, a, m, w):
        return (x + w) % self.places_

    def reward(self, t, x, a, m):
        return 0.1 * x - self.price * at(m, x)


class LosesMass(Walk):
    def noise_law(self, t, x, a, m):
        return 0.5 - 0.1 * (x == 3), 0.5 + 0 * a


class RewardIsNaN(Walk):
    def reward(self, t, x, a, m):
        return np.log(at(m, x) - 1)


class RanksPlayers(Walk):
    def reward(self, t, x, a, m):
        return 0.1 * np.arange(np.shape(x)[-1]) + 0 * x


class MeetsEverybody(Walk):
    def step(self, t, x, a, m, w):
        return (x + w + np.max(x)) % 5


class DrawsItsOwnNoise(Walk):
    def step(self, t, x, a, m, w):
        return (x + CHANCE.integers(2, size=np.shape(x))) % 5


class OverwritesState(Walk):
    def step(self, t, x, a, m, w):
        x += w
        x %= 5
        return x


class RewardHasAnAxisTooMany(Walk):
    def reward(self, t, x, a, m):
        return at(m, x)[..., None]


class LeavesTheRing(Walk):
    def step(self, t, x, a, m, w):
        return x + w


class StepsByHalves(Walk):
    def step(self, t, x, a, m, w):
        return (x + w / 2) % 5


class LawIsTooShort(Walk):
    initial_law = np.array([0.5, 0.5])


class NoWayOut(Walk):
    legal_actions = np.arange(5)[:, None] != np.array([3, 3])


class ForgetsTheDecorator(Walk):
    horizon: int | None = None


@dataclass(frozen=True, kw_only=True)
class ReadsTheClock(Walk):
    horizon: int | None = None

    def reward(self, t, x, a, m):
        return 0.1 * x + t


class ForgetsASize(Walk):
    @property
    def num_states(self):
        return len(self.cells)


class NeedsItsFile(Walk):
    def __post_init__(self):
        raise FileNotFoundError("roads.csv")


class Unfinished(FiniteGame):
    num_states = num_actions = 2


@dataclass
class Melting(Walk.__mro__[1]):
    horizon: int | None = 5
    discount: float = 1.0
    num_states, num_actions, initial_law = 1, 1, np.ones(1)
    noise_law = step = reward = Walk.step


class NoGame:
    pass


@dataclass(frozen=True, kw_only=True)
class Beach(ContinuousGame):
    """Sound: walk on [0, 1], away from the others."""

    mean_field_kind = "density"

    horizon: int | None = 4
    discount: float = 1.0
    state_low, state_high = (0.0,), (1.0,)
    action_low, action_high = (-0.2,), (0.2,)
    axes, blur = (Axis(0.0, 1.0, 20),), 0.05
    initial_law = (Uniform(0.2, 0.8),)

    def noise_law(self, t, x, a, m):
        return Normal(0.0, 0.01)

    def step(self, t, x, a, m, w):
        return (np.minimum(np.maximum(x[0] + a[0] + w[0], 0.0), 1.0),)

    def reward(self, t, x, a, m):
        return -at(m, *cell(self.axes, x))


class BeachWithoutEnd(Beach):
    def step(self, t, x, a, m, w):
        return (x[0] + 5 * a[0] + w[0],)


class BeachOfNaN(Beach):
    def reward(self, t, x, a, m):
        return np.sqrt(-at(m, *cell(self.axes, x)))


class BeachOfNumbers(Beach):
    def step(self, t, x, a, m, w):
        return x[0]


class BeachOfRanks(Beach):
    def reward(self, t, x, a, m):
        return x[0] - np.mean(x[0])


class BeachOfTheFirst(Beach):
    def step(self, t, x, a, m, w):
        return (np.minimum(x[0], np.min(x[0], -1, keepdims=True) + 0.5),)


class BeachThatLosesMass(Beach):
    def mean_field(self, x, a=None):
        return 0.9 * super().mean_field(x, a)


class BeachOfChance(Beach):
    def reward(self, t, x, a, m):
        return CHANCE.random(np.shape(x[0]))


@dataclass(frozen=True, kw_only=True)
class Follow(TeamGame):
    """Sound: locals walk on a ring of four; the leader names where they should be."""

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


class TeamLosesMass(Follow):
    def noise_law_local(self, x, x_g, a):
        return 0.9 - 0.5 * a, 0.5 * a


class TeamLeavesTheRing(Follow):
    def step_local(self, x, x_g, a, w):
        return x + w


class LeaderLeavesTheRing(Follow):
    def step_global(self, x_g, a_g, w_g):
        return a_g + 1


class TeamOfRanks(Follow):
    def reward_local(self, x, x_g, a):
        return np.cumsum(x, -1) / 10


class TeamOfTheFirst(Follow):
    def step_local(self, x, x_g, a, w):
        return (x + w * np.max(x, -1, keepdims=True)) % 4


class TeamOfNaN(Follow):
    def reward_global(self, x_g, a_g, m):
        return np.where(a_g == 2, np.nan, m[..., 0, 0])


class TeamOfChance(Follow):
    def step_local(self, x, x_g, a, w):
        return CHANCE.integers(4, size=np.shape(x))


class TeamCountsBadly(Follow):
    def global_from_locals(self, m):
        return (4 * m[..., 0]).astype(int)
