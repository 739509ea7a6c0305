"""PPO of one policy that everybody shares, against the mean field of that very policy.

Schulman et al., "Proximal Policy Optimization Algorithms" (arXiv 1707.06347); Algumaei et al.,
"Regularization of the policy updates for stabilizing Mean Field Games" (arXiv 2304.01547) use
proximal updates in mean-field games.  Players of ``policy_k`` meet its mean field and are followed.
With the ratio ``rho`` of the chances of an action after and before, its generalised advantage A and
the target G = A + V_before of the value, every network descends ::

    mean[ -min(rho A, clip(rho, 1 - c, 1 + c) A) + value_weight (V - G)^2 - entropy_weight H ]

which makes ``policy_{k+1}``; then the mean field moves.  A is scaled to deviation 1 over all
players and decisions, rewards to the deviation of the first ones without their mean at every time
(see ``fitted_q``): the entropy H is worth the same in every game.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfg_envs.exact import policies
from mfg_envs.game import Array, Count, NonNegative, Positive, Probability

from ..independent.advantages import advantages
from ..runs.iterate import Iterate
from .network_learner import NetworkLearner, Study


@dataclass(frozen=True, kw_only=True)
class MeanFieldPPO(NetworkLearner):
    """Improve one policy by PPO while the crowd follows it.

    Attributes:
        gae_lambda: Of generalised advantage estimation.
        clip: Range of the ratio of probabilities.
        entropy_weight: Weight of the entropy bonus, of players whose rewards are scaled.
        cooling: The learning rate of the k-th iteration is ``learning_rate / (1 + cooling k)``:
            policies that go on as fast as at first run around the equilibrium.
        value_weight: Weight of the value loss.
        batch: Players of a gradient step, at every decision.
    """

    iterations: Count = 60
    updates: Count = 20
    learning_rate: Positive = 0.003
    gae_lambda: Probability = 0.95
    clip: Positive = 0.2
    entropy_weight: NonNegative = 0.03
    cooling: NonNegative = 0.1
    value_weight: NonNegative = 0.5
    batch: Count = 1000

    def begin(self, study: Study, /) -> Iterate:
        """Return random networks and what they play, nearly all legal actions alike."""
        memory = self._first_networks(study) | {"unit": np.array(0.0), "width": np.array(0.0)}
        return self._iterate(study, 0, 0, memory, np.empty(0))

    def improve(self, study: Study, last: Iterate, /) -> Iterate:
        """Return the policy after one more rollout and its updates.

        The iterate's ``mean_field`` is what players have met in it, that of the policy before; its
        ``q`` is empty.
        """
        from .clipped_surrogate import Rollout, improve_policy
        from .fitted_q import units

        game, k, networks = study.game, last.iteration + 1, study.networks
        walks = self._walks(study, k, last.policy, 0.0, anywhere=False)
        scales = float(last.memory["unit"]), float(last.memory["width"])
        unit, width = units(game, walks) if k == 1 else scales
        networks.load(last.memory)
        value = width / unit * networks.values(slice(None))
        steps = np.arange(len(walks.state))[:, None] if game.horizon is not None else 0
        reward = (walks.reward - walks.reward.mean(1, keepdims=True)) / unit
        now = value[steps, walks.state]
        ends = np.zeros(walks.state.shape, bool)
        after = np.zeros(len(ends[0])) if game.horizon is not None else value[0, walks.next[-1]]
        gain = advantages(reward, now, ends, after, game.discount, self.gae_lambda)
        rule = last.policy.reshape(networks.decisions, game.num_states, -1)
        rollout = Rollout(
            walks.state,
            walks.action,
            np.log(rule[steps, walks.state, walks.action]),
            gain / (gain.std() or 1.0),
            (gain + now) * unit / width,
        ).by_decision(networks.decisions)
        improve_policy(self, networks, rollout, k, study.key_of(k, "fit"))
        memory = networks.save() | {"unit": np.array(unit), "width": np.array(width)}
        met = walks.mean_field if game.horizon is not None else walks.mean_field.mean(0)
        return self._iterate(study, k, last.samples + walks.state.size, memory, met)

    def _iterate(
        self, study: Study, k: int, samples: int, memory: dict[str, Array], met: Array
    ) -> Iterate:
        """Return the k-th iterate, whose policy is that of the networks in a memory."""
        game = study.game
        study.networks.load(memory)
        preferences = study.networks.preferences(slice(None))
        policy = policies.softmax(preferences, game.legal_actions)
        policy = policy if game.horizon is not None else policy[0]
        return Iterate(k, samples, policy, met, np.empty(0), memory)
