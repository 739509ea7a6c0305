"""Price impact: traders unwind their stock, and together they move the price.

The optimal execution game of Magnino et al., "Solving Continuous Mean Field Games" (arXiv
2510.22158), after Carmona and Lacker (2015): a mean field of controls.  READ there: X = [-5, 5],
a in [-1, 1], ``x' = x + a + N(0, 1)``, the reward, first stock even on [0, 5], 11 decisions.
Ours: the costs (1, 1), the impact .5, and that the stock stays within its limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from mfg_envs.game import (
    Between,
    ContinuousGame,
    Layout,
    NonNegative,
    Normal,
    Positive,
    Uniform,
    spread,
)


@dataclass(frozen=True, kw_only=True)
class PriceImpact(ContinuousGame):
    """Traders with a stock; the price follows their mean trade.

    State: stock x in [-limit, limit].  Action: a trade.  Noise: normal.  ``x' = x + a + w``, cut
    off at the limits.  Mean field: the mean action m.
    Reward: ``-stock_cost x^2 - action_cost a^2 + impact x m``.

    Attributes:
        stock_cost: Of a squared stock of one.
        action_cost: Of a squared trade of one.
        impact: Price change by a mean trade of one.
        noise_scale: Standard deviation of the noise.
        limit: Largest stock.
        trade_limit: Largest trade.

    Raises:
        ValueError: If a parameter is out of its range.
    """

    name: ClassVar[str] = "price_impact"
    player_name: ClassVar[str] = "trader"
    mean_field_kind: ClassVar[str] = "mean_action"
    initial_law = (Uniform(0.0, 5.0),)

    stock_cost: NonNegative = 1.0
    action_cost: NonNegative = 1.0
    impact: NonNegative = 0.5
    noise_scale: Positive = 1.0
    limit: Annotated[float, Between(5)] = 5.0
    trade_limit: Positive = 1.0
    discount: float = 1.0
    horizon: int | None = 11

    @property
    def state_low(self) -> tuple[float, ...]:
        return (-self.limit,)

    @property
    def state_high(self) -> tuple[float, ...]:
        return (self.limit,)

    @property
    def action_low(self) -> tuple[float, ...]:
        return (-self.trade_limit,)

    @property
    def action_high(self) -> tuple[float, ...]:
        return (self.trade_limit,)

    def noise_law(self, t, x, a, m):
        return Normal(0.0, self.noise_scale)

    def step(self, t, x, a, m, w):
        there = x[0] + a[0] + w[0]
        return (np.minimum(np.maximum(there, -self.limit), self.limit),)

    def reward(self, t, x, a, m):
        stock, trade = x[0], a[0]
        gain = self.impact * stock * spread(m, a)[0]
        return gain - self.stock_cost * stock * stock - self.action_cost * trade * trade

    def layout(self) -> Layout:
        limits = np.array([-self.trade_limit, self.trade_limit])
        return Layout("interval", "trade", limits, place_label="stock")
