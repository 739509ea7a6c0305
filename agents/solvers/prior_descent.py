"""Prior descent: answer the crowd softly, near a prior policy, and move the prior now and then.

Cui, Koeppl, "Approximately Solving Mean Field Games via Entropy-Regularized Deep Reinforcement
Learning" (AISTATS 2021, arXiv 2102.01585).  With temperature eta ::

    policy <- softmax(log prior + q / eta)      in the mean field of the last policy
    prior  <- policy                            every ``n_inner`` iterations

* operator "boltzmann": q are the values of a best response.
* operator "relative_entropy" (RelEnt): q are the best values of the game in which every decision
  costs ``eta KL(policy || prior)``, and the policy is the best response of that game.

With one prior for ever (GMF-V of Guo et al., arXiv 2003.06069, if it is the uniform one) the map
contracts if eta is large enough.  Its fixed point is no equilibrium: with "relative_entropy" it is
one of the game with that cost.  Moving the prior takes the cost away step by step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from mfg_envs import exact
from mfg_envs.exact import policies
from mfg_envs.game import Array, Between, Count, FiniteGame, OneOf, Positive
from mfg_envs.metrics.regularised import soft_action_values

from ..runs.iterate import Iterate
from .exact_solver import ExactSolver, Model

OPERATORS = ("boltzmann", "relative_entropy")
MOST_GROWTH = 100.0
"""Logarithm of the largest factor of eta; the policy has stood still for long by then."""


@dataclass(frozen=True, kw_only=True)
class PriorDescent(ExactSolver):
    """Fixed-point iteration with soft responses around a prior; the first prior is uniform.

    Attributes:
        iterations: Soft responses.
        eta: Temperature, in units of q.
        n_inner: Iterations after which the policy becomes the prior; None: never.
        operator: "boltzmann" or "relative_entropy".
        eta_growth: Factor of eta whenever the prior moves.  More than 1 keeps late priors
            from overshooting.
    """

    units: ClassVar[dict[str, str]] = {"eta": "units of q"}
    iterations: Count = 100
    eta: Positive = 1.0
    n_inner: Count | None = None
    operator: Annotated[str, OneOf(*OPERATORS)] = "boltzmann"
    eta_growth: Annotated[float, Between(1)] = 1.0

    def begin(self, model: Model) -> Iterate:
        """Return the uniform policy, which is the first prior."""
        policy = policies.uniform(model.game)
        return model.iterate(0, policy, np.zeros(policy.shape), prior=np.zeros(policy.shape))

    def improve(self, model: Model, last: Iterate) -> Iterate:
        """Return the policy after one more soft response.

        The iterate's ``mean_field`` is that of its policy, its ``q`` the values to which the soft
        response was taken; ``memory["prior"]`` are the logits of the prior.
        """
        k, prior = last.iteration + 1, last.memory["prior"]
        eta = self._temperature(k)
        q = self._values(model.game, model.law(last.policy), prior, eta)
        logits = prior + q / eta
        policy = policies.softmax(logits, model.game.legal_actions)
        if self.n_inner is not None and k % self.n_inner == 0:
            prior = logits
        return model.iterate(k, policy, q, prior=prior)

    def _temperature(self, k: int) -> float:
        moves = (k - 1) // (self.n_inner or self.iterations)
        return self.eta * math.exp(min(moves * math.log(self.eta_growth), MOST_GROWTH))

    def _values(self, game: FiniteGame, law: Array, prior: Array, eta: float) -> Array:
        if self.operator == "boltzmann":
            return exact.action_values(game, law)
        reference = policies.softmax(prior, game.legal_actions)
        return soft_action_values(game, law, eta, reference=reference)
