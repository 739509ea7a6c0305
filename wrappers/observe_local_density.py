"""The crowd around an agent as part of what it sees."""

from __future__ import annotations

from typing import Any

from mfg_envs.environments.population import PopulationEnv
from mfg_envs.game import Array

from .boxes import appended, flat_box
from .population_arrays import Moment
from .row_wrapper import RowWrapper


class ObserveLocalDensity(RowWrapper):
    """Append the crowd at an agent's own state and next to it, 1 being an even spread.

    It is the part "density" of ``observe=...``, for populations whose other observations come
    from somewhere else.
    """

    def __init__(self, env: Any) -> None:
        if not isinstance(env.unwrapped, PopulationEnv):
            raise TypeError(
                f"{type(env.unwrapped).__name__} has no states in which agents could be counted:"
                " only populations of mfg_envs have"
            )
        batch = env.unwrapped.batch
        self._observer = type(batch.observer)(batch.game, ("density",))
        super().__init__(env)

    def _observations(self, space: Any) -> Any:
        crowd = self._observer.space
        return flat_box(space, crowd.low, crowd.high)

    def _see(self, seen: Any, moment: Moment, agents: Array) -> Any:
        batch = moment.batch
        assert batch is not None
        return appended(seen, batch.look(self._observer)[:, agents])
