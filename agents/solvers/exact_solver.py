"""What solvers on the exact model share: the game, and what the players of a policy meet."""

from __future__ import annotations

from typing import Any, ClassVar

from mfg_envs import exact
from mfg_envs.game import Array, FiniteGame

from ..runs.iterate import Iterate
from ..runs.learner import Learner
from ..runs.remembered import Remembered


class Model:
    """The exact model of a game.

    Attributes:
        game: The game.
        law: What players meet if everybody follows a policy, see ``exact.law_met``; that of the
            last policy is known, so that the next iteration need not compute it again.
    """

    def __init__(self, game: FiniteGame) -> None:
        self.game = game
        self.law = Remembered(lambda policy: exact.law_met(game, policy))

    def iterate(self, k: int, policy: Array, q: Array, **memory: Array) -> Iterate:
        """Return the k-th iterate, with the mean field of its policy."""
        return Iterate(k, 0, policy, self.game.crowd(self.law(policy)), q, memory)


class ExactSolver(Learner):
    """A learner that knows the model of a finite game; nothing is random."""

    learns: ClassVar[tuple[type, ...]] = (FiniteGame,)
    random: ClassVar[bool] = False

    def prepare(self, source: Any, seed: Any, /) -> Any:
        """Return the model of a game."""
        return Model(source)
