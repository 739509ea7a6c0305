"""B populations of N players of a continuous game as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from mfg_envs.exact import riccati
from mfg_envs.exact.discretise import GridPolicy
from mfg_envs.game import (
    Array,
    ContinuousGame,
    Normal,
    as_array,
    as_entries,
    as_int,
    check_range,
    density,
)
from mfg_envs.numerics.compiler import bind
from mfg_envs.numerics.memory import check_memory
from mfg_envs.simulate import continuous_kernels
from mfg_envs.simulate.acting import as_policy, decisions
from mfg_envs.simulate.actions import read_points
from mfg_envs.simulate.batch import BatchEnv
from mfg_envs.simulate.moment import sealed
from mfg_envs.simulate.results import Rollout
from mfg_envs.simulate.see_continuous import ContinuousObserver
from mfg_envs.soundness.continuous import check_sound_continuous
from mfg_envs.soundness.initial_laws import initial_law

MASS = 1e-4
"""How far from one the mass of a density may be: what a learner's own density achieves."""


class ContinuousBatch(BatchEnv, plays=ContinuousGame):
    """Play ``num_envs`` independent populations of a continuous game in lock step.

    What is different from finite games: states are float64 (B, N, d) and actions (B, N, d), both
    fastest if the memory behind them is (d, B, N), as that of the states is.  In mode "mean_field"
    the crowd is frozen at a flow, at first at the mean field of the first states and of every
    action alike; a population policy is turned into its flow, once.
    """

    def __init__(
        self,
        game: ContinuousGame,
        num_envs: int = 1,
        num_agents: int = 100,
        seed: int | None = None,
        *,
        mode: str = "n_agent",
        observe: Sequence[str] | None = ("point",),
    ) -> None:
        self._check_game(game)
        self._low, self._high = np.array(game.action_low), np.array(game.action_high)
        limits = np.finfo(np.float64)  # what rounds to a bound in single precision is in bounds
        self._least = np.maximum(np.minimum(self._low, self._low.astype(np.float32)), limits.min)
        self._most = np.minimum(np.maximum(self._high, self._high.astype(np.float32)), limits.max)
        self._player_bytes = 8 * (3 * game.state_dim + game.action_dim + 1)
        cells = int(np.prod(game.mean_field_shape))
        check_memory(as_int("num_envs", num_envs), 16 * cells, "num_envs")
        super().__init__(game, num_envs, num_agents, seed, mode=mode, observe=observe)

    def _begin(self) -> None:
        x = continuous_kernels.first_states(self.game, self._keys, self.num_agents)
        self._state = np.moveaxis(sealed(x), 0, -1)
        if self.mode == "mean_field":
            self._law = None
            m = self._field()
        elif self.game.mean_field_of_controls:
            m = np.repeat(self._middle()[None], self.num_envs, 0)
        else:
            m = self.game.mean_field(tuple(x))
        self._mean_field = sealed(m)

    def _advance(self, a: Array) -> Array:
        game, m, shared = self.game, self._mean_field, self.mode == "mean_field"
        d, B, N = shape = (self._state.shape[2], self.num_envs, self.num_agents)
        x = np.ascontiguousarray(self._state.transpose(2, 0, 1))
        x2, r, moved = np.empty((d, B * N)), np.empty((B, N)), False
        m2 = np.empty((0 if shared else B, *m.shape[1:]))
        if self._backend == "numba":
            where = (self._arguments, self.t, x.reshape(d, B * N))
            rest = (m, self._keys, x2, r.reshape(B * N), m2)
            args = (*where[0], *where[1:], a.reshape(len(a), B * N), *rest)
            self._kernel = self._kernel or bind(continuous_kernels.simulator(game), args)
            moved = self._kernel(*args)
            if not moved:  # an action is out of its bounds, or just outside
                a = self._bounded(a)
                moved = self._kernel(*where[0], *where[1:], a.reshape(len(a), B * N), *rest)
        if not moved:  # NumPy says what is wrong
            a = self._bounded(a)
            if game.mean_field_of_controls and not shared:
                m = game.mean_field(tuple(x), tuple(a))
            each = np.broadcast_to(m, (B, *m.shape[1:]))
            x2, r = continuous_kernels.step(game, self.t, x, a, each, self._keys)
            m2 = m if game.mean_field_of_controls or shared else game.mean_field(tuple(x2))
        self._state, self.t = sealed(x2).reshape(shape).transpose(1, 2, 0), self.t + 1
        self._mean_field = sealed(self._field() if shared else m2)
        return r

    def rollout(self, policy: Any, num_steps: int) -> Rollout:
        """Play ``num_steps`` steps under a policy.

        Args:
            policy: A ``GridPolicy``, a ``riccati.Affine``, a function (t, states) -> actions, or
                any other form that ``as_policy`` knows.  A model sees what the environment shows.
            num_steps: Steps, at least 1; not beyond the horizon.
        """
        self._ready()
        check_range("num_steps", as_int("num_steps", num_steps), 1)
        horizon = self.game.horizon
        if horizon is not None and self.t + num_steps > horizon:
            raise ValueError(f"num_steps must be at most {horizon - self.t}, got {num_steps}")
        played = as_policy(self.game, policy, observe=self.observer.parts)
        met = [
            (now.mean_field, now.reward.sum(-1) / self.num_agents)
            for now in decisions(self, played, num_steps)
        ]
        return Rollout(*map(np.stack, zip(*met, strict=True)))

    def set_mean_field(self, mean_field: Array) -> None:
        """Freeze the crowd: a mean field for all time, or one for every t (T, *shape).

        Raises:
            ValueError: If it is no mean field of this game, or the mode is "n_agent".
        """
        self._needs_mean_field_mode("set_mean_field")
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
        self._frozen = rows.copy()
        if hasattr(self, "_law"):
            self._mean_field = sealed(self._field())

    def set_population_policy(self, policy: Any) -> None:
        """Let the crowd follow a policy: a ``GridPolicy``, or a ``riccati.Affine``.

        Raises:
            ValueError: If the flow of such a policy is not known.
        """
        self._needs_mean_field_mode("set_population_policy")
        if isinstance(policy, riccati.Affine):
            self.set_mean_field(riccati.flow(self.game, policy))
        elif isinstance(policy, GridPolicy):
            if policy.grid.game != self.game:
                raise ValueError(f"the policy is for another game: {policy.grid.game}")
            self.set_mean_field(policy.mean_fields())
        else:
            raise ValueError(
                f"the flow of a {type(policy).__name__} is not known exactly: give a GridPolicy of"
                " discretise(game) or a riccati.Affine, or simulate many players and set_mean_field"
            )

    def _default_crowd(self) -> None:
        if self.game.mean_field_kind == "density":
            self.set_mean_field(density.of_law(self.game))
        elif self.game.mean_field_of_controls:
            self.set_mean_field(self._middle())
        else:
            laws = initial_law(self.game)
            means = [v.mean if isinstance(v, Normal) else (v.low + v.high) / 2 for v in laws]
            self.set_mean_field(np.array(means))

    def _middle(self) -> Array:
        """Return the action in the middle of all, zero where they are unbounded."""
        bounded = np.isfinite(self._low) & np.isfinite(self._high)
        low, high = np.where(bounded, self._low, 0), np.where(bounded, self._high, 0)
        return (low + high) / 2

    def _check_game(self, game: Any) -> None:
        check_sound_continuous(game)

    def _look(self, observe: Sequence[str] | None) -> ContinuousObserver:
        return ContinuousObserver(self.game, observe)

    def _constants(self) -> tuple[object, ...]:
        return continuous_kernels.arguments(self.game)

    @property
    def action_space(self) -> spaces.Box:
        return spaces.Box(self._low.astype(np.float32), self._high.astype(np.float32))

    @property
    def field_space(self) -> spaces.Box:
        cells = (int(np.prod(self.game.mean_field_shape)),)
        dense = self.game.mean_field_kind == "density"
        return spaces.Box(0.0 if dense else -np.inf, np.inf, cells, np.float32)

    def read(self, actions: Mapping[str, Any], agents: Sequence[str]) -> Array:
        """Return the actions of a dict in the order of the agents, float64 (N, d)."""
        return read_points(actions, agents, self._least, self._most)

    def _checked_state(self, state: Any) -> Array:
        x, shape = (
            np.array(state, np.float64),
            (self.num_envs, self.num_agents, self.game.state_dim),
        )
        if x.shape != shape or not np.isfinite(x).all():
            raise ValueError(f"state must be finite numbers of shape {shape}, got shape {x.shape}")
        return x

    def _actions(self, actions: Array) -> Array:
        """Return actions (B, N, d) as rows (d, B, N), within their bounds."""
        a = as_entries("actions", actions)
        shape = (self.num_envs, self.num_agents, self.game.action_dim)
        if a.shape != shape:
            raise ValueError(f"actions must have shape (B, N, d) = {shape}, got {a.shape}")
        if a.dtype.kind not in "iuf":
            raise ValueError(f"actions must be real numbers, got {a.dtype}")
        return np.ascontiguousarray(a.transpose(2, 0, 1), np.float64)

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
