"""The fixed-point iteration the QM iteration paper compares with (arXiv 2405.03718)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from mfg_envs import exact
from mfg_envs.game import Array
from mfg_envs.games.ring_road import RingRoad
from mfg_envs.numerics import elementary, random

from ....runs.iterate import Iterate
from ....single_path import trajectory


@dataclass(frozen=True, kw_only=True)
class LaxFriedrichsFPI:
    """Value sweeps, then population sweeps of the Lax-Friedrichs scheme; for ring roads only.

    Value sweeps run in place over the cell kernel.  A population sweep draws a speed for every
    cell at inverse temperature ``100 k`` and moves the crowd by
    ``M(s) <- (M(s-1) (1 + a_{s-1}) + M(s+1) (1 - a_{s+1})) / 2``.

    Attributes:
        iterations: Outer iterations.
        sweeps: Of either kind, an iteration.
    """

    learns: ClassVar[tuple[type, ...]] = (RingRoad,)
    random: ClassVar[bool] = True
    side_by_side: ClassVar[bool] = True
    iterations: int = 50
    sweeps: int = 20

    def learn(
        self, source: RingRoad, seed: Sequence[int] = (0,), start: Iterate | None = None
    ) -> Iterator[Iterate]:
        """Yield an iterate per iteration, for several seeds side by side."""
        game = replace(source, dynamics="cell")
        keys = trajectory.episode_keys(seed)
        own = random.subkey(keys, random.LEARNER, 2)
        m = trajectory.first_memory(game, keys, 0.0).m if start is None else start.mean_field
        v = np.zeros(m.shape) if start is None else start.memory["v"]
        for k in range(1 if start is None else start.iteration + 1, self.iterations + 1):
            v = v.copy()
            q = self._solve(game, m, v)
            weights = elementary.exp(100 * k * (q - q.max(-1, keepdims=True)))
            sums = np.cumsum(weights, -1)
            for sweep in range(self.sweeps):
                draws = random.uniform(random.subkey(own, k, sweep), game.num_cells)
                a = game.speeds[(sums <= draws[..., None] * sums[..., -1:]).sum(-1)]
                m = 0.5 * (np.roll(m * (1 + a), 1, -1) + np.roll(m * (1 - a), -1, -1))
            yield Iterate(k, 0, weights / sums[..., -1:], m, q, {"v": v})

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
