"""Every move and reward of a finite game as arrays: what the exact solvers are made of."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from mfg_envs.game import Array, FiniteGame
from mfg_envs.game.kinds import check_finite
from mfg_envs.game.probabilities import check_laws
from mfg_envs.game.reads import law_table, moves_are_fixed
from mfg_envs.soundness.next_states import check_next


class Kernel(NamedTuple):
    """Every move of a game at one time: where it leads, and how likely.

    Attributes:
        next: Next state of (x, a, w), int (S, A, K).
        prob: Its probability, float (S, A, K).
    """

    next: Array
    prob: Array


def kernel(game: FiniteGame, t: int, m: Array | None) -> Kernel:
    """Tabulate the moves at time ``t`` in mean field ``m``; illegal actions stay.

    Raises:
        ValueError: If a probability or a next state is out of its range; names the pair.
    """
    check_finite(game)
    if moves_are_fixed(game):
        return _fixed_kernel(game)
    return _kernel(game, t, m)


@functools.lru_cache(maxsize=16)
def _fixed_kernel(game: FiniteGame) -> Kernel:
    """Tabulate moves that never change; read-only, since every caller gets the same arrays."""
    moves = _kernel(game, 0, None)
    for table in moves:
        table.flags.writeable = False
    return moves


def _kernel(game: FiniteGame, t: int, m: Array | None) -> Kernel:
    x, a = _pairs(game)
    prob = law_table(game, t, x, a, m)
    w = np.arange(prob.shape[-1])
    there = np.asarray(game.step(t, x[..., None], a[..., None], m, w))
    there = np.where(game.legal_actions[..., None], there, x[..., None])
    there = np.broadcast_to(there, prob.shape)
    check_laws("noise_law", prob, "xa")
    check_next("step", there, game.num_states, lambda i: f"t={t}, x={i[0]}, a={i[1]}, w={i[2]}")
    return Kernel(there.astype(np.int32), prob)


def rewards(game: FiniteGame, t: int, m: Array) -> Array:
    """Tabulate the reward of every state and action, (S, A).

    Raises:
        ValueError: If a reward is not a finite number; names the pair.
    """
    check_finite(game)
    x, a = _pairs(game)
    table = np.broadcast_to(np.asarray(game.reward(t, x, a, m), np.float64), x.shape)
    wrong = np.argwhere(~np.isfinite(table))
    if wrong.size:
        i, j = wrong[0]
        raise ValueError(f"reward(t={t}, x={i}, a={j}) is {table[i, j]}, not a finite number")
    return table


def crowd(game: FiniteGame, law: Array, rule: Array) -> Array:
    """Return the mean field of a population with this law (S,) that plays this rule (S, A)."""
    return game.crowd(law[..., None] * rule if game.mean_field_of_controls else law)


def push(game: FiniteGame, moves: Kernel, law: Array, rule: Array) -> Array:
    """Return the law (S,) after one step of a population with this law and rule (S, A)."""
    mass = (law[:, None] * rule)[..., None] * moves.prob
    return np.bincount(moves.next.ravel(), mass.ravel(), minlength=game.num_states)


def _pairs(game: FiniteGame) -> tuple[Array, Array]:
    """Return every state and action as index arrays (S, A)."""
    x, a = np.indices((game.num_states, game.num_actions), np.int64)  # x * x must fit
    return x, a
