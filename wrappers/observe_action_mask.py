"""Legal actions, as PettingZoo's learners expect them."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from mfg_envs.environments.population import PopulationEnv
from mfg_envs.game import Array

from .population_arrays import Moment
from .row_wrapper import RowWrapper


class ObserveActionMask(RowWrapper):
    """Show ``{"observation": ..., "action_mask": int8 (A,)}``, 1 for a legal action.

    The environment itself never refuses an action of its space: an illegal one is a wasted step.
    """

    def __init__(self, env: Any) -> None:
        ours = env.unwrapped
        if not isinstance(ours, PopulationEnv) or not hasattr(ours.game, "legal_actions"):
            raise TypeError(
                f"{type(ours).__name__} does not say which actions are legal: only our finite"
                " games do"
            )
        self._legal = ours.game.legal_actions.astype(np.int8)
        super().__init__(env)

    def _observations(self, space: Any) -> Any:
        mask = spaces.Box(0, 1, (self._legal.shape[1],), np.int8)
        return spaces.Dict({"observation": space, "action_mask": mask})

    def _see(self, seen: Any, moment: Moment, agents: Array) -> Any:
        assert moment.batch is not None
        return {"observation": seen, "action_mask": self._legal[moment.batch.state[:, agents]]}
