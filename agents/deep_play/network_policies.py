"""Policies of continuous games that are small networks, as plain arrays: they need NumPy alone.

A network is one flat vector: weights (inputs, outputs) and biases of every layer in turn, rectified
between layers.  It sees a state scaled to [-1, 1] and the time t / T, and says what to do in
actions scaled to [-1, 1].  Rows are multiplied one by one and random numbers are counted: a player
does the same, to the bit, whoever plays beside it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from mfg_envs import metrics
from mfg_envs.game import Array, ContinuousGame
from mfg_envs.numerics import random
from mfg_envs.players.observers import ContinuousObserver
from mfg_envs.players.policy import over_normal
from mfg_envs.simulate.acting import Draws, Policy

from ..runs.iterate import Iterate

CHUNK = 4096
"""Rows that go through a network at once, to bound what it needs of memory."""
LOG_STD = (-5.0, 1.0)
"""Bounds of the logarithm of a standard deviation, of actions scaled to [-1, 1]."""
SQUASHED = (-20.0, 2.0)
"""The same before actions are squashed; Stable-Baselines3's."""


class Shape(NamedTuple):
    """Widths of a network: what goes in, hidden layers, what comes out."""

    inputs: int
    hidden: tuple[int, ...]
    outputs: int

    @property
    def layers(self) -> list[tuple[int, int]]:
        """Inputs and outputs of every layer."""
        return list(pairwise((self.inputs, *self.hidden, self.outputs)))

    @property
    def size(self) -> int:
        """Numbers in the flat vector."""
        return sum((n + 1) * m for n, m in self.layers)

    def parts(self, weights: Array) -> list[tuple[Array, Array]]:
        """Return weights (inputs, outputs) and biases of every layer, views of the vector."""
        parts, begin = [], 0
        for n, m in self.layers:
            middle, end = begin + n * m, begin + (n + 1) * m
            parts.append((weights[begin:middle].reshape(n, m), weights[middle:end]))
            begin = end
        return parts

    def __call__(self, weights: Array, rows: Array) -> Array:
        """Return what comes out for rows (M, inputs): float32 (M, outputs)."""
        layers, out = self.parts(weights), np.empty((len(rows), self.outputs), np.float32)
        for begin in range(0, len(rows), CHUNK):
            some = rows[begin : begin + CHUNK].astype(np.float32, copy=False)
            for i, (weight, bias) in enumerate(layers):
                # One product a row: a larger one rounds by where in it a row stands.
                some = np.matmul(some[:, None], weight)[:, 0]
                some += bias
                if i + 1 < len(layers):
                    np.maximum(some, 0, out=some)
            out[begin : begin + CHUNK] = some
        return out


def gaussian_shape(game: ContinuousGame, hidden: tuple[int, ...]) -> Shape:
    """Return the shape of a network that gives means and logarithms of standard deviations."""
    return Shape(game.state_dim + 1, hidden, 2 * game.action_dim)


def features(game: ContinuousGame, t: int, x: Array) -> Array:
    """Return what networks see of states (B, N, d) at a time: float32 (B, N, d + 1)."""
    return _observer(game)(x, t, np.empty(0))


@functools.lru_cache(maxsize=16)
def _observer(game: ContinuousGame) -> ContinuousObserver:
    return ContinuousObserver(game, ("state", "time"))


def to_scaled(game: ContinuousGame, a: Array) -> Array:
    """Return actions (..., k) scaled to [-1, 1]."""
    low, high = np.array(game.action_low), np.array(game.action_high)
    return 2 * (a - low) / (high - low) - 1


def from_scaled(game: ContinuousGame, a: Array) -> Array:
    """Return the actions, float64, that scaled ones (..., k) stand for; cut off at the bounds."""
    low, high = np.array(game.action_low), np.array(game.action_high)
    return np.clip(low + (np.float64(1) + a) * ((high - low) / 2), low, high)


