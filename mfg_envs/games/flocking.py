"""Flocking on a ring: everybody spends little effort and wants the others ahead.

The road is that of ``ring_road``; no crowd slows anybody down.  Source: a relative of the ring
road in Zhang et al., "Stochastic Semi-Gradient Descent for Learning Mean Field Games"
(arXiv 2408.08192).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mfg_envs.game import at, check_range
from mfg_envs.games.road import Road


@dataclass(frozen=True, kw_only=True)
class Flocking(Road):
    """Choose a speed; moving costs its square, and being behind the others ahead pays.

    State, actions and noise: those of ``Road``.
    Reward: ``-(speed^2 + (1 - c)^2 / 2) / S`` with ``c`` the centre of mass of the players within
    ``radius`` cells, in multiples of the ring: the mean of their cells 1..S, divided by S.  The
    window ends at cells 1 and S; in an empty window c is the player's own cell.

    Attributes:
        radius: Cells a player sees to either side; at most ``num_cells``.
    """

    name: ClassVar[str] = "flocking"
    player_name: ClassVar[str] = "bird"

    radius: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        size = self.num_cells
        check_range("radius", self.radius, 0, size, f"num_cells = {size}")

    def reward(self, t, x, a, m):
        s = self.cell[x]
        mass, moment = 0.0, 0.0
        for d in range(-self.radius, self.radius + 1):
            y = np.minimum(np.maximum(s + d, 0), self.num_cells - 1)
            here = np.where(y == s + d, at(m, y), 0.0)
            mass, moment = mass + here, moment + here * (y + 1)
        somebody = mass > 0
        centre = np.where(somebody, moment / np.where(somebody, mass, 1.0), s + 1.0)
        gap = 1 - centre / self.num_cells
        return 2 * self.price * (self.speeds[a] * self.speeds[a] + 0.5 * gap * gap)
