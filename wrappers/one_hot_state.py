"""Discrete observations as one-hot vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from mfg_envs.game import Array

from .population_arrays import Moment
from .row_wrapper import RowWrapper


class OneHotState(RowWrapper):
    """Show a discrete observation (``observe=("index",)``) as zeros and a one."""

    def _observations(self, space: Any) -> Any:
        if not isinstance(space, spaces.Discrete):
            raise ValueError(f"observations must be Discrete, got {space}: use observe=('index',)")
        self._rows = np.eye(int(space.n), dtype=np.float32)
        self._start = int(space.start)
        return spaces.Box(0.0, 1.0, (int(space.n),), np.float32)

    def _see(self, seen: Any, moment: Moment, agents: Array) -> Any:
        return self._rows[seen - self._start]
