"""B teams as arrays: the fast path of learners and of the PettingZoo view."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mfg_envs import random, team_kernels, team_tables
from mfg_envs.compiled import backend
from mfg_envs.game import Array, as_entries, as_int, check_range
from mfg_envs.memory import check_memory
from mfg_envs.team_game import TeamGame


class TeamStep(NamedTuple):
    """What a step gives: new arrays every time (``done``: read-only).

    Attributes:
        global_state: int32 (B,).
        state: States of the locals, int32 (B, n).
        reward: What every member of a team earned, float64 (B,); zero after a reset.
        mean_field: Share of the locals in each of their states now, float64 (B, S).
        done: Whether the episode is over, bool (B,).
    """

    global_state: Array
    state: Array
    reward: Array
    mean_field: Array
    done: Array


class TeamBatchEnv:
    """Play ``num_envs`` independent teams of a game in lock step.

    Team b plays exactly what a single one with seed ``seed + b`` plays, on every back end.

    Args:
        game: The game.
        num_envs: Teams, B >= 1.
        num_locals: Local agents a team, n >= 1.
        seed: Whole number >= 0; None: from the operating system.

    Raises:
        ValueError: If an argument is out of its range or needs more memory than there is.
    """

    def __init__(
        self, game: TeamGame, num_envs: int = 1, num_locals: int = 100, seed: int | None = None
    ) -> None:
        self.game = game
        self.num_envs = as_int("num_envs", num_envs)
        self.num_locals = as_int("num_locals", num_locals)
        check_range("num_envs", self.num_envs, 1)
        check_range("num_locals", self.num_locals, 1)
        check_memory(self.num_envs * self.num_locals, 28, "num_envs * num_locals")
        random.seed_key(0 if seed is None else seed)  # raises if it is no seed
        self.t, self._seed, self._episode = 0, seed, 0
        self._going, self._over = np.zeros(self.num_envs, bool), np.ones(self.num_envs, bool)
        self._going.flags.writeable = self._over.flags.writeable = False
        self._compiled = backend() == "numba" and team_tables.fits(game)
        self._kernel: Callable[..., team_kernels.Moved] | None = None  # made when needed

    def reset(self, seed: int | None = None) -> TeamStep:
        """Start the next episode of every team; with a seed, the first of that seed."""
        episode = self._episode if seed is None else 0
        seed = self._seed if seed is None else seed
        if seed is None:
            seed = int.from_bytes(os.urandom(8), "little") >> 1
        keys = random.seed_key(seed, np.arange(self.num_envs))
        self._seed, self._episode = seed, episode + 1  # now that the seed is known to be one
        self._keys = random.subkey(keys, episode)
        u = random.uniform(random.subkey(self._keys, random.INITIAL), self.num_locals + 1)
        self.state = random.categorical(self.game.initial_local_law, u[:, 1:]).astype(np.int32)
        self.mean_field = self.game.mean_field(self.state)
        if self.game.global_follows:
            first = self.game.global_from_locals(self.mean_field)
        else:
            first = random.categorical(self.game.initial_global_law, u[:, 0])
        self.global_state = np.asarray(first, np.int32)
        self.t = 0
        return self._result(np.zeros(self.num_envs))

    def step(self, global_actions: Array, actions: Array) -> TeamStep:
        """Play one action per agent: int (B,) of the global agents, int (B, n) of the locals.

        Raises:
            ValueError: If a shape is wrong or an action is no action; nothing has moved then.
            RuntimeError: If the episode is over, or has not begun.
        """
        game, sizes = self.game, (self.num_envs, self.num_locals)
        a_g = _actions("global_actions", global_actions, sizes[:1], game.num_global_actions)
        a = _actions("actions", actions, sizes, game.num_local_actions)
        if not hasattr(self, "state"):
            raise RuntimeError("call reset() before the first step")
        if self.over:
            raise RuntimeError(f"the episode ended at t = {self.t}: call reset()")
        now = (self.t, self.global_state, self.state, a_g, a, self._keys)
        if not self._compiled:
            moved = team_kernels.step(game, *now)
        else:
            self._kernel = self._kernel or team_kernels.compiled_step(game)
            moved = self._kernel(*now)
        self.global_state, self.state, reward, self.mean_field = moved
        self.t += 1
        return self._result(reward)

    @property
    def over(self) -> bool:
        """Whether the episode has ended."""
        return self.game.horizon is not None and self.t >= self.game.horizon

    def _result(self, reward: Array) -> TeamStep:
        done = self._over if self.over else self._going
        return TeamStep(self.global_state, self.state, reward, self.mean_field, done)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kernel": None}  # machine code stays with its process


def _actions(name: str, actions: Any, shape: tuple[int, ...], num_actions: int) -> Array:
    """Return checked actions, int32 of this shape."""
    a = as_entries(name, actions)
    if a.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {a.shape}")
    if a.dtype.kind not in "iu":
        raise ValueError(f"{name} must be whole numbers, got {a.dtype}: {a.ravel()[:3]}")
    if a.min() < 0 or a.max() >= num_actions:
        place = tuple(np.argwhere((a < 0) | (a >= num_actions))[0].tolist())
        raise ValueError(f"{name}{list(place)} must be in [0, {num_actions}), got {a[place]}")
    return np.ascontiguousarray(a, np.int32)
