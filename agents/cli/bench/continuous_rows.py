"""The benchmark's rows of continuous games, with what a good NumPy programmer would write."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from mfg_envs import make_game
from mfg_envs.game import Array
from mfg_envs.games.four_rooms import SIDE, WALLS, FourRooms
from mfg_envs.numerics import random
from mfg_envs.numerics.compiler import bind
from mfg_envs.simulate import continuous_kernels
from mfg_envs.simulate.batch import BatchEnv

N = 100_000


class NumpyLQ:
    """Linear-quadratic players with scalar coefficients, (N, d)."""

    def __init__(self, game: Any) -> None:
        self.game, self.generator = game, np.random.Generator(np.random.SFC64(0))
        self.x = self.generator.uniform(-1, 1, (N, game.dim))

    def step(self, a: Array) -> Array:
        """Play actions (N, d) and return the rewards."""
        game, x = self.game, self.x
        m = x.mean(0)
        r = -(
            game.state_cost * np.square(x - game.target).sum(-1)
            + game.action_cost * np.square(a).sum(-1)
            + game.crowd_cost * np.square(x - m).sum(-1)
        )
        after = self.generator.uniform(-game.noise_scale, game.noise_scale, x.shape)
        after += x
        after += a
        after += game.coupling * m
        self.x = np.clip(after, -game.bound, game.bound, out=after)
        return r


class NumpyRooms:
    """Walkers in four rooms: slab test against six rectangles, density by counting and blurring."""

    def __init__(self, game: FourRooms) -> None:
        self.game, self.generator = game, np.random.Generator(np.random.SFC64(0))
        self.x = self.generator.uniform([0, 0.475], [0.025, 0.5], (N, 2))
        self.low = np.array([[w.x - w.half_x, w.y - w.half_y] for w in WALLS])
        self.high = np.array([[w.x + w.half_x, w.y + w.half_y] for w in WALLS])
        cells = (np.arange(game.bins) + 0.5) * SIDE / game.bins
        gauss = np.exp(-0.5 * np.square((cells[:, None] - cells) / game.blur_width))
        self.blur = gauss / gauss.sum(0)
        self._count()

    def _count(self) -> None:
        bins = self.game.bins
        self.cell: Array = np.minimum((self.x * (bins / SIDE)).astype(np.intp), bins - 1)
        index = self.cell @ np.array([bins, 1])
        counts = np.bincount(index, minlength=bins * bins)
        area = (SIDE / bins) ** 2
        self.m = self.blur @ counts.reshape(bins, bins) @ self.blur.T / (N * area)

    def step(self, a: Array) -> Array:
        """Play velocities (N, 2) and return the rewards."""
        game, x = self.game, self.x
        crowd = np.log(self.m[self.cell[:, 0], self.cell[:, 1]] + game.epsilon)
        r = -(game.action_cost * np.square(a).sum(-1) + game.crowd_cost * crowd)
        move = self.generator.normal(0, game.noise_scale, x.shape)
        move += game.time_step * a
        after = x + move
        stop = ((after < 0) | (after > SIDE)).any(-1)
        with np.errstate(divide="ignore"):
            inverse = 1 / move
        for low, high in zip(self.low, self.high, strict=True):
            one, two = (low - x) * inverse, (high - x) * inverse
            enter = np.minimum(one, two).max(-1)
            leave = np.maximum(one, two).min(-1)
            stop |= (enter <= leave) & (leave >= 0) & (enter <= 1)
        self.x = np.where(np.expand_dims(stop, 1), x, after)
        self._count()
        return r


def continuous_rows(row: Callable[..., Any]) -> dict[str, Callable[[], Any]]:
    """Return the rows; ``row`` makes one from work, target, units, ours and rival."""

    def make(name: str, target: float, alone: bool, parameters: dict[str, Any]) -> Any:
        game = make_game(name, **parameters)
        low, high = np.array(game.action_low), np.array(game.action_high)
        a = np.random.default_rng(0).uniform(low, high, (N, game.action_dim))
        rival = NumpyRooms(game) if name == "four_rooms" else NumpyLQ(game)
        size = f", d = {game.dim}" if name == "linear_quadratic" else ""
        view, ours = ("compiled loop alone", _loop) if alone else ("BatchEnv.step", _step)
        work = f"player-step, {name}{size}, N = {N}, {view}"
        return row(work, target, N, ours(game, a), lambda: rival.step(a))

    quadratic = {1: 0.7, 2: 1.0, 4: 2.5}
    rows: dict[str, Callable[[], Any]] = {}
    for word, alone in (("step", False), ("kernel", True)):
        for d, target in quadratic.items():
            lq = partial(make, "linear_quadratic", target, alone, {"dim": d})
            rows[f"lq-{d}-{word}"] = lq
        rows[f"rooms-{word}"] = partial(make, "four_rooms", 2.0, alone, {})
    return rows


def _step(game: Any, a: Array) -> Callable[[], Any]:
    """Return a step through the public environment."""
    env = BatchEnv(game, 1, N, seed=0, observe=("point",))
    env.reset()

    def ours() -> None:
        if env.over:
            env.reset()
        env.step(a[None])

    return ours


def _loop(game: Any, a: Array) -> Callable[[], Any]:
    """Return a call of the compiled loop on arrays made beforehand."""
    keys = random.subkey(random.seed_key(0, np.arange(1)), 0)
    env = BatchEnv(game, 1, N, seed=0)
    env.reset()
    x = np.ascontiguousarray(env.state.transpose(2, 0, 1)).reshape(-1, N)
    after = np.empty_like(x), np.empty(N), np.empty_like(env.mean_field)
    pushed = np.ascontiguousarray(a.T)
    arguments = (*continuous_kernels.arguments(game), 0, x, pushed, env.mean_field, keys, *after)
    bound = bind(continuous_kernels.simulator(game), arguments)
    return lambda: bound(*arguments)
