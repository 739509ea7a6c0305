"""What players see: parts picked by name, computed for all players at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from gymnasium import spaces

from mfg_envs.game import Array, FiniteGame, check_choice

PARTS = ("index", "state", "time", "density", "mean_field", "mask")


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
    "mean_field"  O in [0, 1]             share of players in each observed state
    "mask"        A in {0, 1}             legal actions
    ============  ======================  =========================================================

    Args:
        game: The game.
        parts: Names of the parts, in order; None: ("state", "density", "time" if it ends).

    Raises:
        ValueError: If a part is unknown, given twice, or has no meaning in this game.
    """

    def __init__(self, game: FiniteGame, parts: Sequence[str] | None = None) -> None:
        clock = () if game.horizon is None else ("time",)
        self.parts = ("state", "density", *clock) if parts is None else tuple(parts)
        if isinstance(parts, str) or not self.parts:
            raise ValueError(
                f"observe must be a sequence of parts such as ('state',), got {parts!r}"
            )
        for part in self.parts:
            check_choice("observe", part, PARTS)
        if len(set(self.parts)) < len(self.parts):
            raise ValueError(f"observe names a part twice: {self.parts}")
        if "index" in self.parts and len(self.parts) > 1:
            raise ValueError("observe: 'index' stands alone; use 'state' together with other parts")
        if "time" in self.parts and game.horizon is None:
            raise ValueError("observe: 'time' needs a finite horizon, this game is stationary")
        self.game = game
        x = np.arange(game.num_states)
        self._state = np.asarray(game.coordinates(x), np.float32)
        self._near = np.asarray(game.neighbours(x), np.intp)
        self._mask = game.legal_actions.astype(np.float32)
        cells = game.num_observations
        size_high = {
            "state": (self._state.shape[1], 1),
            "time": (1, 1),
            "density": (self._near.shape[1], cells),
            "mean_field": (cells, 1),
            "mask": (game.num_actions, 1),
        }
        self.space: spaces.Discrete | spaces.Box = spaces.Discrete(cells)
        self.width = 1
        self._whole = game.num_states == cells
        if self.parts != ("index",):
            low = [np.full(size_high[p][0], -1.0 if p == "state" else 0.0) for p in self.parts]
            high = [np.full(size_high[p][0], size_high[p][1]) for p in self.parts]
            self.width = sum(size_high[p][0] for p in self.parts)
            self.space = spaces.Box(
                np.concatenate(low).astype(np.float32), np.concatenate(high).astype(np.float32)
            )

    def __call__(self, x: Array, t: int, m: Array) -> Array:
        """Return the observations of players.

        Args:
            x: Private states, int (B, N).
            t: Time.
            m: Share of players in each observed state, (B, O), or (1, O) shared by all.

        Returns:
            A new array: int (B, N) for ("index",), else float32 (B, N, D).
        """
        if self.parts == ("index",):
            return x.copy() if self._whole else self.game.observed[x]
        out = np.empty((*x.shape, self.width), np.float32)
        start = 0
        for part in self.parts:
            view = self._part(part, x, t, m)
            out[..., start : start + view.shape[-1]] = view
            start += view.shape[-1]
        return out

    def _part(self, part: str, x: Array, t: int, m: Array) -> Array:
        if part == "state":
            return self._state[x]
        if part == "mask":
            return self._mask[x]
        if part == "time":
            return np.full((1, 1, 1), t / (self.game.horizon or 1), np.float32)
        if part == "mean_field":
            return m[:, None]
        relative = (m * self.game.num_observations).astype(np.float32)
        if len(m) == 1:
            return relative[0][self._near][x]
        return np.stack([row[self._near][states] for row, states in zip(relative, x, strict=True)])
