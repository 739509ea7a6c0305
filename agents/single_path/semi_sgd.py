"""SemiSGD and the sampled fixed-point iterations it is compared with.

Zhang et al., "Stochastic Semi-Gradient Descent for Learning Mean Field Games" (arXiv 2408.08192).
From one transition ``s, a, r, s', a'`` of a player who acts (nearly) greedily in the current Q::

    Q(s, a) <- Q(s, a) + alpha [ r(s, a, M) + discount Q(s', a') - Q(s, a) ]
    M       <- (1 - beta) M + beta onehot(s')

Both at every step: (Q, M) is one parameter.  Sampled fixed-point iterations freeze behaviour and
the M of the rewards inside an outer iteration, and have ``max_b Q(s', b)`` for ``Q(s', a')``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from mfg_envs.game import (
    Count,
    OneOf,
    Probability,
)

from .online_learner import OnlineLearner
from .trajectory import Memory, Rules, Schedule

GREEDY = 5e8
"""Inverse temperature of the published runs: about greedy."""
SOFT = 5e3
"""Of the published runs with entropy."""
UNITS = {"heat": "per unit of q", "q_scale": "units of q"}


@dataclass(frozen=True, kw_only=True)
class SemiSGD(OnlineLearner):
    """Update Q and M as one parameter, every step in the current M (single loop).

    Attributes:
        iterations: Iterates yielded.
        inner_steps: Transitions between two iterates.
        alpha: Step size of Q.
        beta: Step size of M.
        heat: Inverse temperature of the behaviour.
        refresh: Transitions for which behaviour and M are frozen (1: never), the published
            ablation of the inner loop; must divide ``inner_steps``.
        q_scale: Q starts uniform in [0, q_scale).
    """

    units: ClassVar[dict[str, str]] = UNITS
    iterations: Count = 200
    inner_steps: Count = 500
    alpha: Probability = 1e-3
    beta: Probability = 1e-3
    heat: float = GREEDY
    refresh: Count = 1
    q_scale: float = 1e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.inner_steps % self.refresh:
            raise ValueError(
                f"refresh must divide inner_steps = {self.inner_steps}, got {self.refresh}"
            )

    @property
    def rules(self) -> Rules:
        """The kind of learner."""
        return Rules(self.refresh == 1, self.refresh == 1, sarsa=True)

    @property
    def pieces(self) -> int:
        """Parts of an outer iteration between which behaviour and M are refreshed."""
        return 1 if self.refresh == 1 else self.inner_steps // self.refresh

    def schedule(self, k: int) -> Schedule:
        """Return the step sizes, the same in every iteration."""
        return _constant(self, self.heat)


@dataclass(frozen=True, kw_only=True)
class SampledFixedPointIteration(OnlineLearner):
    """Fixed-point iteration from samples: behaviour and M frozen inside an outer iteration.

    Attributes:
        variant: "plain"; "entropy": a soft behaviour; "fictitious_play": M_k is the average of
            all; "q_averaging": Q_k is the average of all.
        iterations: Outer iterations.
        inner_steps: Transitions an outer iteration.
        alpha: Step size of Q.
        beta: Step size of M.
        heat: Inverse temperature (None: about greedy, 5e3 for "entropy").
        q_scale: Q starts uniform in [0, q_scale).
    """

    units: ClassVar[dict[str, str]] = UNITS
    variant: Annotated[str, OneOf("plain", "entropy", "fictitious_play", "q_averaging")] = "plain"
    iterations: Count = 200
    inner_steps: Count = 500
    alpha: Probability = 1e-3
    beta: Probability = 1e-3
    heat: float | None = None
    q_scale: float = 1e-6

    @property
    def rules(self) -> Rules:
        """The kind of learner."""
        return Rules(False, False, sarsa=False)

    def schedule(self, k: int) -> Schedule:
        """Return the step sizes, the same in every iteration."""
        usual = SOFT if self.variant == "entropy" else GREEDY
        return _constant(self, usual if self.heat is None else self.heat)

    def after(self, k: int, before: Memory, memory: Memory) -> Memory:
        """Return the memory with M or Q averaged over the outer iterations 1..k."""
        if self.variant == "fictitious_play":
            return memory._replace(m=before.m + (memory.m - before.m) / k)
        if self.variant == "q_averaging":
            return memory._replace(q=before.q + (memory.q - before.q) / k)
        return memory


def _constant(learner: SemiSGD | SampledFixedPointIteration, heat: float) -> Schedule:
    rates = (learner.alpha, learner.beta, heat)
    return Schedule(*(np.full(learner.inner_steps, rate) for rate in rates))
