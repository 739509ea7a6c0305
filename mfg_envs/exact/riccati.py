"""Linear-quadratic games without bounds in closed form, in R^d.

    x' = A x + B a + C m + w,   E w = 0,   Cov w = W,   discount g,   decisions t = 0..T-1
    reward = -(x - x*)' Q (x - x*) - a' R a - (x - m)' P (x - m)

Against a flow m_t the value of a player is ``-(x' S_t x + 2 s_t' x + c_t)``.  With S, s, c of
t + 1, zero at T, and ``h = g B' (S C m_t + s)``, ``G = R + g B' S B``, ``K = g G^-1 B' S A``::

    a   = -K x - G^-1 h
    S_t = Q + P + g A' S (A - B K)                                     (matrix Riccati equation)
    s_t = -Q x* - P m_t + g (A - B K)' (S C m_t + s)
    c_t = x*' Q x* + m_t' P m_t + g (m_t' C' S C m_t + 2 s' C m_t + tr(S W) + c) - h' G^-1 h

In equilibrium m_t is the mean of those who play this.  It is found without iterating: s_t is
affine in m_t, ``s_t = L_t m_t + l_t``, and the mean moves by ``m_{t+1} = M_t m_t + n_t`` with

    (I + g B G^-1 B' L) M_t = A - B K + C - g B G^-1 B' S C        (a second Riccati equation)
    (I + g B G^-1 B' L) n_t = -g B G^-1 B' l
    L_t = -P + g (A - B K)' (S C + L M_t)       l_t = -Q x* + g (A - B K)' (L n_t + l)

Every policy here is affine, ``a = gain_t x + offset_t``; actions are not bounded.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mfg_envs.game import Array, ContinuousGame, Normal, as_array
from mfg_envs.game.kinds import check_kind
from mfg_envs.games.linear_quadratic import LinearQuadratic
from mfg_envs.soundness.initial_laws import initial_law

__all__ = [
    "Affine",
    "best_response",
    "covariances",
    "equilibrium",
    "exploitability",
    "flow",
    "value",
]


class Affine(NamedTuple):
    """The policy ``a = gain[t] x + offset[t]``.

    Attributes:
        gain: (T, d, d).
        offset: (T, d).
    """

    gain: Array
    offset: Array

    def act(self, t: int, x: Array) -> Array:
        """Return the actions (..., d) in states (..., d) at a time."""
        return x @ self.gain[t].T + self.offset[t]


class _Model(NamedTuple):
    """Matrices of a game, (d, d): moves A, B, C, costs Q, R, P and covariances W, first; means."""

    A: Array
    B: Array
    C: Array
    Q: Array
    R: Array
    P: Array
    W: Array
    target: Array
    mean: Array
    covariance: Array
    discount: float
    horizon: int


def equilibrium(game: ContinuousGame) -> Affine:
    """Return the equilibrium policy.

    Raises:
        ValueError: If the game is no unbounded linear-quadratic one, or has no unique equilibrium.
    """
    game_ = _model(game)
    A, B, C, Q, _, P, *_ = game_
    g, one = game_.discount, np.eye(len(A))
    S, L, rest, after = np.zeros_like(A), np.zeros_like(A), np.zeros(len(A)), []
    for t in reversed(range(game_.horizon)):
        gain, to_action, S_t = _riccati(game_, S)
        pull = g * B @ to_action
        joint, closed = one + pull @ L, A - B @ gain
        if np.linalg.cond(joint) > 1e12:
            raise ValueError(
                f"no unique equilibrium: the mean state at t = {t + 1} is undetermined"
            )
        M = np.linalg.solve(joint, closed + C - pull @ S @ C)
        n = np.linalg.solve(joint, -pull @ rest)
        after.append((gain, g * to_action @ S @ C, g * to_action @ L, g * to_action @ rest, M, n))
        L_t = -P + g * closed.T @ (S @ C + L @ M)
        S, L, rest = S_t, L_t, -Q @ game_.target + g * closed.T @ (L @ n + rest)
    m, gains, offsets = game_.mean, [], []
    for gain, by_mean, by_next, constant, M, n in reversed(after):
        following = M @ m + n
        gains.append(-gain)
        offsets.append(-(by_mean @ m + by_next @ following + constant))
        m = following
    return Affine(np.stack(gains), np.stack(offsets))


def best_response(game: ContinuousGame, flow: Array) -> Affine:
    """Return the best policy of one player against mean states (T, d)."""
    return _backward(_model(game), _checked(game, flow), None)[0]


def value(game: ContinuousGame, flow: Array, policy: Affine | None = None) -> float:
    """Return what one player earns against mean states (T, d): with ``policy``, or at best."""
    game_ = _model(game)
    S, s, c = _backward(game_, _checked(game, flow), policy)[1]
    x = game_.mean
    return -float(np.sum(S * game_.covariance) + x @ S @ x + 2 * s @ x + c)


def exploitability(game: ContinuousGame, policy: Affine) -> float:
    """Return what one player gains at best by leaving ``policy`` when nobody else does, >= 0."""
    met = flow(game, policy)
    return max(value(game, met) - value(game, met, policy), 0.0)


def flow(game: ContinuousGame, policy: Affine) -> Array:
    """Return the mean states (T, d) when everybody follows ``policy``."""
    game_ = _model(game)
    A, B, C = game_.A, game_.B, game_.C
    means = [game_.mean]
    for gain, offset in zip(policy.gain[:-1], policy.offset[:-1], strict=True):
        m = means[-1]
        means.append((A + B @ gain + C) @ m + B @ offset)
    return np.stack(means)


def covariances(game: ContinuousGame, policy: Affine) -> Array:
    """Return the covariance of a player's state at every decision, (T, d, d)."""
    game_ = _model(game)
    out = [game_.covariance]
    for gain in policy.gain[:-1]:
        closed = game_.A + game_.B @ gain
        out.append(closed @ out[-1] @ closed.T + game_.W)
    return np.stack(out)


