"""Epidemic: meeting others is what people want, and how they fall ill (SIS).

The crowd acts through the law of motion alone: the more are ill, the more fall ill.  Susceptible
players who fall ill recover and are susceptible again.

Sources: setting "contact_levels": Magnino et al., "Bench-MFG" (arXiv 2602.12517); "two_actions":
the exact check of policy mirror ascent (Yardim et al., arXiv 2212.14449, is its algorithm).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from mfg_envs.game import (
    Array,
    FiniteGame,
    Layout,
    NonNegative,
    Probability,
    at,
    check_range,
)


@dataclass(frozen=True, kw_only=True)
class SIS(FiniteGame, setting="contact_levels"):
    """Five levels of contact; being ill costs 10, and nothing but meeting others infects.

    State: susceptible 0, ill 1.  Action: one of A levels of contact.  Noise: whether the state
    changes.  A susceptible player falls ill with probability ``background[a] + infection
    contact[a] m(ill)``, an ill one recovers with probability ``recovery``.
    Reward: ``well[a]`` if susceptible, ``ill[a]`` if ill; by default ``contact - 10 [ill]``.

    Attributes:
        infection: Chance of falling ill at full contact when everybody is ill.
        recovery: Chance of recovering in one step.
        contact: Contact of every action, (A,).
        background: Chance of falling ill when nobody is, for every action, (A,).
        well: Reward of a susceptible player for every action, (A,).
        ill: Reward of an ill player for every action, (A,).
        discount: Weight of the next step; below 1 without a horizon.
        horizon: Steps, or None: no end.

    Raises:
        ValueError: If a parameter is out of its range, or lengths differ.
    """

    name: ClassVar[str] = "sis"
    solution: ClassVar[str] = (
        "In equilibrium the susceptible are indifferent.  Worth 0 if susceptible and ``V = -9 "
        "/ (1 - .9 .9)`` if ill, they are so at ``m(ill) = 1 / (.9 .8 |V|) = .0293210``; this "
        "share stays if their mean contact is ``.1 / (.8 m(susceptible)) = .128776``.  The ill "
        "have nothing to lose: full contact."
    )
    player_name: ClassVar[str] = "person"
    num_states = 2

    infection: Probability = 0.8
    recovery: Probability = 0.1
    contact: tuple[Probability, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    background: tuple[NonNegative, ...] = (0.0, 0.0, 0.0, 0.0, 0.0)
    well: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    ill: tuple[float, ...] = (-10.0, -9.75, -9.5, -9.25, -9.0)
    discount: float = 0.9
    horizon: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("contact", "background", "well", "ill"):
            values = getattr(self, name)
            if len(values) != len(self.contact) or not values:
                raise ValueError(
                    f"{name} must hold {len(self.contact) or 'some'} numbers, one for every"
                    f" contact, got {values} (contact = {self.contact})"
                )
        worst = np.max(self.background + self.infection * np.array(self.contact))
        check_range("background + infection * contact", float(worst), 0, 1)

    @property
    def num_actions(self) -> int:
        return len(self.contact)

    @property
    def initial_law(self) -> Array:
        return np.full(2, 0.5)

    @cached_property
    def risk(self) -> Array:
        """Chance of changing state when nobody is ill, (2, A)."""
        return np.array([self.background, [self.recovery] * self.num_actions], float)

    @cached_property
    def contagion(self) -> Array:
        """What one unit of illness adds to that chance, (2, A)."""
        return np.array([self.contact, [0.0] * self.num_actions]) * self.infection

    @cached_property
    def payoff(self) -> Array:
        """Reward of every state and action, (2, A)."""
        return np.array([self.well, self.ill], float)

    def noise_law(self, t, x, a, m):
        change = self.risk[x, a] + self.contagion[x, a] * at(m, x * 0 + 1)
        return 1 - change, change

    def step(self, t, x, a, m, w):
        return np.where(w == 1, 1 - x, x)

    def reward(self, t, x, a, m):
        return self.payoff[x, a]

    def neighbours(self, x: Array) -> Array:
        return np.stack([x, 1 - np.asarray(x)], -1)

    def layout(self) -> Layout | None:
        contact = np.array(self.contact)
        return Layout("few", "level of contact", contact, labels=("susceptible", "ill"))


@dataclass(frozen=True, kw_only=True)
class TwoActionSIS(SIS, setting="two_actions"):
    """Go out (0) or stay at home (1); the illness also comes from outside.

    Going out, a susceptible player falls ill with probability ``.1 + .6 m(ill)``, at home with
    .05; an ill one recovers with probability .3.  Rewards ``[[1, .6], [.2, .2]]``.
    """

    solution: ClassVar[str] = (
        "With an entropy bonus of weight .2 the susceptible go out with probability .609131 "
        "and the ill with .5; then .449147 of all are ill."
    )
    infection: float = 0.6
    recovery: float = 0.3
    contact: tuple[float, ...] = (1.0, 0.0)
    background: tuple[float, ...] = (0.1, 0.05)
    well: tuple[float, ...] = (1.0, 0.6)
    ill: tuple[float, ...] = (0.2, 0.2)
