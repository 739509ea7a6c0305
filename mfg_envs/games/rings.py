"""Players on a ring of cells: what ring games share; each says how it pushes and what it pays.

A random push follows every move: ``x' = x + a + w mod n``.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

import numpy as np

from mfg_envs.game import Array, Between, FiniteGame, Layout

NOBODY = 1e-25
"""Added to the mean field under a logarithm: an empty cell is worth 57.6, not infinity."""


@dataclass(frozen=True, kw_only=True)
class Ring(FiniteGame):
    """Players on a ring of cells; a subclass says how they are pushed and what they earn.

    State: the cell.  Action: a move of ``-reach``, ..., ``reach`` cells.  Noise: a push, likewise.

    Attributes:
        num_cells: Cells, n.
        discount: Weight of the next step.
        horizon: Decisions, T, or None: no end (then ``discount`` < 1).

    Raises:
        ValueError: If a parameter is out of its range.
    """

    player_name: ClassVar[str] = "walker"
    reach: ClassVar[int] = 1

    num_cells: Annotated[int, Between(3, 10**6)] = 10
    discount: float = 1.0
    horizon: int | None = 10

    @property
    def num_states(self) -> int:
        return self.num_cells

    @property
    def num_actions(self) -> int:
        return len(self.moves)

    @property
    def initial_law(self) -> Array:
        return np.full(self.num_states, 1 / self.num_states)

    @cached_property
    def moves(self) -> Array:
        """Cells gained by every action and by every push, int (A,)."""
        return np.arange(-self.reach, self.reach + 1)

    @property
    @abstractmethod
    def push_law(self) -> Array:
        """Law of the push, (K,)."""

    @cached_property
    def chances(self) -> Array:
        """Law of the push after every action, (A, K)."""
        return np.tile(self.push_law, (self.num_actions, 1))

    def noise_law(self, t, x, a, m):
        return self.chances[a]

    def step(self, t, x, a, m, w):
        return (x + self.moves[a] + self.moves[w]) % self.num_cells

    def coordinates(self, x: Array) -> Array:
        angle = 2 * np.pi * np.asarray(x) / self.num_cells
        return np.stack([np.cos(angle), np.sin(angle)], -1)

    def neighbours(self, x: Array) -> Array:
        return (np.asarray(x)[..., None] + np.array([0, -1, 1])) % self.num_cells

    def layout(self) -> Layout | None:
        return Layout("ring", "move (cells)", self.moves)
