"""Policy iteration: evaluate the policy in the crowd, improve it by one step, move the crowd.

Cacace, Camilli, Goffi, "A policy iteration method for mean field games" (ESAIM: COCV 27, 2021);
Laurière, Song, Tang, "Policy iteration method for time-dependent mean field games systems with
non-separable Hamiltonians" (Applied Mathematics and Optimization 87, 2023).  With the values
``q_k`` of the policy *that is played*, in the crowd of the moment (a fixed-point iteration takes
those of a best response)::

    improved   = greedy(q_k), or softmax(q_k / temperature)
    policy     <- policy + step_k (improved - policy)
    occupation <- occupation + crowd_step_k (occupation of policy - occupation)

Names in the literature: ``temperature > 0`` is Boltzmann policy iteration; ``crowd_decay = 1`` is
smoothed policy iteration (Tang, Song, "Learning optimal policies in potential mean field games",
arXiv 2212.04791).  Where nothing depends on the crowd the plain iteration is Howard's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mfg_envs import exact
from mfg_envs.exact import policies
from mfg_envs.game import (
    Array,
    Count,
    NonNegative,
    Positive,
)

from ..runs.iterate import Iterate
from .exact_solver import ExactSolver, Model
from .occupation import law_of, occupation, policy_of


@dataclass(frozen=True, kw_only=True)
class PolicyIteration(ExactSolver):
    """Improve the policy by one step for every step of the crowd.

    Steps are ``step_k = min(1, step / k^decay)`` for k = 1, 2, ...; those of the crowd likewise.

    Attributes:
        iterations: Improvements.
        temperature: Of the improved policy, in units of q; 0: greedy.
        step: First step of the policy; 1 with ``decay = 0``: it is replaced.
        decay: Exponent of its decay.
        crowd_step: First step of the crowd; 1 with ``crowd_decay = 0``: it follows at once.
        crowd_decay: Exponent of its decay.
    """

    units: ClassVar[dict[str, str]] = {"temperature": "units of q"}
    iterations: Count = 100
    temperature: NonNegative = 0.0
    step: Positive = 1.0
    decay: NonNegative = 0.0
    crowd_step: Positive = 1.0
    crowd_decay: NonNegative = 0.0

    def begin(self, model: Model) -> Iterate:
        """Return the uniform policy, which the crowd follows."""
        game, policy = model.game, policies.uniform(model.game)
        memory = {"policy": policy, "joint": occupation(game, policy)}
        crowd = game.crowd(law_of(game, memory["joint"]))
        return Iterate(0, 0, policy, crowd, np.zeros(policy.shape), memory)

    def improve(self, model: Model, last: Iterate) -> Iterate:
        """Return what the crowd plays after one more improvement.

        The iterate's ``policy`` and ``mean_field`` are those of the crowd: of the improved policy,
        or of the mix of policies that a slow crowd is.  Its ``q`` are the values that were
        improved.
        """
        game, k = model.game, last.iteration + 1
        policy, joint = last.memory["policy"], last.memory["joint"]
        q = exact.action_values(game, law_of(game, joint), policy)
        step = min(1.0, self.step / k**self.decay)
        policy = policy + step * (self._improved(q, game.legal_actions) - policy)
        crowd_step = min(1.0, self.crowd_step / k**self.crowd_decay)
        joint = joint + crowd_step * (occupation(game, policy) - joint)
        played, crowd = policy_of(joint, policy), game.crowd(law_of(game, joint))
        return Iterate(k, 0, played, crowd, q, {"policy": policy, "joint": joint})

    def _improved(self, q: Array, legal: Array) -> Array:
        if self.temperature == 0:
            return policies.greedy(q, legal)
        return policies.softmax(q, legal, inverse_temperature=1 / self.temperature)
