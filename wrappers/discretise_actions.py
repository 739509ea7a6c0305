"""Continuous actions on a grid, for learners that choose from a list."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from mfg_envs.game import as_int, check_range

from .row_wrapper import RowWrapper


class DiscretiseActions(RowWrapper):
    """Offer evenly spaced points of a bounded Box of actions, bounds included.

    Action k is the k-th point, the last component running fastest.

    Args:
        env: A PettingZoo ``ParallelEnv`` with bounded Box actions.
        num_points: Points along every component, at least 2.
    """

    def __init__(self, env: Any, num_points: int = 11) -> None:
        self.num_points = as_int("num_points", num_points)
        check_range("num_points", self.num_points, 2)
        super().__init__(env)

    def _actions(self, space: Any) -> Any:
        if not isinstance(space, spaces.Box) or not space.is_bounded():
            raise ValueError(f"actions must be a bounded Box, got {space}")
        axes = np.linspace(space.low.ravel(), space.high.ravel(), self.num_points).T
        grid = np.meshgrid(*axes, indexing="ij")
        points = np.stack([part.ravel() for part in grid], -1).astype(space.dtype)
        self._points = points.reshape(-1, *space.shape)
        return spaces.Discrete(len(points))

    def _act(self, actions: Any) -> Any:
        a = np.asarray(actions)
        if a.dtype.kind not in "iu" or a.min() < 0 or a.max() >= len(self._points):
            raise ValueError(f"actions must be whole numbers in [0, {len(self._points)}), got {a}")
        return self._points[a]
