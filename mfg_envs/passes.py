"""The compiled forward and backward passes of ``exact``; their oracles are the loops there.

Inside, the state is the innermost axis: policies and values are [t, a, s], so that every inner
loop runs over contiguous numbers.  What callers get is the same memory seen as (T, S, A).

A law of motion that needs neither time nor mean field is tabulated once.  If few maps S -> S
serve all (action, outcome) pairs and the chances do not depend on the state ("all cells ahead",
"one step north"), it is factored into D maps and A x D chances; else it stays a table (A, K, S).
A law of motion that changes is evaluated pair by pair.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mfg_envs import exact
from mfg_envs.compiled import constants, methods
from mfg_envs.dependence import moves_are_fixed
from mfg_envs.game import Array, FiniteGame
from mfg_envs.policies import TOLERANCE


class Tables(NamedTuple):
    """A fixed law of motion for the passes; all empty if it is not fixed.

    Attributes:
        maps: Where each map leads, uint32 (D, S).
        mix: Chance of each map, (A, D).
        next: If it does not factor: next state, uint32 (A, K, S).
        prob: Its chance, (A, K, S).
    """

    maps: Array
    mix: Array
    next: Array
    prob: Array


@functools.lru_cache(maxsize=16)
def tables(game: FiniteGame) -> Tables:
    """Tabulate a fixed law of motion, factored where that is less work."""
    maps, mix = np.empty((0, 0), np.uint32), np.empty((0, 0))
    nxt, prob = np.empty((0, 0, 0), np.uint32), np.empty((0, 0, 0))
    if moves_are_fixed(game):
        moves = exact.kernel(game, 0, None)
        S, A, K = moves.prob.shape
        nxt = np.ascontiguousarray(moves.next.transpose(1, 2, 0).astype(np.uint32))
        prob = np.ascontiguousarray(moves.prob.transpose(1, 2, 0))
        columns, which = np.unique(nxt.reshape(A * K, S), axis=0, return_inverse=True)
        if (prob == prob[..., :1]).all() and len(columns) <= 2 * K:
            maps, mix = columns, np.zeros((A, len(columns)))
            np.add.at(mix, (np.arange(A)[:, None], which.reshape(A, K)), prob[..., 0])
            nxt, prob = nxt[:0], prob[:0]
    return Tables(maps, mix, nxt, prob)


def forward(game: FiniteGame, policy: Array) -> Array | None:
    """Return the laws of states met under a checked policy, (T, S); see ``exact.flow``.

    None if mass is lost or a move leads nowhere: the oracle says where.
    """
    laws = np.zeros((game.horizon or 1, game.num_states))
    laws[0] = game.initial_law
    inner = np.ascontiguousarray(policy.swapaxes(-1, -2))
    done = _passes(type(game)).forward(*_arguments(game), inner, laws)
    kept = np.abs(laws.sum(-1) - 1).max() <= 2 * TOLERANCE * len(laws)
    return laws if done and kept else None


def backward(game: FiniteGame, m: Array, policy: Array | None) -> Array | None:
    """Return action values against checked mean fields; see ``exact.action_values``.

    None if a reward is not finite or a move leads nowhere: the oracle says where.
    """
    shape = (game.horizon or 1, game.num_actions, game.num_states)
    inner = np.empty((0, *shape[1:]))
    if policy is not None:
        inner = np.ascontiguousarray(policy.swapaxes(-1, -2))
    q = np.empty(shape)
    done = _passes(type(game)).backward(*_arguments(game), game.discount, m, inner, q)
    return q.swapaxes(-1, -2) if done and np.isfinite(q.sum()) else None


def settle(game: FiniteGame, rule: Array, tolerance: float, max_steps: int) -> tuple[Array, float]:
    """Follow the lazy flow of a stationary game; see ``stationary.settled``.

    Returns:
        The law (S,) and its last change; NaN if a move leads nowhere.
    """
    law = np.array(game.initial_law, np.float64)
    inner = np.ascontiguousarray(rule.T)
    passes = _passes(type(game))
    return law, passes.settle(*_arguments(game), inner, tolerance, max_steps, law)


def _arguments(game: FiniteGame) -> tuple[object, ...]:
    legal = np.ascontiguousarray(game.legal_actions.T)
    return constants(game), tuple(tables(game)), legal, game.places, game.mean_field_shape


class _Passes(NamedTuple):
    forward: Callable[..., bool]
    backward: Callable[..., bool]
    settle: Callable[..., float]


@functools.cache
def _passes(game_class: type[FiniteGame]) -> _Passes:
    """Compile both passes for a class of games."""
    view, noise_law, step, reward, jit = methods(game_class)
    controls = game_class.mean_field_of_controls

    @jit
    def crowd(law, rule, places, m):
        m[:] = 0
        for s in range(law.size):
            if controls:
                for a in range(rule.shape[0]):
                    m[places[s], a] += law[s] * rule[a, s]
            else:
                m[places[s]] += law[s]

    @jit
    def push(values, moves, legal, places, t, law, rule, m, mass, after):
        """Move a crowd by one step into ``after``; False if a move leads nowhere."""
        maps, mix, nxt, prob = moves
        game = view(*values)
        A, S = rule.shape
        after[:] = 0
        if maps.size:
            for d in range(maps.shape[0]):
                for s in range(S):
                    mass[s] = 0
                for a in range(A):
                    p = mix[a, d]
                    if p != 0:
                        for s in range(S):
                            mass[s] += p * rule[a, s]
                for s in range(S):
                    after[maps[d, s]] += mass[s] * law[s]
        elif nxt.size:
            for a in range(A):
                for s in range(S):
                    mass[s] = law[s] * rule[a, s]
                for k in range(nxt.shape[1]):
                    for s in range(S):
                        after[nxt[a, k, s]] += mass[s] * prob[a, k, s]
        else:
            crowd(law, rule, places, m)
            for a in range(A):
                for s in range(S):
                    moving = law[s] * rule[a, s]
                    if moving == 0:
                        continue
                    if not legal[a, s]:
                        after[s] += moving
                        continue
                    chances = noise_law(game, t, s, a, m)
                    for w in range(len(chances)):
                        y = step(game, t, s, a, m, w)
                        if y < 0 or y >= S:
                            return False
                        after[y] += moving * chances[w]
        return True

    @jit
    def forward(values, moves, legal, places, shape, policy, laws):
        m, mass = np.empty(shape), np.empty(laws.shape[1])
        for t in range(len(policy) - 1):
            law, after, rule = laws[t], laws[t + 1], policy[t]
            if not push(values, moves, legal, places, t, law, rule, m, mass, after):
                return False
        return True

    @jit
    def settle(values, moves, legal, places, shape, rule, tolerance, max_steps, law):
        m, mass, after = np.empty(shape), np.empty(law.size), np.empty(law.size)
        change = np.inf
        for _ in range(max_steps):
            if not push(values, moves, legal, places, 0, law, rule, m, mass, after):
                return np.nan
            change = np.abs(after - law).sum()
            law += after
            law /= law.sum()
            if change < tolerance:
                break
        return change

    @jit
    def backward(values, moves, legal, places, shape, discount, ms, policy, q):
        maps, mix, nxt, prob = moves
        game = view(*values)
        T, A, S = q.shape
        v, ahead, all_legal = np.zeros(S), np.empty((maps.shape[0], S)), legal.all()
        for t in range(T - 1, -1, -1):
            m, qt = ms[t], q[t]
            for a in range(A):
                for s in range(S):
                    qt[a, s] = reward(game, t, s, a, m)
            if maps.size:
                for d in range(maps.shape[0]):
                    for s in range(S):
                        ahead[d, s] = discount * v[maps[d, s]]
                for a in range(A):
                    for d in range(maps.shape[0]):
                        p = mix[a, d]
                        if p != 0:
                            for s in range(S):
                                qt[a, s] += p * ahead[d, s]
            elif nxt.size:
                for s in range(S):
                    v[s] *= discount
                for a in range(A):
                    for k in range(nxt.shape[1]):
                        for s in range(S):
                            qt[a, s] += prob[a, k, s] * v[nxt[a, k, s]]
            else:
                for a in range(A):
                    for s in range(S):
                        if not legal[a, s]:
                            qt[a, s] += discount * v[s]
                            continue
                        chances = noise_law(game, t, s, a, m)
                        mean = 0.0
                        for w in range(len(chances)):
                            y = step(game, t, s, a, m, w)
                            if y < 0 or y >= S:
                                return False
                            mean += chances[w] * v[y]
                        qt[a, s] += discount * mean
            if policy.size:
                for s in range(S):
                    v[s] = 0
                for a in range(A):
                    for s in range(S):
                        v[s] += policy[t, a, s] * qt[a, s]
            else:
                for s in range(S):
                    v[s] = -np.inf
                for a in range(A):
                    for s in range(S):
                        if (all_legal or legal[a, s]) and qt[a, s] > v[s]:
                            v[s] = qt[a, s]
        return True

    return _Passes(forward, backward, settle)
