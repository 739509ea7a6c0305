"""The road of the ring games: vehicles on a ring of cells for ever, and how they move.

A vehicle chooses a speed, in cells a step; ``ring_road`` and ``flocking`` say what it earns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

import numpy as np

from mfg_envs.game import Array, Between, FiniteGame, Layout, OneOf


@dataclass(frozen=True, kw_only=True)
class Road(FiniteGame):
    """Vehicles on a ring of cells that choose a speed; a subclass says what they earn.

    State: the cell (dynamics "cell"), or the position on a grid of ``num_speeds`` points a cell
    ("position": moves by exactly the speed; observed: the nearest cell, half a cell up).
    Action j: speed ``(j + 1) / num_speeds`` cells a step.  Noise: whether the cell is left.

    Attributes:
        num_cells: Cells on the ring, S.
        num_speeds: Speeds to choose from, A.
        dynamics: "cell" (next cell with probability speed) or "position" (exact moves).
        discount: Weight of the next step; below 1 without a horizon.
        horizon: Steps, or None: no end.

    Raises:
        ValueError: If a parameter is out of its range.
    """

    player_name: ClassVar[str] = "vehicle"

    num_cells: Annotated[int, Between(2, 10**6)] = 50
    num_speeds: Annotated[int, Between(1, 10**4)] = 50
    dynamics: Annotated[str, OneOf("cell", "position")] = "cell"
    discount: float = 0.98
    horizon: int | None = None

    @property
    def num_states(self) -> int:
        return self.num_cells * self.points_per_cell

    @property
    def num_actions(self) -> int:
        return self.num_speeds

    @property
    def num_observations(self) -> int:
        return self.num_cells

    @property
    def points_per_cell(self) -> int:
        """Private positions a cell."""
        return self.num_speeds if self.dynamics == "position" else 1

    @property
    def initial_law(self) -> Array:
        return np.full(self.num_states, 1 / self.num_states)

    @cached_property
    def speeds(self) -> Array:
        """Speed of every action in cells a step, (A,)."""
        return np.arange(1, self.num_speeds + 1) / self.num_speeds

    @cached_property
    def price(self) -> float:
        """Reward of a squared gap of one, for one time step 1/S."""
        return -0.5 / self.num_cells

    @cached_property
    def stride(self) -> Array:
        """Points moved when the noise says go, int (A,)."""
        points = np.rint(self.speeds * self.num_speeds).astype(np.int64)
        return points if self.dynamics == "position" else np.ones_like(points)

    @cached_property
    def go(self) -> Array:
        """Probability of going, (A,)."""
        return np.ones(self.num_speeds) if self.dynamics == "position" else self.speeds

    @cached_property
    def cell(self) -> Array:
        """Observed cell of every private state, int (num_states,)."""
        points = self.points_per_cell
        return (np.arange(self.num_states) + points // 2) // points % self.num_cells

    def observe(self, x):
        return self.cell[x]

    def noise_law(self, t, x, a, m):
        go = self.go[a]
        return 1 - go, go

    def step(self, t, x, a, m, w):
        return (x + w * self.stride[a]) % self.num_states

    def coordinates(self, x: Array) -> Array:
        angle = 2 * np.pi * np.asarray(x) / self.num_states
        return np.stack([np.cos(angle), np.sin(angle)], -1)

    def neighbours(self, x: Array) -> Array:
        around = np.array([0, 1, 2, 3, -1])  # its own cell, three ahead, one behind
        return (self.cell[x][..., None] + around) % self.num_cells

    def layout(self) -> Layout:
        return Layout("ring", "speed (cells per step)", self.speeds)
