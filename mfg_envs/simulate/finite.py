"""The simulator of finite games: N players with states and actions that are numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from mfg_envs import exact
from mfg_envs.exact import policies
from mfg_envs.game import Array, FiniteGame, as_array
from mfg_envs.numerics import random
from mfg_envs.numerics.compiler import bind
from mfg_envs.players.observers import Observer
from mfg_envs.simulate import finite_kernels
from mfg_envs.simulate.acting import Policy, Table
from mfg_envs.simulate.actions import read_actions, refuse, whole_actions
from mfg_envs.simulate.moment import checked_states, sealed
from mfg_envs.simulate.results import Rollout
from mfg_envs.simulate.simulator import Crowd, Frozen, PopulationSimulator
from mfg_envs.soundness.finite import check_sound
from mfg_envs.soundness.initial_laws import initial_law


class Following(NamedTuple):
    """A crowd that follows a policy by the exact flow.

    Attributes:
        game: The game.
        policy: (T, S, A), or (S, A) without a horizon.
    """

    game: FiniteGame
    policy: Array

    def met(self, t: int, law: Array) -> Array:
        return exact.crowd(self.game, law, self._rule(t))[None].copy()

    def moved(self, t: int, law: Array) -> Array:
        return exact.push_forward(self.game, t, law, self._rule(t))

    def _rule(self, t: int) -> Array:
        policy = self.policy
        return policy if policy.ndim == 2 else policy[min(t, len(policy) - 1)]


class FiniteSimulator(PopulationSimulator):
    """States int32 (B, N), actions int32 (B, N), rewards (B, N)."""

    member_bytes = 28

    def __init__(self, game: FiniteGame, shared: bool = False) -> None:
        check_sound(game)
        super().__init__(game, shared)

    def _constants(self) -> tuple[object, ...]:
        return finite_kernels.arguments(self.game)

    def first(self, keys: Array, num_members: int) -> Array:
        u = random.uniform(random.subkey(keys, random.INITIAL), num_members)
        return sealed(random.categorical(initial_law(self.game), u).astype(np.int32))

    def mean_field(self, state: Array) -> Array:
        if not self.game.mean_field_of_controls:
            return self.game.mean_field(state)
        share = self._present(state)[..., None] / self.game.num_actions  # every action alike
        return np.repeat(share, self.game.num_actions, -1)

    def checked_state(self, state: Any, shape: tuple[int, int]) -> Array:
        return checked_states("state", state, shape, self.game.num_states)

    def step(
        self, t: int, state: Array, actions: Array, mean_field: Array, keys: Array
    ) -> tuple[Array, Array, Array]:
        game, x, a, m, shared = self.game, state, actions, mean_field, self.shared
        controls = game.mean_field_of_controls and not shared
        x2, r, moved = np.empty(x.shape, np.int32), np.empty(x.shape), False
        m2 = np.empty((0 if shared else len(x), *m.shape[1:]))
        if self.compiled:
            args = (*self.constants, t, x, a, m2 if controls else m, keys, x2, r, m2)
            self._kernel = self._kernel or bind(finite_kernels.simulator(type(game)).step, args)
            moved = self._kernel(*args)
        if not moved:  # NumPy says what is wrong
            if a.min() < 0 or a.max() >= game.num_actions:
                refuse(a, game.num_actions)
            m = game.mean_field(x, a) if controls else m
            each = np.broadcast_to(m, (len(x), *m.shape[1:]))
            x2, r = finite_kernels.step(game, t, x, a, each, keys)
            m2 = m if controls or shared else game.mean_field(x2)
        return sealed(x2), r, m2

    # --- what players see and do ---

    def observer(self, parts: Sequence[str] | None) -> Observer:
        return Observer(self.game, parts)

    def look(self, observer: Observer, t: int, state: Array, mean_field: Array) -> Array:
        m = mean_field
        if observer.crowd and self.game.mean_field_of_controls:
            m = m.sum(-1) if self.shared else self._present(state)
        return observer(state, t, m)

    def _present(self, state: Array) -> Array:
        """Return the share of players in each observed state, (B, O), whatever they do."""
        return self.game.mean_field(state, np.zeros_like(state)).sum(-1)

    @property
    def action_space(self) -> spaces.Discrete:
        return spaces.Discrete(self.game.num_actions)

    @property
    def field_space(self) -> spaces.Box:
        return spaces.Box(0.0, 1.0, (int(np.prod(self.game.mean_field_shape)),), np.float32)

    def read(self, actions: Mapping[str, Any], agents: Sequence[str]) -> Array:
        return read_actions(actions, agents, np.full(len(agents), self.game.num_actions))

    def checked_actions(self, actions: Any, shape: tuple[int, int]) -> Array:
        return whole_actions(actions, shape, self.game.num_actions)

    # --- the crowd that representatives meet ---

    def law(self) -> Array:
        return initial_law(self.game)

    def default_crowd(self) -> Crowd:
        return self.following(policies.uniform(self.game))

    def frozen(self, mean_field: Array) -> Frozen:
        m = as_array("mean_field", mean_field)
        shape, horizon = self.game.mean_field_shape, self.game.horizon
        flow = horizon is not None and m.ndim == len(shape) + 1
        if flow and len(m) != horizon:
            raise ValueError(f"a flow must have shape {(horizon, *shape)}, got {m.shape}")
        rows = [policies.check_mean_field(self.game, row) for row in (m if flow else [m])]
        # Rounding may leave [0, 1], observations may not.
        return Frozen(np.stack(rows).clip(0, 1))

    def following(self, policy: Array) -> Crowd:
        return Following(self.game, policies.policy_table(self.game, policy))

    # --- policies ---

    def mean_reward(self, reward: Array) -> Array:
        return finite_kernels.mean_reward(reward)

    def whole_rollout(
        self, policy: Policy, num_steps: int, t: int, state: Array, mean_field: Array, keys: Array
    ) -> tuple[Array, Array, Rollout] | None:
        if not isinstance(policy, Table) or not self.compiled or self.shared:
            return None
        ms = np.empty((num_steps, len(state), *self.game.mean_field_shape))
        rs = np.empty((num_steps, len(state)))
        x, m = state.copy(), mean_field.copy()
        rollout = finite_kernels.simulator(type(self.game)).rollout
        if not rollout(*self.constants, t, x, m, keys.copy(), policy.alias, ms, rs):
            return None  # the steps say what is wrong
        return sealed(x), sealed(m), Rollout(ms, rs)
