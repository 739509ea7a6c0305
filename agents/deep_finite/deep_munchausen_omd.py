"""Deep Munchausen online mirror descent: the sum of all action values in one network a decision.

Laurière et al., "Scalable Deep Reinforcement Learning Algorithms for Mean Field Games" (ICML 2022,
arXiv 2203.11973), D-MOMD.  Mirror descent plays the softmax of the sum of all action values so far,
and networks cannot be added up.  So the sum is learned (Munchausen: Vieillard et al. 2020, arXiv
2007.14430): from transitions (t, x, a, r, x') of players who meet the mean field of ``policy_k``,
Q_{k+1} is fitted to ::

    r + alpha temperature log policy_k(a | x)
      + discount sum_b policy_k(b | x') [Q_{k+1}(x', b) - temperature log policy_k(b | x')]

and ``policy_{k+1} = softmax(Q_{k+1} / temperature)``.  Without errors of networks and samples these
are the iterates of ``MunchausenOMD``, where ``alpha`` is explained.

The logarithm counts no chance below 1e-6: what is hardly ever done need not be told apart.  The
temperature follows the game: it is ``temperature`` times the deviation of the first action values,
those of players who act at random, from their mean over actions (but at least a tenth of that of
rewards).  So rewards in another unit change nothing.  ``fitted_q`` says how values are fitted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfg_envs.exact import policies
from mfg_envs.game import Array, Count, Positive, Probability

from ..runs.iterate import Iterate
from .network_learner import NetworkLearner, Study

LEAST = 1e-6
"""Least chance under a logarithm."""
FIRST = 3
"""The first networks take so many times the gradient steps of later ones."""


@dataclass(frozen=True, kw_only=True)
class DeepMunchausenOMD(NetworkLearner):
    """Learn the sum of all action values by networks, and play its softmax.

    Attributes:
        explore: The boldest player acts at random with this chance, the others less and less.
            Among N players they are part of the crowd that all meet: choose it small there.
        temperature: Of the softmax, in units of the spread of the first action values.
        alpha: Weight of ``log policy``: 1 is mirror descent, with less old values fade.
        sweeps: Times that the target network is renewed in an iteration on a stationary game, with
            ``updates`` gradient steps each.
        batch: States of a gradient step.
    """

    explore: Probability = 1.0
    temperature: Positive = 4.0
    alpha: Probability = 1.0
    sweeps: Count = 10
    batch: Count = 4096

    def begin(self, study: Study, /) -> Iterate:
        """Return the uniform policy, and random networks."""
        policy = policies.uniform(study.game)
        memory = self._first_networks(study)
        memory |= {name: np.array(0.0) for name in ("unit", "width", "temperature")}
        law = study.game.crowd(study.law(policy))
        return Iterate(0, 0, policy, law, np.zeros(policy.shape), memory)

    def improve(self, study: Study, last: Iterate, /) -> Iterate:
        """Return the policy after one more update.

        The iterate's ``mean_field`` is what players have met in it, that of the policy before; its
        ``q`` are the values of that policy, with the entropy of later decisions.
        """
        from .fitted_q import Fit, fitted_values, offsets, spread, units

        game, k = study.game, last.iteration + 1
        walks = self._walks(study, k, last.policy, self.explore, anywhere=True)
        scales = float(last.memory["unit"]), float(last.memory["width"])
        if k == 1:
            scales = units(game, walks)
        temperature = float(last.memory["temperature"])  # 0 in the first iteration
        policy = last.policy.reshape(-1, *last.policy.shape[-2:])
        log = temperature * np.log(np.maximum(policy, LEAST))

        def ahead(t: int, q: Array) -> Array:
            return (policy[t] * (q - log[t])).sum(-1)

        study.networks.load(last.memory)
        fit = Fit(
            self.updates * (FIRST if k == 1 else 1), self.sweeps, self.batch, self.learning_rate
        )
        bonus = self.alpha * log
        key = study.key_of(k, "fit")
        q = fitted_values(game, study.networks, walks, ahead, bonus, scales, fit, key)
        if k == 1:
            temperature = self.temperature * max(spread(game, walks, q), scales[0] / 10)
        new = policies.softmax(q.reshape(last.policy.shape), game.legal_actions,
                               inverse_temperature=1 / temperature)  # fmt: skip
        memory = study.networks.save() | {
            "unit": np.array(scales[0]),
            "width": np.array(scales[1]),
            "temperature": np.array(temperature),
        }
        values = (q - bonus + offsets(game, walks)).reshape(new.shape)
        met = walks.mean_field if game.horizon is not None else walks.mean_field.mean(0)
        return Iterate(k, last.samples + walks.state.size, new, met, values, memory)
