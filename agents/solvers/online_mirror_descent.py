"""Online mirror descent: logits accumulate the values of every policy so far.

Perolat et al., "Scaling Mean Field Games by Online Mirror Descent" (AAMAS 2022, arXiv
2103.00623): ``y <- y + rate * q(policy)``, ``policy = softmax(y)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mfg_envs import exact
from mfg_envs.exact import policies
from mfg_envs.game import Count, Positive

from ..runs.iterate import Iterate
from .exact_solver import ExactSolver, Model


@dataclass(frozen=True, kw_only=True)
class OnlineMirrorDescent(ExactSolver):
    """Accumulate the action values of the current policy; play their softmax.

    Attributes:
        iterations: Updates.
        rate: Weight of an update, per unit of q.
    """

    units: ClassVar[dict[str, str]] = {"rate": "per unit of q"}
    iterations: Count = 100
    rate: Positive = 1.0

    def begin(self, model: Model) -> Iterate:
        """Return the uniform policy."""
        policy = policies.uniform(model.game)
        return model.iterate(0, policy, np.zeros(policy.shape), logits=np.zeros(policy.shape))

    def improve(self, model: Model, last: Iterate) -> Iterate:
        """Return the policy after one more update.

        The iterate's ``mean_field`` is that of its policy, its ``q`` the values of the policy
        before the update.
        """
        law, logits = model.law(last.policy), last.memory["logits"]
        q, logits, policy = exact.ascend(model.game, law, last.policy, logits, self.rate)
        return model.iterate(last.iteration + 1, policy, q, logits=logits)
