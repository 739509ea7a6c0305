"""Every move and reward of a finite game as arrays: what the exact solvers are made of."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array, FiniteGame
from mfg_envs.game.kinds import check_finite
from mfg_envs.game.probabilities import check_laws
from mfg_envs.game.reads import moves_are_fixed, stacked
from mfg_envs.soundness.next_states import check_next
from mfg_envs.soundness.rewards import check_rewards


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

    def step(x: Array, a: Array, w: Array) -> Array:
        return np.where(game.legal_actions[..., None], game.step(t, x, a, m, w), x)

    law = game.noise_law(t, x, a, m)
    return tabulated_moves("", law, step, (x, a), game.num_states, f"t={t}, x={{}}, a={{}}")


def tabulated_moves(
    suffix: str, law: Any, step: Any, arguments: tuple[Array, ...], num_states: int, words: str
) -> Kernel:
    """Tabulate a law of motion over all its arguments.

    Args:
        suffix: Of the names of the methods, "noise_law" and "step".
        law: What the noise law gives for the arguments.
        step: Next state of arguments and outcomes.
        arguments: Index arrays of one shape (*inner), the state first.
        num_states: States there are.
        words: How an error words the arguments: a format of them.

    Raises:
        ValueError: If a probability or a next state is out of its range; names the arguments.
    """
    prob = stacked(law, arguments[0].shape)
    check_laws(f"noise_law{suffix}", prob, "xa" if len(arguments) == 2 else "xga")
    there = step(*(v[..., None] for v in arguments), np.arange(prob.shape[-1]))
    there = np.broadcast_to(np.asarray(there), prob.shape)
    check_next(f"step{suffix}", there, num_states, lambda i: f"{words}, w={{}}".format(*i))
    return Kernel(there.astype(np.int32), prob)


def rewards(game: FiniteGame, t: int, m: Array) -> Array:
    """Tabulate the reward of every state and action, (S, A).

    Raises:
        ValueError: If a reward is not a finite number; names the pair.
    """
    check_finite(game)
    x, a = _pairs(game)
    return tabulated_rewards("reward", game.reward(t, x, a, m), x.shape, f"t={t}, x={{}}, a={{}}")


def tabulated_rewards(name: str, value: Any, shape: tuple[int, ...], words: str) -> Array:
    """Return what a method earns for all its arguments as one array of a shape.

    Args:
        name: Of the method.
        value: What it gave.
        shape: Of the arguments.
        words: How an error words the arguments: a format of them.

    Raises:
        ValueError: If a reward is not a finite number; names the arguments.
    """
    table = np.broadcast_to(np.asarray(value, np.float64), shape)
    check_rewards(name, table, lambda i: words.format(*i))
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
