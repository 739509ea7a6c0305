"""What the PettingZoo environments of populations and of teams share: the course of an episode."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from mfg_envs.game import Array, as_int, check_choice, check_range
from mfg_envs.numerics.memory import check_memory

DICT_BYTES = 1000
"""What one agent costs in the dict API: its name, views, rewards, flags and infos."""


class Episodes(ABC):
    """Seeds, spaces, ends and pictures; all agents begin and end together.

    A subclass makes ``batch``, then calls ``_set_up``, and says what agents see (``_views``), how
    their actions are played (``_play``) and what is drawn (``_scene``).
    """

    metadata: dict[str, Any] = {  # noqa: RUF012  PettingZoo declares it as an instance attribute
        "name": "episodes_v0",
        "render_modes": ["human", "rgb_array"],
        "render_fps": 15,
        "is_parallelizable": True,
    }

    def _check(self, count: str, number: int, render_mode: str | None) -> None:
        """Refuse a number of agents or a way to draw, before anything is made."""
        check_range(count, as_int(count, number), 1)
        check_memory(number, DICT_BYTES, count)
        check_choice("render_mode", render_mode, (None, *self.metadata["render_modes"]))

    def _set_up(
        self, batch: Any, agents: list[str], max_cycles: int | None, render_mode: str | None
    ) -> None:
        """Store what every environment has."""
        game = batch.game
        self.game, self.batch, self.render_mode = game, batch, render_mode
        self.metadata = {**self.metadata, "name": f"{game.name}_v0"}
        default = 500 if game.horizon is None else game.horizon
        self.max_cycles = default if max_cycles is None else as_int("max_cycles", max_cycles)
        check_range("max_cycles", self.max_cycles, 1)
        self.possible_agents, self.agents = agents, []
        self.observation_spaces: dict[str, Any] = {}
        self.action_spaces: dict[str, Any] = {}
        self._no, self._yes = (dict.fromkeys(agents, flag) for flag in (False, True))
        self._generator: np.random.Generator | None = None
        self.window: Any = None
        self._last_actions: Array | None = None

    @property
    def np_random(self) -> np.random.Generator:
        """Generator of the episodes' keys; made at the first use, remade by ``reset(seed)``."""
        if self._generator is None:
            self._generator = np.random.default_rng()
        return self._generator

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """Return the space of an agent's observations (one object for all agents)."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """Return the space of an agent's actions (one object for all agents)."""
        return self.action_spaces[agent]

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
        self.agents, self._last_actions = self.possible_agents[:], None
        return self._views(first), {agent: {} for agent in self.agents}

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
            ValueError: If an action is missing, of an unknown agent, or invalid; the
                message names the agent and the bound, and nothing has moved.
        """
        if not self.agents:
            if not actions:
                return {}, {}, {}, {}, {}
            raise ValueError("actions were given but no agent is alive: call reset()")
        views, rewards = self._play(actions)
        terminated = self.batch.over
        truncated = not terminated and self.batch.t >= self.max_cycles
        out = (
            views,
            rewards,
            (self._yes if terminated else self._no).copy(),
            (self._yes if truncated else self._no).copy(),
            {agent: {} for agent in self.possible_agents},
        )
        if terminated or truncated:
            self.agents = []
        if self.render_mode == "human":
            self.render()
        return out

    def render(self) -> Array | None:
        """Draw the moment: uint8 (H, W, 3) for "rgb_array", a window for "human"."""
        if self.render_mode is None:
            raise ValueError('render() needs render_mode="human" or "rgb_array" at construction')
        self._needs_reset("render")
        from mfg_envs.pictures import drawing

        return drawing.present(self, drawing.draw_population(*self._scene()))

    def close(self) -> None:
        """Close the window, if there is one; may be called again."""
        if self.window is not None:
            self.window.close()
            self.window = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "window": None}  # a window stays with its process

    def _needs_reset(self, name: str) -> None:
        if not hasattr(self.batch, "state"):
            raise RuntimeError(f"call reset() before {name}()")

    @abstractmethod
    def _views(self, step: Any) -> dict[str, Any]:
        """Return what every agent sees after a reset or step of ``batch``."""

    @abstractmethod
    def _play(self, actions: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, float]]:
        """Check and play one action per agent; return views and rewards."""

    @abstractmethod
    def _scene(self) -> tuple[Any, ...]:
        """Return the arguments of ``drawing.draw_population`` for this moment."""
