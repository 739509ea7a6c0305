"""Legal actions in observations, and how sb3-contrib's ``MaskablePPO`` asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from gymnasium import spaces

from mfg_envs.game import Array

MASK = "action_mask"
"""Part of an observation that has a 1 for every legal action: PettingZoo's convention."""
MASKS = "action_masks"
"""Method by which ``MaskablePPO`` asks every sub-environment for its legal actions."""


def has_mask(space: Any) -> bool:
    """Return whether observations of a space tell the legal actions."""
    return isinstance(space, spaces.Dict) and MASK in space.spaces


def mask_functions(
    space: Any, seen: Callable[[], Any], indices: Iterable[int]
) -> list[Callable[[], Array]]:
    """Return the method ``action_masks`` of sub-environments: each gives a bool array (A,).

    Args:
        space: Of one observation.
        seen: Gives what all sub-environments see now.
        indices: Which of them are asked for.

    Raises:
        AttributeError: If observations have no "action_mask".
    """
    if not has_mask(space):
        raise AttributeError(f"observations have no {MASK!r}: {space}")
    return [partial(_legal, seen, i) for i in indices]


def _legal(seen: Callable[[], Any], i: int) -> Array:
    return seen()[MASK][i].astype(bool)
