"""Online mirror descent: logits accumulate the values of every policy so far.

Perolat et al., "Scaling Mean Field Games by Online Mirror Descent" (AAMAS 2022, arXiv
2103.00623): ``y <- y + rate * q(policy)``, ``policy = softmax(y)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mfg_envs import exact
from mfg_envs.exact import policies
from mfg_envs.game import Count, FiniteGame, Positive, check_parameters

from ..runs.iterate import Iterate


@dataclass(frozen=True, kw_only=True)
class OnlineMirrorDescent:
    """Accumulate the action values of the current policy; play their softmax.

    Attributes:
        iterations: Updates.
        rate: Weight of an update, per unit of q.
    """

    learns: ClassVar[tuple[type, ...]] = (FiniteGame,)
    random: ClassVar[bool] = False
    side_by_side: ClassVar[bool] = False
    iterations: Count = 100
    rate: Positive = 1.0

    def __post_init__(self) -> None:
        check_parameters(self)

    def learn(
        self, source: FiniteGame, seed: int = 0, start: Iterate | None = None
    ) -> Iterator[Iterate]:
        """Yield the policy after each update.  Nothing is random.

        The iterate's ``mean_field`` is that of its policy, its ``q`` the values of the policy
        before the update.
        """
        game = source
        policy = policies.uniform(game) if start is None else start.policy
        logits = np.zeros(policy.shape) if start is None else start.memory["logits"]
        law = exact.law_met(game, policy)
        for k in range(1 if start is None else start.iteration + 1, self.iterations + 1):
            q, logits, policy = exact.ascend(game, law, policy, logits, self.rate)
            law = exact.law_met(game, policy)
            yield Iterate(k, 0, policy, game.crowd(law), q, {"logits": logits})
