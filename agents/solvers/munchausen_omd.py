"""Munchausen online mirror descent: what was learned fades, unless ``alpha`` is 1.

Laurière et al., "Scalable Deep Reinforcement Learning Algorithms for Mean Field Games" (ICML 2022,
arXiv 2203.11973).  A network learns ``Q = r + alpha temperature log policy_k + discount E[sum_a
policy_k (Q - temperature log policy_k)]`` and plays ``policy_{k+1} = softmax(Q / temperature)``:
no old values have to be kept.  With ``q_k = Q - alpha temperature log policy_k`` this reads ::

    q_k          = r + discount E[sum_a policy_k (q_k - (1 - alpha) temperature log policy_k)]
    policy_{k+1} = softmax(q_k / temperature + alpha log policy_k)

so that q_k are the values of the policy in a game in which the entropy of decisions pays ``(1 -
alpha) temperature``.  Constants a state do not change a softmax: the logits may be kept instead of
``log policy_k``, and nothing underflows.

* ``alpha = 1``: logits are the sum of all ``q / temperature``, which is online mirror descent with
  ``rate = 1 / temperature``; entropy pays nothing.
* ``alpha < 1``: values of k updates ago count ``alpha^k``.  Where the policy stands still it is
  ``softmax(q / ((1 - alpha) temperature))``, the equilibrium of the game with entropy (its
  ``regularised_exploitability`` is 0).
* ``alpha = 0``: policy iteration on that game.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mfg_envs.exact import policies
from mfg_envs.game import Count, Positive, Probability
from mfg_envs.metrics.regularised import soft_action_values

from ..runs.iterate import Iterate
from .exact_solver import ExactSolver, Model


@dataclass(frozen=True, kw_only=True)
class MunchausenOMD(ExactSolver):
    """Regularise every policy towards the one before.

    Attributes:
        iterations: Updates.
        temperature: Units of q for one of ``log policy``.
        alpha: Weight of ``log policy``.
    """

    units: ClassVar[dict[str, str]] = {"temperature": "units of q"}
    iterations: Count = 100
    temperature: Positive = 1.0
    alpha: Probability = 0.99

    def begin(self, model: Model) -> Iterate:
        """Return the uniform policy."""
        policy = policies.uniform(model.game)
        return model.iterate(0, policy, np.zeros(policy.shape), logits=np.zeros(policy.shape))

    def improve(self, model: Model, last: Iterate) -> Iterate:
        """Return the policy after one more update.

        The iterate's ``mean_field`` is that of its policy, its ``q`` the values of the policy
        before the update, with the entropy of later decisions.
        """
        weight = (1 - self.alpha) * self.temperature
        q = soft_action_values(model.game, model.law(last.policy), weight, last.policy)
        logits = self.alpha * last.memory["logits"] + q / self.temperature
        policy = policies.softmax(logits, model.game.legal_actions)
        return model.iterate(last.iteration + 1, policy, q, logits=logits)
