"""Faults of sizes, first laws, legal actions, observations and mean fields."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from toys import Melting, Walk


class LawTooSmall(Walk):
    initial_law = np.array([0.4, 0.3, 0.2, 0.0, 0.0])


class LawNegative(Walk):
    initial_law = np.array([1.1, -0.1, 0.0, 0.0, 0.0])


class LawTooShort(Walk):
    initial_law = np.array([0.5, 0.5])


class Stuck(Walk):
    legal_actions = np.arange(5)[:, None] != np.array([3, 3])


class LegalByNumber(Walk):
    legal_actions = np.ones((5, 2))


class FarCoordinates(Walk):
    def coordinates(self, x):
        return np.asarray(x)[..., None] / 3


class NoCoordinates(Walk):
    def coordinates(self, x):
        return np.where(np.asarray(x) == 1, np.nan, 0.0)[..., None]


class FlatCoordinates(Walk):
    def coordinates(self, x):
        return np.asarray(x) / 4


class FixedCoordinates(Walk):
    def coordinates(self, x):
        return np.linspace(-1, 1, np.size(x)).reshape(*np.shape(x), 1)


class SeesTooMuch(Walk):
    num_observations = 2

    def observe(self, x):
        return x // 2


class SeesBackwards(Walk):
    def observe(self, x):
        return 4 - x


class SeesMoreThanThereIs(Walk):
    num_observations = 6


class FarNeighbours(Walk):
    def neighbours(self, x):
        return np.asarray(x)[..., None] + np.array([0, 1])


class OtherNeighbours(Walk):
    def neighbours(self, x):
        return (np.asarray(x)[..., None] + np.array([1, 0])) % 5


class HalfNeighbours(Walk):
    def neighbours(self, x):
        return np.asarray(x)[..., None] * 1.0


class Counts(Walk):
    def mean_field(self, x, a=None):
        return super().mean_field(x, a) * x.shape[-1]


class OneMeanField(Walk):
    def mean_field(self, x, a=None):
        return super().mean_field(x.ravel())


class OtherCrowd(Walk):
    def crowd(self, law):
        return law[..., ::-1]


class Overflows(Walk):
    def step(self, t, x, a, m, w):
        return abs(x * 1_000_000_007 + w) % 5


class ReadsRange(Walk):
    prices = range(5)

    def reward(self, t, x, a, m):
        return np.asarray(self.prices)[x]


class FloatSizes(Walk):
    num_actions = 2.0


class Horizonless(Walk):
    def __post_init__(self):
        pass


@dataclass(frozen=True, kw_only=True)
class Unhashable(Walk):
    prices: list = field(default_factory=list)


class Unequal(Walk):
    __hash__ = Walk.__hash__

    def __eq__(self, other):
        return self is other


@dataclass(frozen=True)
class Positional(Walk):
    price: float = 1.0


FAULTS = [
    (LawTooSmall(), "initial_law sums to 0.9: it must sum to one"),
    (LawNegative(), "initial_law holds -0.1"),
    (LawTooShort(), r"initial_law must have shape \(num_states,\) = \(5,\), got \(2,\)"),
    (Stuck(), "state 3 has no legal action: allow one"),
    (LegalByNumber(), r"legal_actions must be bool \(5, 2\), got float64"),
    (FarCoordinates(), r"coordinates\(4\) is \[1.33.*\], it must be finite and in \[-1, 1\]"),
    (NoCoordinates(), r"coordinates\(1\) is \[nan\]"),
    (FlatCoordinates(), r"coordinates\(x\) must have shape \(\*x.shape, D\), got \(5,\)"),
    (FixedCoordinates(), "coordinates must be elementwise"),
    (SeesTooMuch(), r"observe\(4\) is 2, it must be observed states in \[0, 2\)"),
    (SeesBackwards(), r"observe\(x\) must be x where all states are observed"),
    (SeesMoreThanThereIs(), "num_observations must be at most num_states, got 6"),
    (FarNeighbours(), r"neighbours\(4\) is \[4 5\]"),
    (OtherNeighbours(), r"neighbours\(0\) must begin with the observed state itself"),
    (HalfNeighbours(), r"neighbours\(x\) must be whole numbers, got float64"),
    (Counts(), "mean_field of population 0 sums to 16"),
    (OneMeanField(), r"mean_field must have shape \(3, 5\) for x \(3, 16\), got \(5,\)"),
    (OtherCrowd(), r"crowd\(law\) must equal mean_field\(players\)"),
    (FloatSizes(), r"num_actions must be an int >= 1, got 2.0"),
    (Horizonless(horizon=0), r"horizon must be an int >= 1 or None, got 0: call super"),
    (Horizonless(discount=2), r"discount must be in \(0, 1\], .* got 2: call super"),
    (Horizonless(horizon=None, discount=1), r"discount .* below 1 without a horizon, got 1"),
    (Unhashable(), "Unhashable cannot be hashed .* use tuples"),
    (Unequal(), r"Unequal must equal dataclasses.replace\(it\)"),
    (Positional(), r"Positional must be declared with @dataclass\(frozen=True, kw_only=True\)"),
    (Melting(), r"Melting must be declared with @dataclass\(frozen=True"),
    ("a game", "str must derive from mfg_envs.game.FiniteGame"),
]
