"""The density of players on a grid: a histogram, smoothed by a Gaussian that knows the walls.

With the share h_j of the players in cell j, the share v_j of cell j that is open (``room``), the
Gaussian weights K and the volume c of a cell::

    density_i = s_i sum_j K_ij s_j h_j / c          where  s_j sum_i K_ij s_i v_i = 1.

K is a product over the axes and cut off at the border.  The symmetric scaling s makes up for that
and for the walls: mass is kept, ``sum_i density_i v_i c = 1``, and an even crowd has an even
density.  Far from borders and walls s = 1; inside of walls s = 0.

A game is a ``ContinuousGame``, which imports this file: its axes, blur, room and places are read.
"""

from __future__ import annotations

import functools
from math import erf
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game.finite import Array
from mfg_envs.game.histograms import shares
from mfg_envs.game.laws import Normal, Uniform

REACH = 3.5
"""Standard deviations at which the Gaussian is cut off; beyond lies 5e-4 of its mass."""


class Smoother(NamedTuple):
    """What smoothing needs of a game.

    Attributes:
        bins: Cells along each axis, int64 (d,).
        taps: Weights along each axis, (d, 2 * reach + 1); each row sums to one.
        scale: The symmetric scaling s, (cells,).
        volume: Of one cell.
    """

    bins: Array
    taps: Array
    scale: Array
    volume: float


@functools.lru_cache(maxsize=16)
def smoother(game: Any) -> Smoother:
    """Return the weights of a game's density."""
    widths = np.array([(axis.high - axis.low) / axis.bins for axis in game.axes])
    reach = int(np.ceil(REACH * game.blur / widths.min()))
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) * widths[:, None] / game.blur) ** 2)
    taps /= taps.sum(1, keepdims=True)
    bins = np.array([axis.bins for axis in game.axes])
    room, scale = game.room.ravel(), np.ones(game.room.size)
    plain = Smoother(bins, taps, scale, float(widths.prod()))
    for _ in range(1000):
        inflow = scale * gaussian(plain, scale * room)
        if np.abs(inflow[room > 0] - 1).max() < 1e-14:
            break
        scale = np.where(room > 0, scale / np.sqrt(np.where(room > 0, inflow, 1)), 0)
    return plain._replace(scale=scale)


def gaussian(weights: Smoother, h: Array) -> Array:
    """Return the sums with K over (*batch, cells): the oracle of the compiled ones."""
    inner = h.shape[-1]
    for size, row in zip(weights.bins.tolist(), weights.taps, strict=True):
        inner //= size
        chunks = h.reshape(-1, size * inner)
        out, reach = np.zeros(chunks.shape), len(row) // 2
        for q, weight in enumerate(row):
            shift = (q - reach) * inner
            low, high = max(0, -shift), min(size * inner, size * inner - shift)
            if low < high:
                out[:, low:high] += weight * chunks[:, low + shift : high + shift]
        h = out.reshape(h.shape)
    return h


def peak(game: Any) -> float:
    """Return the greatest density there can be: all players in one cell."""
    weights = smoother(game)
    return float(weights.scale.max() ** 2 * weights.taps.max(1).prod() / weights.volume)


def of_histogram(game: Any, h: Array) -> Array:
    """Return the density (*batch, *bins) of shares of players in the cells, (*batch, cells)."""
    weights = smoother(game)
    smooth = weights.scale * gaussian(weights, weights.scale * h) / weights.volume
    return smooth.reshape(*h.shape[:-1], *game.mean_field_shape)


def of_players(game: Any, x: tuple[Array, ...]) -> Array:
    """Return the density (*batch, *bins) of players, a tuple of arrays (*batch, N)."""
    shape = game.mean_field_shape
    index = np.ravel_multi_index(game.place(x), shape)
    return of_histogram(game, shares(index, int(np.prod(shape))))


def of_law(game: Any) -> Array:
    """Return the density of the initial law, (*bins)."""
    h = np.ones(1)
    for axis, law in zip(game.axes, game.initial_law, strict=True):
        edges = np.linspace(axis.low, axis.high, axis.bins + 1)
        h = (h[:, None] * np.diff([0.0, *_shares_below(law, edges[1:-1]), 1.0])).ravel()
    return of_histogram(game, h)


def _shares_below(law: Normal | Uniform, points: Array) -> list[float]:
    """Return how much of a law is below each point; all of it may be at one."""
    start, width = law if isinstance(law, Normal) else (law.low, law.high - law.low)
    z = (points - start) / width if width > 0 else np.where(points > start, np.inf, -np.inf)
    if isinstance(law, Normal):
        return [(1 + erf(v / 2**0.5)) / 2 for v in z]
    return np.clip(z, 0, 1).tolist()
