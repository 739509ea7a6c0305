"""Fixed-point iteration on the exact model: best response, its mean field, and again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from mfg_envs import exact
from mfg_envs.exact import policies
from mfg_envs.game import Count, FiniteGame, NonNegative, Positive, check_parameters

from ..runs.iterate import Iterate


@dataclass(frozen=True, kw_only=True)
class FixedPointIteration:
    """Move the policy towards a best response to its own mean field.

    ``policy <- policy + step_k (best_response - policy)``, ``step_k = min(1, step / k^decay)``.
    The plain iteration (step 1) plays the best response itself and cycles in most games; a
    constant step below 1 damps it; ``step=2, decay=1`` averages all best responses, late ones
    more, and mixes neighbouring actions where the equilibrium does.

    Attributes:
        iterations: Best responses to compute.
        step: First step.
        decay: Exponent of its decay.
    """

    learns: ClassVar[tuple[type, ...]] = (FiniteGame,)
    random: ClassVar[bool] = False
    side_by_side: ClassVar[bool] = False
    iterations: Count = 100
    step: Positive = 1.0
    decay: NonNegative = 0.0

    def __post_init__(self) -> None:
        check_parameters(self)

    def learn(
        self, source: FiniteGame, seed: int = 0, start: Iterate | None = None
    ) -> Iterator[Iterate]:
        """Yield an iterate per best response.  The seed is not used: nothing is random.

        The iterate's ``mean_field`` is that of its policy, its ``q`` the values to which the
        best response was taken.
        """
        game = source
        policy = policies.uniform(game) if start is None else start.policy
        law = exact.law_met(game, policy)
        for k in range(1 if start is None else start.iteration + 1, self.iterations + 1):
            q = exact.action_values(game, law)
            response = policies.greedy(q, game.legal_actions)
            policy = policy + min(1.0, self.step / k**self.decay) * (response - policy)
            law = exact.law_met(game, policy)
            yield Iterate(k, 0, policy, game.crowd(law), q, {})
