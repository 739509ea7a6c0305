"""What players of a continuous game see: parts picked by name, for all players at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from gymnasium import spaces

from mfg_envs.game import Array, ContinuousGame, density
from mfg_envs.game.continuous import components
from mfg_envs.players.observers.parts import checked_parts, columns

PARTS = ("point", "state", "time", "density", "log_density", "mean_field")


class ContinuousObserver:
    """Turn private states, time and mean field into observations.

    Parts of an observation:

    =============  ====================  ==========================================================
    part           numbers               meaning
    =============  ====================  ==========================================================
    "point"        d, float64            the private state itself; stands alone
    "state"        D in [-1, 1]          ``game.coordinates``
    "time"         1 in [0, 1]           t / T; finite horizon only
    "density"      1 + 2d in [0, peak]   crowd at the own cell and two blurs away along each axis,
                                         1 = evenly spread; for a mean field that is a density
    "log_density"  1 + 2d in [0, 1]      the same, as ``log(1 + density) / log(1 + peak)``
    "mean_field"   all of m              a mean scaled to [-1, 1] like states (or actions) and cut
                                         off there; a density as a share of its peak, in [0, 1]
    =============  ====================  ==========================================================

    The peak is the density of a crowd that is all in one cell.  Each of a few players is a peak of
    its own: densities of 80 and more, in which a network does not see the other parts any more.

    Args:
        game: The game.
        parts: Names of the parts, in order; None: "state", the crowd ("log_density", or
            "mean_field" if that is a mean), and "time" if it ends; "plain": ("point",).

    Attributes:
        space: Of one player's observation.
        width: Numbers in an observation.
        crowd: Whether an observation depends on the mean field.

    Raises:
        ValueError: If a part is unknown, given twice, or has no meaning in this game.
    """

    def __init__(self, game: ContinuousGame, parts: Sequence[str] | None = None) -> None:
        clock = () if game.horizon is None else ("time",)
        self._dense = game.mean_field_kind == "density"
        crowd = "log_density" if self._dense else "mean_field"
        wanted = ("state", crowd, *clock) if parts is None else parts
        self.game, self.parts = game, checked_parts(game, wanted, PARTS, alone="point")
        near = {"density", "log_density"}.intersection(self.parts)
        self.crowd = bool(near) or "mean_field" in self.parts
        if near and not self._dense:
            raise ValueError(
                f"observe: the mean field is a {game.mean_field_kind}: use 'mean_field'"
            )
        self._point = self.parts == ("point",)
        low, high = game.state_low, game.state_high
        if self._point:
            self.space = spaces.Box(np.array(low), np.array(high), dtype=np.float64)
            self.width = 2 * len(low)  # in units of float32
            return
        peak = even = 1.0
        if self._dense:
            weights = density.smoother(game)
            peak = density.peak(game)
            even = 1 / (game.room.sum() * weights.volume)
            self._near = game.neighbours(
                tuple(np.indices(game.mean_field_shape).reshape(len(low), -1))
            )
        elif game.mean_field_of_controls:
            low, high = game.action_low, game.action_high
        self._low, self._high, self._peak, self._even = np.array(low), np.array(high), peak, even
        if "mean_field" in self.parts and not np.isfinite([*low, *high]).all():
            raise ValueError("observe: 'mean_field' needs bounded actions: give the game bounds")
        sizes = {
            "state": (game.state_dim, -1.0, 1.0),
            "time": (1, 0.0, 1.0),
            "density": (1 + 2 * game.state_dim, 0.0, peak / even),
            "log_density": (1 + 2 * game.state_dim, 0.0, 1.0),
            "mean_field": (int(np.prod(game.mean_field_shape)), -1.0 + self._dense, 1.0),
        }
        placed = columns(self.parts, sizes)
        self._columns, self.space, self.width = placed.of, placed.space, placed.width

    def __call__(self, state: Array, t: int, m: Array) -> Array:
        """Return the observations of players.

        Args:
            state: Private states, (B, N, d).
            t: Time.
            m: Mean fields, (B, *shape), or (1, *shape) shared by all.

        Returns:
            A new array: float64 (B, N, d) for ("point",), else float32 (B, N, D).
        """
        if self._point:
            return state.copy("K")
        out = np.empty((*state.shape[:2], self.width), np.float32)
        x = components(state)
        for part, column in self._columns.items():
            if part == "state":
                out[..., column] = self.game.coordinates(x)
            elif part == "time":
                out[..., column] = t / (self.game.horizon or 1)
            elif part == "density":
                self._crowd(x, self._relative(m), out[..., column])
            elif part == "log_density":
                scale = np.log1p(self._peak / self._even)
                self._crowd(x, np.log1p(self._relative(m)) / scale, out[..., column])
            elif self._dense:
                out[..., column] = np.minimum(m.reshape(len(m), 1, -1) / self._peak, 1)
            else:
                scaled = 2 * (m - self._low) / (self._high - self._low) - 1
                out[..., column] = np.clip(scaled, -1, 1)[:, None]
        return out

    def _relative(self, m: Array) -> Array:
        """Return the densities of all cells, 1 = evenly spread, (B, cells)."""
        share = np.minimum(m.reshape(len(m), -1) / self._peak, 1.0)
        return share * (self._peak / self._even)

    def _crowd(self, x: tuple[Array, ...], every: Array, out: Array) -> None:
        """Store what is near each player: of every cell first, then of the players' cells."""
        seen = every.astype(np.float32).take(self._near, 1)
        place, cell = self.game.place(x), 0
        for bins, index in zip(self.game.mean_field_shape, place, strict=True):
            cell = cell * bins + index
        if len(every) > 1:
            cell = cell + len(self._near) * np.arange(len(every))[:, None]
        out[:] = seen.reshape(-1, self._near.shape[1]).take(cell, 0)
