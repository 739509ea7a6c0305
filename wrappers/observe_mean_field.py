"""The whole mean field as part of what agents see."""

from __future__ import annotations

from typing import Any

from mfg_envs.environments.population import PopulationEnv
from mfg_envs.game import Array

from .boxes import appended, flat_box
from .population_arrays import Moment
from .row_wrapper import RowWrapper


class ObserveMeanField(RowWrapper):
    """Append the mean field, flattened, to every observation of one of our populations.

    ``observe=("state", ..., "mean_field")`` shows it scaled; this wrapper shows it as it is.
    """

    def __init__(self, env: Any) -> None:
        if not isinstance(env.unwrapped, PopulationEnv):
            raise TypeError(
                f"{type(env.unwrapped).__name__} has no mean field that could be observed: only"
                " populations of mfg_envs have"
            )
        self._ours: PopulationEnv = env.unwrapped
        super().__init__(env)

    def _observations(self, space: Any) -> Any:
        field = self._ours.state_space
        return flat_box(space, field.low, field.high)

    def _see(self, seen: Any, moment: Moment, agents: Array) -> Any:
        assert moment.batch is not None
        m = moment.batch.mean_field
        return appended(seen, m.reshape(len(m), 1, -1))
