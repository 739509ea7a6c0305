"""B teams as arrays: the fast path of learners and of the PettingZoo view."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mfg_envs.exact import team_tables
from mfg_envs.game import Array, TeamGame, as_entries
from mfg_envs.numerics import random
from mfg_envs.numerics.compiler import backend
from mfg_envs.simulate import team_kernels
from mfg_envs.simulate.lock_step import LockStep
from mfg_envs.simulate.moment import checked_states, sealed
from mfg_envs.simulate.simulator import Simulator
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


class TeamSimulator(Simulator):
    """States are pairs: int32 (B,) of the global agents, int32 (B, n) of the locals."""

    member_bytes = 28

    def __init__(self, game: TeamGame) -> None:
        check_sound_team(game)
        self.game = game
        self.compiled = backend() == "numba" and team_tables.fits(game)

    def first(self, keys: Array, num_members: int) -> tuple[Array, Array]:
        u = random.uniform(random.subkey(keys, random.INITIAL), num_members + 1)
        x = random.categorical(initial_local_law(self.game), u[:, 1:]).astype(np.int32)
        if self.game.global_follows:
            x_g = team_kernels.read_off(self.game, self.game.mean_field(x))
        else:
            x_g = random.categorical(initial_global_law(self.game), u[:, 0]).astype(np.int32)
        return sealed(x_g), sealed(x)

    def mean_field(self, state: tuple[Array, Array]) -> Array:
        return self.game.mean_field(state[1])

    def checked_state(self, state: Any, shape: tuple[int, int]) -> tuple[Array, Array]:
        x_g, x = state
        game = self.game
        return (
            checked_states("global_state", x_g, shape[:1], game.num_global_states),
            checked_states("state", x, shape, game.num_local_states),
        )

    def checked_actions(
        self, global_actions: Any, actions: Any, shape: tuple[int, int]
    ) -> tuple[Array, Array]:
        """Return actions as ``step`` takes them, or raise a ValueError."""
        game = self.game
        return (
            _actions("global_actions", global_actions, shape[:1], game.num_global_actions),
            _actions("actions", actions, shape, game.num_local_actions),
        )

    def step(
        self,
        t: int,
        state: tuple[Array, Array],
        actions: tuple[Array, Array],
        mean_field: Array,
        keys: Array,
    ) -> tuple[tuple[Array, Array], Array, Array]:
        if not self.compiled:
            moved = team_kernels.step(self.game, t, *state, *actions, keys)
        else:
            self._kernel = self._kernel or team_kernels.compiled_step(self.game)
            moved = self._kernel(t, *state, *actions, keys)
        there = sealed(moved.global_state), sealed(moved.state)
        return there, moved.reward, moved.mean_field


class TeamBatchEnv(LockStep[TeamSimulator, TeamStep]):
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
        sizes = {"num_envs": num_envs, "num_locals": num_locals}
        super().__init__(TeamSimulator(game), sizes, seed)
        self.num_locals = self._shape[1]

    def step(self, global_actions: Array, actions: Array) -> TeamStep:
        """Play one action per agent: int (B,) of the global agents, int (B, n) of the locals.

        Raises:
            ValueError: If a shape is wrong or an action is invalid; nothing has moved then.
            RuntimeError: If the episode is over, or has not begun.
        """
        pair = self._simulator.checked_actions(global_actions, actions, self._shape)
        return self._told(self._advance(pair))

    @property
    def state(self) -> Array:
        """States of the locals now, int32 (B, n), read-only; set others to go on from them."""
        return self._given("state")[1]

    @state.setter
    def state(self, state: Array) -> None:
        self._state = self._simulator.checked_state((self.global_state, state), self._shape)

    @property
    def global_state(self) -> Array:
        """Global states now, int32 (B,), read-only; set others to go on from them."""
        return self._given("state")[0]

    @global_state.setter
    def global_state(self, state: Array) -> None:
        self._state = self._simulator.checked_state((state, self.state), self._shape)

    def _no_reward(self) -> Array:
        return np.zeros(self.num_envs)

    def _told(self, reward: Array) -> TeamStep:
        x_g, x = self._state
        return TeamStep(x_g, x, reward, self._mean_field, self._done)


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
