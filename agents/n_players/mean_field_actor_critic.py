"""Mean field actor-critic: a shared policy that climbs values which know everybody's mean action.

Yang, Luo, Li, Zhou, Zhang, Wang, "Mean Field Multi-Agent Reinforcement Learning" (ICML 2018,
arXiv 1802.05438).  The critic Q(s, a, abar) is that of ``mean_field_q``, but for the policy in its
target, which is the actor's, pi_theta(a | s): it does not look at the mean action.  The actor
climbs (their MF-AC), with all legal actions b in the place of a drawn one and an entropy bonus H,
whose temperature is that of mean field Q-learning::

    v(s', abar')  = sum_b pi'(b | s') Q'(s', b, abar')
    gain(theta)   = mean[ sum_b pi_theta(b | s) Q(s, b, abar) + temperature_k H(pi_theta(. | s)) ]

``pi'`` and ``Q'`` are running averages.  So an actor that is done plays the softmax of Q, averaged
over the mean actions that it has met, divided by the temperature.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mfg_envs.game import FiniteGame

from .mean_action_learner import MeanActionLearner

if TYPE_CHECKING:
    from torch import Tensor

    from .mean_action_training import Nets
    from .networks import Shape
    from .replay import Batch


@dataclass(frozen=True, kw_only=True)
class MeanFieldActorCritic(MeanActionLearner):
    """Learn values of actions and mean actions, and a policy that climbs them."""

    def shapes(self, game: FiniteGame) -> tuple[Shape, ...]:
        """Return the shapes of the critic and of the actor."""
        from .networks import Shape

        seen, T, A = game.num_observations, game.horizon or 1, game.num_actions
        return Shape(seen, T, A, self.hidden, A), Shape(seen, T, 0, self.hidden, A)

    def scores(self, nets: Nets, s: Tensor, t: Tensor, others: Tensor, heat: float) -> Tensor:
        """Return what the actor gives, (R, A)."""
        return nets(1, s, t, others)

    def loss(self, nets: Nets, targets: Nets, batch: Batch, heat: float) -> Tensor:
        """Return the mean squared error of the critic, less what the actor gains."""
        s, t = batch.state, batch.time
        q = nets(0, s, t, batch.others)
        known = q.gather(1, batch.action[:, None])[:, 0]
        error = ((self.target(targets, batch) - known) ** 2).mean()
        log_law = nets.log_law(nets(1, s, t, batch.others), s)
        gain = (log_law.exp() * (q.detach() - log_law / heat)).sum(-1).mean()
        return error - gain

    def target(self, targets: Nets, batch: Batch) -> Tensor:
        """Return what Q of each transition should be, (R,)."""
        s, t, others = batch.state_after, batch.time_after, batch.others_after
        law = targets.log_law(targets(1, s, t, others), s).exp()
        ahead = (law * targets(0, s, t, others)).sum(-1)
        return batch.reward + targets.discount * batch.goes_on * ahead
