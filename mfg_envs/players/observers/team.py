"""What the members of a team see: parts picked by name, computed for all teams at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mfg_envs.game import Array, TeamGame
from mfg_envs.players.observers.parts import Columns, checked_parts, columns
from mfg_envs.soundness.finite import coordinates


class TeamObserver:
    """Turn states and mean fields of teams into observations of the two kinds of agents.

    Parts of an observation:

    ============  ===============  ==============================================================
    part          numbers          meaning
    ============  ===============  ==============================================================
    "state"       D in [-1, 1]     coordinates of its own state
    "global"      D_g in [-1, 1]   coordinates of the global state; for locals
    "mean_field"  S in [0, 1]      share of the locals in each of their states
    "time"        1 in [0, 1]      t / T; finite horizon only
    ============  ===============  ==============================================================

    Args:
        game: The game.
        global_parts: Seen by the global agent; None: ("state", "mean_field", "time" if it ends).
        local_parts: Seen by a local; None: ("state", "global", "time" if it ends).

    Attributes:
        global_space: Of the global agent's observation.
        local_space: Of a local's observation.

    Raises:
        ValueError: If a part is unknown, given twice, or has no meaning in this game, or if an
            observation would be a single number, which other libraries do not take.
    """

    def __init__(
        self,
        game: TeamGame,
        global_parts: Sequence[str] | None = None,
        local_parts: Sequence[str] | None = None,
    ) -> None:
        clock = () if game.horizon is None else ("time",)
        self.game = game
        self._states = coordinates(game, "global_coordinates", game.num_global_states)
        self._local_states = coordinates(game, "local_coordinates", game.num_local_states)
        wanted = ("state", "mean_field", *clock) if global_parts is None else global_parts
        known, own = ("state", "mean_field", "time"), self._states.shape[1]
        self._global = self._placed("observe_global", wanted, known, own)
        wanted = ("state", "global", *clock) if local_parts is None else local_parts
        known, own = ("state", "global", "mean_field", "time"), self._local_states.shape[1]
        self._local = self._placed("observe_local", wanted, known, own)
        self.global_space, self.local_space = self._global.space, self._local.space
        self.global_parts, self.local_parts = tuple(self._global.of), tuple(self._local.of)

    def of_global(self, x_g: Array, m: Array, t: int) -> Array:
        """Return the observations of global agents, float32 (B, D), from (B,) and (B, S)."""
        values = {"state": lambda: self._states[x_g], "mean_field": lambda: m}
        return self._seen(self._global, x_g.shape, values, t)

    def of_locals(self, x: Array, x_g: Array, m: Array, t: int) -> Array:
        """Return the observations of locals, float32 (B, n, D), from (B, n), (B,) and (B, S)."""
        values = {
            "state": lambda: self._local_states[x],
            "global": lambda: self._states[x_g][:, None],
            "mean_field": lambda: m[:, None],
        }
        return self._seen(self._local, x.shape, values, t)

    def _seen(
        self,
        placed: Columns,
        shape: tuple[int, ...],
        values: Mapping[str, Callable[[], Any]],
        t: int,
    ) -> Array:
        """Return observations, float32 (*shape, D), given what to call for each part but time."""
        out = np.empty((*shape, placed.width), np.float32)
        for part, column in placed.of.items():
            out[..., column] = t / (self.game.horizon or 1) if part == "time" else values[part]()
        return out

    def _placed(self, name: str, parts: Any, known: tuple[str, ...], own: int) -> Columns:
        """Return the columns of the parts that one kind of agents sees."""
        parts = checked_parts(self.game, parts, known, name=name)
        sizes = {
            "state": (own, -1.0, 1.0),
            "global": (self._states.shape[1], -1.0, 1.0),
            "mean_field": (self.game.num_local_states, 0.0, 1.0),
            "time": (1, 0.0, 1.0),
        }
        placed = columns(parts, sizes)
        if placed.width < 2:
            raise ValueError(
                f"{name} = {parts} is a single number, other libraries need two or more: see"
                " more parts, such as 'mean_field'"
            )
        return placed
