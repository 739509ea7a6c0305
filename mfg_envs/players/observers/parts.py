"""The parts of an observation: their names, and where each stands in a row of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from mfg_envs.game import check_choice


def checked_parts(
    game: Any, parts: Any, known: Sequence[str], alone: str = "", name: str = "observe"
) -> tuple[str, ...]:
    """Return the names of parts, if they can stand beside each other in this game.

    Args:
        game: The game.
        parts: Names in order; "plain": the one that stands alone.
        known: Every name there is.
        alone: The part that stands alone, if there is one.
        name: What the parts are called in errors.

    Raises:
        ValueError: If they are no names, or one is unknown, given twice, or has no meaning.
    """
    if alone and isinstance(parts, str) and parts == "plain":
        return (alone,)
    if isinstance(parts, str) or not tuple(parts):
        raise ValueError(f"{name} must be a sequence of parts such as ('state',), got {parts!r}")
    parts = tuple(parts)
    for part in parts:
        check_choice(name, part, known)
    if len(set(parts)) < len(parts):
        raise ValueError(f"{name} names a part twice: {parts}")
    if alone in parts and len(parts) > 1:
        raise ValueError(f"{name}: {alone!r} stands alone; use 'state' together with other parts")
    if "time" in parts and game.horizon is None:
        raise ValueError(f"{name}: 'time' needs a finite horizon, this game is stationary")
    return parts


class Columns(NamedTuple):
    """Where the parts stand in an observation of several numbers.

    Attributes:
        of: Part -> its columns, in order.
        space: Of the whole observation.
    """

    of: dict[str, slice]
    space: spaces.Box

    @property
    def width(self) -> int:
        """Numbers in an observation."""
        return self.space.shape[0]


def columns(parts: Sequence[str], sizes: Mapping[str, tuple[int, float, float]]) -> Columns:
    """Return where parts stand, given how many numbers each has, and between which bounds."""
    numbers = [sizes[part][0] for part in parts]
    low, high = (np.repeat([sizes[part][k] for part in parts], numbers) for k in (1, 2))
    ends = np.cumsum(numbers).tolist()
    of = {part: slice(end - n, end) for part, end, n in zip(parts, ends, numbers, strict=True)}
    return Columns(of, spaces.Box(low.astype(np.float32), high.astype(np.float32)))
