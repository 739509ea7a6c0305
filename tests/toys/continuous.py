"""Continuous games of one dimension, and registered ones of every kind to go through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfg_envs import make_game
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


CONTINUOUS = {
    "beach_bar": make_game("beach_bar"),
    "four_rooms": make_game("four_rooms", bins=40),
    "price_impact": make_game("price_impact"),
    "line": make_game("linear_quadratic"),
    "plane": make_game(
        "linear_quadratic", dim=2, noise="normal", drift=((0.9, 0.2), (0, 0.8)),
        bound=None, horizon=None, discount=0.9,
    ),
    "space": make_game("linear_quadratic", dim=3, action_bound=None, bound=None, noise="normal"),
}  # fmt: skip


def some_actions(game, rng, *shape):
    """Return actions within the bounds, or within 1 where there are none."""
    low, high = np.maximum(game.action_low, -1), np.minimum(game.action_high, 1)
    return rng.uniform(low, high, (*shape, game.action_dim))
