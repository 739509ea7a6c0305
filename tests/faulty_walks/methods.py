"""Faults of noise laws, steps and rewards."""

from __future__ import annotations

import numpy as np
from toys import Walk

from mfg_envs.game import at

CHANCE = np.random.default_rng(0)
CALLS = []


class LosesMass(Walk):
    def noise_law(self, t, x, a, m):
        return 0.5 - 0 * a, np.where((x == 3) & (t == 4), 0.4, 0.5)


class NegativeChance(Walk):
    def noise_law(self, t, x, a, m):
        return 1.25 - 0.5 * x, 0.5 * x - 0.25


class NoChance(Walk):
    def noise_law(self, t, x, a, m):
        return np.where(x == 2, np.nan, 1.0), 0.0 * a


class OutcomesChange(Walk):
    def noise_law(self, t, x, a, m):
        return np.full((*np.shape(x), 1 + t), 1 / (1 + t))


class NoReward(Walk):
    def reward(self, t, x, a, m):
        return np.where((x == 4) & (a == 1), np.nan, 1.0)


class RewardOfEmptyPlaces(Walk):
    def reward(self, t, x, a, m):
        return np.where(at(m, x) > 0, 1.0, -np.inf)


class RewardTooLarge(Walk):
    def reward(self, t, x, a, m):
        return at(m, x)[..., None]


class ComplexReward(Walk):
    def reward(self, t, x, a, m):
        return 1j * x


class BranchingReward(Walk):
    def reward(self, t, x, a, m):
        return 1.0 if x > 2 else 0.0


class LeavesTheRing(Walk):
    def step(self, t, x, a, m, w):
        return x + w


class MovesByHalves(Walk):
    def step(self, t, x, a, m, w):
        return (x + 0.5 * w) % 5


class Fickle(Walk):
    def step(self, t, x, a, m, w):
        return (x + CHANCE.integers(2, size=np.shape(x))) % 5


class Counter(Walk):
    def reward(self, t, x, a, m):
        CALLS.append(t)
        return 0.1 * x + len(CALLS)


class Remembers(Walk):
    def reward(self, t, x, a, m):
        if not hasattr(self, "first"):
            object.__setattr__(self, "first", m.copy())
        return 0.1 * x - at(self.first, x)


class ChangesX(Walk):
    def step(self, t, x, a, m, w):
        x += w
        x %= 5
        return x


class ChangesW(Walk):
    def step(self, t, x, a, m, w):
        w += 1
        return (x + w - 1) % 5


class ChangesM(Walk):
    def noise_law(self, t, x, a, m):
        m *= 2
        return super().noise_law(t, x, a, m)


class Ranked(Walk):
    def reward(self, t, x, a, m):
        return 0.1 * np.arange(np.shape(x)[-1])


class Relative(Walk):
    def reward(self, t, x, a, m):
        return 0.1 * x - np.mean(x)


class FirstPopulation(Walk):
    def reward(self, t, x, a, m):
        return at(np.broadcast_to(m.reshape(-1, 5)[0], m.shape), x)


class IndexesM(Walk):
    def reward(self, t, x, a, m):
        return m[x]


class KnowsTheHour(Walk):
    horizon = None

    def reward(self, t, x, a, m):
        return 0.1 * x + t


FAULTS = [
    (LosesMass(), r"noise_law\(t=4, x=3, a=0\) sums to 0.9:"),
    (NegativeChance(), r"noise_law\(t=0, x=0, a=0\) holds -0.25: probabilities"),
    (NoChance(), r"noise_law\(t=0, x=2, a=0\) holds nan"),
    (OutcomesChange(), r"noise_law must have one number of outcomes, got \{1, 3, 5\}"),
    (NoReward(), r"reward\(t=0, x=4, a=1\) is nan"),
    (
        RewardOfEmptyPlaces(),
        r"reward\(t=0, x=\d, a=0\) is -inf, m in \[0, .* empty states included",
    ),
    (RewardTooLarge(), r"reward returns shape \(10, 1\) for players \(10,\)"),
    (ComplexReward(), "reward returns complex128, it must be real"),
    (BranchingReward(), r"reward fails for x \(10,\).*ValueError.*np.where for choices"),
    (LeavesTheRing(), r"step\(t=0, x=4, a=0, w=1\) leads to 5, .* not a state in \[0, 5\)"),
    (MovesByHalves(), "step returns float64, states are whole numbers"),
    (Fickle(), r"step\(t=0\) gives something else when it is called again"),
    (Counter(), r"reward\(t=0\) gives something else when it is called again"),
    (Remembers(), r"reward\(t=0\) gives something else when it is called again"),
    (ChangesX(), "step changes its argument x: compute a new array"),
    (ChangesW(), "step changes its argument w"),
    (ChangesM(), "noise_law changes its argument m"),
    (Ranked(), r"reward gives .* when the players are permuted.*np.arange\(N\)"),
    (Relative(), "reward gives .* when other players leave: .* no sums or means"),
    (FirstPopulation(), "reward gives .* when other populations stand beside its own"),
    (IndexesM(), r"reward fails for x \(3, 16\).*at\(m, x\) for the crowd"),
    (KnowsTheHour(horizon=None), "reward reads t, but horizon is None: give the game a horizon"),
]
