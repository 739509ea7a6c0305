"""Finite games of a few lines: grounds for planted faults, and closed forms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mfg_envs.game import FiniteGame, at


@dataclass(frozen=True, kw_only=True)
class Still(FiniteGame):
    """Nobody moves, nothing is earned."""

    discount: float = 0.9
    horizon: int | None = None
    num_states, num_actions, initial_law = 2, 2, np.full(2, 0.5)

    def noise_law(self, t, x, a, m):
        return (1.0 + 0 * a,)

    def step(self, t, x, a, m, w):
        return x

    def reward(self, t, x, a, m):
        return 0.0 * x


@dataclass(frozen=True, kw_only=True)
class Switch(FiniteGame):
    """Two states; the action is the next one; the crowd costs."""

    discount: float = 0.5
    horizon: int | None = 3
    num_states, num_actions, initial_law = 2, 2, np.array([1.0, 0.0])

    def noise_law(self, t, x, a, m):
        return (1.0 + 0 * x,)

    def step(self, t, x, a, m, w):
        return a + 0 * x

    def reward(self, t, x, a, m):
        return -at(m, x)


@dataclass(frozen=True, kw_only=True)
class Coin(FiniteGame):
    """Two states on a ring, one step ahead with chance one half; the crowd costs."""

    discount: float = 0.9
    horizon: int | None = 3
    num_states, num_actions, initial_law = 2, 2, np.full(2, 0.5)

    def noise_law(self, t, x, a, m):
        return 0.5, 0.5 + 0 * x

    def step(self, t, x, a, m, w):
        return (x + w) % self.num_states

    def reward(self, t, x, a, m):
        return -at(m, x)


@dataclass(frozen=True, kw_only=True)
class Walk(FiniteGame):
    """Stay or go right around five places; nobody begins in the last one; crowds cost."""

    discount: float = 0.9
    horizon: int | None = 5
    num_states, num_actions = 5, 2

    @cached_property
    def initial_law(self):
        return np.array([0.4, 0.3, 0.2, 0.1, 0.0])

    def noise_law(self, t, x, a, m):
        go = 0.75 * a
        return 1 - go, go

    def step(self, t, x, a, m, w):
        return (x + w) % self.num_states

    def reward(self, t, x, a, m):
        return 0.1 * x - at(m, x) - 0.01 * a


@dataclass(frozen=True, kw_only=True)
class Clockwork(FiniteGame):
    """Everybody goes round together."""

    discount: float = 1.0
    horizon: int | None = 5
    num_states, num_actions, initial_law = 4, 2, np.eye(4)[0]

    def noise_law(self, t, x, a, m):
        return (1.0 + 0.0 * a,)

    def step(self, t, x, a, m, w):
        return (x + a) % 4

    def reward(self, t, x, a, m):
        return 1.0 * x


@dataclass(frozen=True, kw_only=True)
class Places(FiniteGame):
    """Two places; the action is the wanted one, reached with probability ``luck``."""

    luck: float = 0.75
    fare: float = 0.25
    first: float = 1.0
    discount: float = 0.5
    horizon: int | None = 2
    num_states, num_actions = 2, 2

    @property
    def initial_law(self):
        return np.array([self.first, 1 - self.first])

    def noise_law(self, t, x, a, m):
        return self.luck + 0 * x, 1 - self.luck + 0 * x

    def step(self, t, x, a, m, w):
        return np.where(w == 0, a, x)

    def reward(self, t, x, a, m):
        return -at(m, x) - self.fare * (a != x)


@dataclass(frozen=True, kw_only=True)
class Bids(Places):
    """A mean field of controls: who bids (action 1) pays for the bidders of both states."""

    luck: float = 0.5
    first: float = 0.75
    discount: float = 0.9
    horizon: int | None = 3
    mean_field_of_controls = True

    def reward(self, t, x, a, m):
        bidders = at(m, x * 0, a * 0 + 1) + 3 * at(m, x * 0 + 1, a * 0 + 1)
        return a * (x + 1.0 - bidders * bidders)


@dataclass(frozen=True, kw_only=True)
class Chain(FiniteGame):
    """A Markov chain without choices, from its matrix."""

    rows: tuple[tuple[float, ...], ...]
    first: int = 0
    discount: float = 0.9
    horizon: int | None = None
    num_actions = 1

    @property
    def num_states(self):
        return len(self.rows)

    @property
    def initial_law(self):
        return np.eye(len(self.rows))[self.first]

    @cached_property
    def matrix(self):
        return np.array(self.rows)

    def noise_law(self, t, x, a, m):
        return self.matrix[x]

    def step(self, t, x, a, m, w):
        return w

    def reward(self, t, x, a, m):
        return 1.0 * x


class Contrary(Still):
    """Everybody goes where few are, at once: the population swings for ever."""

    num_actions, initial_law = 1, np.array([0.75, 0.25])

    def noise_law(self, t, x, a, m):
        return (1.0 * (at(m, x * 0) < 0.5), 1.0 * (at(m, x * 0) >= 0.5))

    def step(self, t, x, a, m, w):
        return w + 0 * x


@dataclass(frozen=True, kw_only=True)
class Fashion(Still):
    """One choice: action 1 pays the share of state 1 above one half, action 0 that below it.

    Everybody is in state 0 or 1 by a fair coin, and indifferent if the crowd is infinite.  Seeing
    K of N players in state 1, a deviator gains E|K/N - 1/2|; knowing its own state alone, which is
    1/N of the crowd, 1/(2N).
    """

    discount: float = 1.0
    horizon: int | None = 1

    def reward(self, t, x, a, m):
        return (2 * a - 1) * (at(m, x * 0 + 1) - 0.5)


@dataclass(frozen=True, kw_only=True)
class Lanes(Still):
    """Pigou's two roads, one decision: road 0 takes as long as it is full, road 1 always 1."""

    discount: float = 1.0
    horizon: int | None = 2
    num_states, initial_law = 3, np.array([1.0, 0.0, 0.0])

    def step(self, t, x, a, m, w):
        return a + 1

    def reward(self, t, x, a, m):
        return -np.where(x == 1, at(m, x), np.where(x == 2, 1.0, 0.0))


@dataclass(frozen=True, kw_only=True)
class Begun(Switch):
    """Only the first law is of interest, which may be wrong."""

    first: tuple = (0.5, 0.5)
    crowded: bool = False
    horizon: int | None = 2

    @property
    def initial_law(self):
        return np.array(self.first)

    def noise_law(self, t, x, a, m):
        return (1.0 + 0 * at(m, x),) if self.crowded else (1.0 + 0 * x,)


@dataclass(frozen=True, kw_only=True)
class Squares(FiniteGame):
    """States whose squares are beyond 32 bits."""

    discount: float = 0.5
    horizon: int | None = 3
    num_states, num_actions = 100_003, 1
    initial_law = np.full(100_003, 1 / 100_003)

    def noise_law(self, t, x, a, m):
        return (1.0 + 0 * x,)

    def step(self, t, x, a, m, w):
        return (x * x + t) % self.num_states

    def reward(self, t, x, a, m):
        return 1.0 * (x * x)
