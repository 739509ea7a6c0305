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

from mfg_envs.game import Array, check_range
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
        learning_rate: Of Adam, > 0.
        discount: Weight of the next step's value, in [0, 1].
        gae_lambda: Of generalised advantage estimation, in [0, 1].
        clip: Range of the ratio of probabilities, > 0.
        entropy_weight: Weight of the entropy bonus, >= 0.
        value_weight: Weight of the value loss, >= 0.
        max_gradient: Greatest norm of a player's gradient, > 0.
        hidden: Widths of the hidden layers of both networks.
    """

    learns: ClassVar[tuple[type, ...]] = (ParallelEnv,)
    units: ClassVar[dict[str, str]] = {"value_weight": "per unit of q squared"}
    iterations: int = 100
    copies: int = 1
    num_steps: int = 128
    num_epochs: int = 4
    num_minibatches: int = 4
    learning_rate: float = 3e-4
    discount: float = 0.99
    gae_lambda: float = 0.95
    clip: float = 0.2
    entropy_weight: float = 0.0
    value_weight: float = 0.5
    max_gradient: float = 0.5
    hidden: tuple[int, ...] = (64, 64)

    def __post_init__(self) -> None:
        for name in ("iterations", "copies", "num_steps", "num_epochs", "num_minibatches"):
            check_range(name, getattr(self, name), 1)
        for name in ("discount", "gae_lambda"):
            check_range(name, getattr(self, name), 0, 1)
        for name in ("entropy_weight", "value_weight"):
            check_range(name, getattr(self, name), 0)
        for name in ("learning_rate", "clip", "max_gradient"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
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
