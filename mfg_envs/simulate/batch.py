"""B populations of N players as arrays: the fast path of every learner and every other view."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from mfg_envs import exact
from mfg_envs.exact import policies
from mfg_envs.game import (
    Array,
    as_array,
    as_int,
    check_choice,
    check_range,
)
from mfg_envs.numerics import random
from mfg_envs.numerics.compiler import backend, bind
from mfg_envs.numerics.memory import check_memory
from mfg_envs.simulate import finite_kernels
from mfg_envs.simulate.acting import Policy, Table, as_policy, decisions
from mfg_envs.simulate.actions import read_actions, refuse, whole_actions
from mfg_envs.simulate.moment import Moment, checked_states, sealed
from mfg_envs.simulate.results import Rollout, Step
from mfg_envs.simulate.see_finite import Observer
from mfg_envs.soundness.finite import check_sound
from mfg_envs.soundness.initial_laws import initial_law


class BatchEnv(Moment):
    """Play ``num_envs`` independent populations of a game in lock step.

    Population b plays exactly what a single one with seed ``seed + b`` plays, on every back
    end.  In mode "mean_field" the players are representatives in an infinite population: they
    meet ``set_mean_field`` (frozen) or ``set_population_policy`` (moved by the exact flow; at
    first every legal action with the same probability), and not each other.

    A ``ContinuousGame`` makes it a ``ContinuousBatch``, which says what is different there.

    Args:
        game: The game.
        num_envs: Populations, B >= 1.
        num_agents: Players a population, N >= 1.
        seed: Whole number >= 0; None: from the operating system.
        mode: "n_agent" or "mean_field".
        observe: Parts of an observation, see ``Observer``.

    Raises:
        ValueError: If an argument is out of its range or needs more memory than there is, or if
            the first look at the game finds a fault; see ``soundness``.
        TypeError: If ``game`` is no finite or continuous game.
    """

    _player_bytes = 28
    _kinds: ClassVar[dict[type, Any]] = {}  # kind of game -> what plays it

    def __new__(cls, game: Any = None, *args: Any, **kwargs: Any) -> BatchEnv:
        """Return an environment of the kind that the game needs."""
        own = (kind for of, kind in BatchEnv._kinds.items() if isinstance(game, of))
        kind: Any = next(own, cls) if cls is BatchEnv else cls
        return super().__new__(kind)

    def __init_subclass__(cls, plays: type | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if plays is not None:
            BatchEnv._kinds[plays] = cls

    def __init__(
        self,
        game: Any,
        num_envs: int = 1,
        num_agents: int = 100,
        seed: int | None = None,
        *,
        mode: str = "n_agent",
        observe: Sequence[str] | None = ("index",),
    ) -> None:
        self._check_game(game)
        num_envs, num_agents = as_int("num_envs", num_envs), as_int("num_agents", num_agents)
        check_range("num_envs", num_envs, 1)
        check_range("num_agents", num_agents, 1)
        check_choice("mode", mode, ("n_agent", "mean_field"))
        self.game, self.num_envs, self.num_agents, self.mode = game, num_envs, num_agents, mode
        self.observer: Any = self._look(observe)
        wide = self._player_bytes + 4 * self.observer.width
        check_memory(num_envs * num_agents, wide, "num_envs * num_agents")
        random.seed_key(0 if seed is None else seed)  # raises if it is no seed
        self.t, self._seed, self._episode = 0, seed, 0
        self._set_flags()
        self._backend = backend() if getattr(game, "compiles", True) else "numpy"
        self._arguments: tuple[object, ...] = self._constants() if self._backend == "numba" else ()
        self._kernel: Callable[..., bool] | None = None  # bound at the first step
        self._population: Array | None = None  # policy of the crowd, or None: it is frozen
        self._frozen: Array | None = None
        if mode == "mean_field":
            self._default_crowd()

    def reset(self, seed: int | None = None) -> Step:
        """Start the next episode of every population; with a seed, the first of that seed."""
        episode = self._episode if seed is None else 0
        seed = self._seed if seed is None else seed
        if seed is None:
            seed = int.from_bytes(os.urandom(8), "little") >> 1
        keys = random.seed_key(seed, np.arange(self.num_envs))
        self._seed, self._episode = seed, episode + 1  # now that the seed is known to be one
        self._keys = random.subkey(keys, episode)
        self.t = 0
        self._begin()
        return self._result(np.zeros((self.num_envs, self.num_agents)))

    def _begin(self) -> None:
        """Draw the first states, and set the first mean field."""
        u = random.uniform(random.subkey(self._keys, random.INITIAL), self.num_agents)
        self._state = sealed(random.categorical(initial_law(self.game), u).astype(np.int32))
        if self.mode == "mean_field":
            self._law = initial_law(self.game)
            m = self._field()
        elif self.game.mean_field_of_controls:  # nobody has acted: every action alike
            share = self._present()[..., None] / self.game.num_actions
            m = np.repeat(share, self.game.num_actions, -1)
        else:
            m = self.game.mean_field(self._state)
        self._mean_field = sealed(m)

    def step(self, actions: Array) -> Step:
        """Play one action per player, int (B, N).

        Raises:
            ValueError: If the shape is wrong or an action is invalid; nothing has moved then.
            RuntimeError: If the episode is over, or has not begun.
        """
        a = self._actions(actions)
        self._ready()
        return self._result(self._advance(a))

    def _advance(self, a: Array) -> Array:
        """Move everybody by one step and return the rewards."""
        game, x, m, shared = self.game, self._state, self._mean_field, self.mode == "mean_field"
        controls = game.mean_field_of_controls and not shared
        x2, r, moved = np.empty(x.shape, np.int32), np.empty(x.shape), False
        m2 = np.empty((0 if shared else len(x), *m.shape[1:]))
        if self._backend == "numba":
            args = (*self._arguments, self.t, x, a, m2 if controls else m, self._keys, x2, r, m2)
            self._kernel = self._kernel or bind(finite_kernels.simulator(type(game)).step, args)
            moved = self._kernel(*args)
        if not moved:  # NumPy says what is wrong
            if a.min() < 0 or a.max() >= game.num_actions:
                refuse(a, game.num_actions)
            m = game.mean_field(x, a) if controls else m
            each = np.broadcast_to(m, (self.num_envs, *m.shape[1:]))
            x2, r = finite_kernels.step(game, self.t, x, a, each, self._keys)
            m2 = m if controls or shared else game.mean_field(x2)
        self._state, self.t = sealed(x2), self.t + 1
        self._mean_field = sealed(self._move_crowd() if shared else m2)
        return r

    def rollout(self, policy: Any, num_steps: int) -> Rollout:
        """Play ``num_steps`` steps under a policy, drawing actions for all players.

        Args:
            policy: (T, S, A) with a horizon, (S, A) without, or over observed states; or any
                other form that ``as_policy`` knows.  A model sees what the environment shows.
            num_steps: Steps, at least 1; not beyond the horizon.
        """
        self._ready()
        check_range("num_steps", as_int("num_steps", num_steps), 1)
        horizon = self.game.horizon
        if horizon is not None and self.t + num_steps > horizon:
            raise ValueError(f"num_steps must be at most {horizon - self.t}, got {num_steps}")
        played = as_policy(self.game, policy, observe=self.observer.parts)
        if self._backend == "numpy" or self.mode == "mean_field" or not isinstance(played, Table):
            return self._step_by_step(played, num_steps)
        ms = np.empty((num_steps, self.num_envs, *self.game.mean_field_shape))
        rs = np.empty((num_steps, self.num_envs))
        x, m = self._state.copy(), self._mean_field.copy()
        rollout = finite_kernels.simulator(type(self.game)).rollout
        if not rollout(*self._arguments, self.t, x, m, self._keys, played.alias, ms, rs):
            return self._step_by_step(played, num_steps)  # says what is wrong
        self._state, self._mean_field, self.t = sealed(x), sealed(m), self.t + num_steps
        return Rollout(ms, rs)

    def _step_by_step(self, policy: Policy, num_steps: int) -> Rollout:
        met = [
            (now.mean_field, finite_kernels.mean_reward(now.reward))
            for now in decisions(self, policy, num_steps)
        ]
        return Rollout(*map(np.stack, zip(*met, strict=True)))

    def set_mean_field(self, mean_field: Array) -> None:
        """Freeze the crowd: a mean field (O,) for all time, or one for every t (T, O).

        Raises:
            ValueError: If it is no mean field of this game, or the mode is "n_agent".
        """
        self._needs_mean_field_mode("set_mean_field")
        m = as_array("mean_field", mean_field)
        shape, horizon = self.game.mean_field_shape, self.game.horizon
        flow = horizon is not None and m.ndim == len(shape) + 1
        if flow and len(m) != horizon:
            raise ValueError(f"a flow must have shape {(horizon, *shape)}, got {m.shape}")
        rows = [policies.check_mean_field(self.game, row) for row in (m if flow else [m])]
        # Rounding may leave [0, 1], observations may not.
        self._frozen, self._population = np.stack(rows).clip(0, 1), None
        if hasattr(self, "_law"):
            self._mean_field = sealed(self._field())

    def set_population_policy(self, policy: Array) -> None:
        """Let the crowd follow a policy: (T, S, A) with a horizon, (S, A) without."""
        self._needs_mean_field_mode("set_population_policy")
        self._population, self._frozen = policies.policy_table(self.game, policy), None
        if hasattr(self, "_law"):
            self._mean_field = sealed(self._field())

    def _field(self) -> Array:
        """Return the mean field met now, (1, O)."""
        if self._frozen is not None:
            return self._frozen[[min(self.t, len(self._frozen) - 1)]]
        return exact.crowd(self.game, self._law, self._rule(self.t))[None].copy()

    def _rule(self, t: int) -> Array:
        policy: Any = self._population
        return policy if policy.ndim == 2 else policy[min(t, len(policy) - 1)]

    def _move_crowd(self) -> Array:
        if self._population is not None:
            self._law = exact.push_forward(self.game, self.t - 1, self._law, self._rule(self.t - 1))
        return self._field()

    def look(self, observer: Any) -> Array:
        """Return what an observer sees of all players now, (B, N, ...)."""
        return observer(
            self._state, self.t, self._present() if observer.crowd else self._mean_field
        )

    def _result(self, reward: Array) -> Step:
        m, seen = self._mean_field, self.look(self.observer)
        if self.mode == "mean_field":  # the crowd's own law: read-only
            m = np.broadcast_to(m, (self.num_envs, *m.shape[1:]))
        return Step(self._state, seen, reward, m, self._done)

    def _present(self) -> Array:
        """Return the share of players in each observed state now, (B, O), or (1, O) for all."""
        if not self.game.mean_field_of_controls:
            return self._mean_field
        if self.mode == "mean_field":
            return self._mean_field.sum(-1)
        return self.game.mean_field(self._state, np.zeros_like(self._state)).sum(-1)

    def _check_game(self, game: Any) -> None:
        check_sound(game)

    def _look(self, observe: Sequence[str] | None) -> Any:
        return Observer(self.game, observe)

    def _constants(self) -> tuple[object, ...]:
        return finite_kernels.arguments(self.game)

    def _default_crowd(self) -> None:
        self.set_population_policy(policies.uniform(self.game))

    def replicate(self, num_envs: int) -> BatchEnv:
        """Return fresh populations of the same game, size, views and crowd, not yet reset."""
        like = {"mode": self.mode, "observe": self.observer.parts}
        twin = BatchEnv(self.game, num_envs, self.num_agents, **like)
        twin._frozen, twin._population = self._frozen, self._population
        return twin

    @property
    def action_space(self) -> spaces.Space[Any]:
        """Space of one player's actions."""
        return spaces.Discrete(self.game.num_actions)

    @property
    def field_space(self) -> spaces.Box:
        """Space of a mean field, flattened."""
        return spaces.Box(0.0, 1.0, (int(np.prod(self.game.mean_field_shape)),), np.float32)

    def read(self, actions: Mapping[str, Any], agents: Sequence[str]) -> Array:
        """Return the actions of a dict in the order of the agents, int32 (N,); see ``actions``."""
        return read_actions(actions, agents, np.full(len(agents), self.game.num_actions))

    def _actions(self, actions: Array) -> Array:
        return whole_actions(actions, (self.num_envs, self.num_agents), self.game.num_actions)

    def _checked_state(self, state: Any) -> Array:
        shape = (self.num_envs, self.num_agents)
        return checked_states("state", state, shape, self.game.num_states)

    def _needs_mean_field_mode(self, name: str) -> None:
        if self.mode != "mean_field":
            raise ValueError(f'{name} needs mode="mean_field", this environment has mode="n_agent"')
