"""Models of the agents of a team, one each, as one policy of the whole team."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from mfg_envs.environments.team import TeamEnv
from mfg_envs.game import Array, TeamGame
from mfg_envs.simulate.acting import Policy
from mfg_envs.simulate.team import TeamBatchEnv
from wrappers.model_player import ModelPlayer


class TeamModels(Policy):
    """A model of Stable-Baselines3 for every agent of a team, as many teams at once.

    Everybody does what its model finds most probable, through the model's own wrappers; give it to
    ``agents.optimality_gap`` or ``agents.team_value``.

    Args:
        env: The team that the models were trained in.
        models: Of every agent, by name, as ``IndependentLearners.models``.

    Raises:
        ValueError: If an agent has no model, a model no agent, or one acts on more than it sees at
            a time.
    """

    def __init__(self, env: TeamEnv, models: Mapping[str, Any]) -> None:
        names = env.possible_agents
        odd = sorted(set(names) ^ set(models))
        if odd:
            raise ValueError(
                f"models must be those of {names[0]!r} .. {names[-1]!r}, {odd[0]!r} is"
                f" {'missing' if odd[0] in names else 'no agent'}"
            )
        self.game: TeamGame = env.game
        self._observer, self._names = env.observer, names
        self._models = [models[name] for name in names]
        self._spaces = [(env.observation_space(name), env.action_space(name)) for name in names]
        self._players: list[ModelPlayer] = []
        self._rows = 0
        for name, player, (space, _) in zip(names, self._of(2), self._spaces, strict=True):
            own = copy.deepcopy(space)
            own.seed(0)
            if player.remembers(np.stack([own.sample() for _ in range(2)])):
                raise ValueError(f"the model of {name!r} acts on more than it sees at a time")

    def act(
        self, t: int, x: tuple[Array, Array], draws: Any, m: Array | None = None
    ) -> tuple[Array, Array]:
        """Return the actions of teams, int32 (B,) and (B, n), of their states likewise."""
        x_g, state = x
        m = self.game.mean_field(state) if m is None else m
        locally = self._observer.of_locals(state, x_g, m, t)
        rows = [self._observer.of_global(x_g, m, t), *np.moveaxis(locally, 1, 0)]
        if len(rows) != len(self._models):
            raise ValueError(
                f"there are models of {len(self._models) - 1} locals, {len(rows) - 1} play"
            )
        acted = []
        for player, seen in zip(self._of(len(x_g)), rows, strict=True):
            player.begin(seen)
            acted.append(np.asarray(player.act(deterministic=True), np.int32))
        return acted[0], np.stack(acted[1:], -1)

    def actions(self, batch: TeamBatchEnv) -> tuple[Array, Array]:
        """Return the actions of every team now."""
        return self.act(batch.t, (batch.global_state, batch.state), None, batch.mean_field)

    def _of(self, rows: int) -> list[ModelPlayer]:
        """Return the models as players of this many teams."""
        if self._rows != rows:
            pairs = zip(self._models, self._spaces, strict=True)
            self._players = [ModelPlayer(model, *spaces, rows) for model, spaces in pairs]
            self._rows = rows
        return self._players