def _riccati(game: _Model, S: Array) -> tuple[Array, Array, Array]:
    """Return the gain K, the matrix G^-1 B', and S one step earlier."""
    A, B, g = game.A, game.B, game.discount
    to_action = np.linalg.solve(game.R + g * B.T @ S @ B, B.T)
    gain = g * to_action @ S @ A
    S_t = game.Q + game.P + g * A.T @ S @ (A - B @ gain)
    return gain, to_action, (S_t + S_t.T) / 2


def _backward(
    game: _Model, flow: Array, policy: Affine | None
) -> tuple[Affine, tuple[Array, Array, float]]:
    """Return the policy (None: the best one) and S, s, c of its value at t = 0."""
    A, B, C, Q, R, P, W, target, *_ = game
    g, S, s, c = game.discount, np.zeros_like(A), np.zeros(len(A)), 0.0
    gains, offsets = [], []
    for t in reversed(range(game.horizon)):
        m = flow[t]
        if policy is None:
            gain, to_action, _ = _riccati(game, S)
            F, f = -gain, -g * to_action @ (S @ C @ m + s)
        else:
            F, f = policy.gain[t], policy.offset[t]
        closed, push = A + B @ F, B @ f + C @ m  # the next mean is closed x + push
        c = (
            target @ Q @ target + m @ P @ m + f @ R @ f
            + g * (push @ S @ push + 2 * s @ push + np.sum(S * W) + c)
        )  # fmt: skip
        s = -Q @ target - P @ m + F.T @ R @ f + g * closed.T @ (S @ push + s)
        S = Q + P + F.T @ R @ F + g * closed.T @ S @ closed
        gains.append(F)
        offsets.append(f)
    return Affine(np.stack(gains[::-1]), np.stack(offsets[::-1])), (S, s, float(c))


def _model(game: ContinuousGame) -> _Model:
    """Return the matrices of a game."""
    check_kind(game, "continuous")
    if not isinstance(game, LinearQuadratic):
        raise ValueError(f"{type(game).__name__} is not linear-quadratic: use discretise and exact")
    if game.bound is not None or game.action_bound is not None or game.horizon is None:
        raise ValueError(
            "the closed form needs bound=None, action_bound=None and a horizon: use"
            " dataclasses.replace(game, ...), or discretise and exact"
        )
    one = np.eye(game.dim)
    names = ("drift", "control", "coupling", "state_cost", "action_cost", "crowd_cost")
    values = [np.asarray(getattr(game, name), float) for name in names]
    matrices = [v if v.ndim else v * one for v in values]
    noise = game.noise_law(0, (), (), None)
    variances = [law.std**2 if isinstance(law, Normal) else (law.high - law.low) ** 2 / 12
                 for law in (noise, *initial_law(game))]  # fmt: skip
    A, B, C = matrices[:3]
    Q, R, P = ((v + v.T) / 2 for v in matrices[3:])  # only this part of them is paid
    W, first = variances[0] * one, np.diag(variances[1:])
    target, start = np.array(game.target), np.array(game.start)
    return _Model(A, B, C, Q, R, P, W, target, start, first, game.discount, game.horizon)


def _checked(game: ContinuousGame, flow: Array) -> Array:
    flow, shape = as_array("flow", flow), (game.horizon, game.state_dim)
    if flow.shape != shape:
        raise ValueError(f"flow must be mean states (T, d) = {shape}, got {flow.shape}")
    if not np.isfinite(flow).all():
        raise ValueError("flow must be finite mean states, some are not")
    return flow
