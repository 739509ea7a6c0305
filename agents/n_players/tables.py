"""A table of action values for every player: how players act on them, and what they learn.

A row is what a player knows in an observed state, with a horizon in one at one time: R rows.
Everybody draws from the softmax of its own row, and learns from one transition ``(s, a, r, s')``,
met before n times the pair (s, a)::

    Q(s, a) <- Q(s, a) + alpha_n [ gain + discount max_b Q(s', b) - Q(s, a) ]

over legal b, with ``gain = (r - zero) / deviation`` in single precision.  ``Tables`` does so in
NumPy and is the oracle of ``compiled_tables``, which gives the same bits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mfg_envs.game import Array
from mfg_envs.numerics import elementary, random

MOST = np.iinfo(np.uint16).max
"""Where counts stop."""


class Transition(NamedTuple):
    """One step of N players.

    Attributes:
        row: Where everybody was, (N,) numbers of rows.
        action: What it did, int32 (N,).
        reward: What it earned, (N,).
        after: Where that led, (N,) numbers of rows.
        goes_on: Whether anything is earned afterwards.
    """

    row: Array
    action: Array
    reward: Array
    after: Array
    goes_on: bool


class Rules(NamedTuple):
    """How players act and learn.

    Attributes:
        legal: Legal actions of every row, bool (R, A).
        heat: Inverse temperature of their choices.
        alphas: Step size after n visits of a pair, float32 (MOST + 1,).
        discount: Weight of the next step.
        zero: Reward that counts as 0.
        deviation: Reward above that which counts as 1.
    """

    legal: Array
    heat: float
    alphas: Array
    discount: float
    zero: float
    deviation: float


class Tables:
    """What N players know, in NumPy.

    Args:
        q: Action values, float32 (N, R, A).
        visits: How often everybody has learned of every pair, uint16 (N, R, A).
        rules: How to act and learn.

    Attributes:
        seen: How often everybody was in every row since these tables were made, uint16 (N, R).
    """

    def __init__(self, q: Array, visits: Array, rules: Rules) -> None:
        self.q, self.visits, self._rules = q.copy(), visits.copy(), rules
        self.seen = np.zeros(q.shape[:2], np.uint16)
        self._own = np.arange(len(q))

    def act(self, row: Array, key: Array) -> Array:
        """Return everybody's action, int32 (N,).

        Args:
            row: Where everybody is, (N,).
            key: Of the draws.
        """
        law = boltzmann(self.q[self._own, row], self._rules.legal[row], self._rules.heat)
        return drawn(law, random.uniform(key, len(row)))

    def learn(self, met: Transition) -> None:
        """Let everybody learn from its own transition."""
        rules = self._rules
        own, pair = self._own, (self._own, met.row, met.action)
        ahead = np.where(rules.legal[met.after], self.q[own, met.after], -np.inf).max(-1)
        gain = ((met.reward - rules.zero) / rules.deviation).astype(np.float32)
        old, discount = self.q[pair], np.float32(rules.discount if met.goes_on else 0.0)
        step = rules.alphas[self.visits[pair]]
        self.q[pair] = old + step * (gain + discount * ahead.astype(np.float32) - old)
        self.visits[pair] += self.visits[pair] < MOST
        self.seen[own, met.row] += self.seen[own, met.row] < MOST


def boltzmann(q: Array, legal: Array, heat: float) -> Array:
    """Return the softmax of ``heat * q`` over legal actions, up to a factor, (..., A)."""
    q = q.astype(np.float64)
    best = np.where(legal, q, -np.inf).max(-1, keepdims=True)
    return elementary.exp(heat * (np.where(legal, q, best) - best)) * legal


def drawn(law: Array, u: Array) -> Array:
    """Return the actions that uniform numbers (...) draw from laws (..., A), int32 (...).

    Laws may be off by a factor; what has no chance is never drawn.
    """
    below = law.cumsum(-1)
    return (below <= u[..., None] * below[..., -1:]).sum(-1).astype(np.int32)
