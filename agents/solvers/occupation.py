"""Occupation measures: how often a population is in a state and takes an action there.

They are what averages well: where the moves do not depend on the crowd, a mix of occupation
measures is that of one policy, and its mean field is the mix of the mean fields.
"""

from __future__ import annotations

import numpy as np

from mfg_envs import exact
from mfg_envs.game import Array, FiniteGame


def occupation(game: FiniteGame, policy: Array) -> Array:
    """Return the law of state and action when everybody follows a policy, (T, S, A) or (S, A)."""
    law = exact.law_met(game, policy)
    return law if game.mean_field_of_controls else law[..., None] * policy


def law_of(game: FiniteGame, joint: Array) -> Array:
    """Return what players meet under an occupation measure; see ``exact.law_met``."""
    return joint if game.mean_field_of_controls else joint.sum(-1)


def policy_of(joint: Array, otherwise: Array) -> Array:
    """Return the policy of an occupation measure; ``otherwise`` holds where nobody comes."""
    visited = joint.sum(-1, keepdims=True)
    return np.where(visited > 0, joint / np.where(visited > 0, visited, 1.0), otherwise)
