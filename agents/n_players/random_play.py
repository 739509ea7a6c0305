"""What rewards are like when everybody plays at random: the unit in which learners count them.

With their standard deviation, and their mean or their highest for zero, learners count rewards as
``r' = (r - zero) / deviation``, so that temperatures mean the same in every game.  Action values in
the game's own rewards follow: ``q = deviation q' + zero (1 + g + g^2 + ...)``, over the steps left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array, FiniteGame
from mfg_envs.simulate.acting import Table
from mfg_envs.simulate.acting.decision import decisions
from mfg_envs.simulate.batch import BatchEnv


class Unit(NamedTuple):
    """How rewards are counted.

    Attributes:
        zero: Reward that counts as 0.
        deviation: Reward above that which counts as 1.
    """

    zero: float
    deviation: float

    def values(self, game: FiniteGame, q: Array) -> Array:
        """Return action values in the game's own rewards, float64 (T, O, A) or (O, A)."""
        if game.horizon is None:
            left = 1 / (1 - game.discount)
        else:
            weights = game.discount ** np.arange(game.horizon)
            left = weights.cumsum()[::-1, None, None]
        return self.deviation * q.astype(np.float64) + self.zero * left


def measured_unit(env: BatchEnv, num_steps: int, zero: Callable[[Array], Any]) -> Unit:
    """Play steps at random, episode after episode, and return the unit of their rewards.

    Args:
        env: Populations, reset; whoever goes on with them finds them after these steps.
        num_steps: Steps.
        zero: Of all these rewards the one that counts as 0: ``np.mean``, ``np.max``.
    """
    legal = env.game.legal_actions
    anything = Table(env.game, legal / legal.sum(-1, keepdims=True))
    earned = []
    for _ in range(num_steps):
        if env.over:
            env.reset()
        earned += [now.reward for now in decisions(env, anything, 1)]
    rewards = np.stack(earned)
    return Unit(float(zero(rewards)), float(rewards.std()) or 1.0)
