"""Rewards scaled to returns of unit variance."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfg_envs.game import Array, check_range

from .row_wrapper import RowWrapper


class NormaliseReward(RowWrapper):
    """Divide rewards by the standard deviation of the discounted returns seen so far.

    The return of every agent is followed through its episode, as in Gymnasium's
    ``NormalizeReward``, and forgotten when the agent leaves.  All agents share one running
    variance, whatever their spaces; all copies do where those are the same (copies of agents that
    differ are environments of their own).

    Where every step costs about the same, as in a crowd of a few, these returns tell the time more
    than what a player does, and dividing by their deviation hides it.  ``centre`` takes the mean
    reward so far from every reward first (reward centring, Naik et al. 2024, arXiv 2405.09999).

    Args:
        env: A PettingZoo ``ParallelEnv``.
        discount: Weight of what was earned a step ago, in [0, 1].
        epsilon: Added to the variance, > 0.
        centre: Whether the mean is taken away first.  For episodes of one length only: elsewhere
            it pays for short ones, or for long ones.
    """

    only_rewards = True

    def __init__(
        self, env: Any, discount: float = 0.99, epsilon: float = 1e-8, *, centre: bool = False
    ) -> None:
        check_range("discount", discount, 0, 1)
        if not epsilon > 0:
            raise ValueError(f"epsilon must be positive, got {epsilon}")
        super().__init__(env)
        self.discount, self.epsilon, self.centre = discount, epsilon, centre
        self.mean, self.variance, self.count = 0.0, 1.0, 1e-4
        self.mean_reward, self._rewards = 0.0, 0
        self._returns: Any = 0.0

    def _begin(self, seed: int | None) -> None:
        self._returns = 0.0

    def _earn(self, reward: Array, over: Array, acted: Array) -> Array:
        if self.centre and acted.any():
            self._rewards += acted.sum()
            self.mean_reward += (reward[acted] - self.mean_reward).sum() / self._rewards
            reward = np.where(acted, reward - self.mean_reward, reward)
        returns = np.where(acted, self.discount * self._returns + reward, self._returns)
        if acted.any():
            self._learn(returns[acted])
        self._returns = np.where(over, 0.0, returns)
        return reward / np.sqrt(self.variance + self.epsilon)

    def _learn(self, returns: Array) -> None:
        """Update mean and variance (Chan, Golub, LeVeque 1983)."""
        mean, variance, count = returns.mean(), returns.var(), returns.size
        total, gap = self.count + count, mean - self.mean
        spread = self.variance * self.count + variance * count
        self.variance = (spread + gap**2 * self.count * count / total) / total
        self.mean, self.count = self.mean + gap * count / total, total