@dataclass(frozen=True)
class UniformPolicy(Policy):
    """Every action with the same density, (t, states (B, N, d)) -> actions (B, N, k)."""

    game: ContinuousGame
    seed: int = 0

    def __call__(self, t: int, x: Array) -> Array:
        B, N, k = *x.shape[:2], self.game.action_dim
        u = _draws(self.seed, B, t).uniform(N * k).reshape(B, N, k)
        return from_scaled(self.game, 2 * u - 1)

    def act(self, t: int, x: Array, draws: Draws, m: Array | None = None) -> Array:
        """Return the actions; they are drawn by the policy's own seed."""
        return self(t, x)

    def mean(self, t: int, x: Array, m: Array | None = None) -> Array:
        return from_scaled(self.game, np.zeros((*x.shape[:2], self.game.action_dim)))


@dataclass(frozen=True)
class NetworkPolicy(Policy):
    """Normal laws of actions whose means and standard deviations are a network's.

    (t, states (B, N, d)) -> actions (B, N, k).  With several networks every player draws one of
    them, evenly, and keeps it.  What is drawn is cut off at the bounds of actions, or squashed into
    them by a hyperbolic tangent.  The same call gives the same actions: give another episode
    another ``seed``.

    Attributes:
        game: The game.
        weights: Networks, float32 (K, P), see ``gaussian_shape``.
        hidden: Widths of the hidden layers.
        squash: Whether actions are squashed.
        greedy: Whether every player does what is most probable.
        seed: Of the draws; population b has the seed ``seed + b``.
    """

    game: ContinuousGame
    weights: Array
    hidden: tuple[int, ...]
    squash: bool = False
    greedy: bool = False
    seed: int = 0

    def __call__(self, t: int, x: Array) -> Array:
        mean, log_std = self.normal_law(t, x)
        if not self.greedy:
            B, N, k = mean.shape
            mean += np.exp(log_std) * _draws(self.seed, B, t).normals(N * k).reshape(B, N, k)
        return self._scaled(mean)

    def act(self, t: int, x: Array, draws: Draws, m: Array | None = None) -> Array:
        """Return the actions; they are drawn by the policy's own seed."""
        return self(t, x)

    def mean(self, t: int, x: Array, m: Array | None = None) -> Array:
        """Return the mean actions, over the networks and over what is drawn of their normal laws.

        By Gauss-Hermite quadrature, after actions are cut off or squashed.
        """
        each = [replace(self, weights=one[None]).normal_law(t, x) for one in self.weights]
        if self.greedy:
            return np.mean([self._scaled(mean) for mean, _ in each], 0)
        return over_normal(
            lambda number: np.mean([self._scaled(mean + number * np.exp(s)) for mean, s in each], 0)
        )

    def _scaled(self, a: Array) -> Array:
        return from_scaled(self.game, np.tanh(a) if self.squash else a)

    def normal_law(self, t: int, x: Array) -> tuple[Array, Array]:
        """Return means and logarithms of standard deviations, float32 (B, N, k) each.

        They are those before actions are cut off or squashed.
        """
        shape, (B, N) = gaussian_shape(self.game, self.hidden), x.shape[:2]
        seen, num = features(self.game, t, x).reshape(B * N, -1), len(self.weights)
        out = np.empty((B * N, shape.outputs), np.float32)
        who = (_draws(self.seed, B, t).of_the_episode(N) * num).astype(int).ravel()
        for i, weights in enumerate(self.weights):
            own = np.flatnonzero(who == i)
            out[own] = shape(weights, seen[own])
        out = out.reshape(B, N, -1)
        mean, log_std = np.split(out, 2, -1)
        return mean, np.clip(log_std, *(SQUASHED if self.squash else LOG_STD))


def saved_policy(game: ContinuousGame, iterate: Iterate, seed: int = 0) -> NetworkPolicy:
    """Return the average policy that an iterate of deep fictitious play holds."""
    memory, weights = iterate.memory, np.atleast_2d(iterate.policy)
    squash, greedy = (bool(memory[name]) for name in ("squash", "greedy"))
    return NetworkPolicy(game, weights, tuple(memory["hidden"].tolist()), squash, greedy, seed)


def _draws(seed: int, num: int, t: int) -> Draws:
    """Return draws of populations with seeds of their own, ``seed + b``."""
    return Draws(random.seed_key(seed, np.arange(num)), t)


def simulated_exploitability(game: ContinuousGame, iterate: Iterate) -> float:
    """Return what a best response on a grid gains on the policy of deep fictitious play."""
    played = saved_policy(game, iterate)
    return metrics.approximate_exploitability(game, played, num_players=20_000).gain.mean
