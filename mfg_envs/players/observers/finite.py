"""What players of a finite game see: parts picked by name, for all players at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from gymnasium import spaces

from mfg_envs.game import Array, FiniteGame
from mfg_envs.numerics.memory import check_memory
from mfg_envs.players.observers.parts import checked_parts, columns
from mfg_envs.soundness.finite import coordinates, neighbours

PARTS = ("index", "state", "time", "density", "mean_field", "mask")
CHUNK = 1 << 14
"""Players or states looked at together: what is computed on the way stays in the cache."""


class Observer:
    """Turn private states, time and mean field into observations.

    Parts of an observation:

    ============  ======================  =========================================================
    part          numbers                 meaning
    ============  ======================  =========================================================
    "index"       int in [0, O)           the observed state; stands alone
    "state"       D in [-1, 1]            ``game.coordinates``
    "time"        1 in [0, 1]             t / T; finite horizon only
    "density"     L in [0, O]             crowd at ``game.neighbours``, 1 = evenly spread
    "mean_field"  P in [0, 1]             share of players in each place
    "mask"        A in {0, 1}             legal actions
    ============  ======================  =========================================================

    Where players do not count by what is observed of them (``game.place``) there is no "density".

    Args:
        game: The game.
        parts: Names of the parts, in order; None: ("state", "density", "time" if it ends), with
            "mean_field" where there is no "density"; "plain": ("index",).

    Attributes:
        space: Of one player's observation.
        width: Numbers in an observation.
        crowd: Whether an observation depends on the mean field.

    Raises:
        ValueError: If a part is unknown, given twice, or has no meaning in this game.
    """

    def __init__(self, game: FiniteGame, parts: Sequence[str] | None = None) -> None:
        clock = () if game.horizon is None else ("time",)
        crowd = "density" if game.counts_what_is_observed else "mean_field"
        wanted = ("state", crowd, *clock) if parts is None else parts
        self.game, self.parts = game, checked_parts(game, wanted, PARTS, alone="index")
        if "density" in self.parts and not game.counts_what_is_observed:
            raise ValueError(
                "observe: 'density' is the crowd in observed states, and this game counts players"
                " by their place: use 'mean_field'"
            )
        cells = game.num_observations
        self.crowd = not {"density", "mean_field"}.isdisjoint(self.parts)
        self._whole, self._index = game.num_states == cells, self.parts == ("index",)
        self.space: spaces.Discrete | spaces.Box = spaces.Discrete(cells)
        self.width = 1
        if self._index:
            return
        near = np.empty((game.num_states, 0), np.intp)
        if "density" in self.parts:
            near = neighbours(game)
        sizes = {
            "state": (game.coordinates(np.arange(1)).shape[1], -1.0, 1.0),
            "time": (1, 0.0, 1.0),
            "density": (near.shape[1], 0.0, cells),
            "mean_field": (game.num_places, 0.0, 1.0),
            "mask": (game.num_actions, 0.0, 1.0),
        }
        placed = columns(self.parts, sizes)
        self._columns, self.space, self.width = placed.of, placed.space, placed.width
        self._near = near
        self._every = np.empty((0, game.num_states, self.width), np.float32)
        """Observations in every state, by population: written anew at every look."""

    @cached_property
    def _fixed(self) -> Array:
        """What never changes of the observation in every state, (S, D)."""
        count, name = self.game.num_states, f"observe={self.parts}: num_states * numbers"
        check_memory(count * self.width, 4, f"{name} of an observation")
        fixed = np.zeros((count, self.width), np.float32)
        for part, column in self._columns.items():
            if part == "state":
                fixed[:, column] = coordinates(self.game, "coordinates", count)
            elif part == "mask":
                fixed[:, column] = self.game.legal_actions
        return fixed

    def __call__(self, x: Array, t: int, m: Array) -> Array:
        """Return the observations of players.

        Args:
            x: Private states, int (B, N).
            t: Time.
            m: Share of players in each place, (B, P), or (1, P) shared by all.

        Returns:
            A new array: int (B, N) for ("index",), else float32 (B, N, D).
        """
        if self._index:
            return x.copy() if self._whole else self.game.observed[x]
        out = np.empty((*x.shape, self.width), np.float32)
        rows = max(1, CHUNK // max(x.shape[1], len(self._fixed)))
        for b in range(0, len(x), rows):
            some = slice(b, b + rows)
            self._look(x[some], t, m if len(m) == 1 else m[some], out[some])
        return out

    def _look(self, x: Array, t: int, m: Array, out: Array) -> None:
        """Store the observations of some populations."""
        num_states = len(self._fixed)
        if x.shape[1] < num_states:
            self._fixed.take(x, 0, out)
            self._vary(self._near.take(x, 0), t, m, out)
            return
        every = self._every
        if len(every) != len(m):
            every = self._every = np.repeat(self._fixed[None], len(m), 0)
        self._vary(self._near[None], t, m, every)
        if len(m) > 1:  # the states of one population after those of the other
            x = x + num_states * np.arange(len(m))[:, None]
        every.reshape(-1, self.width).take(x, 0, out, "clip")

    def _vary(self, near: Array, t: int, m: Array, out: Array) -> None:
        """Store the columns that change, given which cells are near, (*, N, L)."""
        if "time" in self._columns:
            out[..., self._columns["time"]] = t / (self.game.horizon or 1)
        if "mean_field" in self._columns:
            out[..., self._columns["mean_field"]] = m[:, None]
        if "density" in self._columns:
            relative = (m * self.game.num_observations).astype(np.float32)
            if len(near) == 1:
                near = near[0]
            elif len(m) > 1:  # the cells of one population after those of the other
                shift = relative.shape[1] * np.arange(len(m))[:, None]
                near = (near.reshape(len(m), -1) + shift).reshape(near.shape)
                relative = relative.reshape(1, -1)
            out[..., self._columns["density"]] = relative.take(near, 1)
