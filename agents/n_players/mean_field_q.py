"""Mean field Q-learning: N players who share values of an own action and everybody's mean action.

Yang, Luo, Li, Zhou, Zhang, Wang, "Mean Field Multi-Agent Reinforcement Learning" (ICML 2018,
arXiv 1802.05438).  A player knows its state s and the mean action ``abar`` of the others in the
step before (``mean_actions``).  With a network Q, its running average Q', and b over legal actions
(their MF-Q)::

    pi(a | s, abar)  = softmax_a( Q'(s, a, abar) / temperature_k )
    v(s', abar')     = sum_b pi(b | s', abar') Q'(s', b, abar')
    loss             = mean[ ( r + discount v(s', abar') - Q(s, a, abar) )^2 ]

``abar'`` is what was done in the step of the transition itself, ``temperature_k`` is ``temperature
k^-cooling`` in iteration k.  The paper has a network for every kind of player; here all are of one
kind, the mean is over all N, and everybody acts by Q'.  With a horizon the state includes the time.
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
class MeanFieldQ(MeanActionLearner):
    """Learn values of actions and mean actions, and choose by their softmax."""

    def shapes(self, game: FiniteGame) -> tuple[Shape, ...]:
        """Return the shape of the one network, Q."""
        from .networks import Shape

        seen, A = game.num_observations, game.num_actions
        return (Shape(seen, game.horizon or 1, A, self.hidden, A),)

    def scores(self, nets: Nets, s: Tensor, t: Tensor, others: Tensor, heat: float) -> Tensor:
        """Return ``heat * Q``, (R, A)."""
        return heat * nets(0, s, t, others)

    def loss(self, nets: Nets, targets: Nets, batch: Batch, heat: float) -> Tensor:
        """Return the mean squared error of Q."""
        q = nets(0, batch.state, batch.time, batch.others)
        known = q.gather(1, batch.action[:, None])[:, 0]
        return ((self.target(targets, batch, heat) - known) ** 2).mean()

    def target(self, targets: Nets, batch: Batch, heat: float) -> Tensor:
        """Return what Q of each transition should be, (R,)."""
        ahead = targets(0, batch.state_after, batch.time_after, batch.others_after)
        law = targets.log_law(heat * ahead, batch.state_after).exp()
        return batch.reward + targets.discount * batch.goes_on * (law * ahead).sum(-1)
