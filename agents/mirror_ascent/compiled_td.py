"""Conditional TD learning in compiled code: the tables as lines of memory, and the calls.

``compiled`` says what is in a line, and has the loop.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array, FiniteGame
from mfg_envs.simulate import finite_kernels

from .compiled import CACHE_LINE, compiled_loop, line_bytes
from .conditional_td import Estimate, Rules, Walk, bonuses, draw_marks, replay_orders
from .players import GameWorld

ROWS = 1 << 14
"""Lines written together."""


class CompiledWalk:
    """One population on its path; see ``conditional_td.Walk``.

    Args:
        game: The game.
        key: Key of the episode.
        x: Private states, int32 (N,).
    """

    def __init__(self, game: FiniteGame, key: Any, x: Array) -> None:
        self.game, self._key, self.x = game, key, x

    def conditional_td(self, t: int, policy: Array, rules: Rules) -> Estimate:
        """Learn the values of policies from the path that begins at time ``t``."""
        lines, tape = make_lines(policy, rules), make_tape(len(policy), rules.stored)
        visits = self.move(t, rules.steps, lines, tape, np.empty(0), rules)
        if visits is None:
            return self._oracle(t).conditional_td(t, policy, rules)
        _, num_states, num_actions = policy.shape
        if rules.stored:
            replay = compiled_loop(type(self.game), num_actions).replay
            orders = replay_orders(self._key, t, rules)
            replay(lines.ravel(), num_states, rules.betas, rules.discount, orders, *tape)
        return Estimate(lines.reshape(*policy.shape[:2], -1)[..., :num_actions], visits)

    def returns(self, t: int, policy: Array, steps: int, rules: Rules) -> Array:
        """Return what every player earns in so many steps, bonuses too, discounted, (N,)."""
        lines, earned = make_lines(policy, rules), np.zeros(self.x.size)
        if self.move(t, steps, lines, make_tape(len(policy), 0), earned, rules) is None:
            return self._oracle(t).returns(t, policy, steps, rules)
        return earned

    def move(
        self, t: int, steps: int, lines: Array, tape: Tape, earned: Array, rules: Rules
    ) -> Array | None:
        """Move everybody by so many steps.

        Players learn from transitions at once, unless they store them or are paid.

        Args:
            t: Steps played before.
            steps: How many.
            lines: What everybody knows; updated in place.
            tape: Where transitions are stored, if there is room.
            earned: To which what players earn is added, discounted, (N,); or empty.
            rules: How to learn.

        Returns:
            The visits of observed states, (O,); None if a move leads nowhere: nobody has moved.
        """
        game, x = self.game, self.x.copy()
        values, moves, sizes, legal, _ = finite_kernels.arguments(game)
        betas = rules.betas[:0] if tape.before.size or earned.size else rules.betas
        visits = np.zeros(game.num_observations, np.int64)
        moved, _ = compiled_loop(type(game), game.num_actions).walk(
            values, moves, sizes, legal, game.observed, t, self._key, steps, rules.mixing, betas,
            rules.low, rules.scale, rules.discount, lines.ravel(), lines.view(np.uint16).ravel(),
            x, visits, *tape, earned,
        )  # fmt: skip
        self.x = x if moved else self.x
        return visits if moved else None

    def _oracle(self, t: int) -> Walk:
        """Return the same walk in NumPy, which says what is wrong with a game."""
        return Walk(GameWorld(self.game, self._key, t, self.x), self._key)


class Tape(NamedTuple):
    """Stored transitions, (L, stored): places in a learner's lines, rewards with bonuses."""

    before: Array
    after: Array
    gain: Array


def make_tape(learners: int, stored: int) -> Tape:
    """Return an empty tape."""
    shape = (learners, stored)
    return Tape(np.empty(shape, np.uint32), np.empty(shape, np.uint32), np.empty(shape, np.float32))


def empty_lines(count: int, num_actions: int) -> Array:
    """Return so many lines, float32 (count, F); the first begins a cache line."""
    size = line_bytes(num_actions)
    raw = np.empty(count * size + CACHE_LINE, np.uint8)
    begin = -raw.ctypes.data % CACHE_LINE
    return raw[begin : begin + count * size].view(np.float32).reshape(count, -1)


def make_lines(policy: Array, rules: Rules) -> Array:
    """Return new lines of every learner and state of policies (L, O, A), float32 (L * O, F)."""
    A = policy.shape[-1]
    rows = policy.reshape(-1, A)
    lines = empty_lines(len(rows), A)
    marks = lines.view(np.uint16)[:, 2 * A + 2 : 3 * A + 1]
    lines[:, :A] = rules.q_first
    for i in range(0, len(rows), ROWS):
        lines[i : i + ROWS, A] = bonuses(rows[i : i + ROWS], rules.entropy)
        marks[i : i + ROWS] = draw_marks(rows[i : i + ROWS])
    return lines
