"""The compiled forward and backward passes of ``exact``; their oracles are the loops there.

Inside, the state is the innermost axis: policies and values are [t, a, s].  What callers get is
the same memory seen as (T, S, A).

A law of motion that needs neither time nor mean field is tabulated once, as maps S -> S: the
distinct ones of all (action, outcome) pairs, and the chance A x D of each, if chances do not
depend on the state ("all cells ahead", "one step north"); else one for every pair.  On a line or
a grid most states of a map move by the same shift, so that a map is that shift and a list of the
odd states.  A law of motion that changes is evaluated pair by pair.

A policy is checked on the way.  None, instead of a result, says that it is NumPy's turn: the game
is not compiled, or something is wrong, and the oracle says what.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

import numpy as np

from mfg_envs.exact.compiled_choices import BLOCK, states_innermost
from mfg_envs.exact.compiled_passes import sweeps
from mfg_envs.exact.tables import kernel
from mfg_envs.game import Array, FiniteGame
from mfg_envs.game.probabilities import TOLERANCE
from mfg_envs.game.reads import moves_are_fixed
from mfg_envs.numerics.compiler import constants, runs_compiled
from mfg_envs.numerics.memory import empty
from mfg_envs.soundness.initial_laws import initial_law

P = ParamSpec("P")
R = TypeVar("R")


class Maps(NamedTuple):
    """A fixed law of motion as maps of the states; no maps, and a flat ``chance``, if not fixed.

    Attributes:
        shift: How far each map moves most states, int64 (D,).
        first: Where the odd states of each map begin in ``odd``, block by block and one more,
            int64 (D, blocks + 1).
        odd: The other states, and where they go, uint64 (2, E).
        chance: Chance of each map, (A, D); with D = A*K maps, that of each pair, (A, K, S).
    """

    shift: Array
    first: Array
    odd: Array
    chance: Array


@functools.lru_cache(maxsize=16)
def maps_table(game: FiniteGame) -> Maps:
    """Tabulate a fixed law of motion."""
    if not moves_are_fixed(game):
        return _maps(np.empty((0, game.num_states), np.int64), np.empty(0))
    moves = kernel(game, 0, None)
    S, A, K = moves.prob.shape
    maps = moves.next.transpose(1, 2, 0).reshape(A * K, S)
    if (moves.prob != moves.prob[:1]).any():
        return _maps(maps, np.array(moves.prob.transpose(1, 2, 0), order="C"))  # not read-only
    maps, which = np.unique(maps, axis=0, return_inverse=True)
    chance = np.zeros((A, len(maps)))
    np.add.at(chance, (np.arange(A)[:, None], which.reshape(A, K)), moves.prob[0])
    return _maps(maps, chance)


def _maps(maps: Array, chance: Array) -> Maps:
    D, S = maps.shape
    jumps = maps - np.arange(S)
    shift = np.array([np.bincount(row + S).argmax() - S for row in jumps], np.int64)
    d, s = np.nonzero(jumps != shift[:, None])
    starts = np.append(np.arange(0, S, int(BLOCK)), S)
    first = np.searchsorted(d * S + s, np.arange(D)[:, None] * S + starts)
    return Maps(shift, first, np.stack([s, maps[d, s]]).astype(np.uint64), chance)


@functools.lru_cache(maxsize=16)
def arguments(game: FiniteGame) -> tuple[Any, ...]:
    """Return what every sweep reads of a game; no ``legal`` where all actions are."""
    legal = np.array(game.legal_actions.T, order="C")
    return constants(game), legal[:0] if legal.all() else legal, tuple(maps_table(game))


def _if_compiled(
    run: Callable[Concatenate[FiniteGame, P], R],
) -> Callable[Concatenate[FiniteGame, P], R | None]:
    """Let a pass leave games to NumPy that are not compiled or have no end."""

    @functools.wraps(run)
    def attempt(game: FiniteGame, *args: P.args, **kwargs: P.kwargs) -> R | None:
        leave = game.horizon is None or not runs_compiled(game)
        return None if leave else run(game, *args, **kwargs)

    return attempt


@_if_compiled
def forward(game: FiniteGame, policy: Array) -> Array | None:
    """Return the laws of states met under a policy, (T, S); see ``exact.flow``.

    None, too, if the policy is invalid, mass is lost or a move leads nowhere.
    """
    laws = np.empty((len(policy), game.num_states))
    laws[0] = initial_law(game)
    policy, shape = states_innermost(policy), game.mean_field_shape
    done = sweeps(type(game)).forward(*arguments(game), game.places, shape, policy, laws)
    kept = done and np.abs(laws.sum(-1) - 1).max() <= 2 * TOLERANCE * len(laws)
    return laws if kept else None


@_if_compiled
def backward(game: FiniteGame, m: Array, policy: Array | None) -> Array | None:
    """Return action values against checked mean fields; see ``exact.action_values``.

    None, too, if the policy is invalid, a reward is not finite or a move leads nowhere.
    """
    q = empty((len(m), game.num_actions, game.num_states))
    none = q[:0]
    policy = none if policy is None else states_innermost(policy)
    return q.swapaxes(-1, -2) if _backward(game, m, policy, q, none, 0.0, none, none) else None


@_if_compiled
def ascend(
    game: FiniteGame, m: Array, policy: Array, logits: Array, rate: float
) -> tuple[Array, ...] | None:
    """Return action values, logits and policy after a step; see ``exact.ascend``.

    They share one block of memory: it is asked for, and given back, in one piece.
    None as for ``backward``.
    """
    policy, logits = states_innermost(policy), states_innermost(logits)
    q, y, played = empty((3, *policy.shape))
    if not _backward(game, m, policy, q, logits, float(rate), y, played):
        return None
    return tuple(table.swapaxes(-1, -2) for table in (q, y, played))


def _backward(game: FiniteGame, m: Array, *tables: Array | float) -> bool:
    m = np.ascontiguousarray(m)
    return sweeps(type(game)).backward(*arguments(game), game.discount, m, *tables)


@_if_compiled
def compare(game: FiniteGame, m: Array, policy: Array) -> tuple[float, float] | None:
    """Return what a player earns with a policy, and at best; None as for ``backward``."""
    own, top = np.zeros((2, 2, game.num_states))
    policy, m = states_innermost(policy), np.ascontiguousarray(m)
    done = sweeps(type(game)).compare(*arguments(game), game.discount, m, policy, own, top)
    earned = (initial_law(game) * (own[0], top[0])).sum(-1)  # a product @ would start threads
    return (float(earned[0]), float(earned[1])) if done else None


def settle(
    game: FiniteGame, rule: Array, tolerance: float, max_steps: int
) -> tuple[Array, float] | None:
    """Follow the lazy flow of a stationary game; see ``stationary.settled``.

    Returns:
        The law (S,) and its last change; None, too, if a move leads nowhere.
    """
    if not runs_compiled(game):
        return None
    laws = np.empty((2, game.num_states))
    laws[0] = initial_law(game)
    policy, shape = states_innermost(rule)[None], game.mean_field_shape
    change = sweeps(type(game)).settle(
        *arguments(game), game.places, shape, policy, tolerance, max_steps, laws
    )
    return None if np.isnan(change) else (laws[0], change)
