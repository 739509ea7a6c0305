"""Beach bar on a grid: everybody wants to be near the bar, and away from the others.

The bar attracts, ``- log m(x)`` keeps the players apart.  The game is monotone: fictitious play
and online mirror descent converge to its one equilibrium.
Source: Perrin et al., "Fictitious Play for Mean Field Games" (arXiv 2007.03458).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from mfg_envs.game import Array, Layout, Probability, at, check_range
from mfg_envs.games.rings import NOBODY, Ring


@dataclass(frozen=True, kw_only=True)
class BeachBarGrid(Ring):
    """A beach around a lake with one bar: near the bar, and away from the others.

    Noise: with probability ``noise`` a push of one cell to either side, both alike.
    Reward: ``-d(x, bar) - |a| / n - log(m(x) + 1e-25)``, d the distance along the ring, in cells.
    Players start anywhere.  In the mean-field limit they settle around the bar, at a density
    that falls with the distance.

    Attributes:
        bar: Cell of the bar.
        noise: Chance of a push.
    """

    name: ClassVar[str] = "beach_bar_grid"
    solution: ClassVar[str] = (
        "The game is monotone: fictitious play and online mirror descent converge to its one "
        "equilibrium."
    )

    num_cells: int = 20
    bar: int = 10
    noise: Probability = 0.1
    horizon: int | None = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        size = self.num_cells
        check_range("bar", self.bar, 0, size - 1, f"num_cells = {size}")

    @property
    def push_law(self) -> Array:
        return np.array([self.noise / 2, 1 - self.noise, self.noise / 2])

    @cached_property
    def distance(self) -> Array:
        """Cells to the bar, (S,)."""
        ahead = (np.arange(self.num_cells) - self.bar) % self.num_cells
        return np.minimum(ahead, self.num_cells - ahead)

    def reward(self, t, x, a, m):
        effort = np.abs(self.moves[a]) / self.num_cells
        return -self.distance[x] - effort - np.log(at(m, x) + NOBODY)

    def layout(self) -> Layout | None:
        plain = super().layout()
        return plain and plain._replace(marks=(("bar", self.bar),))
