"""The benchmark's rows of team games, with what a good NumPy programmer would write."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from mfg_envs import make_game
from mfg_envs.exact import team_tables
from mfg_envs.game import Array
from mfg_envs.games.teams.dispatcher import Dispatcher
from mfg_envs.numerics import random

from ...subsample import multisets
from ...subsample.surrogate import surrogate
from ...subsample.value_iteration import Rates, sweep

K, SAMPLES = 10, 20
"""Locals of the surrogate, and next states a backup."""


class NumpyDispatcher:
    """A sweep over the multisets of k zones, next zones by the multinomials of every zone.

    A multiset of counts is found again by its counts as digits of one number.
    """

    def __init__(self, game: Dispatcher, k: int, num_samples: int) -> None:
        tables, Z = team_tables.tables(game), game.num_zones
        self.discount, self.m, self.k = game.discount, num_samples, k
        self.counts = multisets.counts(multisets.members(Z, k), Z)
        self.law = tables.local_law[:, :, 0].swapaxes(0, 1)  # (x_g, x, next)
        self.r = 1 + tables.local_reward[:, :, 0].T @ self.counts.T / k  # (x_g, F)
        self.digits = (k + 1) ** np.arange(Z)
        self.place = np.zeros((k + 1) ** Z, np.intp)
        self.place[self.counts @ self.digits] = np.arange(len(self.counts))
        self.generator = np.random.Generator(np.random.SFC64(0))

    def sweep(self, v: Array) -> Array:
        """Return the values (x_g, F) after a sweep."""
        Z, F = v.shape
        q = np.empty((Z, F, Z))
        for x_g in range(Z):
            after = np.zeros((F, Z * self.m), np.int64)
            for x in range(Z):
                law, size = self.law[x_g, x], after.shape
                moved = self.generator.multinomial(self.counts[:, x, None], law, size)
                after += moved @ self.digits
            seen = self.place[after].reshape(F, Z, self.m)
            mean = v[np.arange(Z)[:, None], seen].mean(-1)  # its target is where it will be
            q[x_g] = self.r[x_g, :, None] + self.discount * mean
        return q.max(-1)


def team_rows(row: Callable[..., Any]) -> dict[str, Callable[[], Any]]:
    """Return the rows; ``row`` makes one from work, target, units, ours and rival."""

    def sampled() -> Any:
        game = make_game("dispatcher")
        team = surrogate(game, K, "state")
        v, key = np.zeros((game.num_zones, team.num_states)), random.seed_key(0)
        ours = partial(sweep, team, v, None, key, Rates(SAMPLES, game.discount, 1.0))
        rival = partial(NumpyDispatcher(game, K, SAMPLES).sweep, v)
        units = int(np.prod(team.shape)) * SAMPLES
        work = f"(s, a, sample), SUBSAMPLE-MFQ, k = {K}, m = {SAMPLES}"
        return row(work, 40.0, units, ours, rival)

    return {f"subsample-{K}": sampled}
