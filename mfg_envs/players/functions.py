"""Policies that are functions of time and private states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np

from mfg_envs.game import Array
from mfg_envs.players.policy import Draws, Policy


@dataclass(frozen=True, eq=False)
class Function(Policy):
    """Actions that are a function of time and private states, (t, x) -> a.

    A function that draws at random does so by itself, and for every player; its ``law`` is not
    known.

    Attributes:
        function: Takes t and states (B, N) or (B, N, d); returns the actions of all.
        num_actions: Of a finite game; 0: actions are points.

    Raises:
        TypeError: If it cannot be called with time and states.
    """

    function: Callable[[int, Array], Any]
    num_actions: int = 0

    def __post_init__(self) -> None:
        try:
            signature(self.function).bind(0, None)
        except ValueError:  # it is not written in Python, and does not say
            return
        except TypeError as error:
            raise TypeError(
                f"policy must be a function of (t, x), got {self.function!r:.200}, which cannot be"
                f" called so: {error}"
            ) from error

    @property
    def reads_crowd(self) -> bool:
        return False

    def act(self, t: int, x: Array, draws: Draws, m: Array | None = None) -> Any:
        return self.function(t, x)

    def law(self, t: int, x: Array, m: Array | None = None) -> Array:
        if not self.num_actions:
            return super().law(t, x, m)
        a, again = (np.asarray(self.function(t, x)) for _ in range(2))
        if not np.array_equal(a, again):
            raise ValueError(
                f"{self.function!r:.200} gives other actions when it is asked twice (t={t}): it"
                " draws at random, and its probabilities are not known; give a table of them"
            )
        a = np.broadcast_to(a, x.shape)
        wrong = (a != np.floor(a)) | (a < 0) | (a >= self.num_actions)
        if wrong.any():
            raise ValueError(
                f"actions must be in 0..{self.num_actions - 1}, got {a[wrong][0]} at t={t},"
                f" x={x[wrong][0]} from {self.function!r:.200}"
            )
        return np.eye(self.num_actions)[a.astype(np.intp)]

    def mean(self, t: int, x: Array, m: Array | None = None) -> Array:
        if self.num_actions:
            return super().mean(t, x, m)
        return np.asarray(self.function(t, x))
