"""The benchmark's rows of policy mirror ascent, with what a good NumPy programmer would write."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from mfg_envs.game import Array
from mfg_envs.games.ring_road import RingRoad
from mfg_envs.numerics import random

from ...mirror_ascent.compiled_td import CompiledWalk, empty_lines, make_lines, make_tape
from ...mirror_ascent.policy_mirror_ascent import PolicyMirrorAscent

PLAYER_STEPS = 1_000_000
"""Of a call."""
SIZES = ((1000, 8.0), (10_000, 15.0), (100_000, 30.0))
"""Players, and nanoseconds a player-step the design asks for."""


class NumpyTD:
    """Independent TD learners on the ring road: arrays of single precision, all players at once.

    Attributes:
        x: Cells, (N,).
        a: Speeds chosen there, (N,).
        q: Action values, float32 (N, S, A).
        sums: Running sums of the policies without the last, float32 (N, S, A - 1).
    """

    def __init__(self, game: RingRoad, num_players: int, beta: float) -> None:
        S, A = game.num_cells, game.num_speeds
        self.game, self.beta, self.every = game, np.float32(beta), np.arange(num_players)
        self.generator = np.random.Generator(np.random.SFC64(0))
        self.x = self.generator.integers(0, S, num_players)
        self.a = self.generator.integers(0, A, num_players)
        self.q = np.zeros((num_players, S, A), np.float32)
        law = np.linspace(0, 1, A + 1, dtype=np.float32)[1:-1]
        self.sums = np.tile(law, (num_players, S, 1))
        self._go, self._next = game.speeds.astype(np.float32), np.roll(np.arange(S), -1)
        self._count()

    def _count(self) -> None:
        self.m = np.bincount(self.x, minlength=self.game.num_cells) / self.x.size

    def step(self) -> None:
        """Move everybody by one step and learn from it."""
        game, x, a, q, every = self.game, self.x, self.a, self.q, self.every
        wanted = np.minimum(game.location, 0.5 - self.m * game.slowdown)
        table = np.float32(game.price * np.square(game.speeds - wanted[:, None]))
        r = table.ravel().take(x * game.num_speeds + a)
        going = self.generator.random(x.size, np.float32) < self._go.take(a)
        after = np.where(going, self._next.take(x), x)
        u = self.generator.random((x.size, 1), np.float32)
        a2 = (u >= self.sums[every, after]).sum(-1)
        old = q[every, x, a]
        r += np.float32(game.discount) * q[every, after, a2]
        r -= old
        q[every, x, a] = old + self.beta * r
        self.x, self.a = after, a2
        self._count()


def pma_rows(row: Callable[..., Any]) -> dict[str, Callable[[], Any]]:
    """Return the rows; ``row`` makes one from work, target, units, ours and rival."""

    def independent(num_players: int, target: float) -> Any:
        game, steps = RingRoad(num_cells=100, num_speeds=10), PLAYER_STEPS // num_players
        learner = PolicyMirrorAscent(td_steps=steps, mixing=0, delay=1000)
        rules = learner.rules(game.discount, game.num_actions)
        key = random.subkey(random.seed_key(0), 0)
        x = random.below(random.counter_bits(key, num_players), 100).astype(np.int32)
        walk, tape = CompiledWalk(game, key, x), make_tape(num_players, 0)
        lines = empty_lines(num_players * 100, 10)
        lines.reshape(num_players, 100, -1)[:] = make_lines(np.full((1, 100, 10), 0.1), rules)
        rival = NumpyTD(game, num_players, 0.1)

        def numpy() -> Array:
            for _ in range(steps):
                rival.step()
            return rival.m

        ours = partial(walk.move, 0, steps, lines, tape, np.empty(0), rules)
        work = f"player-step, N = {num_players}, TD update of a table each"
        return row(work, target, PLAYER_STEPS, ours, numpy)

    return {f"pma-{N}": partial(independent, N, target) for N, target in SIZES}
