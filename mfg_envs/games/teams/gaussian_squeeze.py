"""Gaussian squeeze: what all locals do together should be neither too little nor too much.

The dynamic form is printed in Anand, Karmarkar, Qu (arXiv 2412.00661); there the actions of the
locals move nothing.  The original form is one shot, and its reward is that of the sum of the
actions: Yang et al., "Mean Field Multi-Agent Reinforcement Learning" (arXiv 1802.05438).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

import numpy as np

from mfg_envs.game import Array, Between, Count, Layout, Positive, Probability, TeamGame

ROUNDING = 1e-9
"""By how much a mean of shares may exceed a whole number and still be it."""


@dataclass(frozen=True, kw_only=True)
class GaussianSqueeze(TeamGame):
    """Loads that grow by themselves and are cut where they exceed the mean of all.

    Local state x: load s = x + 1 in 1..L.  Global state: ``s_g``, the mean load rounded up; it
    follows the locals.  Local action: effort 0..L.  The global agent has no choice (one action).
    Moves: ``s' = clip(s - [s > s_g] + Bernoulli(growth), 1, L)``.  First loads: uniform.
    Global reward: ``-s_g``.  Local reward: ``s exp(-(s - s_g)^2 / 4) - max(s, a)``.

    Attributes:
        num_levels: Loads, L.
        growth: Probability that a load grows in a step.
        discount: Weight of the next step; below 1 without a horizon.

    Raises:
        ValueError: If a parameter is out of its range.
    """

    name: ClassVar[str] = "gaussian_squeeze"
    solution: ClassVar[str] = (
        "Efforts move nothing and cost only above the load, so effort 0 is best."
    )
    num_global_actions = 1

    num_levels: Annotated[int, Between(1, 1000)] = 4
    growth: Probability = 0.5
    discount: float = 0.9

    @property
    def num_global_states(self) -> int:
        return self.num_levels

    @property
    def num_local_states(self) -> int:
        return self.num_levels

    @property
    def num_local_actions(self) -> int:
        return self.num_levels + 1

    def global_from_locals(self, m):
        mean = (m * np.arange(self.num_levels)).sum(-1)
        return np.ceil(mean - ROUNDING).astype(np.int64)

    def noise_law_local(self, x, x_g, a):
        return 1 - self.growth, self.growth

    def step_local(self, x, x_g, a, w):
        return np.minimum(np.maximum(x - (x > x_g) + w, 0), self.num_levels - 1)

    def reward_global(self, x_g, a_g, m):
        return -1.0 - x_g

    def reward_local(self, x, x_g, a):
        gap = x - x_g
        return (x + 1) * np.exp(-0.25 * gap * gap) - np.maximum(x + 1, a)

    def layout(self, x_g: int) -> Layout:
        names = tuple(f"load {x + 1}" for x in range(self.num_local_states))
        return Layout("few", "effort", np.arange(self.num_local_actions), labels=names)

    def global_words(self, x_g: int) -> str:
        return f"mean load, rounded up: {x_g + 1}"


@dataclass(frozen=True, kw_only=True)
class OneShotSqueeze(TeamGame):
    """The original squeeze: every local gives 0..A-1 once, the team is paid for the sum.

    Neither kind of agent has more than one state, and the global agent has one action.
    Reward: ``x exp(-(x - target)^2 / width^2)`` with x the sum of the actions.  The sum is
    taken as ``crowd`` times the mean action, so that k sampled locals stand for all of them.

    Attributes:
        num_efforts: Actions, A.
        crowd: Locals whose actions are summed; the n of the environment, usually.
        target: mu.
        width: sigma.
        discount: Weight of the next step.
        horizon: Decisions.

    Raises:
        ValueError: If a parameter is out of its range.
    """

    name: ClassVar[str] = "one_shot_squeeze"
    solution: ClassVar[str] = "The best sum is ``(target + sqrt(target^2 + 2 width^2)) / 2``."
    num_global_states = num_global_actions = num_local_states = 1

    num_efforts: Annotated[int, Between(1, 10**4)] = 10
    crowd: Count = 100
    target: float = 400.0
    width: Positive = 200.0
    discount: float = 1.0
    horizon: int | None = 1

    @property
    def num_local_actions(self) -> int:
        return self.num_efforts

    @cached_property
    def efforts(self) -> Array:
        """What each action adds to the sum if the whole crowd plays it, (A,)."""
        return self.crowd * np.arange(self.num_efforts, dtype=float)

    def step_local(self, x, x_g, a, w):
        return x

    def reward_global(self, x_g, a_g, m):
        total = (m[..., 0, :] * self.efforts).sum(-1)
        off = (total - self.target) / self.width
        return total * np.exp(-off * off)

    def reward_local(self, x, x_g, a):
        return 0.0 * a

    def layout(self, x_g: int) -> Layout:
        return Layout("few", "action", np.arange(self.num_local_actions), labels=("the team",))

    def global_words(self, x_g: int) -> str:
        return "one shot"
