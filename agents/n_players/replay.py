"""Transitions of N players that are learned from again, the last ones that were met."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array


class Batch(NamedTuple):
    """Transitions, a row each, as tensors or as arrays.

    Attributes:
        state: Observed states, int64 (R,).
        time: When, int64 (R,).
        others: Mean actions that were known, float32 (R, A).
        action: What was done, int64 (R,).
        reward: What was earned, in units of random play, float32 (R,).
        state_after: Where that led, int64 (R,).
        time_after: When that is, int64 (R,); of the last decision its own time.
        others_after: Mean actions known there, float32 (R, A).
        goes_on: Whether anything is earned afterwards, float32 (R,) of 0 and 1.
    """

    state: Any
    time: Any
    others: Any
    action: Any
    reward: Any
    state_after: Any
    time_after: Any
    others_after: Any
    goes_on: Any


class Replay(Batch):
    """Transitions as arrays."""

    __slots__ = ()

    @staticmethod
    def empty(num_actions: int) -> Replay:
        """Return no transition."""
        n, f = np.empty(0, np.int64), np.empty(0, np.float32)
        law = np.empty((0, num_actions), np.float32)
        return Replay(n, n, law, n, f, n, n, law, f)

    def and_then(self, later: list[Replay], most: int) -> Replay:
        """Return these and later ones, of all of them the last so many."""
        parts = zip(self, *later, strict=True)
        return Replay(*(np.concatenate(part)[-most:] for part in parts))

    def drawn(self, rows: Array) -> Replay:
        """Return some rows."""
        return Replay(*(part[rows] for part in self))

    def memory(self) -> dict[str, Array]:
        """Return the parts for an iterate."""
        return {f"replay_{name}": part for name, part in self._asdict().items()}

    @staticmethod
    def of(memory: Mapping[str, Array]) -> Replay:
        """Return what ``memory`` gave."""
        return Replay(*(memory[f"replay_{name}"] for name in Replay._fields))
