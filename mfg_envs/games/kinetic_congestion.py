"""Kinetic congestion: a crowded cell cannot be entered; everybody wants to the same corner.

The crowd acts through the law of motion alone: rewards do not read the mean field.
Source: Magnino et al., "Bench-MFG" (arXiv 2602.12517).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

import numpy as np

from mfg_envs.game import Array, Between, FiniteGame, Layout, Positive, at, check_range
from mfg_envs.games.grid import MOVES, STAY, coordinates, landing


@dataclass(frozen=True, kw_only=True)
class KineticCongestion(FiniteGame):
    """Walk to the target; a move into a cell succeeds the less often, the fuller the cell is.

    State: ``num_columns row + column``, row 0 at the bottom.  Action: up (row + 1), right, down,
    left, stay.  Noise: whether the move fails; into another cell y it succeeds with probability
    ``1 - min(1, m(y) / capacity)``, else the player stays.  Moves over the border stay.
    Reward: ``-[x != target] - move_cost [a != stay]``.  Players start anywhere.
    In the mean-field limit the target fills until nobody can enter: a queue forms around it.

    Attributes:
        num_rows: Rows of cells.
        num_columns: Columns of cells.
        target: The cell everybody wants to.
        capacity: Share of all players at which a cell is full.
        move_cost: Cost of trying to move.
        discount: Weight of the next step; below 1 without a horizon.
        horizon: Steps, or None: no end.

    Raises:
        ValueError: If a parameter is out of its range.
    """

    name: ClassVar[str] = "kinetic_congestion"
    player_name: ClassVar[str] = "walker"
    num_actions = len(MOVES)

    num_rows: Annotated[int, Between(1, 10**4)] = 5
    num_columns: Annotated[int, Between(1, 10**4)] = 5
    target: int = 24
    capacity: Positive = 0.18
    move_cost: float = 0.1
    discount: float = 0.9
    horizon: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        size = f"num_rows x num_columns = {self.num_rows} x {self.num_columns}"
        check_range("target", self.target, 0, self.num_states - 1, size)

    @property
    def num_states(self) -> int:
        return self.num_rows * self.num_columns

    @property
    def initial_law(self) -> Array:
        return np.full(self.num_states, 1 / self.num_states)

    @cached_property
    def free(self) -> Array:
        """All cells, bool (num_rows, num_columns)."""
        return np.ones((self.num_rows, self.num_columns), bool)

    @cached_property
    def goal(self) -> Array:
        """Cell every move is meant to lead to, int (S, A)."""
        return landing(self.free, MOVES)

    def noise_law(self, t, x, a, m):
        goal = self.goal[x, a]
        fails = np.where(goal == x, 0.0, np.minimum(1.0, at(m, goal) / self.capacity))
        return 1 - fails, fails

    def step(self, t, x, a, m, w):
        return np.where(w == 0, self.goal[x, a], x)

    def reward(self, t, x, a, m):
        return -1.0 * (x != self.target) - self.move_cost * (a != STAY)

    def coordinates(self, x: Array) -> Array:
        return coordinates(self.free)[x]

    def neighbours(self, x: Array) -> Array:
        return np.roll(self.goal, 1, -1)[x]

    def layout(self) -> Layout | None:
        moves = ("up", "right", "down", "left", "stay")
        marks = (("target", self.target),)
        return Layout("grid", "last move", np.arange(5), moves, walls=~self.free, marks=marks)
