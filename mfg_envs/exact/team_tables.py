"""Every move and reward of a team game as arrays: what learners and compiled loops are made of."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from mfg_envs.exact.tables import Kernel, tabulated_moves, tabulated_rewards
from mfg_envs.game import Array, TeamGame

TABLE_LIMIT = 1 << 22
"""Most rows (S * S_g * A) of a table."""


class TeamTables(NamedTuple):
    """Every move and reward of a team game; read-only.

    Attributes:
        global_moves: Next global state of (x_g, a_g, w_g) and its probability, each
            (S_g, A_g, K); None where the global state follows the locals.
        local_moves: Next local state of (x, x_g, a, w) and its probability, (S, S_g, A, K).
        global_reward: (S_g, A_g); None where the reward reads the crowd.
        local_reward: (S, S_g, A).
    """

    global_moves: Kernel | None
    local_moves: Kernel
    global_reward: Array | None
    local_reward: Array

    @property
    def global_law(self) -> Array | None:
        """P_g: law of the next global state, (S_g, A_g, S_g)."""
        return None if self.global_moves is None else _dense(self.global_moves)

    @property
    def local_law(self) -> Array:
        """P_l: law of the next local state, (S, S_g, A, S)."""
        return _dense(self.local_moves)


def fits(game: TeamGame) -> bool:
    """Return whether a game is small enough for tables."""
    return game.num_local_states * game.num_global_states * game.num_local_actions <= TABLE_LIMIT


@functools.lru_cache(maxsize=16)
def tables(game: TeamGame) -> TeamTables:
    """Return every move and reward of a team game as arrays: P_g, P_l, r_g, r_l.

    Raises:
        ValueError: If a law, a next state or a reward is out of its range, or the tables would
            have more than ``TABLE_LIMIT`` rows.
    """
    sizes = (game.num_local_states, game.num_global_states, game.num_local_actions)
    if not fits(game):
        raise ValueError(
            f"the tables of {game.name} need S * S_g * A <= {TABLE_LIMIT} rows, got"
            f" {' * '.join(map(str, sizes))}: choose smaller sizes"
        )
    x_g, a_g = np.indices((game.num_global_states, game.num_global_actions), np.int64)
    pair, triple = (x_g, a_g), tuple(np.indices(sizes, np.int64))
    moves, earned, of_pair, of_triple = None, None, "x_g={}, a_g={}", "x={}, x_g={}, a={}"
    if not game.global_follows:
        law = game.noise_law_global(x_g, a_g)
        moves = tabulated_moves("_global", law, game.step_global, pair, sizes[1], of_pair)
        moves = Kernel(*map(_frozen, moves))
    if not game.reward_reads_crowd:
        value = game.reward_global(x_g, a_g, None)
        earned = _frozen(tabulated_rewards("reward_global", value, x_g.shape, of_pair))
    x, x_g, a = triple
    law = game.noise_law_local(x, x_g, a)
    own = tabulated_moves("_local", law, game.step_local, triple, sizes[0], of_triple)
    value = game.reward_local(x, x_g, a)
    local_reward = _frozen(tabulated_rewards("reward_local", value, sizes, of_triple))
    return TeamTables(moves, Kernel(*map(_frozen, own)), earned, local_reward)


def _dense(moves: Kernel) -> Array:
    """Return the law of the next state over all states, (..., S)."""
    law = np.zeros((*moves.next.shape[:-1], len(moves.next)))
    for k in range(moves.next.shape[-1]):
        there = moves.next[..., k, None]
        share = np.take_along_axis(law, there, -1) + moves.prob[..., k, None]
        np.put_along_axis(law, there, share, -1)
    return law


def _frozen(array: Array) -> Array:
    array = np.ascontiguousarray(array)
    if not array.flags.owndata:
        array = array.copy()
    array.flags.writeable = False
    return array
