"""Even grids that include their ends, laws on them by linear weights, and walls among them."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np

from mfg_envs.game import Array, ContinuousGame, Normal, Uniform, as_int, check_range


def grid_points(low: Any, high: Any, sizes: tuple[int, ...]) -> tuple[Array, ...]:
    """Return the points of an even grid with its ends, a component each, (S,)."""
    lines = [np.linspace(*each) for each in zip(low, high, sizes, strict=True)]
    return tuple(v.ravel() for v in np.meshgrid(*lines, indexing="ij"))


def grid_sizes(name: str, sizes: Any, dim: int) -> tuple[int, ...]:
    """Return numbers of points for all components, checked: one number is for each of them."""
    sizes = (sizes,) * dim if isinstance(sizes, int | np.integer) else tuple(sizes)
    if len(sizes) != dim:
        raise ValueError(f"{name} must be one number or {dim}, got {sizes}")
    for size in sizes:
        check_range(name, as_int(name, size), 2, 10**6)
    return sizes


def linear_weights(law: Normal | Uniform, low: float, high: float, size: int) -> Array:
    """Return the law of one component on its grid, (size,): linear weights of its quantiles."""
    share = (np.arange(50 * size) + 0.5) / (50 * size)
    if isinstance(law, Normal):
        values = law.mean + law.std * np.array([NormalDist().inv_cdf(v) for v in share])
    else:
        values = law.low + (law.high - law.low) * share
    raw = np.clip((values - low) * ((size - 1) / (high - low)), 0, size - 1)
    base = np.minimum(raw.astype(np.int64), size - 2)
    out = np.bincount(base, 1 - (raw - base), minlength=size)
    out += np.bincount(base + 1, raw - base, minlength=size)
    return out / len(share)


def has_walls(game: ContinuousGame) -> bool:
    """Return whether a part of the space of a continuous game is closed."""
    return game.mean_field_kind == "density" and bool((game.room < 1).any())


def check_walls(game: ContinuousGame, points: tuple[int, ...]) -> None:
    """Raise a ValueError unless two steps of a grid fit into the thinnest wall."""
    thin = _thinnest_wall(game)
    for low, high, size in zip(game.state_low, game.state_high, points, strict=True):
        if 2 * (high - low) > thin * (size - 1):
            least = int(np.ceil(2 * (high - low) / thin)) + 1
            raise ValueError(
                f"num_states must be at least {least}, got {size}: walls of {game.name} are"
                f" {thin:g} thin, and players would mix through them"
            )


def _thinnest_wall(game: ContinuousGame) -> float:
    """Return the least extent of a wall along an axis, in units of the state."""
    closed, least = game.room == 0, np.inf
    for j, axis in enumerate(game.axes):
        lines = np.moveaxis(closed, j, -1).reshape(-1, axis.bins).astype(np.int8)
        edges = np.diff(lines, axis=1, prepend=0, append=0)
        runs = np.nonzero(edges == -1)[1] - np.nonzero(edges == 1)[1]  # row by row, in order
        least = min(least, runs.min(initial=axis.bins) * (axis.high - axis.low) / axis.bins)
    return float(least)


def stand_ins(game: ContinuousGame, points: tuple[Array, ...]) -> Array:
    """Return for every point itself if no wall touches it, else the nearest such point, (S,)."""
    every = np.arange(len(points[0]))
    if not has_walls(game):
        return every
    sides = zip(game.state_low, game.state_high, strict=True)
    nudge = [1e-9 * (high - low) for low, high in sides]
    free = np.ones(every.size, bool)
    for corner in np.ndindex((2,) * game.state_dim):
        moves = zip(points, nudge, corner, strict=True)
        free &= game.room[game.place(tuple(v + (2 * up - 1) * by for v, by, up in moves))] > 0
    open_, where = np.flatnonzero(free), np.stack(points, -1)
    for x in np.flatnonzero(~free):
        every[x] = open_[((where[open_] - where[x]) ** 2).sum(-1).argmin()]
    return every
