"""What a few others see, drawn anew at every step, as part of what an agent sees."""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
from gymnasium import spaces

from mfg_envs.game import Array, as_int, check_range
from mfg_envs.numerics import random

from .boxes import appended, flat_box
from .population_arrays import Moment
from .row_wrapper import RowWrapper


class SubsampleNeighbours(RowWrapper):
    """Append the observations of k other agents, drawn uniformly without repetition.

    The draw of every agent, copy and step is its own and depends on the seed of ``reset`` only:
    copy b draws what a single environment of seed ``seed + b`` draws.

    Args:
        env: A PettingZoo ``ParallelEnv`` with Box observations.
        num_neighbours: Others, k, at least 1 and fewer than there are agents.
    """

    def __init__(self, env: Any, num_neighbours: int) -> None:
        self.num_neighbours = as_int("num_neighbours", num_neighbours)
        check_range("num_neighbours", self.num_neighbours, 1, len(env.possible_agents) - 1)
        super().__init__(env)
        self._seed = secrets.randbits(31)
        self._draws = self._drawn_at = np.empty(0, int)  # of every copy: how many, and when last

    def _observations(self, space: Any) -> Any:
        if not isinstance(space, spaces.Box):
            return flat_box(space, np.empty(0), np.empty(0))  # says what is wrong
        many = [np.tile(bound.ravel(), self.num_neighbours) for bound in (space.low, space.high)]
        return flat_box(space, *many)

    def _begin(self, seed: int | None) -> None:
        if seed is not None:
            self._seed, self._draws = seed, np.zeros(0, int)
        self._drawn_at = np.full(len(self._draws), -1)

    def _see(self, seen: Any, moment: Moment, agents: Array) -> Any:
        B, K = seen.shape[:2]
        flat, k = seen.reshape(B, K, -1), min(self.num_neighbours, K - 1)
        if len(self._draws) != B:
            self._draws, self._drawn_at = np.zeros(B, int), np.full(B, -1)
        self._draws += moment.t != self._drawn_at  # a copy that is looked at again draws the same
        self._drawn_at = moment.t.copy()
        own = random.seed_key(self._seed, np.arange(B))
        keys = random.subkey(own, random.LEARNER, self._draws)
        out = np.zeros((B, K, self.num_neighbours, flat.shape[-1]), np.float32)
        for b in range(B):
            chosen = draw_others(keys[b], K, k)
            out[b, :, :k] = flat[b][chosen]
        return appended(seen, out.reshape(B, K, -1))


def draw_others(key: Any, num_agents: int, k: int) -> Array:
    """Draw k different others for each of N agents, (N, k), by Floyd's algorithm."""
    N = num_agents
    u = random.uniform(random.subkey(key, np.arange(k)), N).T  # (N, k)
    chosen = np.full((N, k), -1)
    for j in range(k):
        last = N - 1 - k + j  # of the N - 1 others, the j-th step draws from the first last + 1
        drawn = (u[:, j] * (last + 1)).astype(int)
        taken = (chosen[:, :j] == drawn[:, None]).any(1)
        chosen[:, j] = np.where(taken, last, drawn)
    return chosen + (chosen >= np.arange(N)[:, None])
