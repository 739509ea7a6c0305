"""What a policy is: anything that acts, and may know with which probabilities."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array
from mfg_envs.numerics import random

EPISODE = 1_000_003
"""Where draws stand that hold for a whole episode: a time that no game reaches."""

NODES = 16
"""Of the quadrature over normal laws of actions."""


class Draws(NamedTuple):
    """Random numbers of one decision of B populations: a counter a player, nothing is used up.

    Attributes:
        keys: Of the episodes, uint64 (B,).
        t: Time of the decision.
        kept: Keys of what holds for a whole episode, (B,), where ``keys`` are of one step.
    """

    keys: Array
    t: int
    kept: Array | None = None

    @classmethod
    def of(cls, batch: Any) -> Draws:
        """Return the draws of the decision now of a ``BatchEnv`` or a ``TeamBatchEnv``."""
        return cls(batch.keys, batch.t)

    def bits(self, count: int, *branch: int) -> Array:
        """Return the random bits of counters 0..count-1, uint64 (B, count); a branch has others."""
        return random.counter_bits(random.subkey(self.keys, random.ACTION, self.t, *branch), count)

    def uniform(self, count: int, *branch: int) -> Array:
        """Return uniform numbers in [0, 1), (B, count)."""
        return random.unit(self.bits(count, *branch))

    def normals(self, count: int, *branch: int) -> Array:
        """Return standard normal numbers, float32 (B, count)."""
        return random.normals(self.bits(count, *branch))[0]

    def of_the_episode(self, count: int) -> Array:
        """Return uniform numbers that are the same at every time of an episode, (B, count)."""
        return Draws(self.keys if self.kept is None else self.kept, EPISODE).uniform(count)


def over_normal(value: Callable[[np.float64], Array]) -> Array:
    """Return the mean of a value of a standard normal number, by Gauss-Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    total = sum(w * value(node) for node, w in zip(nodes, weights, strict=True))
    return np.asarray(total / weights.sum())


class Policy(ABC):
    """How players act: write ``act``, and ``law`` or ``mean`` where they are known.

    Arguments mean the same in all methods: the time ``t``; private states ``x``, int (B, N), of a
    continuous game (B, N, d), of a team the global states (B,) and the locals' (B, n); and, for
    policies that look at the crowd, the mean field ``m`` known then, (B, *mean_field_shape) or
    (1, *mean_field_shape).  Player i of population b acts the same whoever plays beside it.
    """

    @property
    def reads_crowd(self) -> bool:
        """Whether what a player does depends on the mean field."""
        return True

    @abstractmethod
    def act(self, t: int, x: Any, draws: Draws, m: Array | None = None) -> Any:
        """Return everybody's action: int (B, N), of a continuous game (B, N, k)."""

    def law(self, t: int, x: Array, m: Array | None = None) -> Array:
        """Return the probabilities of the actions of a finite set, (B, N, A).

        Raises:
            ValueError: If they are not known.
        """
        raise ValueError(f"the probabilities of actions of a {type(self).__name__} are not known")

    def mean(self, t: int, x: Array, m: Array | None = None) -> Array:
        """Return the mean action in a continuous game, (B, N, k).

        Raises:
            ValueError: If it is not known.
        """
        raise ValueError(f"the mean action of a {type(self).__name__} is not known")

    def actions(self, batch: Any) -> Any:
        """Return what everybody does now in a ``BatchEnv``: what its ``step`` takes."""
        return self.act(batch.t, batch.state, Draws.of(batch), batch.mean_field)
