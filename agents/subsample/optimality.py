"""How much a policy of a team misses of the best value that is known.

A team has one reward, so nobody gains at the cost of others, and the measure of a policy is its
optimality gap V* - V.  The best value is

* V* itself, where the team is small enough: value iteration over the states of *all* n locals,
  which is ``SubsampleMFQ`` with k = n, run until ``discount^t`` is 1e-6;
* a number that is known otherwise, such as one that ``game.solution`` tells;
* the value of the best of other policies: the gap is then a lower bound.  Which one is best is told
  by random numbers of its own, and both play with the same ones after that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from mfg_envs.game import TeamGame
from mfg_envs.numerics.estimates import interval, standard_error

from .subsample_mfq import SubsampleMFQ
from .value import NEGLIGIBLE, TeamPolicy, surrogate_value, team_value


class OptimalityGap(NamedTuple):
    """What a policy of a team misses.

    Attributes:
        gap: Best value that is known less the policy's; may be below 0 by chance, or if the policy
            is better than all that was known.
        error: Its standard error.
        value: What the policy earns.
        best: Best value that is known.
        num_envs: Episodes that were played.
    """

    gap: float
    error: float
    value: float
    best: float
    num_envs: int

    @property
    def interval(self) -> tuple[float, float]:
        """Confidence interval of the gap, 95 %."""
        return interval(self.gap, self.error, self.num_envs)


def optimality_gap(
    policy: TeamPolicy,
    num_locals: int,
    best: float | Sequence[TeamPolicy] | None = None,
    *,
    num_envs: int = 1000,
    seed: int = 0,
) -> OptimalityGap:
    """Estimate how much a policy misses of the best value that is known for a team of n.

    Args:
        policy: A policy of the whole team: a ``SubsampledPolicy``, ``TeamModels``, ....
        num_locals: Locals, n.
        best: A value that is known, or other policies; None: the best there is, computed.
        num_envs: Episodes, at least 2; episode b has the seed ``seed + b``.
        seed: Seed of the first.

    Raises:
        ValueError: If an argument is out of its range, or the best value cannot be computed: the
            game has an end after several decisions, or the team needs more memory than there is.
    """
    own = team_value(policy, num_locals, num_envs=num_envs, seed=seed)
    if best is None:
        best = best_team_value(policy.game, num_locals)
    if isinstance(best, Sequence):
        tried = [team_value(p, num_locals, num_envs=num_envs, seed=seed + num_envs) for p in best]
        chosen = max(range(len(tried)), key=lambda k: tried[k].mean)
        other = team_value(best[chosen], num_locals, num_envs=num_envs, seed=seed)
        missed = other.returns - own.returns
        error = float(standard_error(missed))
        return OptimalityGap(float(missed.mean()), error, own.mean, other.mean, num_envs)
    return OptimalityGap(best - own.mean, own.error, own.mean, float(best), num_envs)


def best_team_value(game: TeamGame, num_locals: int) -> float:
    """Return what the best policy of a team of n earns, to a millionth of the greatest value.

    Raises:
        ValueError: If the game has an end after several decisions, or there are more states than
            memory for them.
    """
    sweeps = 1
    if game.horizon is None:
        sweeps = math.ceil(math.log(NEGLIGIBLE) / math.log(game.discount))
    learner = SubsampleMFQ(k=num_locals, iterations=sweeps)
    *_, last = learner.learn(game)
    return surrogate_value(game, last)
