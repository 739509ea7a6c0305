"""Beach bar on a line: everybody wants to be near the bar, and not in the crowd.

The continuous beach bar of Magnino et al., "Solving Continuous Mean Field Games" (arXiv
2510.22158).  READ there: X = [0, 1], bar at 1/2, moves in [-.3, .3], noise uniform on [-.1, .1],
everybody starts anywhere, 11 decisions.  Ours: the three costs, and that players bounce off the
ends.  The reward falls with the density, so the game is monotone: one equilibrium.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from mfg_envs.game import Axis, Between, ContinuousGame, Layout, NonNegative, Uniform, at, cell


@dataclass(frozen=True, kw_only=True)
class BeachBar(ContinuousGame):
    """A place on the beach: near the bar in the middle, away from the others.

    State: x in [0, 1].  Action: a move.  Noise: a push.  ``x' = x + a + w``, bounced off the ends.
    Reward: ``-bar_cost (x - 1/2)^2 - crowd_cost m(x) - action_cost a^2`` with the density m,
    smoothed by a Gaussian of standard deviation ``blur_width`` on ``bins`` cells.

    Attributes:
        bar_cost: Of a squared distance of one to the bar.
        crowd_cost: Of a density of one.
        action_cost: Of a squared move of one.
        reach: Longest move.
        noise_scale: Longest push.
        bins: Cells of the density.
        blur_width: Standard deviation of the smoothing.

    Raises:
        ValueError: If a parameter is out of its range.
    """

    name: ClassVar[str] = "beach_bar"
    solution: ClassVar[str] = "The game is monotone: it has one equilibrium."
    player_name: ClassVar[str] = "visitor"
    mean_field_kind: ClassVar[str] = "density"
    state_low, state_high = (0.0,), (1.0,)
    initial_law = (Uniform(0.0, 1.0),)

    bar_cost: NonNegative = 25.0
    crowd_cost: NonNegative = 2.5
    action_cost: NonNegative = 1.0
    reach: Annotated[float, Between(1e-6, 0.5)] = 0.3
    noise_scale: Annotated[float, Between(1e-6, 0.5)] = 0.1
    bins: Annotated[int, Between(2, 10**5)] = 100
    blur_width: Annotated[float, Between(1e-6, 1)] = 0.02
    discount: float = 1.0
    horizon: int | None = 11

    @property
    def action_low(self) -> tuple[float, ...]:
        return (-self.reach,)

    @property
    def action_high(self) -> tuple[float, ...]:
        return (self.reach,)

    @property
    def axes(self) -> tuple[Axis, ...]:
        return (Axis(0.0, 1.0, self.bins),)

    @property
    def blur(self) -> float:
        return self.blur_width

    def noise_law(self, t, x, a, m):
        return Uniform(-self.noise_scale, self.noise_scale)

    def step(self, t, x, a, m, w):
        there = np.abs(x[0] + a[0] + w[0])
        return (1.0 - np.abs(1.0 - there),)

    def reward(self, t, x, a, m):
        away, crowd = x[0] - 0.5, at(m, *cell(self.axes, x))
        return -(
            self.bar_cost * away * away + self.crowd_cost * crowd + self.action_cost * a[0] * a[0]
        )

    def layout(self) -> Layout:
        reach, place = np.array([-self.reach, self.reach]), "place on the beach"
        return Layout("interval", "move", reach, place_label=place, marks=(("bar", 0.5),))
