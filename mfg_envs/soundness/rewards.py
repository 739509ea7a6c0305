"""Rewards as a game's methods give them: finite numbers, or an error that says which is not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mfg_envs.game import Array


def check_rewards(name: str, r: Array, place: Callable[[tuple[int, ...]], str]) -> None:
    """Raise a ValueError unless rewards are finite.

    Args:
        name: Of the method that gave them.
        r: What it gave.
        place: Words the arguments that led to an index of ``r``.
    """
    wrong = ~np.isfinite(r)
    if wrong.any():
        index = tuple(np.argwhere(wrong)[0].tolist())
        raise ValueError(f"{name}({place(index)}) is {r[index]}, not a finite number")
