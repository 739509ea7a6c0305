"""Learners that know the mean action of the others: all N players share their networks.

Players move in the compiled simulator, some transitions of every step are kept, and small batches
of them drawn to descend a loss.  It looks at networks and at their running average, the "targets";
everybody acts by the targets, which are less noisy.  What is kept reaches far back: players who
share networks all change their minds at once, and learn from what crowds did on average, as in
fictitious play.  Rewards are counted in standard deviations below the highest of random play
(``random_play``): values begin near an upper bound, and what has not been tried looks good.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np

from mfg_envs.game import (
    Count,
    FiniteGame,
    NonNegative,
    OneOf,
    Positive,
    Probability,
)
from mfg_envs.game.kinds import check_finite

from ..runs.iterate import Iterate
from ..runs.learner import Learner

if TYPE_CHECKING:
    from torch import Tensor

    from .mean_action_training import MeanActionTraining, Nets
    from .networks import Shape
    from .replay import Batch


@dataclass(frozen=True, kw_only=True)
class MeanActionLearner(Learner):
    """Let N players share networks that know the mean action of the step before.

    Attributes:
        num_players: Players, N.
        copies: Populations side by side, B.
        iterations: Times that players play, and networks are trained.
        num_steps: Steps that all players play in an iteration, and at random before the first.
        num_updates: Steps of the optimiser in an iteration.
        batch_size: Transitions of each of them.
        num_kept: Transitions kept of a step, drawn from those of all players: what is learned from
            reaches back the further.
        replay_size: Transitions that are kept in all, the last ones.
        learning_rate: Of Adam in the first iteration.
        decay: Power of the iteration with which it falls.
        averaging: Share of the networks that the targets take over in each step.
        temperature: Of the choices in the first iteration, in units of scaled rewards.
        cooling: Power of the iteration with which it falls.
        neighbours: Whose actions are averaged: "everybody"'s, or of those who stand at the same
            "place" now.
        hidden: Widths of the hidden layers.
    """

    learns: ClassVar[tuple[type, ...]] = (FiniteGame,)
    num_players: Count = 100
    copies: Count = 1
    iterations: Count = 50
    num_steps: Count = 100
    num_updates: Count = 100
    batch_size: Count = 256
    num_kept: Count = 20
    replay_size: Count = 100_000
    learning_rate: Positive = 3e-3
    decay: NonNegative = 0.5
    averaging: Probability = 0.05
    temperature: Positive = 0.5
    cooling: NonNegative = 0.5
    neighbours: Annotated[str, OneOf("everybody", "place")] = "everybody"
    hidden: tuple[Count, ...] = (64, 64)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.hidden:
            raise ValueError("hidden must have one width at least, got ()")

    @abstractmethod
    def shapes(self, game: FiniteGame) -> tuple[Shape, ...]:
        """Return the shapes of the networks; the first one gives action values."""

    @abstractmethod
    def scores(self, nets: Nets, s: Tensor, t: Tensor, others: Tensor, heat: float) -> Tensor:
        """Return what is played: the softmax of these numbers (R, A)."""

    @abstractmethod
    def loss(self, nets: Nets, targets: Nets, batch: Batch, heat: float) -> Tensor:
        """Return what a step of the optimiser descends, of a batch of transitions."""

    def heat(self, k: int) -> float:
        """Return the inverse temperature of an iteration."""
        return k**self.cooling / self.temperature

    def prepare(self, source: Any, seed: Any, /) -> MeanActionTraining:
        """Return the players of a finite game, reset.

        Raises:
            ValueError: If players do not count where they stand, and ``neighbours`` is "place".
            ImportError: If torch is missing.
        """
        check_finite(source)
        if self.neighbours == "place" and not source.counts_what_is_observed:
            raise ValueError(
                'neighbours = "place" needs players who count where they are seen; in'
                f' {source.name} they do not: use "everybody"'
            )
        try:
            from .mean_action_training import MeanActionTraining
        except ImportError as error:
            raise ImportError(
                f'{type(self).__name__} needs PyTorch: pip install "mfg-envs[sb3]"'
            ) from error
        return MeanActionTraining(self, source, seed)

    def begin(self, training: MeanActionTraining, /) -> Iterate:
        """Return random networks, after steps at random that tell what rewards are like."""
        return training.begin()

    def resume(self, training: MeanActionTraining, start: Iterate, /) -> Iterate:
        """Put players and networks where an iterate of this learner left them."""
        training.restore(start.memory)
        return start

    def improve(self, training: MeanActionTraining, last: Iterate, /) -> Iterate:
        """Play ``num_steps`` steps, train ``num_updates`` times.

        An iterate's ``policy`` (T, O, A) or (O, A) is what infinitely many players do by these
        networks who see the mean action that they make; ``mean_field`` (T, S) or (S,) is their
        law, ``q`` the values learned, at those mean actions, in the game's own rewards.  Where the
        mean action of a stationary game does not come to rest, so that a population of these
        players goes round, ``memory["unrest"]`` is large, and the policy one on the way.
        """
        k = last.iteration + 1
        draw = np.random.default_rng([training.seed, k])
        training.play(self.heat(k), draw)
        training.train(self.heat(k), self.learning_rate * k**-self.decay, draw)
        played = self.num_players * self.copies * self.num_steps
        return training.iterate(k, last.samples + played)
