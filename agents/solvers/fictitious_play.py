"""Fictitious play: answer the average of everything that was played before.

Perrin et al., "Fictitious Play for Mean Field Games" (NeurIPS 2020, arXiv 2007.03458), in
discrete time: the average policy is weighted by the flows, so that its own flow is the average
flow wherever the moves do not depend on the crowd.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfg_envs import exact
from mfg_envs.exact import policies
from mfg_envs.game import Count, NonNegative

from ..runs.iterate import Iterate
from .exact_solver import ExactSolver, Model
from .occupation import law_of, occupation, policy_of


@dataclass(frozen=True, kw_only=True)
class FictitiousPlay(ExactSolver):
    """Average the best responses, each weighted by its own flow.

    With ``delta = 0`` all responses count alike and monotone games reach exploitability O(1/k);
    a larger ``delta`` forgets the early ones.

    Attributes:
        iterations: Best responses to average, the uniform policy being the first.
        delta: Weight of response k is proportional to ``k^delta``.
    """

    iterations: Count = 100
    delta: NonNegative = 0.0

    def begin(self, model: Model) -> Iterate:
        """Return the uniform policy, which counts as the first response."""
        game, policy = model.game, policies.uniform(model.game)
        joint = occupation(game, policy)
        memory = {"joint": joint, "total": np.array(1.0)}
        crowd = game.crowd(law_of(game, joint))
        return Iterate(0, 0, policy, crowd, np.zeros(policy.shape), memory)

    def improve(self, model: Model, last: Iterate) -> Iterate:
        """Return the average policy after one more best response.

        The iterate's ``mean_field`` is the average of the flows, its ``q`` the values to which
        the best response was taken.
        """
        game, k, joint = model.game, last.iteration + 1, last.memory["joint"]
        q = exact.action_values(game, law_of(game, joint))
        response = policies.greedy(q, game.legal_actions)
        weight = (k + 1.0) ** self.delta
        total = float(last.memory["total"]) + weight
        joint = joint + (weight / total) * (occupation(game, response) - joint)
        policy, crowd = policy_of(joint, response), game.crowd(law_of(game, joint))
        return Iterate(k, 0, policy, crowd, q, {"joint": joint, "total": np.array(total)})
