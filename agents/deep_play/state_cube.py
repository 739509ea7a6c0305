"""The states of a continuous game as points of the cube [-1, 1]^d, and back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mfg_envs.game import Array, ContinuousGame, Normal, density
from mfg_envs.numerics import random

PRESS = 1.5
"""Without borders, half the width of the game's box is mapped to tanh of this."""
PROBES = 4096
"""Moves that are tried to find out whether players can leave the box."""
FAR = 1e6
"""The longest push that is tried where actions are unbounded."""
TAIL = 8.0
"""Standard deviations of the strongest normal noise that is tried."""


class Mapped(NamedTuple):
    """Points of the cube.

    Attributes:
        point: (*inner, d).
        log_slope: Log of the volume in the cube per volume of the game, (*inner); minus infinity
            for states that nobody can be in.
    """

    point: Array
    log_slope: Array


class StateCube:
    """Map the states of a game into the cube.

    If players cannot leave the box of the states, it is scaled; otherwise ``tanh`` maps all of R^d.

    Args:
        game: The game.
    """

    def __init__(self, game: ContinuousGame) -> None:
        low, high = np.array(game.state_low), np.array(game.state_high)
        self.closed, self._middle, self._half = closed(game), (low + high) / 2, (high - low) / 2

    def into(self, x: Array) -> Mapped:
        """Map states (*inner, d) into the cube."""
        z, size = (x - self._middle) / self._half, np.log(self._half).sum()
        if self.closed:
            return Mapped(z, np.where((np.abs(z) <= 1).all(-1), -size, -np.inf))
        z = np.abs(z) * PRESS, np.sign(z)
        log_slope = np.log(4 * PRESS) - 2 * z[0] - 2 * np.log1p(np.exp(-2 * z[0]))
        finite = np.isfinite(z[0]).all(-1)
        return Mapped(np.tanh(z[0]) * z[1], np.where(finite, log_slope.sum(-1) - size, -np.inf))

    def out_of(self, point: Array) -> Array:
        """Return the states (*inner, d) of points inside of the cube."""
        return self._middle + self._half * (point if self.closed else np.arctanh(point) / PRESS)


def closed(game: ContinuousGame) -> bool:
    """Return whether nobody can leave the box of the states.

    That is tried: from the middle, the faces and the corners, with the most extreme actions,
    noises and mean fields.
    """
    low, high = np.array(game.state_low), np.array(game.state_high)
    least, most = np.maximum(game.action_low, -FAR), np.minimum(game.action_high, FAR)
    keys = random.subkey(random.seed_key(0), np.arange(3))

    def pick(use: int, dim: int, num: int) -> tuple[Array, ...]:
        """Return for each component one of ``num`` even numbers from 0 to 1 a probe."""
        z = random.counter_bits(random.subkey(keys[use], np.arange(dim)), PROBES)
        return tuple(random.below(z, num) / (num - 1))

    x = tuple(a + (b - a) * u for a, b, u in zip(low, high, pick(0, len(low), 3), strict=True))
    a = tuple(b + (c - b) * u for b, c, u in zip(least, most, pick(1, len(least), 2), strict=True))
    fields = (least, most) if game.mean_field_of_controls else (low, high)
    if game.mean_field_kind == "density":
        fields = (density.of_law(game),)
    for m in fields:
        for t in (0, (game.horizon or 1) - 1):
            law = game.noise_law(t, x, a, m)
            if isinstance(law, Normal):
                first, last = law.mean - TAIL * law.std, law.mean + TAIL * law.std
            else:
                first, last = law
            w = tuple(first + (last - first) * u for u in pick(2, game.noise_dim, 2))
            there = np.stack(np.broadcast_arrays(*game.step(t, x, a, m, w)), -1)
            if not ((there >= low) & (there <= high)).all():
                return False
    return True
