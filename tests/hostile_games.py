"""Games with one fault each, as users write them, and the words that name it at the first use."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from toys import Melting, Walk

from mfg_envs.game import at

CHANCE = np.random.default_rng(0)
SAME = "gives a player something else when it is asked again, without some of the others"


@dataclass(frozen=True, kw_only=True)
class Endless(Walk):
    """Sound: without an end."""

    horizon: int | None = None

    @cached_property
    def price(self):
        return np.array([1.0, 2.0, 3.0])


@dataclass(frozen=True, kw_only=True)
class Listed(Walk):
    """A field that cannot be hashed."""

    prices: list = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Late(Walk):
    """Sound, but for a fault at t = 1, if one is planted: a class that is compiled once."""

    leap: int = 0
    leak: float = 0.0
    hole: float = 0.0

    def __post_init__(self):  # a reward of NaN is a fault to be found later
        pass

    def noise_law(self, t, x, a, m):
        go = 0.75 * a
        return 1 - go - self.leak * (t == 1), go

    def step(self, t, x, a, m, w):
        return (x + w) % 5 + self.leap * (t == 1)

    def reward(self, t, x, a, m):
        return np.where(t == 1, self.hole, 0.1 * x - at(m, x))


class Fault(NamedTuple):
    """A faulty game, and the words that name its fault (a regular expression).

    ``late`` ones pass the first look, which sees t = 0, t = T - 1 and the first crowd.
    """

    game: Any
    words: str
    late: bool = False


def fault(words: str, base: Any = Walk, late: bool = False, **overrides: Any) -> Fault:
    """Return a fault that is planted by overriding what a sound class says."""
    kind = type(f"Faulty{base.__name__}", (base,), overrides) if overrides else base
    return Fault(kind(), words, late)


def _overwrite(self, t, x, a, m, w):
    x += w
    x %= 5
    return x


def _if(self, t, x, a, m):
    if x > 2:
        return 1.0
    return 0.0


LAW = r"noise_law\(t=\d, x=\d, a=\d\) must be probabilities that sum to one"
OUT = r"step\(t=\d, x=\d, a=\d, w=\d\) leads to .*, which is not a state in \[0, 5\)"
FINITE = {
    "LosesMass": fault(LAW, noise_law=lambda self, t, x, a, m: (0.5 - 0.1 * (x == 3), 0.5)),
    "NegativeChance": fault(LAW, noise_law=lambda self, t, x, a, m: (1.5, -0.5 + 0 * x)),
    "ChanceIsNaN": fault(LAW, noise_law=lambda self, t, x, a, m: (np.nan + 0 * x, 0.5)),
    "LawStackedInFront": fault(
        "noise_law fails for arguments of shapes",
        noise_law=lambda self, t, x, a, m: np.stack([1 - a, a]),
    ),
    "RewardIsNaN": fault(
        r"reward\(t=0, x=0, a=0\) is nan, not a finite number",
        reward=lambda self, t, x, a, m: np.log(at(m, x) - 1),
    ),
    "RewardIsInfinite": fault(
        r"reward\(t=0, x=0, a=0\) is inf", reward=lambda self, t, x, a, m: np.inf + x
    ),
    "RewardIsComplex": fault(
        "reward returns complex128, it must be real numbers", reward=lambda self, t, x, a, m: 1j * x
    ),
    "RewardIsNothing": fault(
        "reward returns object, it must be real numbers", reward=lambda self, t, x, a, m: None
    ),
    "RewardIsAWord": fault(
        "reward returns <U4, it must be real numbers", reward=lambda self, t, x, a, m: "much"
    ),
    "RewardHasAnAxisTooMany": fault(
        r"reward returns shape \(10, 1\) for players \(10,\)",
        reward=lambda self, t, x, a, m: at(m, x)[..., None],
    ),
    "RanksPlayers": fault(
        f"reward {SAME}", reward=lambda self, t, x, a, m: 0.1 * np.arange(np.shape(x)[-1]) + 0 * x
    ),
    "MeetsEverybody": fault(f"reward {SAME}", reward=lambda self, t, x, a, m: 1.0 * x - np.mean(x)),
    "DrawsItsOwnNoise": fault(
        f"step {SAME}",
        step=lambda self, t, x, a, m, w: (x + CHANCE.integers(2, size=np.shape(x + w))) % 5,
    ),
    "OverwritesState": fault(
        r"step fails for arguments|step changes its arguments", step=_overwrite
    ),
    "LeavesTheRing": fault(OUT, step=lambda self, t, x, a, m, w: x + w),
    "LeavesBelow": fault(OUT, step=lambda self, t, x, a, m, w: x - w),
    "StepsByHalves": fault(
        "step returns float64, states are whole numbers",
        step=lambda self, t, x, a, m, w: (x + w / 2) % 5,
    ),
    "StepIsNaN": fault(
        "step returns float64, states are whole numbers",
        step=lambda self, t, x, a, m, w: np.where(x == 2, np.nan, x),
    ),
    "LawIsTooShort": fault(
        r"initial_law must have shape \(5,\), .*got \(2,\)", initial_law=np.array([0.5, 0.5])
    ),
    "LawIsTooHeavy": fault("initial_law", initial_law=np.full(5, 0.4)),
    "LawIsNaN": fault("initial_law", initial_law=np.array([0.5, 0.5, np.nan, 0, 0])),
    "LawIsNegative": fault("initial_law", initial_law=np.array([1.5, -0.5, 0, 0, 0])),
    "NoWayOut": fault(
        "state 3 has no legal action", legal_actions=np.arange(5)[:, None] != np.array([3, 3])
    ),
    "LegalAsNumbers": fault(
        r"legal_actions must be bool \(5, 2\), got int64", legal_actions=np.ones((5, 2), int)
    ),
    "LegalIsTurned": fault(
        r"legal_actions must be bool \(5, 2\), got bool \(2, 5\)",
        legal_actions=np.ones((2, 5), bool),
    ),
    "PlaceOutOfRange": fault(
        r"place\(3\) is 3000000, which is no place in \[0, 5\)",
        place=lambda self, x: np.where(x == 3, 3_000_000, x),
    ),
    "PlaceIsNaN": fault(
        "place returns float64, places are whole numbers",
        place=lambda self, x: np.where(x == 3, np.nan, x),
    ),
    "ObserveIsNegative": fault(
        r"observe\(0\) is -1, which is no observed state in \[0, 5\)",
        observe=lambda self, x: x - 1,
    ),
    "SizesByHalves": fault("num_states must be an int >= 1, got 2.5", num_states=2.5),
    "NothingToDo": fault("num_actions must be an int >= 1, got 0", num_actions=0),
    "ReadsTheClock": fault(
        base=Endless,
        words="reward reads t, but horizon is None",
        reward=lambda self, t, x, a, m: 0.1 * x + t,
    ),
    "PriceEndsEarly": fault(
        base=Endless,
        words="reward fails for arguments of shapes .*IndexError",
        reward=lambda self, t, x, a, m: self.price[t] + 0 * x,
    ),
    "PriceEndsBeforeTheHorizon": fault(
        "reward fails for arguments of shapes .*IndexError",
        reward=lambda self, t, x, a, m: self.price[t] * x,
        price=np.ones(3),
    ),
    "Listed": fault("Listed cannot be hashed", Listed),
    "Melting": fault("Melting cannot be hashed", Melting),
    "ChoosesByIf": fault("reward fails for arguments of shapes .*np.where for choices", reward=_if),
    "IndexesTheCrowd": fault(
        r"reward fails for arguments of shapes .*at\(m, x\)",
        reward=lambda self, t, x, a, m: -1.0 * m[x],
    ),
    "UsesMath": fault(
        "reward fails for arguments of shapes", reward=lambda self, t, x, a, m: math.exp(x)
    ),
    "CrowdLosesMass": fault(
        "crowd must be probabilities that sum to one", crowd=lambda self, law: 0.9 * law
    ),
    "CrowdIsFlat": fault(
        r"crowd must give finite numbers of shape \(5,\), got", crowd=lambda self, law: law.sum(-1)
    ),
    "LeapsLate": Fault(Late(leap=1_000_000), OUT, late=True),
    "LeaksLate": Fault(
        Late(leak=0.1), r"noise_law\[.*must be probabilities that sum to one", late=True
    ),
    "IsNaNLate": Fault(
        Late(hole=np.nan), r"reward\(t=1, x=\d, a=\d\) is nan, not a finite number", late=True
    ),
}
NO_VIEW = {
    "NeighboursOutOfRange": fault(
        r"neighbours\(4\) is \[5\], observed states are in \[0, 5\)",
        neighbours=lambda self, x: (x + 1)[..., None],
    ),
    "CoordinatesAreWild": fault(
        r"coordinates\(2\) is \[2\], it must be finite and in \[-1, 1\]",
        coordinates=lambda self, x: x[..., None],
    ),
}
"""Faults that only those meet who look at what players see."""
