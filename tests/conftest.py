"""Small games that between them use everything a finite game may do; every test can have them.

==========  ======================================================================
toy         what it has
==========  ======================================================================
epidemic    a noise law that reads the mean field
market      a mean field of controls, over observed states that merge private ones;
            illegal actions that would pay
corridor    illegal actions, three outcomes, a reward that reads the time
garnet      random tables: a noise law that is an array, and a private property
cell,       the ring road: both dynamics, both rewards; ``position`` observes less
position    than its private state
==========  ======================================================================
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import settings

from mfg_envs.game import FiniteGame, at
from mfg_envs.games.ring_road import RingRoad

os.environ.setdefault("OMP_NUM_THREADS", "1")  # each worker has a core; small networks need no more

settings.register_profile("fixed", derandomize=True, deadline=None, database=None, max_examples=40)
settings.load_profile("fixed")


@dataclass(frozen=True, kw_only=True)
class Epidemic(FiniteGame):
    """State: susceptible 0, infected 1.  Action: go out 0, stay at home 1."""

    infection: float = 0.9
    recovery: float = 0.3
    shelter: float = 0.75  # share of the risk that staying at home takes away
    boredom: float = 0.4
    discount: float = 0.9
    horizon: int | None = 6

    @property
    def num_states(self):
        return 2

    @property
    def num_actions(self):
        return 2

    @property
    def initial_law(self):
        return np.array([0.75, 0.25])

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

    @property
    def num_states(self):
        return 6

    @property
    def num_actions(self):
        return 3

    @property
    def num_observations(self):
        return 3

    @property
    def initial_law(self):
        return np.array([4, 1, 2, 1, 1, 1]) / 10

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

    @property
    def num_states(self):
        return self.length

    @property
    def num_actions(self):
        return 3

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

    @property
    def num_states(self):
        return self.size

    @property
    def num_actions(self):
        return 4

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


def _ring(reward, dynamics, **parameters):
    small = {"num_cells": 6, "num_speeds": 4, "discount": 0.9}
    return RingRoad.make(reward=reward, dynamics=dynamics, **{**small, **parameters})


FINITE = {
    "epidemic": Epidemic(),
    "market": Market(),
    "corridor": Corridor(),
    "garnet": Garnet(),
    "cell-min": _ring("min", "cell", horizon=5),
    "cell-additive": _ring("additive", "cell", horizon=5),
    "position-min": _ring("min", "position", horizon=5),
    "position-additive": _ring("additive", "position", horizon=5),
}
STATIONARY = {
    name: dataclasses.replace(game, horizon=None)
    for name, game in FINITE.items()
    if name != "corridor"  # its reward reads the time
}
EVERY = {**FINITE, **{f"{name}-stationary": game for name, game in STATIONARY.items()}}


@pytest.fixture(scope="session", params=FINITE)
def finite_game(request):
    """Return each toy with a horizon in turn."""
    return FINITE[request.param]


@pytest.fixture(scope="session", params=STATIONARY)
def stationary_game(request):
    """Return each toy without an end in turn."""
    return STATIONARY[request.param]


@pytest.fixture(scope="session", params=EVERY)
def any_game(request):
    """Return each toy in turn, with and without a horizon."""
    return EVERY[request.param]


@pytest.fixture(scope="session")
def toys():
    """Return the toy classes, to be built with other parameters."""
    return SimpleNamespace(Epidemic=Epidemic, Market=Market, Corridor=Corridor, Garnet=Garnet)


@pytest.fixture
def use(monkeypatch):
    """Return a function that picks the back end: ``use("numpy")``, ``use("numba")``."""
    return lambda name: monkeypatch.setenv("MFG_ENVS_BACKEND", name)


@pytest.fixture(scope="session")
def random_policy():
    """Return a function: a policy with mass on every legal action, drawn from a seed."""

    def draw(game, seed=0):
        clock = () if game.horizon is None else (game.horizon,)
        shape = (*clock, game.num_states, game.num_actions)
        weights = np.random.default_rng(seed).exponential(size=shape) * game.legal_actions
        return weights / weights.sum(-1, keepdims=True)

    return draw
