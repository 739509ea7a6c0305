"""Observations as flat boxes of numbers, to which others can be appended."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from mfg_envs.game import Array


def flat_box(space: Any, low: Array, high: Array) -> spaces.Box:
    """Return the box of flattened observations with further numbers at the end.

    Raises:
        ValueError: If the observations are no Box.
    """
    if not isinstance(space, spaces.Box):
        raise ValueError(
            f"observations must be a Box, got {space}: wrap Discrete ones in OneHotState first"
        )
    least, most = np.append(space.low, low), np.append(space.high, high)
    return spaces.Box(least.astype(np.float32), most.astype(np.float32))


def appended(seen: Array, numbers: Array) -> Array:
    """Return observations (B, K, ...), flattened, with numbers (B, K or 1, L) at the end."""
    flat = seen.reshape(*seen.shape[:2], -1)
    numbers = np.broadcast_to(numbers, (*flat.shape[:2], numbers.shape[-1]))
    return np.concatenate([flat, numbers], -1, dtype=np.float32, casting="unsafe")
