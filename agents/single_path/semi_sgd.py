"""SemiSGD and the sampled fixed-point iterations it is compared with.

Zhang et al., "Stochastic Semi-Gradient Descent for Learning Mean Field Games" (arXiv 2408.08192).
From one transition ``s, a, r, s', a'`` of a player who acts (nearly) greedily in the current Q::

    Q(s, a) <- Q(s, a) + alpha [ r(s, a, M) + discount Q(s', a') - Q(s, a) ]
    M       <- (1 - beta) M + beta onehot(s')

Both at every step: (Q, M) is one parameter.  Sampled fixed-point iterations freeze behaviour and
the M of the rewards inside an outer iteration, and have ``max_b Q(s', b)`` for ``Q(s', a')``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from mfg_envs.environments.representative import RepresentativeEnv
from mfg_envs.game import Count, FiniteGame, OneOf, Probability, check_parameters

from ..runs.iterate import Iterate
from . import trajectory

GREEDY = 5e8
"""Inverse temperature of the published runs: about greedy."""


@dataclass(frozen=True, kw_only=True)
class SemiSGD:
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

    learns: ClassVar[tuple[type, ...]] = (FiniteGame, RepresentativeEnv)
    random: ClassVar[bool] = True
    side_by_side: ClassVar[bool] = True
    iterations: Count = 200
    inner_steps: Count = 500
    alpha: Probability = 1e-3
    beta: Probability = 1e-3
    heat: float = GREEDY
    refresh: Count = 1
    q_scale: float = 1e-6

    def __post_init__(self) -> None:
        check_parameters(self)
        if self.inner_steps % self.refresh:
            raise ValueError(
                f"refresh must divide inner_steps = {self.inner_steps}, got {self.refresh}"
            )

    def learn(
        self,
        source: FiniteGame | RepresentativeEnv,
        seed: int | Sequence[int] = 0,
        start: Iterate | None = None,
    ) -> Iterator[Iterate]:
        """Yield an iterate every ``inner_steps`` transitions; see ``trajectory.learn``."""
        fresh = self.refresh == 1
        return trajectory.learn(
            source, seed, self.iterations, lambda k: _constant(self, self.inner_steps),
            trajectory.Rules(fresh, fresh, sarsa=True), start=start, q_scale=self.q_scale,
            pieces=1 if fresh else self.inner_steps // self.refresh,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SampledFixedPointIteration:
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

    learns: ClassVar[tuple[type, ...]] = (FiniteGame, RepresentativeEnv)
    random: ClassVar[bool] = True
    side_by_side: ClassVar[bool] = True
    variant: Annotated[str, OneOf("plain", "entropy", "fictitious_play", "q_averaging")] = "plain"
    iterations: Count = 200
    inner_steps: Count = 500
    alpha: Probability = 1e-3
    beta: Probability = 1e-3
    heat: float | None = None
    q_scale: float = 1e-6

    def __post_init__(self) -> None:
        check_parameters(self)

    def learn(
        self,
        source: FiniteGame | RepresentativeEnv,
        seed: int | Sequence[int] = 0,
        start: Iterate | None = None,
    ) -> Iterator[Iterate]:
        """Yield an iterate per outer iteration; see ``trajectory.learn``."""
        return trajectory.learn(
            source, seed, self.iterations, lambda k: _constant(self, self.inner_steps),
            trajectory.Rules(False, False, sarsa=False), start=start, q_scale=self.q_scale,
            after=self._average,
        )  # fmt: skip

    def _average(
        self, k: int, before: trajectory.Memory, after: trajectory.Memory
    ) -> trajectory.Memory:
        """Return the memory with M or Q averaged over the outer iterations 1..k."""
        if self.variant == "fictitious_play":
            return after._replace(m=before.m + (after.m - before.m) / k)
        if self.variant == "q_averaging":
            return after._replace(q=before.q + (after.q - before.q) / k)
        return after


def _constant(learner: SemiSGD | SampledFixedPointIteration, steps: int) -> trajectory.Schedule:
    heat = learner.heat
    if heat is None:
        soft = isinstance(learner, SampledFixedPointIteration) and learner.variant == "entropy"
        heat = 5e3 if soft else GREEDY
    rates = (learner.alpha, learner.beta, heat)
    return trajectory.Schedule(*(np.full(steps, rate) for rate in rates))
