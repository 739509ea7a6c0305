"""Games that between them use everything a finite game may do, and sets of them to go through."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mfg_envs.game import FiniteGame, at
from mfg_envs.games.ring_road import RingRoad


@dataclass(frozen=True, kw_only=True)
class Epidemic(FiniteGame):
    """State: susceptible 0, infected 1.  Action: go out 0, stay at home 1."""

    infection: float = 0.9
    recovery: float = 0.3
    shelter: float = 0.75  # share of the risk that staying at home takes away
    boredom: float = 0.4
    discount: float = 0.9
    horizon: int | None = 6
    num_states, num_actions, initial_law = 2, 2, np.array([0.75, 0.25])

    def noise_law(self, t, x, a, m):
        ill = at(m, x * 0 + 1)
        turn = np.where(x == 0, self.infection * ill * (1 - self.shelter * a), self.recovery)
        return 1 - turn, turn

    def step(self, t, x, a, m, w):
        return np.where(w == 1, 1 - x, x)

    def reward(self, t, x, a, m):
        return -1.0 * x - self.boredom * a


@dataclass(frozen=True, kw_only=True)
class Market(FiniteGame):
    """State: stock x in 0..5 at stall x // 2.  Action: sell 0, hold 1, buy 2, dearer in company.

    Nobody sells without stock or buys when the store is full.
    """

    jam: float = 0.5
    discount: float = 0.95
    horizon: int | None = 5
    mean_field_of_controls = True
    num_states, num_actions, num_observations = 6, 3, 3
    initial_law = np.array([4, 1, 2, 1, 1, 1]) / 10

    @cached_property
    def legal_actions(self):
        legal = np.ones((6, 3), bool)
        legal[0, 0] = legal[5, 2] = False
        return legal

    @cached_property
    def stall(self):
        return np.arange(6) // 2

    def observe(self, x):
        return self.stall[x]

    def noise_law(self, t, x, a, m):
        done = 0.875 - self.jam * at(m, self.stall[x], a)
        return done, 1 - done

    def step(self, t, x, a, m, w):
        return x + (a - 1) * (1 - w)

    def reward(self, t, x, a, m):
        return 0.125 * x - (a - 1) * 0.25 - at(m, self.stall[x], a) * (1 + 0.5 * a)


@dataclass(frozen=True, kw_only=True)
class Corridor(FiniteGame):
    """State: one of ``length`` cells.  Action: back 0, stay 1, ahead 2; no way through the walls.

    Outcome: goes as planned 0, does not move 1, slides one cell further 2.
    """

    length: int = 5
    crowding: float = 0.5
    discount: float = 1.0
    horizon: int | None = 7
    num_actions = 3

    @property
    def num_states(self):
        return self.length

    @property
    def initial_law(self):
        return np.eye(self.length)[1]

    @cached_property
    def legal_actions(self):
        legal = np.ones((self.length, 3), bool)
        legal[0, 0] = legal[-1, 2] = False
        return legal

    @cached_property
    def chances(self):
        return np.array([0.625, 0.25, 0.125])

    def noise_law(self, t, x, a, m):
        return self.chances[0] + 0 * x, self.chances[1], self.chances[2]

    def step(self, t, x, a, m, w):
        ahead = x + (a - 1)  # an illegal move leads out of the corridor: nobody may follow it
        further = np.minimum(np.maximum(ahead + (a - 1), 0), self.length - 1)
        return np.where(w == 0, ahead, np.where(w == 1, x, further))

    def reward(self, t, x, a, m):
        goal = (2 * t) % self.length
        return -1.0 * np.abs(x - goal) - self.crowding * at(m, x) - 0.25 * (a != 1)


@dataclass(frozen=True, kw_only=True)
class Garnet(FiniteGame):
    """Random moves and payoffs (Archibald et al. 1995): three successors a pair."""

    size: int = 20
    seed: int = 0
    discount: float = 0.9
    horizon: int | None = 8
    num_actions = 4

    @property
    def num_states(self):
        return self.size

    @property
    def initial_law(self):
        return np.arange(1, self.size + 1) / (self.size * (self.size + 1) / 2)

    @cached_property
    def _chances(self):
        law = np.random.default_rng(self.seed).dirichlet(np.full(3, 0.5), (self.size, 4))
        law[0, 0], law[0, 1] = [0, 1, 0], [0.25, 0, 0.75]  # certain and impossible outcomes
        return law

    @cached_property
    def successors(self):
        return np.random.default_rng(self.seed + 1).integers(0, self.size, (self.size, 4, 3))

    @cached_property
    def payoff(self):
        return np.random.default_rng(self.seed + 2).normal(size=(self.size, 4))

    def noise_law(self, t, x, a, m):
        return self._chances[x, a]

    def step(self, t, x, a, m, w):
        return self.successors[x, a, w]

    def reward(self, t, x, a, m):
        return self.payoff[x, a] - 2 * at(m, x)


@dataclass(frozen=True, kw_only=True)
class Queues(FiniteGame):
    """Three queues of two positions each, state ``2 queue + position``; players see all of it.

    Action: which queue to join when the head of the present one is served; a long queue is slow.
    """

    discount: float = 0.9
    horizon: int | None = 4
    num_states, num_actions, num_places = 6, 3, 3
    initial_law = np.array([3, 1, 0, 2, 1, 1]) / 8

    def place(self, x):
        return x // 2

    def noise_law(self, t, x, a, m):
        served = 1 - 0.75 * at(m, self.places[x])
        return 1 - served, served

    def step(self, t, x, a, m, w):
        ahead = np.where(x % 2 == 0, 2 * a + 1, x - 1)
        return np.where(w == 1, ahead, x)

    def reward(self, t, x, a, m):
        return -at(m, self.places[x]) - 0.25 * (x % 2)


@dataclass(frozen=True, kw_only=True)
class Tolls(Queues):
    """Queues whose mean field counts actions too: joining where others join costs."""

    mean_field_of_controls = True

    @cached_property
    def fee(self):
        return np.array([0.0, 0.5, 1.0])

    def noise_law(self, t, x, a, m):
        served = 1 - 0.75 * at(m, self.places[x], a)
        return 1 - served, served

    def reward(self, t, x, a, m):
        return -at(m, self.places[x], a) - self.fee[a]


def _ring(reward, dynamics):
    sizes = {"num_cells": 6, "num_speeds": 4, "discount": 0.9, "horizon": 5}
    return RingRoad.make(reward=reward, dynamics=dynamics, **sizes)


FINITE = {
    "epidemic": Epidemic(),
    "market": Market(),
    "corridor": Corridor(),
    "garnet": Garnet(),
    "cell-min": _ring("min", "cell"),
    "cell-additive": _ring("additive", "cell"),
    "position-min": _ring("min", "position"),
    "position-additive": _ring("additive", "position"),
}
STATIONARY = {
    name: dataclasses.replace(game, horizon=None)
    for name, game in FINITE.items()
    if name != "corridor"  # its reward reads the time
}
EVERY = {**FINITE, **{f"{name}-stationary": game for name, game in STATIONARY.items()}}
TWICE = ("cell-additive", "position-min", "cell-min-stationary", "position-additive-stationary")
"""Of ``EVERY``: rings that differ by the horizon alone from another of it."""
