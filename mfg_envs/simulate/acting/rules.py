"""Policies that read time and private state: tables, and tables on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mfg_envs.exact.discretise import GridGame, GridPolicy
from mfg_envs.game import Array, FiniteGame
from mfg_envs.players.policy import Draws, Policy
from mfg_envs.simulate.alias import alias_table, sample_actions


@dataclass(frozen=True, eq=False)
class Table(Policy):
    """A policy of a finite game: the probability of every action.

    Attributes:
        game: The game.
        policy: Over private states, (T, S, A), or (S, A) in a stationary game.
    """

    game: FiniteGame
    policy: Array

    @cached_property
    def alias(self) -> Array:
        """Alias tables of all rules, uint64 (T or 1, S, A)."""
        alias = alias_table(self.policy)
        return alias.reshape(-1, *alias.shape[-2:])

    @property
    def reads_crowd(self) -> bool:
        return False

    def act(self, t: int, x: Array, draws: Draws, m: Array | None = None) -> Array:
        return sample_actions(self.alias[min(t, len(self.alias) - 1)], x, draws.keys, t)

    def law(self, t: int, x: Array, m: Array | None = None) -> Array:
        return _at(self.policy, t)[x]


@dataclass(frozen=True, eq=False)
class OnGrid(Policy):
    """A policy of a continuous game that is a table on a grid; ``law`` is over ``game.actions``.

    Attributes:
        game: The game on the grid, a finite one.
        policy: (T, S, A), or (S, A) in a stationary game.
    """

    game: GridGame
    policy: Array

    @property
    def reads_crowd(self) -> bool:
        return False

    def act(self, t: int, x: Array, draws: Draws, m: Array | None = None) -> Array:
        u = np.stack([draws.uniform(x.shape[1], j) for j in range(2)], -1)
        return GridPolicy(self.game, self.policy).act(t, x, u)

    def law(self, t: int, x: Array, m: Array | None = None) -> Array:
        return self._spread(_at(self.policy, t), x)

    def mean(self, t: int, x: Array, m: Array | None = None) -> Array:
        return self._spread(_at(self._means, t), x)

    @cached_property
    def _means(self) -> Array:
        """Mean action at every grid point, (T or 1, S, k)."""
        mean = self.policy @ np.stack(self.game.actions, -1)
        return mean if mean.ndim == 3 else mean[None]

    def _spread(self, rows: Array, x: Array) -> Array:
        """Return what rows (S, ...) of the grid points around states come to there."""
        index, weight = self.game.around(tuple(np.moveaxis(x, -1, 0)))
        return (rows[index] * weight[..., None]).sum(-2)


def _at(rules: Array, t: int) -> Array:
    """Return what holds at a time, (S, ...), of rules (T, S, ...) or (S, ...)."""
    return rules if rules.ndim == 2 else rules[min(t, len(rules) - 1)]
