"""The objective of MF-OMO and its gradient: compiled, and in NumPy, its oracle.

See ``mfomo`` for the formulas.  One backward sweep over time gives everything.  With ``beta = (df /
de) / scale``, and ``press_t(y)`` what f gains by a unit of mass pushed into y at time t::

    df/dv_t(x)    = sum_a beta_t(x, a) - g sum_{x',a} beta_{t-1}(x', a) P_{t-1}(x | x', a)
    df/dL_t(x, a) = own_t(x) + c3 z_t(x, a) + (P_t press_{t+1})(x, a) + felt_t(place(x))
    felt_t(p)     = sum_{x,a} [ - beta_t(x, a) dr_t(x, a) / dm(p)
        + sum_y (L_t(x, a) press_{t+1}(y) - g beta_t(x, a) v_{t+1}(y)) dP_t(y | x, a) / dm(p) ]

``own_t(x)`` is the derivative of the consistency term by the mass in x.  Where L is free, so is
``press`` by the mass that should be there; where L is the flow of its policy, own is 0, and
``press_t(y) = sum_a policy_t(a | y) df/dL_t(y, a)`` is the adjoint equation.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.exact.sensitivity import log_slopes, reads
from mfg_envs.exact.tables import Kernel, kernel, rewards
from mfg_envs.game import Array, FiniteGame
from mfg_envs.game.reads import law_table, moves_are_fixed
from mfg_envs.numerics.compiler import constants, runs_compiled
from mfg_envs.soundness.initial_laws import initial_law

from .mfomo_loop import compiled_sweep
from .occupation import law_of


class Weights(NamedTuple):
    """How the objective is put together.

    Attributes:
        c1: Of the consistency of L.
        c2: Of the optimality of v.
        c3: Of the complementarity of both.
        scale: Unit of rewards, > 0.
    """

    c1: float
    c2: float
    c3: float
    scale: float


class Point(NamedTuple):
    """The objective and its gradient at one point.

    Attributes:
        parts: The three terms, weighted: consistency, optimality, complementarity, (3,).
        q: Action values that v implies, (T, S, A).
        slope: Derivative by the occupation measure L, (T, S, A); 0 for illegal actions.
        pressure: Derivative by the mass pushed into a state, (T, S).
        value_slope: Derivative by the values v, (T, S).
    """

    parts: Array
    q: Array
    slope: Array
    pressure: Array
    value_slope: Array


def evaluate(
    game: FiniteGame, joint: Array, policy: Array | None, v: Array, weights: Weights
) -> Point:
    """Return the objective and its gradient.

    Args:
        game: The game.
        joint: Occupation measure L, (T, S, A); T = 1 in a stationary game.
        policy: If L is the flow of a policy and shall move with it, the policy; None: L is free.
        v: Values, (T, S).
        weights: Of the terms.

    Raises:
        ValueError: If a reward is not finite or a move leads nowhere.
    """
    if runs_compiled(game):
        point = _compiled(game, joint, policy, v, weights)
        if point is not None:
            return point
    return _swept(game, joint, policy, v, weights)


class _Prepared(NamedTuple):
    """What the compiled sweep needs of a game, the state innermost."""

    values: tuple[Any, ...]
    next: Array
    prob: Array
    fixed: bool
    legal: Array
    places: Array
    reward_reads: Array
    move_reads: Array
    first_law: Array


@functools.lru_cache(maxsize=16)
def _prepared(game: FiniteGame) -> _Prepared:
    found, fixed = reads(game), moves_are_fixed(game)
    even = np.full(game.mean_field_shape, 1 / np.prod(game.mean_field_shape))
    # Copies: the tables of fixed moves are read-only, also where no axis has to be moved.
    nxt, prob = (np.array(t.transpose(1, 2, 0), order="C") for t in kernel(game, 0, even))
    legal = np.array(game.legal_actions.T, order="C")
    first = np.array(initial_law(game))
    own = (_inner(found.reward), _inner(found.moves), first)
    return _Prepared(constants(game), nxt, prob, fixed, legal, game.places, *own)


def _inner(table: Array) -> Array:
    return np.ascontiguousarray(table.swapaxes(-1, -2))


def _compiled(
    game: FiniteGame, joint: Array, policy: Array | None, v: Array, weights: Weights
) -> Point | None:
    """Return what ``_swept`` does, by the compiled sweep; None: the oracle says what is wrong."""
    T, S, A = joint.shape
    own = _prepared(game)
    if not own.fixed:  # they are filled in anew at every time
        own = own._replace(next=own.next.copy(), prob=own.prob.copy())
    rule = np.empty((0, A, S)) if policy is None else _inner(policy)
    # A copy: the sweep changes it, and puts back what was there.
    ms = np.array(game.crowd(law_of(game, joint)), order="C")
    q, slope = np.empty((2, T, A, S))
    parts, (pressure, value_slope) = np.zeros(3), np.zeros((2, T, S))
    done = compiled_sweep(type(game))(
        *own, ms, _inner(joint), rule, np.ascontiguousarray(v), game.horizon is None, game.discount,
        tuple(weights), parts, q, slope, pressure, value_slope,
    )  # fmt: skip
    if not (done and np.isfinite(parts).all()):
        return None
    return Point(parts, q.swapaxes(1, 2), slope.swapaxes(1, 2), pressure, value_slope)


def _swept(
    game: FiniteGame, joint: Array, policy: Array | None, v: Array, weights: Weights
) -> Point:
    c1, c2, c3, scale = weights
    T, S, _ = joint.shape
    endless, legal, g = game.horizon is None, game.legal_actions, game.discount
    ms = game.crowd(law_of(game, joint))
    moves = [kernel(game, t, m) for t, m in enumerate(ms)]
    parts, q, slope = np.zeros(3), np.empty(joint.shape), np.empty(joint.shape)
    own, pressure, value_slope = np.zeros((3, T, S))
    if policy is None:
        law = joint.sum(-1)
        pushed = np.stack([_pushed(*each, S) for each in zip(moves, joint, strict=True)])
        before = pushed if endless else np.concatenate([initial_law(game)[None], pushed[:-1]])
        both = law + before
        gap = np.where(both > 0, (law - before) / np.where(both > 0, both, 1), 0)
        parts[0] = c1 * (gap * (law - before)).sum()
        own, pressure = c1 * gap * (2 - gap), -c1 * gap * (2 + gap)
    for t in reversed(range(T)):
        m, after = ms[t], t if endless else t + 1
        ahead, press = (v[after], pressure[after]) if after < T else np.zeros((2, S))
        q[t] = rewards(game, t, m) + g * (ahead[moves[t].next] * moves[t].prob).sum(-1)
        e = (v[t][:, None] - q[t]) / scale
        z = np.maximum(e - c3 / (2 * c2) * joint[t], 0)
        w = np.where(legal, e - z, 0)
        beta = 2 * c2 / scale * w
        parts[1:] += c2 * (w * w).sum(), c3 * (np.where(legal, z, 0) * joint[t]).sum()
        value_slope[t] += beta.sum(-1)
        if after < T:
            value_slope[after] -= g * _pushed(moves[t], beta, S)
        felt = _felt(game, t, m, beta, joint[t], press, g * ahead)
        slope[t] = own[t][:, None] + c3 * z + (press[moves[t].next] * moves[t].prob).sum(-1)
        slope[t] = np.where(legal, slope[t] + _at_pairs(game, felt), 0)
        if policy is not None:
            pressure[t] = (policy[t] * slope[t]).sum(-1)
    return Point(parts, q, slope, pressure, value_slope)


def _pushed(moves: Kernel, mass: Array, size: int) -> Array:
    """Return the mass (S, A) after one move, (S,)."""
    return np.bincount(moves.next.ravel(), (mass[..., None] * moves.prob).ravel(), minlength=size)


def _at_pairs(game: FiniteGame, felt: Array) -> Array:
    """Return what is felt at the place of every pair, (S, A)."""
    return felt[game.places] if game.mean_field_of_controls else felt[game.places][:, None]


def _felt(
    game: FiniteGame, t: int, m: Array, beta: Array, joint: Array, press: Array, ahead: Array
) -> Array:
    """Return the derivative of the objective by the mean field at time t, of its shape."""
    S, A = beta.shape
    x, a = np.indices((S, A), np.int64)

    def earned(m: Array) -> Array:
        return -beta * np.asarray(game.reward(t, x, a, m))

    def moved(m: Array) -> Array:
        prob = law_table(game, t, x, a, m)
        there = game.step(t, x[..., None], a[..., None], m, np.arange(prob.shape[-1]))
        there = np.where(game.legal_actions[..., None], there, x[..., None])
        gain = joint[..., None] * press[there] - beta[..., None] * ahead[there]
        return (gain * prob).sum(-1)

    total = np.zeros(m.size)
    for function, indices in zip((earned, moved), reads(game), strict=True):
        for index, slope in log_slopes(function, m, indices):
            total += np.bincount(index.ravel() + 1, slope.ravel(), minlength=m.size + 1)[1:]
    return np.where(m > 0, total.reshape(m.shape) / np.where(m > 0, m, 1), 0)


def by_increments(game: FiniteGame, law: Array, slope: Array) -> Array:
    """Return derivatives by increments of values from those by the values, (T, S) each.

    Args:
        game: The game.
        law: Laws mu_t of states, (T, S).
        slope: Derivatives by v_t, ``v_t = omega_t + g <mu_{t+1}, v_{t+1}>``; for ever by
            ``v = omega + g <mu, v>``.
    """
    g, endless = game.discount, game.horizon is None
    carried, lifted = g / (1 - g) * slope.sum() if endless else 0.0, np.empty(slope.shape)
    for t, own in enumerate(slope):
        lifted[t] = own + carried * law[t]
        carried = g * (own.sum() + carried)
    return lifted


def from_increments(game: FiniteGame, law: Array, omega: Array) -> Array:
    """Return the values of increments, (T, S) each; see ``by_increments``."""
    g, endless = game.discount, game.horizon is None
    carried, v = g / (1 - g) * (law[0] @ omega[0]) if endless else 0.0, np.empty(omega.shape)
    for t in reversed(range(len(law))):
        v[t] = omega[t] + carried
        carried = g * (law[t] @ v[t])
    return v
