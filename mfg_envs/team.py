"""TeamEnv: a team game as a PettingZoo parallel environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

from mfg_envs.actions import read_actions
from mfg_envs.game import Array, as_int, check_choice, check_range
from mfg_envs.memory import check_memory
from mfg_envs.team_batch import TeamBatchEnv, TeamStep
from mfg_envs.team_game import TeamGame
from mfg_envs.team_observation import TeamObserver

DICT_BYTES = 1000
"""What one agent costs in the dict API: its name, views, rewards, flags and infos."""


class TeamEnv(ParallelEnv):
    """Play a team game through PettingZoo's parallel API: ``global_0`` and ``local_0..n-1``.

    All agents earn the reward of the team.  The episode ends for all at once: *terminated* at
    the horizon of the game, *truncated* after ``max_cycles`` steps.

    Args:
        game: The game.
        num_locals: Local agents, n.
        max_cycles: Steps after which an episode is cut; None: the horizon, or 500 without one.
        render_mode: None, "human" (a window) or "rgb_array" (an image).
        observe_global: Parts of the global agent's observation, see ``TeamObserver``.
        observe_local: Parts of a local's observation.

    Attributes:
        batch: The same team as arrays (a ``TeamBatchEnv`` with one team).
        mean_field: Share of the locals in each of their states now, (S,).

    Raises:
        ValueError: If an argument is out of its range or needs more memory than there is.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012  PettingZoo declares it as an instance attribute
        "name": "team_v0",
        "render_modes": ["human", "rgb_array"],
        "render_fps": 15,
        "is_parallelizable": True,
    }

    def __init__(
        self,
        game: TeamGame,
        num_locals: int = 8,
        *,
        max_cycles: int | None = None,
        render_mode: str | None = None,
        observe_global: Sequence[str] | None = None,
        observe_local: Sequence[str] | None = None,
    ) -> None:
        check_range("num_locals", as_int("num_locals", num_locals), 1)
        check_memory(num_locals, DICT_BYTES, "num_locals")
        check_choice("render_mode", render_mode, (None, *self.metadata["render_modes"]))
        self.game, self.render_mode = game, render_mode
        self.metadata = {**self.metadata, "name": f"{game.name}_v0"}
        self.batch = TeamBatchEnv(game, 1, num_locals)
        self.observer = TeamObserver(game, observe_global, observe_local)
        default = 500 if game.horizon is None else game.horizon
        self.max_cycles = default if max_cycles is None else as_int("max_cycles", max_cycles)
        check_range("max_cycles", self.max_cycles, 1)
        self.possible_agents = ["global_0", *(f"local_{i}" for i in range(num_locals))]
        self.agents: list[str] = []
        globally, *locally = self.possible_agents
        self._sizes = np.array([game.num_global_actions, *[game.num_local_actions] * num_locals])
        self.observation_spaces = {
            globally: self.observer.global_space,
            **dict.fromkeys(locally, self.observer.local_space),
        }
        self.action_spaces = {
            globally: spaces.Discrete(game.num_global_actions),
            **dict.fromkeys(locally, spaces.Discrete(game.num_local_actions)),
        }
        place, cells = game.global_coordinates(np.arange(1)).shape[1], game.num_local_states
        low = np.repeat([-1.0, 0.0], [place, cells]).astype(np.float32)
        self.state_space = spaces.Box(low, np.ones(place + cells, np.float32))
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
        """Share of the locals in each of their states now, (S,)."""
        return self.batch.mean_field[0]

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """Return the space of an agent's observations (one object for all locals)."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """Return the space of an agent's actions (one object for all locals)."""
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
            ValueError: If an action is missing, of an unknown agent, or none of the game; the
                message names the agent and the bound, and nothing has moved.
        """
        if not self.agents:
            if not actions:
                return {}, {}, {}, {}, {}
            raise ValueError("actions were given but no agent is alive: call reset()")
        a = read_actions(actions, self.possible_agents, self._sizes)
        step = self.batch.step(a[:1], a[None, 1:])
        self._last_actions = a[1:]
        terminated = self.batch.over
        truncated = not terminated and self.batch.t >= self.max_cycles
        agents = self.possible_agents
        if terminated or truncated:
            self.agents = []
        if self.render_mode == "human":
            self.render()
        return (
            self._views(step),
            dict.fromkeys(agents, float(step.reward[0])),
            (self._yes if terminated else self._no).copy(),
            (self._yes if truncated else self._no).copy(),
            {agent: {} for agent in agents},
        )

    def state(self) -> Array:
        """Return the coordinates of the global state and the mean field, flat float32."""
        if not hasattr(self.batch, "state"):
            raise RuntimeError("call reset() before state()")
        place = self.game.global_coordinates(self.batch.global_state)[0]
        return np.concatenate([place, self.mean_field], dtype=np.float32)

    def render(self) -> Array | None:
        """Draw the locals: uint8 (H, W, 3) for "rgb_array", a window for "human"."""
        if self.render_mode is None:
            raise ValueError('render() needs render_mode="human" or "rgb_array" at construction')
        if not hasattr(self.batch, "state"):
            raise RuntimeError("call reset() before render()")
        from mfg_envs import drawing
        from mfg_envs.pictures.team import Locals

        batch = self.batch
        crowd = Locals(self.game, int(batch.global_state[0]))
        scene = (crowd, batch.state[0], self._last_actions, self.mean_field, batch.t)
        return drawing.present(self, drawing.draw_population(*scene))

    def close(self) -> None:
        """Close the window, if there is one; may be called again."""
        if self.window is not None:
            self.window.close()
            self.window = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "window": None}  # a window stays with its process

    def _views(self, step: TeamStep) -> dict[str, Any]:
        t, (x_g, x, m) = self.batch.t, (step.global_state, step.state, step.mean_field)
        rows = [*self.observer.of_global(x_g, m, t), *self.observer.of_locals(x, x_g, m, t)[0]]
        return dict(zip(self.possible_agents, rows, strict=True))
