"""Fixed-point iteration on the exact model: best response, its mean field, and again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfg_envs import exact
from mfg_envs.exact import policies
from mfg_envs.game import Count, NonNegative, Positive

from ..runs.iterate import Iterate
from .exact_solver import ExactSolver, Model


@dataclass(frozen=True, kw_only=True)
class FixedPointIteration(ExactSolver):
    """Move the policy towards a best response to its own mean field.

    ``policy <- policy + step_k (best_response - policy)``, ``step_k = min(1, step / k^decay)``.
    The plain iteration (step 1) plays the best response itself and cycles in most games; a
    constant step below 1 damps it; ``step=2, decay=1`` averages all best responses, late ones
    more, and mixes neighbouring actions where the equilibrium does.

    Attributes:
        iterations: Best responses to compute.
        step: First step.
        decay: Exponent of its decay.
    """

    iterations: Count = 100
    step: Positive = 1.0
    decay: NonNegative = 0.0

    def begin(self, model: Model) -> Iterate:
        """Return the uniform policy."""
        policy = policies.uniform(model.game)
        return model.iterate(0, policy, np.zeros(policy.shape))

    def improve(self, model: Model, last: Iterate) -> Iterate:
        """Return the policy after a step towards one more best response.

        The iterate's ``mean_field`` is that of its policy, its ``q`` the values to which the
        best response was taken.
        """
        k, policy = last.iteration + 1, last.policy
        q = exact.action_values(model.game, model.law(policy))
        response = policies.greedy(q, model.game.legal_actions)
        policy = policy + min(1.0, self.step / k**self.decay) * (response - policy)
        return model.iterate(k, policy, q)
