"""Left or right: one choice, and the right side is twice as sensitive to the crowd.

The smallest mean-field game with an interior equilibrium: a share p of players on the left
leaves them indifferent where ``p = 2 (1 - p)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from mfg_envs.game import Array, FiniteGame, Layout, Positive, at


@dataclass(frozen=True, kw_only=True)
class LeftRight(FiniteGame):
    """All players stand in the centre and choose a side once; then they pay for the company.

    State: centre 0, left 1, right 2.  Action: left 0, right 1; the player is there one step
    later.  No noise.  Reward: ``-left_cost m(left)`` on the left, ``-right_cost m(right)`` on the
    right, 0 in the centre.  The choice is paid for where it leads to, so one choice takes
    two steps: it is made at t = 0 and paid at t = 1, where the action has no effect any more.

    Attributes:
        left_cost: Cost of being on the left with everybody.
        right_cost: Cost of being on the right with everybody.
        discount: Weight of the next step.
        horizon: Decisions; T - 1 of them are choices.

    Raises:
        ValueError: If a parameter is out of its range.
    """

    name: ClassVar[str] = "left_right"
    solution: ClassVar[str] = (
        "In equilibrium ``m(left) = right_cost / (left_cost + right_cost) = 2/3``."
    )
    num_states, num_actions = 3, 2

    left_cost: Positive = 1.0
    right_cost: Positive = 2.0
    discount: float = 1.0
    horizon: int | None = 2

    @property
    def initial_law(self) -> Array:
        return np.array([1.0, 0.0, 0.0])

    @cached_property
    def cost(self) -> Array:
        """Cost of being in a state with everybody, (3,)."""
        return np.array([0.0, self.left_cost, self.right_cost])

    def noise_law(self, t, x, a, m):
        return (1.0 + 0 * a,)

    def step(self, t, x, a, m, w):
        return a + 1

    def reward(self, t, x, a, m):
        return -self.cost[x] * at(m, x)

    def coordinates(self, x: Array) -> Array:
        return np.array([0.0, -1.0, 1.0])[x][..., None]

    def neighbours(self, x: Array) -> Array:
        return (np.asarray(x)[..., None] + np.arange(3)) % 3

    def layout(self) -> Layout | None:
        states = ("centre", "left", "right")
        return Layout("few", "last choice", np.arange(2), states[1:], labels=states)
