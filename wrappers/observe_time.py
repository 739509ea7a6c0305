"""The time of an episode as part of what agents see."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfg_envs.game import Array, as_int, check_range

from .boxes import appended, flat_box
from .population_arrays import Moment
from .row_wrapper import RowWrapper


class ObserveTime(RowWrapper):
    """Append the share of the episode that is over, in [0, 1], to every observation.

    Args:
        env: A PettingZoo ``ParallelEnv`` with Box observations.
        num_steps: Steps of an episode; None: ``env.max_cycles``, or the horizon of our games.
    """

    def __init__(self, env: Any, num_steps: int | None = None) -> None:
        if num_steps is None:
            num_steps = getattr(env.unwrapped, "max_cycles", None)
        if num_steps is None:
            raise ValueError("the environment does not say how long an episode is: give num_steps")
        self.num_steps = as_int("num_steps", num_steps)
        check_range("num_steps", self.num_steps, 1)
        super().__init__(env)

    def _observations(self, space: Any) -> Any:
        return flat_box(space, np.zeros(1), np.ones(1))

    def _see(self, seen: Any, moment: Moment, agents: Array) -> Any:
        return appended(seen, np.minimum(moment.t / self.num_steps, 1.0)[:, None, None])
