"""TeamEnv: a team game as a PettingZoo parallel environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

from mfg_envs.environments.episodes import Episodes
from mfg_envs.game import Array, TeamGame
from mfg_envs.players.observers import TeamObserver
from mfg_envs.simulate.actions import read_actions
from mfg_envs.simulate.team import TeamBatchEnv, TeamStep
from mfg_envs.soundness.team import check_sound_team


class TeamEnv(Episodes, ParallelEnv):
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

    metadata = {**Episodes.metadata, "name": "team_v0"}  # noqa: RUF012  as PettingZoo declares it

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
        check_sound_team(game)
        self._check("num_locals", num_locals, render_mode)
        self.observer = TeamObserver(game, observe_global, observe_local)
        agents = ["global_0", *(f"local_{i}" for i in range(num_locals))]
        self._set_up(TeamBatchEnv(game, 1, num_locals), agents, max_cycles, render_mode)
        self._sizes = np.array([game.num_global_actions, *[game.num_local_actions] * num_locals])
        globally, *locally = agents
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

    @property
    def mean_field(self) -> Array:
        """Share of the locals in each of their states now, (S,)."""
        return self.batch.mean_field[0]

    def state(self) -> Array:
        """Return the coordinates of the global state and the mean field, flat float32."""
        self._needs_reset("state")
        place = self.game.global_coordinates(self.batch.global_state)[0]
        return np.concatenate([place, self.mean_field], dtype=np.float32)

    def _views(self, step: TeamStep) -> dict[str, Any]:
        t, (x_g, x, m) = self.batch.t, (step.global_state, step.state, step.mean_field)
        rows = [*self.observer.of_global(x_g, m, t), *self.observer.of_locals(x, x_g, m, t)[0]]
        return dict(zip(self.possible_agents, rows, strict=True))

    def _play(self, actions: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, float]]:
        a = read_actions(actions, self.possible_agents, self._sizes)
        step = self.batch.step(a[:1], a[None, 1:])
        self._last_actions = a[1:]
        return self._views(step), dict.fromkeys(self.possible_agents, float(step.reward[0]))

    def _scene(self) -> tuple[Any, ...]:
        from mfg_envs.pictures.team import Locals

        batch = self.batch
        crowd = Locals(self.game, int(batch.global_state[0]))
        return crowd, batch.state[0], self._last_actions, self.mean_field, batch.t
