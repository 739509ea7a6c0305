"""B populations of N players as arrays: the fast path of every learner and every other view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from mfg_envs.game import Array, ContinuousGame, FiniteGame, as_int, check_choice, check_range
from mfg_envs.simulate.acting import as_policy, decisions
from mfg_envs.simulate.continuous import ContinuousSimulator
from mfg_envs.simulate.finite import FiniteSimulator
from mfg_envs.simulate.lock_step import LockStep
from mfg_envs.simulate.moment import checked_fields, sealed
from mfg_envs.simulate.results import Rollout, Step
from mfg_envs.simulate.simulator import Crowd, PopulationSimulator

SIMULATORS: dict[type, type[FiniteSimulator] | type[ContinuousSimulator]] = {
    FiniteGame: FiniteSimulator,
    ContinuousGame: ContinuousSimulator,
}
"""Kind of game -> what moves its players."""


class BatchEnv(LockStep[PopulationSimulator, Step]):
    """Play ``num_envs`` independent populations of a game in lock step.

    Population b plays exactly what a single one with seed ``seed + b`` plays, on every back
    end.  In mode "mean_field" the players are representatives in an infinite population: they
    meet ``set_mean_field`` (frozen) or ``set_population_policy`` (moved by the exact flow; at
    first every legal action with the same probability), and not each other.

    In a continuous game states and actions are float64 (B, N, d), fastest if the memory behind
    them is (d, B, N), as that of the states is.  There the crowd of mode "mean_field" is frozen
    at a flow: at first at the mean field of the first states and of every action alike.

    Args:
        game: The game.
        num_envs: Populations, B >= 1.
        num_agents: Players a population, N >= 1.
        seed: Whole number >= 0; None: from the operating system.
        mode: "n_agent" or "mean_field".
        observe: Parts of an observation, see ``players.observers``; "plain": what stands alone,
            ("index",) or, in a continuous game, ("point",).

    Attributes:
        game: The game.
        num_envs: Populations.
        num_agents: Players a population.
        mode: "n_agent" or "mean_field".
        observer: What turns a moment into observations.
        t: Time.

    Raises:
        ValueError: If an argument is out of its range or needs more memory than there is, or if
            the first look at the game finds a fault; see ``soundness``.
        TypeError: If ``game`` is no finite or continuous game.
    """

    def __init__(
        self,
        game: Any,
        num_envs: int = 1,
        num_agents: int = 100,
        seed: int | None = None,
        *,
        mode: str = "n_agent",
        observe: Sequence[str] | None = "plain",
    ) -> None:
        kinds = (made for kind, made in SIMULATORS.items() if isinstance(game, kind))
        simulator = next(kinds, FiniteSimulator)(game, shared=mode == "mean_field")
        check_choice("mode", mode, ("n_agent", "mean_field"))
        self.mode = mode
        self.observer = simulator.observer(observe)
        sizes = {"num_envs": num_envs, "num_agents": num_agents}
        fields = 16 * int(np.prod(game.mean_field_shape)) if mode == "n_agent" else 0
        super().__init__(simulator, sizes, seed, 4 * self.observer.width, fields)
        self.num_agents = self._shape[1]
        self._crowd: Crowd | None = simulator.default_crowd() if mode == "mean_field" else None
        self._law: Any = None  # of the crowd's states
        _ = simulator.constants  # a game that cannot be compiled is refused now

    def step(self, actions: Array) -> Step:
        """Play one action per player, int (B, N), or float (B, N, d) in a continuous game.

        Raises:
            ValueError: If the shape is wrong or an action is invalid; nothing has moved then.
            RuntimeError: If the episode is over, or has not begun.
        """
        reward = self._advance(self._simulator.checked_actions(actions, self._shape))
        if self._crowd is not None:
            self._law = self._crowd.moved(self.t - 1, self._law)
            self._mean_field = sealed(self._crowd.met(self.t, self._law))
        return self._told(reward)

    def rollout(self, policy: Any, num_steps: int) -> Rollout:
        """Play ``num_steps`` steps under a policy, drawing actions for all players.

        Args:
            policy: (T, S, A) with a horizon, (S, A) without, or over observed states; or any
                other form that ``as_policy`` knows.  A model sees what the environment shows.
            num_steps: Steps, at least 1; not beyond the horizon.
        """
        self._ready()
        check_range("num_steps", as_int("num_steps", num_steps), 1)
        if self.t + num_steps > self._end:
            raise ValueError(f"num_steps must be at most {self._end - self.t}, got {num_steps}")
        played = as_policy(self.game, policy, observe=self.observer.parts)
        now = self.t, self._state, self._mean_field, self._keys
        whole = self._simulator.whole_rollout(played, num_steps, *now)
        if whole is not None:
            self._state, self._mean_field, rollout = whole
            self.t += num_steps
            return rollout
        met = [
            (now.mean_field, self._simulator.mean_reward(now.reward))
            for now in decisions(self, played, num_steps)
        ]
        return Rollout(*map(np.stack, zip(*met, strict=True)))

    # --- the moment ---

    @property
    def state(self) -> Array:
        """Private states now, read-only; set others to go on from them."""
        return self._given("state")

    @state.setter
    def state(self, state: Array) -> None:
        self._state = self._simulator.checked_state(state, self._shape)

    def stand(
        self,
        t: int,
        state: Array,
        *,
        mean_field: Array | None = None,
        keys: Array | None = None,
        episode: tuple[int, int] | None = None,
        law: Array | None = None,
    ) -> None:
        """Stand at a moment of any episode, to go on from there.

        Args:
            t: Time, at least 0; not beyond the horizon.
            state: Private states then, of the shape of ``state``.
            mean_field: Mean fields met then, (B, *mean_field_shape) or (1, *mean_field_shape);
                None: that of players in these states who have not acted, or that of the crowd.
            keys: Keys of the episodes, uint64 (B,); None: those of ``episode``.
            episode: Seed of the first population, and number of the episode, after which the next
                reset goes on; None: the present one.
            law: Law of the states of a crowd that follows a policy; None: that of its first ones.

        Raises:
            ValueError: If an argument is out of its range; everything is as it was then.
            AttributeError: If there is no present episode, and neither ``keys`` nor ``episode``.
        """
        check_range("t", as_int("t", t), 0, self._end)
        state = self._simulator.checked_state(state, self._shape)
        law = self._checked_law(law)
        if mean_field is not None:
            m = checked_fields(mean_field, self.num_envs, self.game.mean_field_shape)
        elif self._crowd is not None:
            m = sealed(self._crowd.met(t, law))
        else:
            m = sealed(self._simulator.mean_field(state))
        keys = self._keys_then(keys, episode)
        if episode is not None:
            self._seed, self._episode = episode[0], episode[1] + 1
        self.t, self._state, self._mean_field, self._law = int(t), state, m, law
        self._keys = keys

    def _keys_then(self, keys: Array | None, episode: tuple[int, int] | None) -> Array:
        """Return sealed keys: given ones, those of an episode, or the present ones."""
        own = None
        if episode is not None:
            check_range("the number of an episode", episode[1], 0)
            own = self._keys_of(*episode)
        if keys is None:
            return self.keys if own is None else own
        given = np.array(keys)
        if given.shape != (self.num_envs,) or given.dtype != np.uint64:
            raise ValueError(f"keys must be uint64 of shape ({self.num_envs},), got {keys!r:.200}")
        return sealed(given)

    def _checked_law(self, law: Array | None) -> Any:
        """Return a copy of a law of the crowd's states; None: that of its first ones, if needed."""
        first: Any = None if self._crowd is None else self._simulator.law()
        if law is None:
            return first
        self._needs_mean_field_mode("law")
        if np.shape(law) != np.shape(first):
            raise ValueError(f"law must have shape {np.shape(first)}, got {np.shape(law)}")
        return np.array(law, np.float64)

    @property
    def law(self) -> Any:
        """Law of the states of the crowd now, (S,); None: there is none, or nobody needs it."""
        return self._law

    # --- the crowd that representatives meet ---

    def set_mean_field(self, mean_field: Array) -> None:
        """Freeze the crowd: a mean field for all time, or one for every t (T, *shape).

        Raises:
            ValueError: If it is no mean field of this game, or the mode is "n_agent".
        """
        self._needs_mean_field_mode("set_mean_field")
        self._meet(self._simulator.frozen(mean_field))

    def set_population_policy(self, policy: Any) -> None:
        """Let the crowd follow a policy, by the exact flow.

        Args:
            policy: (T, S, A) with a horizon, (S, A) without.  In a continuous game a
                ``GridPolicy`` or a ``riccati.Affine``.

        Raises:
            ValueError: If it is no such policy, or the mode is "n_agent".
        """
        self._needs_mean_field_mode("set_population_policy")
        self._meet(self._simulator.following(policy))

    def _meet(self, crowd: Crowd) -> None:
        self._crowd = crowd
        if hasattr(self, "_state"):
            self._mean_field = sealed(crowd.met(self.t, self._law))

    def _needs_mean_field_mode(self, name: str) -> None:
        if self.mode != "mean_field":
            raise ValueError(f'{name} needs mode="mean_field", this environment has mode="n_agent"')

    def _first_field(self) -> Array:
        if self._crowd is None:
            return super()._first_field()
        self._law = self._simulator.law()
        return self._crowd.met(0, self._law)

    # --- what players see and do ---

    def look(self, observer: Any) -> Array:
        """Return what an observer sees of all players now, (B, N, ...)."""
        return self._simulator.look(observer, self.t, self._state, self._mean_field)

    def _told(self, reward: Array) -> Step:
        m = self._mean_field
        seen = self._simulator.look(self.observer, self.t, self._state, m)
        if self._crowd is not None:  # the crowd's own mean field: read-only
            m = np.broadcast_to(m, (self.num_envs, *m.shape[1:]))
        return Step(self._state, seen, reward, m, self._done)

    def _no_reward(self) -> Array:
        return np.zeros(self._shape)

    @property
    def action_space(self) -> spaces.Space[Any]:
        """Space of one player's actions."""
        return self._simulator.action_space

    @property
    def field_space(self) -> spaces.Box:
        """Space of a mean field, flattened."""
        return self._simulator.field_space

    def read(self, actions: Mapping[str, Any], agents: Sequence[str]) -> Array:
        """Return the actions of a dict in the order of the agents, (N, ...); see ``actions``."""
        return self._simulator.read(actions, agents)

    def replicate(self, num_envs: int) -> BatchEnv:
        """Return fresh populations of the same game, size, views and crowd, not yet reset."""
        like = {"mode": self.mode, "observe": self.observer.parts}
        twin = BatchEnv(self.game, num_envs, self.num_agents, **like)
        twin._crowd = self._crowd
        return twin
