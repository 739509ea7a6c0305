"""Rock, paper, scissors: everybody plays against the whole population, one move late.

The interaction is skew-symmetric: there is no potential, and best responses run in circles
around the one equilibrium.  Source: Magnino et al., "Bench-MFG" (arXiv 2602.12517).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from mfg_envs.game import Array, FiniteGame, Layout, at


@dataclass(frozen=True, kw_only=True)
class RockPaperScissors(FiniteGame):
    """A player holds what it chose last: rock 0, paper 1, scissors 2.

    State: the last choice.  Action: the next one; it becomes the state.  No noise.
    Reward: ``(A m)(x)``, ``A = [[0, -1, 1], [1, 0, -1], [-1, 1, 0]]``: the share of players that
    the last choice beats minus the share that beats it.

    Attributes:
        discount: Weight of the next step; below 1 without a horizon.
        horizon: Steps, or None: no end.
    """

    name: ClassVar[str] = "rock_paper_scissors"
    solution: ClassVar[str] = "The only equilibrium is the uniform law: everybody earns 0."
    num_states, num_actions = 3, 3

    discount: float = 0.9
    horizon: int | None = None

    @property
    def initial_law(self) -> Array:
        return np.full(3, 1 / 3)

    @cached_property
    def payoff(self) -> Array:
        """What a choice earns against another, (3, 3)."""
        return np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])

    def noise_law(self, t, x, a, m):
        return (1.0 + 0 * a,)

    def step(self, t, x, a, m, w):
        return a

    def reward(self, t, x, a, m):
        r = 0.0
        for y in range(3):
            r = r + self.payoff[x, y] * at(m, x * 0 + y)
        return r

    def coordinates(self, x: Array) -> Array:
        angle = 2 * np.pi * np.asarray(x) / 3
        return np.stack([np.cos(angle), np.sin(angle)], -1)

    def neighbours(self, x: Array) -> Array:
        return (np.asarray(x)[..., None] + np.arange(3)) % 3

    def layout(self) -> Layout | None:
        names = ("rock", "paper", "scissors")
        return Layout("few", "last choice", np.arange(3), names, labels=names)
