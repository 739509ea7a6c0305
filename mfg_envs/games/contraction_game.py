"""Contraction game: two places, a price for changing over, and a crowd nobody likes.

The smallest stationary game whose best-response map contracts.  Source: Magnino et al.,
"Bench-MFG" (arXiv 2602.12517).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mfg_envs.game import Array, FiniteGame, Layout, NonNegative, at


@dataclass(frozen=True, kw_only=True)
class ContractionGame(FiniteGame):
    """Two places; whoever switches pays, and so does whoever is in company.

    State: the place, 0 or 1.  Action: stay 0, switch 1.  No noise.
    Reward: ``-switching_cost [a = switch] - crowd_aversion m(x)``.
    Half of the players start in each place.

    Attributes:
        switching_cost: Of one switch.
        crowd_aversion: Cost of being where everybody is.
        discount: Weight of the next step; below 1 without a horizon.
        horizon: Steps, or None: no end.

    Raises:
        ValueError: If a parameter is out of its range.
    """

    name: ClassVar[str] = "contraction_game"
    solution: ClassVar[str] = (
        "Nobody can gain by switching: half of the players stay in each place."
    )
    num_states, num_actions = 2, 2

    switching_cost: NonNegative = 2.0
    crowd_aversion: NonNegative = 2.0
    discount: float = 0.9
    horizon: int | None = None

    @property
    def initial_law(self) -> Array:
        return np.full(2, 0.5)

    def noise_law(self, t, x, a, m):
        return (1.0 + 0 * a,)

    def step(self, t, x, a, m, w):
        return (x + a) % 2

    def reward(self, t, x, a, m):
        return -self.switching_cost * a - self.crowd_aversion * at(m, x)

    def neighbours(self, x: Array) -> Array:
        return np.stack([x, 1 - np.asarray(x)], -1)

    def layout(self) -> Layout | None:
        moves, places = ("stay", "switch"), ("place 0", "place 1")
        return Layout("few", "last action", np.arange(2), moves, labels=places)
