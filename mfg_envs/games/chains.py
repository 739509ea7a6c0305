"""Chains: players walk on a line of cells, towards attractive ones and away from, or to, others.

Moves are one cell left, none, or one right; a slip of one cell may follow, the same to both
sides; whoever would leave the line stays at its end: ``x' = clip(x + a + w, 0, S - 1)``.

``lasry_lions_chain`` dislikes company: with a horizon the game is monotone, its flow unique.
``two_bar_coordination`` likes it: around each of two bars there is an equilibrium of its own.
``no_interaction_chain`` does not care: the best policy is the equilibrium.  Its goal is the middle,
which is ``lasry_lions_chain`` without the crowd, or, ``goal="forward"``, the far end.
Source: Magnino et al., "Bench-MFG" (arXiv 2602.12517), but for the goal in the middle: its game
without interaction, "move forward", is the other one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

import numpy as np

from mfg_envs.game import Array, Between, FiniteGame, Layout, at, check_range


@dataclass(frozen=True, kw_only=True)
class Chain(FiniteGame):
    """Players on a line of cells; a subclass says where they like to be.

    State: the cell.  Action: left 0, stay 1, right 2.  Noise: a slip to the left, none, to the
    right.

    Attributes:
        num_cells: Cells of the line, S.
        slip: Chance of a slip to the left, and of one to the right.
        discount: Weight of the next step; below 1 without a horizon.
        horizon: Steps, or None: no end.

    Raises:
        ValueError: If a parameter is out of its range.
    """

    num_actions = 3

    num_cells: Annotated[int, Between(2, 10**6)] = 7
    slip: Annotated[float, Between(0, 0.5)] = 0.025
    discount: float = 0.9
    horizon: int | None = None

    @property
    def num_states(self) -> int:
        return self.num_cells

    @property
    def initial_law(self) -> Array:
        return np.full(self.num_cells, 1 / self.num_cells)

    def noise_law(self, t, x, a, m):
        slip = self.slip + 0 * a
        return slip, 1 - 2 * slip, slip

    def step(self, t, x, a, m, w):
        return np.minimum(np.maximum(x + a + w - 2, 0), self.num_cells - 1)

    def neighbours(self, x: Array) -> Array:
        around = np.array([0, -1, 1])
        return np.clip(np.asarray(x)[..., None] + around, 0, self.num_cells - 1)

    def layout(self) -> Layout | None:
        moves = ("left", "stay", "right")
        return Layout("line", "last move", np.arange(-1, 2), moves, place_label="cell")


@dataclass(frozen=True, kw_only=True)
class LasryLionsChain(Chain):
    """Everybody wants to be in the middle, and alone there.

    Reward: ``-move_cost |move| - attraction (x - (S - 1) / 2)^2 - crowd_aversion m(x)``.
    In the mean-field limit its rewards are monotone (Lasry, Lions 2007).

    Attributes:
        move_cost: Cost of moving one cell.
        attraction: Cost of being one cell off the middle.
        crowd_aversion: Cost of being where everybody is.
    """

    name: ClassVar[str] = "lasry_lions_chain"
    solution: ClassVar[str] = (
        "With a horizon the rewards are monotone: fictitious play and mirror descent converge "
        "to the one equilibrium, a crowd around the middle.  Without one they do so too, as "
        "far as is seen; a theorem there is not, since players discount."
    )

    move_cost: float = 2.0
    attraction: float = 3.0
    crowd_aversion: float = 40.0

    @cached_property
    def cost(self) -> Array:
        """Cost of being in a cell, (S,)."""
        return self.attraction * (np.arange(self.num_cells) - (self.num_cells - 1) / 2) ** 2

    def reward(self, t, x, a, m):
        return -self.move_cost * np.abs(a - 1) - self.cost[x] - self.crowd_aversion * at(m, x)


@dataclass(frozen=True, kw_only=True)
class NoInteractionChain(LasryLionsChain, goal="middle"):
    """Everybody wants to be in the middle, and does not care who else is there.

    Reward: that of ``lasry_lions_chain`` with ``crowd_aversion`` 0.
    A sanity check for learners: walking to the middle is best whatever the others do.  Then the
    mean-field limit has ``(1 - 2 slip)`` of all players in the middle and ``slip`` beside it.
    """

    name: ClassVar[str] = "no_interaction_chain"
    solution: ClassVar[str] = "The best policy is the equilibrium: go to the middle."

    crowd_aversion: float = 0.0


@dataclass(frozen=True, kw_only=True)
class MoveForwardChain(Chain, goal="forward"):
    """Everybody wants to be at the far end, and does not care who else is there.

    Reward: ``x - move_cost |move|``, "move forward" of Bench-MFG (package 0.1.3).

    Attributes:
        move_cost: Cost of moving one cell.
    """

    name: ClassVar[str] = "no_interaction_chain"
    solution: ClassVar[str] = (
        "Everybody moves right up to the last cell and stays there, since a slip back costs "
        "less than to push against the end (for the default numbers)."
    )

    move_cost: float = 0.1

    def reward(self, t, x, a, m):
        return 1.0 * x - self.move_cost * np.abs(a - 1)


@dataclass(frozen=True, kw_only=True)
class TwoBarCoordination(Chain):
    """Two bars, and everybody wants to be at the one where the others are.

    Reward: ``-move_cost |move| - distance_cost min_b |x - b| + crowd_attraction m(x)`` over the
    bars b.

    Attributes:
        move_cost: Cost of moving one cell.
        distance_cost: Cost of being one cell off the nearest bar.
        crowd_attraction: Reward of being where everybody is.
        bars: Cells with a bar.
    """

    name: ClassVar[str] = "two_bar_coordination"
    solution: ClassVar[str] = (
        "There are several equilibria: all at one bar, or at the other; which one is found "
        "depends on where a learner starts."
    )

    move_cost: float = 4.0
    distance_cost: float = 20.0
    crowd_attraction: float = 5.0
    bars: tuple[int, ...] = (2, 4)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.bars:
            raise ValueError("bars must name at least one cell, got ()")
        for bar in self.bars:
            check_range("bars", bar, 0, self.num_cells - 1, f"num_cells = {self.num_cells}")

    @cached_property
    def cost(self) -> Array:
        """Cost of being in a cell, (S,)."""
        gap = np.abs(np.arange(self.num_cells)[:, None] - np.array(self.bars))
        return self.distance_cost * gap.min(-1)

    def reward(self, t, x, a, m):
        return -self.move_cost * np.abs(a - 1) - self.cost[x] + self.crowd_attraction * at(m, x)

    def layout(self) -> Layout | None:
        plain = super().layout()
        return plain and plain._replace(marks=tuple(("bar", bar) for bar in self.bars))
