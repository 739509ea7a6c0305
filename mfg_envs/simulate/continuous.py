"""The simulator of continuous games: N players with states and actions that are vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from mfg_envs.exact import riccati
from mfg_envs.exact.discretise import GridPolicy
from mfg_envs.game import Array, ContinuousGame, Normal, as_array, as_entries, density
from mfg_envs.numerics.compiler import bind
from mfg_envs.players.observers import ContinuousObserver
from mfg_envs.simulate import continuous_kernels
from mfg_envs.simulate.actions import read_points
from mfg_envs.simulate.moment import sealed
from mfg_envs.simulate.simulator import Frozen, PopulationSimulator
from mfg_envs.soundness.continuous import check_sound_continuous
from mfg_envs.soundness.initial_laws import initial_law

MASS = 1e-4
"""How far from one the mass of a density may be: what a learner's own density achieves."""


class ContinuousSimulator(PopulationSimulator):
    """States float64 (B, N, d), actions (B, N, d), rewards (B, N).

    States and actions are fastest if the memory behind them is (d, B, N), as that of the states
    is.  A crowd is always frozen: a population policy is turned into its flow, once.
    """

    def __init__(self, game: ContinuousGame, shared: bool = False) -> None:
        check_sound_continuous(game)
        super().__init__(game, shared)
        self._low, self._high = np.array(game.action_low), np.array(game.action_high)
        limits = np.finfo(np.float64)  # what rounds to a bound in single precision is in bounds
        self._least = np.maximum(np.minimum(self._low, self._low.astype(np.float32)), limits.min)
        self._most = np.minimum(np.maximum(self._high, self._high.astype(np.float32)), limits.max)
        self.member_bytes = 8 * (3 * game.state_dim + game.action_dim + 1)

    def _constants(self) -> tuple[object, ...]:
        return continuous_kernels.arguments(self.game)

    def first(self, keys: Array, num_members: int) -> Array:
        x = continuous_kernels.first_states(self.game, keys, num_members)
        return np.moveaxis(sealed(x), 0, -1)

    def mean_field(self, state: Array) -> Array:
        if self.game.mean_field_of_controls:
            return np.repeat(self._middle()[None], len(state), 0)
        return self.game.mean_field(tuple(np.moveaxis(state, -1, 0)))

    def checked_state(self, state: Any, shape: tuple[int, int]) -> Array:
        x, wanted = np.array(state, np.float64), (*shape, self.game.state_dim)
        if x.shape != wanted or not np.isfinite(x).all():
            raise ValueError(f"state must be finite numbers of shape {wanted}, got shape {x.shape}")
        return sealed(x)

    def step(
        self, t: int, state: Array, actions: Array, mean_field: Array, keys: Array
    ) -> tuple[Array, Array, Array]:
        game, a, m, shared = self.game, actions, mean_field, self.shared
        B, N, d = state.shape
        x = np.ascontiguousarray(state.transpose(2, 0, 1))
        x2, r, moved = np.empty((d, B * N)), np.empty((B, N)), False
        m2 = np.empty((0 if shared else B, *m.shape[1:]))
        if self.compiled:
            where = (*self.constants, t, x.reshape(d, B * N))
            rest = (m, keys, x2, r.reshape(B * N), m2)
            args = (*where, a.reshape(len(a), B * N), *rest)
            self._kernel = self._kernel or bind(continuous_kernels.simulator(game), args)
            moved = self._kernel(*args)
            if not moved:  # an action is out of its bounds, or just outside
                a = self._bounded(a)
                moved = self._kernel(*where, a.reshape(len(a), B * N), *rest)
        if not moved:  # NumPy says what is wrong
            a = self._bounded(a)
            if game.mean_field_of_controls and not shared:
                m = game.mean_field(tuple(x), tuple(a))
            each = np.broadcast_to(m, (B, *m.shape[1:]))
            x2, r = continuous_kernels.step(game, t, x, a, each, keys)
            m2 = m if game.mean_field_of_controls or shared else game.mean_field(tuple(x2))
        return sealed(x2).reshape(d, B, N).transpose(1, 2, 0), r, m2

    def _bounded(self, a: Array) -> Array:
        """Return actions (d, B, N) that lie within their bounds but for single precision."""
        wrong = ~((a >= self._least[:, None, None]) & (a <= self._most[:, None, None]))
        if wrong.any():  # NaN is wrong, too
            j, b, i = np.argwhere(wrong)[0]
            raise ValueError(
                f"action of population {b}, player {i} must be in"
                f" [{self._low[j]}, {self._high[j]}], component {j} is {a[j, b, i]}"
            )
        return np.clip(a, self._low[:, None, None], self._high[:, None, None])

    # --- what players see and do ---

    def observer(self, parts: Sequence[str] | None) -> ContinuousObserver:
        return ContinuousObserver(self.game, parts)

    def look(self, observer: ContinuousObserver, t: int, state: Array, mean_field: Array) -> Array:
        return observer(state, t, mean_field)

    @property
    def action_space(self) -> spaces.Box:
        return spaces.Box(self._low.astype(np.float32), self._high.astype(np.float32))

    @property
    def field_space(self) -> spaces.Box:
        cells = (int(np.prod(self.game.mean_field_shape)),)
        dense = self.game.mean_field_kind == "density"
        return spaces.Box(0.0 if dense else -np.inf, np.inf, cells, np.float32)

    def read(self, actions: Mapping[str, Any], agents: Sequence[str]) -> Array:
        return read_points(actions, agents, self._least, self._most)

    def checked_actions(self, actions: Any, shape: tuple[int, int]) -> Array:
        """Return actions (B, N, d) as rows (d, B, N); ``step`` looks at their bounds."""
        a, wanted = as_entries("actions", actions), (*shape, self.game.action_dim)
        if a.shape != wanted:
            raise ValueError(f"actions must have shape (B, N, d) = {wanted}, got {a.shape}")
        if a.dtype.kind not in "iuf":
            raise ValueError(f"actions must be real numbers, got {a.dtype}")
        return np.ascontiguousarray(a.transpose(2, 0, 1), np.float64)

    # --- the crowd that representatives meet ---

    def law(self) -> None:
        return None

    def default_crowd(self) -> Frozen:
        """Return the crowd of the first states, or of every action alike."""
        if self.game.mean_field_kind == "density":
            return self.frozen(density.of_law(self.game))
        if self.game.mean_field_of_controls:
            return self.frozen(self._middle())
        laws = initial_law(self.game)
        means = [v.mean if isinstance(v, Normal) else (v.low + v.high) / 2 for v in laws]
        return self.frozen(np.array(means))

    def _middle(self) -> Array:
        """Return the action in the middle of all, zero where they are unbounded."""
        bounded = np.isfinite(self._low) & np.isfinite(self._high)
        low, high = np.where(bounded, self._low, 0), np.where(bounded, self._high, 0)
        return (low + high) / 2

    def frozen(self, mean_field: Array) -> Frozen:
        m, game = as_array("mean_field", mean_field), self.game
        shape = game.mean_field_shape
        flow = game.horizon is not None and m.ndim == len(shape) + 1
        wanted = (game.horizon, *shape) if flow else shape
        if m.shape != wanted:
            raise ValueError(
                f"{'a flow' if flow else 'mean field'} must have shape {wanted}, got {m.shape}"
            )
        if not np.isfinite(m).all():
            raise ValueError("mean field must be finite numbers")
        rows = m if flow else m[None]
        if game.mean_field_kind == "density":
            weights = game.room.ravel() * density.smoother(game).volume
            mass = rows.reshape(len(rows), -1) @ weights
            worst = int(np.abs(mass - 1).argmax())
            if rows.min() < 0 or abs(mass[worst] - 1) > MASS:
                raise ValueError(
                    f"a density must be at least 0 and have mass 1, got least {rows.min():.4g} and"
                    f" mass {mass[worst]:.6g} at row {worst}: divide by it"
                )
        return Frozen(rows.copy())

    def following(self, policy: Any) -> Frozen:
        if isinstance(policy, riccati.Affine):
            return self.frozen(riccati.flow(self.game, policy))
        if isinstance(policy, GridPolicy):
            if policy.grid.game != self.game:
                raise ValueError(f"the policy is for another game: {policy.grid.game}")
            return self.frozen(policy.mean_fields())
        raise ValueError(
            f"the flow of a {type(policy).__name__} is not known exactly: give a GridPolicy of"
            " discretise(game) or a riccati.Affine, or simulate many players and set_mean_field"
        )

    # --- policies ---

    def mean_reward(self, reward: Array) -> Array:
        return reward.sum(-1) / reward.shape[1]
