"""Continuous games of one dimension."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfg_envs.game import Axis, ContinuousGame, Normal, Uniform, at, cell, spread


@dataclass(frozen=True, kw_only=True)
class Drift(ContinuousGame):
    """Players who stay where they begin."""

    first: object = (Uniform(-1.0, 1.0),)
    discount: float = 1.0
    horizon: int | None = 3
    state_low, state_high, action_low, action_high = (-2.0,), (2.0,), (-1.0,), (1.0,)

    @property
    def initial_law(self):
        return self.first

    def noise_law(self, t, x, a, m):
        return Uniform(-0.1, 0.1)

    def step(self, t, x, a, m, w):
        return (x[0] + 0 * a[0] + 0 * w[0],)

    def reward(self, t, x, a, m):
        return 0.0 * x[0]


class Spread(Drift):
    """The same, read as a density on four cells of width one."""

    mean_field_kind = "density"
    axes, blur = (Axis(-2.0, 2.0, 4),), 1e-3


@dataclass(frozen=True, kw_only=True)
class Drifters(ContinuousGame):
    """Everybody drifts to the middle and dislikes the mean."""

    discount: float = 0.9
    horizon: int | None = None
    state_low, state_high, action_low, action_high = (-2.0,), (2.0,), (-1.0,), (1.0,)
    initial_law = (Normal(0.0, 0.5),)

    def noise_law(self, t, x, a, m):
        return Uniform(-0.1 * np.abs(x[0]), 0.1)

    def step(self, t, x, a, m, w):
        return (0.5 * x[0] + 0.1 * a[0] + w[0],)

    def reward(self, t, x, a, m):
        return -((x[0] - spread(m, x)[0]) ** 2)


@dataclass(frozen=True, kw_only=True)
class Beach(ContinuousGame):
    """Walk on [0, 1], away from the others."""

    discount: float = 1.0
    horizon: int | None = 4
    mean_field_kind = "density"
    state_low, state_high, action_low, action_high = (0.0,), (1.0,), (-0.2,), (0.2,)
    axes, blur = (Axis(0.0, 1.0, 20),), 0.05
    initial_law = (Uniform(0.2, 0.8),)

    def noise_law(self, t, x, a, m):
        return Normal(0.0, 0.01)

    def step(self, t, x, a, m, w):
        return (np.clip(x[0] + a[0] + w[0], 0.0, 1.0),)

    def reward(self, t, x, a, m):
        return -at(m, *cell(self.axes, x))
