"""What the members of a team see: parts picked by name, computed for all teams at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from mfg_envs.game import Array, TeamGame, check_choice
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
        self.global_parts = self._checked("observe_global", wanted, ("state", "mean_field"))
        wanted = ("state", "global", *clock) if local_parts is None else local_parts
        self.local_parts = self._checked("observe_local", wanted, ("state", "global", "mean_field"))
        own, other = self._states.shape[1], self._local_states.shape[1]
        self.global_space = self._space("observe_global", self.global_parts, own)
        self.local_space = self._space("observe_local", self.local_parts, other)

    def of_global(self, x_g: Array, m: Array, t: int) -> Array:
        """Return the observations of global agents, float32 (B, D), from (B,) and (B, S)."""
        parts = {"state": self._states[x_g], "mean_field": m, "time": self._clock(t, x_g.shape)}
        return np.concatenate([parts[p] for p in self.global_parts], -1, dtype=np.float32)

    def of_locals(self, x: Array, x_g: Array, m: Array, t: int) -> Array:
        """Return the observations of locals, float32 (B, n, D), from (B, n), (B,) and (B, S)."""
        parts = {
            "state": lambda: self._local_states[x],
            "global": lambda: self._states[x_g][:, None],
            "mean_field": lambda: m[:, None],
            "time": lambda: self._clock(t, x.shape),
        }
        out = np.empty((*x.shape, *(self.local_space.shape or ())), np.float32)
        end = 0
        for part in self.local_parts:
            value = parts[part]()
            start, end = end, end + value.shape[-1]
            out[..., start:end] = value
        return out

    def _clock(self, t: int, shape: tuple[int, ...]) -> Array:
        return np.full((*shape, 1), t / (self.game.horizon or 1))

    def _checked(self, name: str, parts: Any, known: tuple[str, ...]) -> tuple[str, ...]:
        if isinstance(parts, str) or not tuple(parts):
            raise ValueError(
                f"{name} must be a sequence of parts such as ('state',), got {parts!r}"
            )
        for part in parts:
            check_choice(name, part, (*known, "time"))
        if len(set(parts)) < len(parts):
            raise ValueError(f"{name} names a part twice: {parts}")
        if "time" in parts and self.game.horizon is None:
            raise ValueError(f"{name}: 'time' needs a finite horizon, this game has no end")
        return tuple(parts)

    def _space(self, name: str, parts: tuple[str, ...], own: int) -> spaces.Box:
        widths = {"state": own, "global": self._states.shape[1], "time": 1}
        widths["mean_field"] = self.game.num_local_states
        width = [widths[part] for part in parts]
        if sum(width) < 2:
            raise ValueError(
                f"{name} = {parts} is a single number, other libraries need two or more: see"
                " more parts, such as 'mean_field'"
            )
        low = np.repeat([-1.0 if p in ("state", "global") else 0.0 for p in parts], width)
        return spaces.Box(low.astype(np.float32), np.ones(sum(width), np.float32))
