"""QM iteration: one player learns the equilibrium from a single trajectory.

Zhang, Chen, Di, "A Single Online Agent Can Efficiently Learn Mean Field Games" (ECAI 2024,
arXiv 2405.03718).  In the k-th outer iteration, for t = 1..T, from ``s, a, r(s, a, M_k), s', a'``::

    Q(s, a) <- Q(s, a) + alpha [ r(s, a, M_k) + discount max_b Q(s', b) - Q(s, a) ]
    M       <- (1 - beta_t) M + beta_t onehot(s')          beta_t = 1/t

Actions follow a softmax of Q_k (off-policy) or of the current Q (on-policy).  Off-policy, Q learns
the best response to the frozen M_k while M learns the population of Q_k, so that two outer
iterations make one fixed-point step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from mfg_envs.game import (
    Count,
    NonNegative,
    OneOf,
    Probability,
    check_choice,
)

from .online_learner import OnlineLearner
from .trajectory import Rules, Schedule

PUBLISHED = {
    "off": {"iterations": 100, "inner_steps": 2000, "heat_growth": 0.5},
    "on": {"iterations": 50, "inner_steps": 3000, "heat_growth": 1.0},
}
"""Variant -> what its ring road (additive) runs had."""
AS_PUBLISHED: Any = None
"""Default of what depends on the variant; the learner itself has the number."""


@dataclass(frozen=True, kw_only=True)
class QMIteration(OnlineLearner):
    """QM iteration; the defaults are those of the published ring road (additive) runs.

    Attributes:
        variant: "off" or "on" (policy).
        iterations: Outer iterations K; two off-policy ones make one fixed-point step.  None: 100
            off, 50 on.
        inner_steps: Transitions an outer iteration, T.  None: 2000 off, 3000 on.
        alpha: Step size of the action values, constant.
        beta: "restart": 1/t with t from 1 in every outer iteration; "continue": 1/(t + kT).
        heat_growth: Inverse temperature per transition so far.  None: 1/2 off, 1 on.
        target: "max" (published runs) or "sarsa" (theory).
    """

    units: ClassVar[dict[str, str]] = {"heat_growth": "per unit of q and transition"}
    variant: Annotated[str, OneOf(*PUBLISHED)] = "off"
    iterations: Count = AS_PUBLISHED
    inner_steps: Count = AS_PUBLISHED
    alpha: Probability = 1e-3
    beta: Annotated[str, OneOf("restart", "continue")] = "restart"
    heat_growth: NonNegative = AS_PUBLISHED
    target: Annotated[str, OneOf("max", "sarsa")] = "max"

    def __post_init__(self) -> None:
        check_choice("variant", self.variant, PUBLISHED)
        for name, number in PUBLISHED[self.variant].items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, number)
        super().__post_init__()

    @property
    def rules(self) -> Rules:
        """The kind of learner."""
        return Rules(self.variant == "on", False, self.target == "sarsa")

    def schedule(self, k: int) -> Schedule:
        """Return the step sizes of the k-th outer iteration, k = 0, 1, ..."""
        T = self.inner_steps
        t = np.arange(1, T + 1, dtype=np.float64)
        beta = 1 / t if self.beta == "restart" else 1 / (t + k * T)
        return Schedule(np.full(T, self.alpha), beta, self.heat_growth * (t + k * T))
