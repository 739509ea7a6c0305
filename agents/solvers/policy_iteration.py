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

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from mfg_envs import exact
from mfg_envs.exact import policies
from mfg_envs.game import Array, Count, FiniteGame, NonNegative, Positive, check_parameters

from ..runs.iterate import Iterate
from .occupation import law_of, occupation, policy_of


@dataclass(frozen=True, kw_only=True)
class PolicyIteration:
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

    learns: ClassVar[tuple[type, ...]] = (FiniteGame,)
    random: ClassVar[bool] = False
    side_by_side: ClassVar[bool] = False
    iterations: Count = 100
    temperature: NonNegative = 0.0
    step: Positive = 1.0
    decay: NonNegative = 0.0
    crowd_step: Positive = 1.0
    crowd_decay: NonNegative = 0.0

    def __post_init__(self) -> None:
        check_parameters(self)

    def learn(
        self, source: FiniteGame, seed: int = 0, start: Iterate | None = None
    ) -> Iterator[Iterate]:
        """Yield what the crowd plays after each improvement.  Nothing is random.

        The iterate's ``policy`` and ``mean_field`` are those of the crowd: of the improved policy,
        or of the mix of policies that a slow crowd is.  Its ``q`` are the values that were
        improved.
        """
        game = source
        policy = policies.uniform(game) if start is None else start.memory["policy"]
        joint = occupation(game, policy) if start is None else start.memory["joint"]
        for k in range(1 if start is None else start.iteration + 1, self.iterations + 1):
            q = exact.action_values(game, law_of(game, joint), policy)
            step = min(1.0, self.step / k**self.decay)
            policy = policy + step * (self._improved(q, game.legal_actions) - policy)
            crowd_step = min(1.0, self.crowd_step / k**self.crowd_decay)
            joint = joint + crowd_step * (occupation(game, policy) - joint)
            played = policy_of(joint, policy)
            memory = {"policy": policy, "joint": joint}
            yield Iterate(k, 0, played, game.crowd(law_of(game, joint)), q, memory)

    def _improved(self, q: Array, legal: Array) -> Array:
        if self.temperature == 0:
            return policies.greedy(q, legal)
        return policies.softmax(q, legal, inverse_temperature=1 / self.temperature)
