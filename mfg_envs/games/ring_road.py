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

from mfg_envs.game import Array, Between, at
from mfg_envs.games.road import Road


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
