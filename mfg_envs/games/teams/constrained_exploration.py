"""Constrained exploration: a leader and its followers explore a grid, far apart but in one row.

The followers earn most at a distance from the leader, yet in its row; the further away they are,
the further they are thrown towards the last row and column.  Nothing is random.

Source: Anand, Karmarkar, Qu, "Mean-Field Sampling for Cooperative Multi-Agent Reinforcement
Learning" (arXiv 2412.00661), as printed.  The rewards that its figure shows are those of another
task of the authors: no curve in k can be compared with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from mfg_envs.game import Array, Between, Layout, TeamGame

MOVES = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
"""What the four actions add to a place (i, j): up, down, right, left."""


@dataclass(frozen=True, kw_only=True)
class ConstrainedExploration(TeamGame):
    """A grid of ``size`` by ``size`` places (i, j), counted from 1; state (i - 1) size + j - 1.

    Actions of both kinds: up (1, 0), down (-1, 0), right (0, 1), left (0, -1).
    Moves: ``s_g' = clip(s_g + a_g)`` and ``s' = clip(s + |s - s_g| + a)``, each component for
    itself.  No noise.  First places: uniform.
    Global reward, with h = size // 2: up earns ``2 max(h + 1 - i, 0)``, down ``2 max(i - h, 0)``.
    Local reward: ``1 + 6 [same i as the leader] + 2 ||s - s_g||_1``; the 1 is the paper's
    reward of an action that is not zero, and no action is.

    Attributes:
        size: Places in a row and in a column.
        discount: Weight of the next step; below 1 without a horizon.

    Raises:
        ValueError: If a parameter is out of its range.
    """

    name: ClassVar[str] = "constrained_exploration"
    solution: ClassVar[str] = (
        "With one follower the value of the best policy is 196.4904 on average over the "
        "states, 232.1053 at most, and 194.3273 with both at (1, 1)."
    )
    num_global_actions = num_local_actions = len(MOVES)

    size: Annotated[int, Between(2, 40)] = 6
    discount: float = 0.9

    @property
    def num_global_states(self) -> int:
        return self.size**2

    @property
    def num_local_states(self) -> int:
        return self.size**2

    def step_global(self, x_g, a_g, w_g):
        i, j = x_g // self.size, x_g % self.size
        return self.place(i + MOVES[a_g, 0], j + MOVES[a_g, 1])

    def step_local(self, x, x_g, a, w):
        i, j = x // self.size, x % self.size
        away_i, away_j = np.abs(i - x_g // self.size), np.abs(j - x_g % self.size)
        return self.place(i + away_i + MOVES[a, 0], j + away_j + MOVES[a, 1])

    def reward_global(self, x_g, a_g, m):
        beyond = x_g // self.size + 1 - self.size // 2
        up, down = np.maximum(1 - beyond, 0), np.maximum(beyond, 0)
        return 2.0 * np.where(a_g == 0, up, np.where(a_g == 1, down, 0))

    def reward_local(self, x, x_g, a):
        away_i = np.abs(x // self.size - x_g // self.size)
        away_j = np.abs(x % self.size - x_g % self.size)
        return 1.0 + 6.0 * (away_i == 0) + 2.0 * (away_i + away_j)

    def place(self, i: Any, j: Any) -> Any:
        """Return the state of the place nearest to (i, j), both counted from 0."""
        last = self.size - 1
        i, j = np.minimum(np.maximum(i, 0), last), np.minimum(np.maximum(j, 0), last)
        return i * self.size + j

    def local_coordinates(self, x: Array) -> Array:
        return 2.0 * np.stack([x // self.size, x % self.size], -1) / (self.size - 1) - 1

    def global_coordinates(self, x_g: Array) -> Array:
        return self.local_coordinates(x_g)

    def layout(self, x_g: int) -> Layout:
        walls, steps = np.zeros((self.size, self.size), bool), ("i + 1", "i - 1", "j + 1", "j - 1")
        return Layout(
            "grid", "action", np.arange(4), action_names=steps, walls=walls,
            marks=(("global agent", x_g),),
        )  # fmt: skip

    def global_words(self, x_g: int) -> str:
        return f"global agent at {x_g // self.size + 1, x_g % self.size + 1}"
