"""Fictitious play: answer the average of everything that was played before.

Perrin et al., "Fictitious Play for Mean Field Games" (NeurIPS 2020, arXiv 2007.03458), in
discrete time: the average policy is weighted by the flows, so that its own flow is the average
flow wherever the moves do not depend on the crowd.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mfg_envs import exact
from mfg_envs.exact import policies
from mfg_envs.game import Count, FiniteGame, NonNegative, check_parameters

from ..runs.iterate import Iterate
from .occupation import law_of, occupation, policy_of


@dataclass(frozen=True, kw_only=True)
class FictitiousPlay:
    """Average the best responses, each weighted by its own flow.

    With ``delta = 0`` all responses count alike and monotone games reach exploitability O(1/k);
    a larger ``delta`` forgets the early ones.

    Attributes:
        iterations: Best responses to average, the uniform policy being the first.
        delta: Weight of response k is proportional to ``k^delta``.
    """

    learns: ClassVar[tuple[type, ...]] = (FiniteGame,)
    random: ClassVar[bool] = False
    side_by_side: ClassVar[bool] = False
    iterations: Count = 100
    delta: NonNegative = 0.0

    def __post_init__(self) -> None:
        check_parameters(self)

    def learn(
        self, source: FiniteGame, seed: int = 0, start: Iterate | None = None
    ) -> Iterator[Iterate]:
        """Yield the average policy after each best response.  Nothing is random.

        The iterate's ``mean_field`` is the average of the flows, its ``q`` the values to which
        the best response was taken.
        """
        game = source
        policy = policies.uniform(game) if start is None else start.policy
        joint = occupation(game, policy) if start is None else start.memory["joint"]
        total = 1.0 if start is None else float(start.memory["total"])
        for k in range(1 if start is None else start.iteration + 1, self.iterations + 1):
            q = exact.action_values(game, law_of(game, joint))
            response = policies.greedy(q, game.legal_actions)
            weight = (k + 1.0) ** self.delta
            total += weight
            joint = joint + (weight / total) * (occupation(game, response) - joint)
            policy, crowd = policy_of(joint, response), game.crowd(law_of(game, joint))
            yield Iterate(k, 0, policy, crowd, q, {"joint": joint, "total": np.array(total)})
