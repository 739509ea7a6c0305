"""Laws of noise and of first states, and axes of grids, as continuous games give them."""

from __future__ import annotations

from typing import Any, NamedTuple


class Normal(NamedTuple):
    """A normal law; numbers, or expressions that are elementwise in the players."""

    mean: Any
    std: Any


class Uniform(NamedTuple):
    """The uniform law on [low, high)."""

    low: Any
    high: Any


class Axis(NamedTuple):
    """One axis of a grid: ``bins`` equal cells between low and high."""

    low: float
    high: float
    bins: int
