"""Independent PPO for hundreds to thousands of players, all networks in one batched product.

Schulman et al., "Proximal Policy Optimization Algorithms" (arXiv 1707.06347), one learner per
player as in de Witt et al. (arXiv 2011.09533).  Every player has networks, an optimiser and a
clipped gradient norm of its own; only the arithmetic is shared.  With the ratio ``rho`` of the
probabilities of an action after and before, its advantage A (generalised, of one minibatch scaled
to mean 0 and deviation 1) and the target G = A + V_before of the value, every player descends::

    mean[ -min(rho A, clip(rho, 1 - c, 1 + c) A) + value_weight (V - G)^2 - entropy_weight H ]

That is what Stable-Baselines3's PPO computes, with the order of its minibatches drawn for all
players.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pettingzoo import ParallelEnv

from mfg_envs.game import (
    Array,
    Count,
    NonNegative,
    Positive,
    Probability,
    check_range,
)
from mfg_envs.numerics import random

from ..runs.iterate import Iterate
from ..runs.learner import Learner

if TYPE_CHECKING:
    from .ppo_rollout import Training


@dataclass(frozen=True, kw_only=True)
class BatchedIndependentPPO(Learner):
    """Train one PPO learner per player, for all players at once.

    Agents must have the same spaces: discrete or box actions, box or discrete observations (seen
    as one-hot vectors).

    Attributes:
        iterations: Rollouts, each followed by an update.
        copies: Copies of the game side by side, B.
        num_steps: Steps of a rollout, T.
        num_epochs: Passes over a rollout.
        num_minibatches: Parts of a rollout (B * T transitions of each player).
        learning_rate: Of Adam.
        discount: Weight of the next step's value.
        gae_lambda: Of generalised advantage estimation.
        clip: Range of the ratio of probabilities.
        entropy_weight: Weight of the entropy bonus.
        value_weight: Weight of the value loss.
        max_gradient: Greatest norm of a player's gradient.
        hidden: Widths of the hidden layers of both networks.
    """

    learns: ClassVar[tuple[type, ...]] = (ParallelEnv,)
    units: ClassVar[dict[str, str]] = {"value_weight": "per unit of q squared"}
    iterations: Count = 100
    copies: Count = 1
    num_steps: Count = 128
    num_epochs: Count = 4
    num_minibatches: Count = 4
    learning_rate: Positive = 3e-4
    discount: Probability = 0.99
    gae_lambda: Probability = 0.95
    clip: Positive = 0.2
    entropy_weight: NonNegative = 0.0
    value_weight: NonNegative = 0.5
    max_gradient: Positive = 0.5
    hidden: tuple[Count, ...] = (64, 64)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("num_minibatches", self.num_minibatches, 1, self.copies * self.num_steps)

    def prepare(self, source: Any, seed: int, /) -> Training:
        """Return the networks of all players, and their environment after a reset.

        Args:
            source: A PettingZoo ``ParallelEnv``; ours are stepped as arrays.
            seed: Of the game and of the learners.

        Raises:
            ValueError: If the agents' spaces differ, or are of another kind.
            ImportError: If torch is missing.
        """
        try:
            from .ppo_rollout import Training
        except ImportError as error:
            raise ImportError(
                'BatchedIndependentPPO needs PyTorch: pip install "mfg-envs[sb3]"'
            ) from error
        return Training(self, source, int(random.seed_key(seed)) >> 1)

    def begin(self, training: Training, /) -> Iterate:
        """Return random networks."""
        return self._iterate(0, 0, training, np.zeros(training.num_players))

    def resume(self, training: Training, start: Iterate, /) -> Iterate:
        """Put networks and, where it is ours, the environment where the iterate was.

        A foreign environment starts a new episode.
        """
        training.restore(start.memory)
        return start

    def improve(self, training: Training, last: Iterate, /) -> Iterate:
        """Play a rollout and return what is known after the update.

        An iterate's ``policy`` holds the weights of the players' networks (N, P), see ``player``;
        its ``q`` the mean reward of a step of every player in the rollout (N,); its ``mean_field``
        is that of the first copy where the environment is ours, else empty.
        """
        reward = training.update(training.rollout())
        samples = last.samples + self.num_steps * training.arrays.num_rows
        return self._iterate(last.iteration + 1, samples, training, reward)

    def _iterate(self, k: int, samples: int, training: Training, reward: Array) -> Iterate:
        memory = training.snapshot()
        return Iterate(k, samples, memory["weights"], training.mean_field, reward, memory)

    def player(self, source: Any, iterate: Iterate, name: str) -> Any:
        """Return one player's policy: a function of observations (K, ...) -> actions (K, ...).

        It plays the most probable action, or the mean one; give it to ``wrappers.PlayerEnv``.
        """
        from .ppo_rollout import player

        return player(self, source, iterate.policy, name)

    def models(self, source: Any, iterate: Iterate) -> dict[str, Any]:
        """Return every player's policy by its name: a torch module, as ``as_policy`` takes it.

        It turns observations (R, D) into a law of PyTorch: of actions, or normal.
        """
        from .ppo_rollout import modules

        return modules(self, source, iterate.policy)
