"""The fixed-point iteration the QM iteration paper compares with (arXiv 2405.03718)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from mfg_envs import exact
from mfg_envs.game import Array
from mfg_envs.games.ring_road import RingRoad
from mfg_envs.numerics import elementary, random

from ....runs.iterate import Iterate
from ....runs.learner import Learner
from ....single_path import trajectory


@dataclass(frozen=True, kw_only=True)
class LaxFriedrichsFPI(Learner):
    """Value sweeps, then population sweeps of the Lax-Friedrichs scheme; for ring roads only.

    Value sweeps run in place over the cell kernel.  A population sweep draws a speed for every
    cell at inverse temperature ``100 k`` and moves the crowd by
    ``M(s) <- (M(s-1) (1 + a_{s-1}) + M(s+1) (1 - a_{s+1})) / 2``.

    Attributes:
        iterations: Outer iterations.
        sweeps: Of either kind, an iteration.
    """

    learns: ClassVar[tuple[type, ...]] = (RingRoad,)
    side_by_side: ClassVar[bool] = True
    iterations: int = 50
    sweeps: int = 20

    def prepare(self, source: RingRoad, seed: list[int], /) -> tuple[RingRoad, Array]:
        """Return the road of cells, and a key a seed."""
        return replace(source, dynamics="cell"), trajectory.episode_keys(seed)

    def begin(self, prepared: tuple[RingRoad, Array], /) -> Iterate:
        """Return a random mean field."""
        game, keys = prepared
        m = trajectory.first_memory(game, keys, 0.0).m
        q = np.zeros((*m.shape, game.num_actions))
        return Iterate(0, 0, q, m, q, {"v": np.zeros(m.shape)})

    def improve(self, prepared: tuple[RingRoad, Array], last: Iterate, /) -> Iterate:
        """Return what there is after one more iteration."""
        (game, keys), k = prepared, last.iteration + 1
        own = random.subkey(keys, random.LEARNER, 2)
        m, v = last.mean_field, last.memory["v"].copy()
        q = self._solve(game, m, v)
        weights = elementary.exp(100 * k * (q - q.max(-1, keepdims=True)))
        sums = np.cumsum(weights, -1)
        for sweep in range(self.sweeps):
            draws = random.uniform(random.subkey(own, k, sweep), game.num_cells)
            a = game.speeds[(sums <= draws[..., None] * sums[..., -1:]).sum(-1)]
            m = 0.5 * (np.roll(m * (1 + a), 1, -1) + np.roll(m * (1 - a), -1, -1))
        return Iterate(k, 0, weights / sums[..., -1:], m, q, {"v": v})

    def _solve(self, game: RingRoad, m: Array, v: Array) -> Array:
        """Sweep over the values ``v`` (E, S) in place; return action values (E, S, A)."""
        shape = (len(m), game.num_states, game.num_actions)
        x, a = (np.broadcast_to(part, shape) for part in np.indices(shape[1:]))
        r, moves = game.reward(0, x, a, m), exact.kernel(game, 0, None)

        def back_up(s: Array | int) -> Array:
            after = (moves.prob[s] * v[:, moves.next[s]]).sum(-1)
            return r[:, s] + game.discount * after

        for _ in range(self.sweeps):
            for s in range(game.num_cells):
                v[:, s] = back_up(s).max(-1)
        return back_up(np.arange(game.num_cells))
