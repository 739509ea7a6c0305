"""What a good NumPy programmer would write to solve two games exactly: the rivals of the solvers.

Independent of the library: states innermost in memory, no temporary arrays, shifts instead of
tables of next states, one reward table for all that reads it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from mfg_envs.game import Array
from mfg_envs.game.horizons import decisions
from mfg_envs.games.four_rooms_grid import TorusGrid
from mfg_envs.games.ring_road import RingRoad


class NumpySolver(ABC):
    """Online mirror descent and exploitability of a game with T decisions.

    Attributes:
        policy: What is played, (T, A, S).
        logits: Of the policy, (T, A, S).
    """

    def __init__(self, game: RingRoad | TorusGrid) -> None:
        self.first, self.discount, S = game.initial_law, game.discount, game.num_states
        self.laws, self.values = np.empty((decisions(game), S)), np.empty((2, S))
        self.policy = np.full((len(self.laws), game.num_actions, S), 1 / game.num_actions)
        self.logits, self.q = np.zeros_like(self.policy), np.empty_like(self.policy)
        self.r, self.hop = np.empty((2, game.num_actions, S))

    @abstractmethod
    def move(self, law: Array, rule: Array, after: Array) -> None:
        """Store the law (S,) after a step under a rule (A, S)."""

    @abstractmethod
    def pay(self, m: Array, r: Array) -> None:
        """Store the rewards, in a shape that fits (A, S)."""

    @abstractmethod
    def look(self, v: Array, q: Array) -> None:
        """Store the values (A, S) expected of the next step."""

    def descend(self, rate: float) -> Array:
        """Run an iteration of online mirror descent and return its policy."""
        self._flow(self.policy)
        v = np.zeros(self.first.size)
        for t in reversed(range(len(self.laws))):
            self.pay(self.laws[t], self.r)
            self.look(v, self.q[t])
            self.q[t] += self.r
            np.einsum("as,as->s", self.policy[t], self.q[t], out=v)
        self.q *= rate  # of no other use
        self.logits += self.q
        np.subtract(self.logits, self.logits.max(1, keepdims=True), out=self.policy)
        np.exp(self.policy, out=self.policy)
        self.policy /= self.policy.sum(1, keepdims=True)
        return self.policy

    def exploitability(self, policy: Array) -> float:
        """Return what one player gains at best by leaving a policy (T, A, S)."""
        self._flow(policy)
        own, best = np.zeros((2, self.first.size))
        for t in reversed(range(len(self.laws))):
            self.pay(self.laws[t], self.r)
            self.look(own, self.hop)
            self.hop += self.r
            np.einsum("as,as->s", policy[t], self.hop, out=own)
            self.look(best, self.hop)
            self.hop += self.r
            np.max(self.hop, 0, out=best)
        return float((self.first * (best - own)).sum())

    def _flow(self, policy: Array) -> None:
        self.laws[0] = self.first
        for t in range(len(self.laws) - 1):
            self.move(self.laws[t], policy[t], self.laws[t + 1])


class NumpyRoad(NumpySolver):
    """The ring road with dynamics "cell"."""

    def __init__(self, game: RingRoad) -> None:
        super().__init__(game)
        self.game, self.ahead = game, np.empty(game.num_cells)
        self.go = game.discount * game.go[:, None]
        self.stay = game.discount * (1 - game.go)[:, None]

    def move(self, law: Array, rule: Array, after: Array) -> None:
        np.einsum("as,a->s", rule, self.game.go, out=self.ahead)
        self.ahead *= law
        np.subtract(law, self.ahead, out=after)
        after[1:] += self.ahead[:-1]
        after[0] += self.ahead[-1]

    def pay(self, m: Array, r: Array) -> None:
        wanted = np.minimum(self.game.location, 0.5 - m * self.game.slowdown)
        np.subtract(self.game.speeds[:, None], wanted, out=r)
        r *= r
        r *= self.game.price

    def look(self, v: Array, q: Array) -> None:
        self.ahead[:-1], self.ahead[-1] = v[1:], v[0]
        np.multiply(self.stay, v, out=q)
        q += self.go * self.ahead


class NumpyTorus(NumpySolver):
    """The open torus: a move, then a second one, uniform over the five, with probability noise."""

    def __init__(self, game: TorusGrid) -> None:
        super().__init__(game)
        self.game, self.board = game, game.free.shape
        self.share = game.discount * game.noise / 5
        self.rest = game.discount * (1 - game.noise)

    def move(self, law: Array, rule: Array, after: Array) -> None:
        np.multiply(rule, law, out=self.hop)
        moved = self._gather(self.hop.reshape(5, *self.board), -1)
        blurred = self._gather(np.broadcast_to(moved, (5, *self.board)), -1)
        np.multiply(blurred.ravel(), self.share / self.discount, out=after)
        after += moved.ravel() * (self.rest / self.discount)

    def pay(self, m: Array, r: Array) -> None:
        r[:] = self.game.bonus - self.game.crowd_aversion * np.log(m + self.game.floor)

    def look(self, v: Array, q: Array) -> None:
        board = v.reshape(self.board)
        blurred = self._gather(np.broadcast_to(board, (5, *self.board)), 1) * self.share
        blurred += self.rest * board
        tables = q.reshape(5, *self.board)
        tables[4] = blurred
        tables[0, :-1], tables[0, -1] = blurred[1:], blurred[0]
        tables[1, :, :-1], tables[1, :, -1] = blurred[:, 1:], blurred[:, 0]
        tables[2, 1:], tables[2, 0] = blurred[:-1], blurred[-1]
        tables[3, :, 1:], tables[3, :, 0] = blurred[:, :-1], blurred[:, -1]

    def _gather(self, tables: Array, way: int) -> Array:
        """Return the sum of five tables, moved along (way -1) or against (1) the five moves."""
        total = tables[4].copy()
        for table, shift, axis in ((0, 1, 0), (1, 1, 1), (2, -1, 0), (3, -1, 1)):
            total += np.roll(tables[table], -way * shift, axis)
        return total
