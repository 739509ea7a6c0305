"""PopulationEnv: any game as a PettingZoo parallel environment of 1 to a million players."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pettingzoo import ParallelEnv

from mfg_envs.environments.episodes import Episodes
from mfg_envs.game import Array
from mfg_envs.simulate.batch import BatchEnv
from mfg_envs.simulate.results import Step


class PopulationEnv(Episodes, ParallelEnv):
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
        observe: Parts of an observation, see ``mfg_envs.players.observers.Observer``.

    Attributes:
        batch: The same population as arrays (a ``BatchEnv`` with one population).
        mean_field: Current mean field, ``game.mean_field_shape``.

    Raises:
        ValueError: If an argument is out of its range or needs more memory than there is.
    """

    metadata = {**Episodes.metadata, "name": "population_v0"}  # noqa: RUF012  as PettingZoo declares it

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
        self._check("num_agents", num_agents, render_mode)
        batch = BatchEnv(game, 1, num_agents, mode=mode, observe=observe)
        agents = [f"{game.player_name}_{i}" for i in range(num_agents)]
        self._set_up(batch, agents, max_cycles, render_mode)
        self.observation_spaces = dict.fromkeys(agents, batch.observer.space)
        self.action_spaces = dict.fromkeys(agents, batch.action_space)
        self.state_space = batch.field_space

    @property
    def observed_parts(self) -> tuple[str, ...]:
        """Parts of what a player sees, see ``Observer``."""
        return self.batch.observer.parts

    @property
    def mean_field(self) -> Array:
        """Current mean field, of shape ``game.mean_field_shape``."""
        return self.batch.mean_field[0]

    def set_mean_field(self, mean_field: Array) -> None:
        """Freeze the crowd at a mean field or a flow (mode "mean_field")."""
        self.batch.set_mean_field(mean_field)

    def set_population_policy(self, policy: Any) -> None:
        """Let the crowd follow a policy by the exact flow (mode "mean_field")."""
        self.batch.set_population_policy(policy)

    def state(self) -> Array:
        """Return the current mean field as a flat float32 array."""
        self._needs_reset("state")
        return self.batch.mean_field[0].ravel().astype(np.float32)

    def _views(self, step: Step) -> dict[str, Any]:
        observation = step.observation[0]
        rows = observation if observation.ndim > 1 else observation.tolist()
        return dict(zip(self.possible_agents, rows, strict=True))

    def _play(self, actions: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, float]]:
        a = self.batch.read(actions, self.possible_agents)
        step = self.batch.step(a[None])
        self._last_actions = a
        return self._views(step), dict(
            zip(self.possible_agents, step.reward[0].tolist(), strict=True)
        )

    def _scene(self) -> tuple[Any, ...]:
        batch = self.batch
        return self.game, batch.state[0], self._last_actions, batch.mean_field[0], batch.t
