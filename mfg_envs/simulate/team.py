"""B teams as arrays: the fast path of learners and of the PettingZoo view."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.exact import team_tables
from mfg_envs.game import Array, TeamGame, as_entries, as_int, check_range
from mfg_envs.numerics import random
from mfg_envs.numerics.compiler import backend
from mfg_envs.numerics.memory import check_memory
from mfg_envs.simulate import team_kernels
from mfg_envs.simulate.moment import Moment, checked_states, sealed
from mfg_envs.soundness.initial_laws import initial_global_law, initial_local_law
from mfg_envs.soundness.team import check_sound_team


class TeamStep(NamedTuple):
    """What a step gives: never written to again, and read-only but for the reward.

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


class TeamBatchEnv(Moment):
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

    KEPT = (*Moment.KEPT, "_global_state")

    def __init__(
        self, game: TeamGame, num_envs: int = 1, num_locals: int = 100, seed: int | None = None
    ) -> None:
        check_sound_team(game)
        self.game = game
        self.num_envs = as_int("num_envs", num_envs)
        self.num_locals = as_int("num_locals", num_locals)
        check_range("num_envs", self.num_envs, 1)
        check_range("num_locals", self.num_locals, 1)
        check_memory(self.num_envs * self.num_locals, 28, "num_envs * num_locals")
        random.seed_key(0 if seed is None else seed)  # raises if it is no seed
        self.t, self._seed, self._episode = 0, seed, 0
        self._set_flags()
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
        x = random.categorical(initial_local_law(self.game), u[:, 1:]).astype(np.int32)
        m = self.game.mean_field(x)
        if self.game.global_follows:
            first = team_kernels.read_off(self.game, m)
        else:
            first = random.categorical(initial_global_law(self.game), u[:, 0]).astype(np.int32)
        self._global_state, self._state, self._mean_field = map(sealed, (first, x, m))
        self.t = 0
        return self._result(np.zeros(self.num_envs))

    def step(self, global_actions: Array, actions: Array) -> TeamStep:
        """Play one action per agent: int (B,) of the global agents, int (B, n) of the locals.

        Raises:
            ValueError: If a shape is wrong or an action is invalid; nothing has moved then.
            RuntimeError: If the episode is over, or has not begun.
        """
        game, sizes = self.game, (self.num_envs, self.num_locals)
        a_g = _actions("global_actions", global_actions, sizes[:1], game.num_global_actions)
        a = _actions("actions", actions, sizes, game.num_local_actions)
        self._ready()
        now = (self.t, self._global_state, self._state, a_g, a, self._keys)
        if not self._compiled:
            moved = team_kernels.step(game, *now)
        else:
            self._kernel = self._kernel or team_kernels.compiled_step(game)
            moved = self._kernel(*now)
        self._global_state, self._state = sealed(moved.global_state), sealed(moved.state)
        self._mean_field = sealed(moved.mean_field)
        self.t += 1
        return self._result(moved.reward)

    @property
    def global_state(self) -> Array:
        """Global states now, int32 (B,), read-only; set others to go on from them."""
        return self._given("_global_state")

    @global_state.setter
    def global_state(self, state: Array) -> None:
        size = self.game.num_global_states
        self._global_state = sealed(checked_states("global_state", state, (self.num_envs,), size))

    def _checked_state(self, state: Any) -> Array:
        shape = (self.num_envs, self.num_locals)
        return checked_states("state", state, shape, self.game.num_local_states)

    def _result(self, reward: Array) -> TeamStep:
        return TeamStep(self._global_state, self._state, reward, self._mean_field, self._done)


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
