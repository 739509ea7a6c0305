"""Ring road: drivers choose a speed; the crowd around them lowers the speed they want.

Every vehicle drives on a ring of S cells for ever.  Only the density couples the vehicles.
The wanted speed is a mix of a location term ``b(s)`` (two slow stretches a lap) and of
Greenshields' speed ``(1 - density / jam) / 2``; the reward is minus half the squared distance
of the speed to the wanted speed, times the time step 1/S.

The relatives "lwr", "separable" and "non_separable" have other costs and a finite horizon.

Sources: Huang, Di, Du, Chen (2020); reward "additive": Zhang, Chen, Di, "A Single Online Agent
Can Efficiently Learn Mean Field Games" (arXiv 2405.03718); reward "min": Zhang et al.,
"Stochastic Semi-Gradient Descent for Learning Mean Field Games" (arXiv 2408.08192).
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np

from mfg_envs.game import Array, Between, FiniteGame, Layout, OneOf, at


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


@dataclass(frozen=True, kw_only=True)
class SpeedControl(Road):
    """Drivers who pay for the gap between their speed and the one they want.

    State, actions and noise: those of ``Road``.
    Reward: ``-gap^2 / 2 / num_cells``; a subclass says what the gap is.

    Attributes:
        jam_density: Density at which traffic stops, in multiples of the average.
    """

    name: ClassVar[str] = "ring_road"

    jam_density: Annotated[float, Between(1e-9)] = 3.0

    @abstractmethod
    def gap(self, s: Any, a: Any, m: Any) -> Any:
        """Return by how much the speed misses the wanted one in the cell s."""

    def reward(self, t, x, a, m):
        gap = self.gap(self.cell[x], a, m)
        return gap * gap * self.price


@dataclass(frozen=True, kw_only=True)
class RingRoad(SpeedControl, reward="min"):
    """Speed control on a ring road; the wanted speed is the smaller of the two terms.

    State, actions and noise: those of ``Road``.
    Reward: ``-(speed - min(b(s), (1 - density / jam_density) / 2))^2 / 2 / num_cells``, with
    ``b(s) = 0.2 (sin(4 pi (s + 1) / S) + 2)``.
    """

    @cached_property
    def location(self) -> Array:
        """Location term b of the wanted speed, (S,)."""
        s = np.arange(1, self.num_cells + 1)
        return 0.2 * (np.sin(4 * np.pi * s / self.num_cells) + 2)

    @cached_property
    def slowdown(self) -> float:
        """What one unit of mass in a cell takes off Greenshields' speed."""
        return 0.5 * self.num_cells / self.jam_density

    def greenshields(self, s: Any, m: Any) -> Any:
        """Return the speed that the crowd in the cell s leaves."""
        return 0.5 - at(m, s) * self.slowdown

    def gap(self, s: Any, a: Any, m: Any) -> Any:
        return self.speeds[a] - np.minimum(self.location[s], self.greenshields(s, m))


@dataclass(frozen=True, kw_only=True)
class AdditiveRingRoad(RingRoad, reward="additive"):
    """Speed control on a ring road; the wanted speed is the sum of the two terms.

    Action j: speed ``j / num_speeds``.  Reward: ``-(speed - b(s) - (1 - density / jam_density)
    / 2)^2 / 2 / num_cells`` with ``b(s) = 0.2 (sin(4 pi s / S) + 1)``; else as ``RingRoad``.
    """

    @cached_property
    def speeds(self) -> Array:
        """Speed of every action in cells a step, (A,)."""
        return np.arange(self.num_speeds) / self.num_speeds

    @cached_property
    def location(self) -> Array:
        """Location term b of the wanted speed, (S,)."""
        return 0.2 * (np.sin(4 * np.pi * np.arange(self.num_cells) / self.num_cells) + 1)

    def gap(self, s: Any, a: Any, m: Any) -> Any:
        return self.speeds[a] - self.location[s] - self.greenshields(s, m)


@dataclass(frozen=True, kw_only=True)
class LWR(SpeedControl, reward="lwr"):
    """Speed control for a finite time; the wanted speed is Greenshields', one minus the density.

    Reward: ``-(1 - speed - rho)^2 / 2 / S`` with ``rho = density / jam_density``; speeds as in
    ``RingRoad``; no discount, T = 50 steps of 1/S.  The uniform flow stays uniform: on it everybody
    drives ``1 - rho``.
    """

    discount: float = 1.0
    horizon: int | None = 50

    @cached_property
    def crowding(self) -> float:
        """Density of one unit of mass in a cell, in multiples of the jam density."""
        return self.num_cells / self.jam_density

    def density(self, s: Any, m: Any) -> Any:
        """Return rho in the cell s."""
        return at(m, s) * self.crowding

    def gap(self, s: Any, a: Any, m: Any) -> Any:
        return 1 - self.speeds[a] - self.density(s, m)


@dataclass(frozen=True, kw_only=True)
class Separable(LWR, reward="separable"):
    """Speed control for a finite time; speed and density are paid for separately.

    Reward: ``-(speed^2 / 2 + rho - speed) / S``; else as "lwr".
    """

    def reward(self, t, x, a, m):
        u, rho = self.speeds[a], self.density(self.cell[x], m)
        return 2 * self.price * (0.5 * u * u + rho - u)


@dataclass(frozen=True, kw_only=True)
class NonSeparable(LWR, reward="non_separable"):
    """Speed control for a finite time; density makes speed dearer.

    Reward: ``-(speed^2 / 2 + rho speed - speed) / S``; else as "lwr".
    """

    def reward(self, t, x, a, m):
        u, rho = self.speeds[a], self.density(self.cell[x], m)
        return 2 * self.price * (0.5 * u * u + rho * u - u)
