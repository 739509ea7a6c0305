"""PopulationEnv: any game as a PettingZoo parallel environment of 1 to a million players."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

from mfg_envs.batch import BatchEnv
from mfg_envs.game import Array, as_int, check_choice, check_range
from mfg_envs.memory import check_memory

DICT_BYTES = 1000
"""What one player costs in the dict API: its name, views, rewards, flags and infos."""


class PopulationEnv(ParallelEnv):
    """Play a game through PettingZoo's parallel API.

    In mode "n_agent" the players meet their own empirical mean field; in mode "mean_field" they
    are representatives of an infinite population (``set_mean_field``, ``set_population_policy``).
    The episode ends for all players at once: *terminated* at the horizon of the game,
    *truncated* after ``max_cycles`` steps.

    Args:
        game: The game.
        num_agents: Players, N.
        mode: "n_agent" or "mean_field".
        max_cycles: Steps after which an episode is cut; None: the horizon, or 500 without one.
        render_mode: None, "human" (a window) or "rgb_array" (an image).
        observe: Parts of an observation, see ``mfg_envs.observation.Observer``.

    Attributes:
        batch: The same population as arrays (a ``BatchEnv`` with one population).
        mean_field: Current mean field, ``game.mean_field_shape``.

    Raises:
        ValueError: If an argument is out of its range or needs more memory than there is.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012  PettingZoo declares it as an instance attribute
        "name": "population_v0",
        "render_modes": ["human", "rgb_array"],
        "render_fps": 15,
        "is_parallelizable": True,
    }

    def __init__(
        self,
        game: Any,
        num_agents: int = 100,
        *,
        mode: str = "n_agent",
        max_cycles: int | None = None,
        render_mode: str | None = None,
        observe: Sequence[str] | None = None,
    ) -> None:
        check_range("num_agents", as_int("num_agents", num_agents), 1)
        check_memory(num_agents, DICT_BYTES, "num_agents")
        check_choice("render_mode", render_mode, (None, *self.metadata["render_modes"]))
        self.game, self.render_mode = game, render_mode
        self.metadata = {**self.metadata, "name": f"{game.name}_v0"}
        self.batch = BatchEnv(game, 1, num_agents, mode=mode, observe=observe)
        default = 500 if game.horizon is None else game.horizon
        self.max_cycles = default if max_cycles is None else as_int("max_cycles", max_cycles)
        check_range("max_cycles", self.max_cycles, 1)
        self.possible_agents = [f"{game.player_name}_{i}" for i in range(num_agents)]
        self.agents: list[str] = []
        self.observation_spaces = dict.fromkeys(self.possible_agents, self.batch.observer.space)
        self.action_spaces = dict.fromkeys(self.possible_agents, self.batch.action_space)
        self.state_space = self.batch.field_space
        self._no, self._yes = (dict.fromkeys(self.possible_agents, flag) for flag in (False, True))
        self._generator: np.random.Generator | None = None
        self.window: Any = None
        self._last_actions: Array | None = None

    @property
    def np_random(self) -> np.random.Generator:
        """Generator of the episodes' keys; made at the first use, remade by ``reset(seed)``."""
        if self._generator is None:
            self._generator = np.random.default_rng()
        return self._generator

    @property
    def mean_field(self) -> Array:
        """Current mean field, of shape ``game.mean_field_shape``."""
        return self.batch.mean_field[0]

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """Return the space of an agent's observations (one object for all agents)."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """Return the space of an agent's actions (one object for all agents)."""
        return self.action_spaces[agent]

    def set_mean_field(self, mean_field: Array) -> None:
        """Freeze the crowd at a mean field or a flow (mode "mean_field")."""
        self.batch.set_mean_field(mean_field)

    def set_population_policy(self, policy: Array) -> None:
        """Let the crowd follow a policy by the exact flow (mode "mean_field")."""
        self.batch.set_population_policy(policy)

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Start an episode; without a seed, the next one of the same stream.

        Returns:
            Observations and empty infos, keyed by agent.
        """
        if seed is not None:
            first = self.batch.reset(seed)
            self._generator = np.random.default_rng(seed)
        elif self._generator is None:
            first = self.batch.reset(int(self.np_random.integers(2**63)))
        else:
            first = self.batch.reset()
        self.agents = self.possible_agents[:]
        self._last_actions = None
        return self._views(first.observation[0]), {agent: {} for agent in self.agents}

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[
        dict[str, Any],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        """Play one action per agent.

        Returns:
            Observations, rewards, terminations, truncations, infos, keyed by agent; new objects
            every time.  Five empty dicts once the episode is over.

        Raises:
            ValueError: If an action is missing, of an unknown agent, or none of the game; the
                message names the agent and the bound, and nothing has moved.
        """
        if not self.agents:
            if not actions:
                return {}, {}, {}, {}, {}
            raise ValueError("actions were given but no agent is alive: call reset()")
        a = self.batch.read(actions, self.possible_agents)
        step = self.batch.step(a[None])
        self._last_actions = a
        terminated = self.batch.over
        truncated = not terminated and self.batch.t >= self.max_cycles
        agents = self.possible_agents
        out = (
            self._views(step.observation[0]),
            dict(zip(agents, step.reward[0].tolist(), strict=True)),
            (self._yes if terminated else self._no).copy(),
            (self._yes if truncated else self._no).copy(),
            {agent: {} for agent in agents},
        )
        if terminated or truncated:
            self.agents = []
        if self.render_mode == "human":
            self.render()
        return out

    def state(self) -> Array:
        """Return the current mean field as a flat float32 array."""
        self._needs_reset("state")
        return self.batch.mean_field[0].ravel().astype(np.float32)

    def render(self) -> Array | None:
        """Draw the population: uint8 (H, W, 3) for "rgb_array", a window for "human"."""
        if self.render_mode is None:
            raise ValueError('render() needs render_mode="human" or "rgb_array" at construction')
        self._needs_reset("render")
        from mfg_envs import drawing

        batch = self.batch
        scene = (self.game, batch.state[0], self._last_actions, batch.mean_field[0], batch.t)
        frame = drawing.draw_population(*scene)
        return drawing.present(self, frame)

    def close(self) -> None:
        """Close the window, if there is one; may be called again."""
        if self.window is not None:
            self.window.close()
            self.window = None

    def _needs_reset(self, name: str) -> None:
        if not hasattr(self.batch, "state"):
            raise RuntimeError(f"call reset() before {name}()")

    def _views(self, observation: Array) -> dict[str, Any]:
        rows = observation if observation.ndim > 1 else observation.tolist()
        return dict(zip(self.possible_agents, rows, strict=True))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "window": None}  # a window stays with its process
