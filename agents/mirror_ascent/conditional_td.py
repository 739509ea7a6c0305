"""Conditional TD learning: the values of a policy from one path of N players.

Everybody plays its policy, and no episode is ever begun anew.  A player learns from one transition
in ``mixing + 1``: the steps between let the population forget.  From ``Q = q_first``, an upper
bound, for m = 0, 1, ... and the m-th of those transitions ``(s, a, r, s', a')``::

    Q(s, a) <- Q(s, a) - beta_m [ Q(s, a) - r - h(pi(s)) - discount Q(s', a') ]

    h(pi(s)) = -entropy sum_a pi(a|s) log pi(a|s)

Sources: Yardim, Cayci, Geist, He (ICML 2023, arXiv 2212.14449); transitions that are stored and
replayed: Benjamin, Abate (arXiv 2306.02766).  Tables are in single precision, and probabilities of
actions are rounded to multiples of ``1 / MARKS`` when one is drawn: so what a player needs in a
state fits a cache line (``compiled``, which gives the same bits as ``Walk``).
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array
from mfg_envs.numerics import elementary, random

from .players import World

MARKS = 1 << 15
"""Equally likely draws of an action, the high bits of a random number."""
TO_MARKS = np.uint64(64 - 15)


class Rules(NamedTuple):
    """How values are learned.

    Attributes:
        td_steps: Transitions met, M.
        mixing: Steps before each of them.
        betas: Step sizes, float32: (M,), or one for every replayed transition.
        discount: In (0, 1).
        low: Reward that counts as 0.
        scale: What one unit of reward counts.
        entropy: Weight of the bonus.
        q_first: First value of every state and action.
        replay_size: Transitions stored and learned from in the end; 0: learn from each at once.
        replay_passes: How often the stored ones are gone through.
    """

    td_steps: int
    mixing: int
    betas: Array
    discount: float
    low: float
    scale: float
    entropy: float
    q_first: float
    replay_size: int = 0
    replay_passes: int = 1

    @property
    def steps(self) -> int:
        """Steps of the path."""
        return self.td_steps * (self.mixing + 1)

    @property
    def stored(self) -> int:
        """Transitions stored in the end, the last ones."""
        return min(self.replay_size, self.td_steps)


class Estimate(NamedTuple):
    """What is learned from a path.

    Attributes:
        q: Action values of every learner, float32 (L, O, A).
        visits: How often players were seen in each observed state, int (O,).
    """

    q: Array
    visits: Array


def bonuses(policy: Array, entropy: float) -> Array:
    """Return h of every row of a policy (..., A), float32 (...)."""
    p = policy.astype(np.float64)
    logs = elementary.log(np.maximum(p, 1e-300))
    return (-entropy * np.cumsum(p * logs, -1)[..., -1]).astype(np.float32)


def draw_marks(policy: Array) -> Array:
    """Return the A - 1 running sums of every row in units of ``1 / MARKS``, uint16 (..., A - 1).

    The action is the number of marks that a draw from 0..MARKS-1 reaches: one whose probability
    is zero is never drawn.
    """
    sums = np.cumsum(policy[..., :-1], -1, dtype=np.float64)
    return np.rint(MARKS * sums).astype(np.uint16)


def replay_orders(key: Any, t: int, rules: Rules) -> Array:
    """Return the orders in which stored transitions are gone through, int64 (passes, stored)."""
    own = random.subkey(key, random.LEARNER, t)
    keys = np.array([random.subkey(own, number) for number in range(rules.replay_passes)])
    return random.counter_bits(keys, rules.stored).argsort(-1, kind="stable")


class Walk:
    """One population on its path, step by step: any world, and the oracle of the compiled loop.

    Args:
        world: The players.
        key: Key of the episode, which actions are drawn from.
    """

    def __init__(self, world: World, key: Any) -> None:
        self.world, self._key = world, key

    @property
    def x(self) -> Array:
        """What the path goes on from, (N,)."""
        return self.world.x

    def conditional_td(self, t: int, policy: Array, rules: Rules) -> Estimate:
        """Learn the values of policies from the path that begins at time ``t``.

        Args:
            t: Steps played before.
            policy: One table for all, and the first player learns, (1, O, A); or one for every
                player, and all learn, (N, O, A).
            rules: How to learn.
        """
        own, discount = np.arange(len(policy)), np.float32(rules.discount)
        q = np.full(policy.shape, rules.q_first, np.float32)
        visits, bonus = np.zeros(policy.shape[1], np.int64), bonuses(policy, rules.entropy)
        tape: deque[Any] = deque(maxlen=max(rules.replay_size, 1))
        for step in range(rules.steps):
            number, waited = divmod(step, rules.mixing + 1)
            s, a = self.world.seen, self._act(t + step, policy, self.world.seen)
            visits += np.bincount(s, minlength=visits.size)
            played = self.world.play(a)
            if waited < rules.mixing:
                continue
            s, a, s2 = s[own], a[own], played.seen
            gain = _rescaled(played.reward, rules)[own] + bonus[own, s]
            a2 = self._act(t + step + 1, policy, s2)
            tape.append(((own, s, a), gain, (own, s2[own], a2[own]), discount * played.alive[own]))
            if not rules.replay_size:
                _update(q, rules.betas[number], *tape[-1])
        if rules.replay_size:
            orders = replay_orders(self._key, t, rules)
            for beta, j in zip(rules.betas, orders.ravel(), strict=True):
                _update(q, beta, *tape[j])
        return Estimate(q, visits)

    def returns(self, t: int, policy: Array, steps: int, rules: Rules) -> Array:
        """Return what every player earns in so many steps, bonuses too, discounted, (N,)."""
        bonus, weight = bonuses(policy, rules.entropy), 1.0
        own, earned = np.arange(self.x.size) % len(policy), np.zeros(self.x.size)
        for step in range(steps):
            s = self.world.seen
            played = self.world.play(self._act(t + step, policy, s))
            gain = _rescaled(played.reward, rules) + bonus[own, s]
            earned += weight * gain.astype(np.float64)
            weight *= rules.discount
        return earned

    def _act(self, t: int, policy: Array, s: Array) -> Array:
        """Draw everybody's action at time ``t``."""
        key = random.subkey(self._key, random.ACTION, t)
        draws = random.counter_bits(key, s.size) >> TO_MARKS
        marks = draw_marks(policy[np.arange(s.size) % len(policy), s])
        return (draws[:, None] >= marks).sum(-1).astype(np.int32)


def _rescaled(reward: Array, rules: Rules) -> Array:
    return ((reward - rules.low) * rules.scale).astype(np.float32)


def _update(q: Array, beta: Any, pair: Any, gain: Array, ahead: Any, discount: Array) -> None:
    """Learn from one transition of every learner."""
    old = q[pair]
    q[pair] = old + beta * (gain + discount * q[ahead] - old)
