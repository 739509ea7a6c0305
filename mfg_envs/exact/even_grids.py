"""Even grids that include their ends, and laws on them by linear weights."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np

from mfg_envs.game import Array, Normal, Uniform, as_int, check_range


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
