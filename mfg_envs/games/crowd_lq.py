"""Linear-quadratic crowd on a ring: stay near the mean of all, at a quadratic price.

The gridded relative of the systemic-risk model of Carmona, Fouque, Sun (2015); used as a finite
benchmark by Perrin et al., "Fictitious Play for Mean Field Games" (arXiv 2007.03458).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from mfg_envs.game import Array, Between, Positive, at, check_range
from mfg_envs.games.rings import Ring


@dataclass(frozen=True, kw_only=True)
class CrowdLQ(Ring):
    """Stay near the mean of all; moving costs its square, and pays a little towards the mean.

    Action: a move of -3, ..., 3 cells.  Noise: a push of -3, ..., 3 cells, N(0, volatility^2)
    rounded to cells, the tails folded in.
    Reward: ``time_step / 2 (-a^2 + 2 q a (mean - x) - kappa (mean - x)^2)`` with ``mean = sum_y y
    m(y)``; cells count from 0 and the difference does not wrap.
    Players start anywhere.

    Attributes:
        q: Weight of moving towards the mean.
        kappa: Weight of the squared distance to the mean; at least ``q^2``.
        volatility: Standard deviation of the push before rounding, in cells.
        time_step: Factor of all rewards.
    """

    name: ClassVar[str] = "crowd_lq"
    reach: ClassVar[int] = 3

    num_cells: Annotated[int, Between(3, 10**4)] = 10  # a reward looks at every cell
    q: float = 0.01
    kappa: float = 0.5
    volatility: Positive = 1.0
    time_step: Positive = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("kappa", self.kappa, self.q**2, given=f"q = {self.q}")

    @property
    def push_law(self) -> Array:
        edges = np.arange(-self.reach, self.reach) + 0.5
        below = [0.5 * (1 + math.erf(e / self.volatility / math.sqrt(2))) for e in edges]
        return np.diff([0.0, *below, 1.0])

    def reward(self, t, x, a, m):
        mean = 0.0
        for y in range(self.num_cells):
            mean = mean + y * at(m, x * 0 + y)
        gap, move = mean - x, self.moves[a]
        cost = move * move - 2 * self.q * move * gap + self.kappa * gap * gap
        return -0.5 * self.time_step * cost
