"""Crowd modelling: a place everybody likes, and too many who like it.

The middle attracts, ``- log m(x)`` keeps the players apart.  The game is monotone: fictitious
play and online mirror descent converge to its one equilibrium.

Sources: the "beach bar process" of Perrin et al., "Fictitious Play for Mean Field Games"
(arXiv 2007.03458); on the torus Perolat et al., "Scaling up Mean Field Games with Online Mirror
Descent" (arXiv 2103.00623).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from mfg_envs.game import Array, Layout, NonNegative, Probability, at
from mfg_envs.games.grid import MOVES, TORUS, coordinates, landing
from mfg_envs.games.rings import NOBODY, Ring


@dataclass(frozen=True, kw_only=True)
class CrowdModelling(Ring, geometry="ring"):
    """Near the middle of the ring, and away from the others.

    Noise: with probability ``noise`` a push of -1, 0 or 1, all alike.
    Reward: ``1 - |x - h| / h - |a| / n - log(m(x) + 1e-25)`` with ``h = n // 2``; with
    ``with_congestion`` the cost ``|a| / n`` of a move is multiplied by ``m(x)``.
    Players start anywhere.  In the mean-field limit they settle around cell h.

    Attributes:
        noise: Chance of a random push.
        crowd_aversion: Weight of ``log m``.
        with_congestion: Whether moving costs more in a crowd.
    """

    name: ClassVar[str] = "crowd_modelling"
    solution: ClassVar[str] = (
        "The game is monotone: fictitious play and online mirror descent converge to its one "
        "equilibrium."
    )

    noise: Probability = 1.0
    crowd_aversion: NonNegative = 1.0
    with_congestion: bool = False

    @property
    def push_law(self) -> Array:
        alike = np.full(self.num_actions, self.noise / self.num_actions)
        return alike + (1 - self.noise) * (self.effort == 0)

    @cached_property
    def attraction(self) -> Array:
        """Reward of being in a cell, (S,)."""
        half = self.num_cells // 2
        return 1 - np.abs(np.arange(self.num_cells) - half) / half

    @cached_property
    def effort(self) -> Array:
        """Cost of every action, (A,)."""
        return np.abs(self.moves) / self.num_cells

    def reward(self, t, x, a, m):
        here = at(m, x)
        effort = self.effort[a] * np.where(self.with_congestion, here, 1.0)
        return self.attraction[x] - effort - self.crowd_aversion * np.log(here + NOBODY)

    def layout(self) -> Layout | None:
        plain = super().layout()
        return plain and plain._replace(marks=(("best", self.num_cells // 2),))


@dataclass(frozen=True, kw_only=True)
class TorusCrowdModelling(CrowdModelling, geometry="torus"):
    """Near the middle of an n x n torus, and away from the others.

    State: ``n row + column``.  Action: row + 1, column + 1, row - 1, column - 1, stay; the random
    push is one of the same five.  Reward: ``2 - 2 (|row - h| + |column - h|) / n - |a| / n -
    log(m(x) + 1e-25)``, ``h = n // 2``, ``|a|`` = 1 for a move; else as on the ring.
    """

    @property
    def num_states(self) -> int:
        return self.num_cells**2

    @cached_property
    def free(self) -> Array:
        """All cells, bool (n, n)."""
        return np.ones((self.num_cells, self.num_cells), bool)

    @cached_property
    def moves(self) -> Array:
        """Rows and columns gained by every action and by every push, int (A, 2)."""
        return MOVES

    @cached_property
    def after(self) -> Array:
        """Cell reached from every cell by every move, int (S, A)."""
        return landing(self.free, MOVES, wrap=True)

    @cached_property
    def attraction(self) -> Array:
        """Reward of being in a cell, (S,)."""
        gap = np.abs(np.argwhere(self.free) - self.num_cells // 2).sum(-1)
        return 2 - 2 / self.num_cells * gap

    @cached_property
    def effort(self) -> Array:
        """Cost of every action, (A,)."""
        return np.abs(self.moves).sum(-1) / self.num_cells

    def step(self, t, x, a, m, w):
        return self.after[self.after[x, a], w]

    def coordinates(self, x: Array) -> Array:
        return coordinates(self.free)[x]

    def neighbours(self, x: Array) -> Array:
        return np.roll(self.after, 1, -1)[x]

    def layout(self) -> Layout | None:
        moves = ("up", "right", "down", "left", "stay")
        best = (("best cell", self.attraction.argmax()),)
        plan = Layout("grid", "last move", np.arange(5), moves, walls=~self.free, marks=best)
        return plan._replace(place_label=TORUS)
