"""Linear-quadratic games of N players in closed form, as one of them sees it.

All players but one follow ``a = F_t x + f_t``.  For the one, the others are no more than their
mean y, and ``z = (x, y, 1)`` moves linearly (letters as in ``mfg_envs.exact.riccati``)::

    m  = x / N + (1 - 1/N) y
    x' = A x + B a + C m + w                       Cov w = W
    y' = (A + B F_t) y + B f_t + C m + w_y         Cov w_y = W / (N - 1)

Its reward is quadratic in (z, a), since ``x - m = (1 - 1/N) (x - y)``.  So its best response to
the state of *everybody* is affine in (x, y), and its values ``-z' S_t z`` follow from a matrix
Riccati equation in R^(2d + 1): nothing is simulated and nothing neglected.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mfg_envs.exact import riccati
from mfg_envs.game import Array, check_range


class AffineInCrowd(NamedTuple):
    """The policy ``a = gain[t] (x, y) + offset[t]``, y the mean state of the others.

    Attributes:
        gain: (T, d, 2 d).
        offset: (T, d).
    """

    gain: Array
    offset: Array


class Answer(NamedTuple):
    """One player against N - 1 others.

    Attributes:
        value: What it earns with their policy.
        best_value: What it earns at best.
        deviation: How.
    """

    value: float
    best_value: float
    deviation: AffineInCrowd


def answer(game: Any, policy: riccati.Affine, num_agents: int) -> Answer:
    """Return what one player earns among others who follow ``policy``, with it and at best.

    Args:
        game: A linear-quadratic game without bounds.
        policy: An affine policy.
        num_agents: Players N, at least 2.

    Raises:
        ValueError: If the game is another one, or N is too small.
    """
    check_range("num_agents", num_agents, 2)
    model = riccati._model(game)
    A, B, C, Q, R, P, W, target, mean, covariance, g, _ = model
    d, one, N = len(A), np.eye(len(A)), num_agents
    nothing, column = np.zeros((d, d)), np.zeros((d, 1))
    to_target = np.hstack([one, nothing, -target[:, None]])
    to_others = np.hstack([one, -one, column])
    cost = to_target.T @ Q @ to_target + (1 - 1 / N) ** 2 * to_others.T @ P @ to_others
    push = np.vstack([B, nothing, column.T])
    noise, first = (_among(part, N) for part in (W, covariance))
    z = np.concatenate([mean, mean, [1.0]])
    values, gains = [], []
    for best in (False, True):
        S = np.zeros_like(cost)
        for F, f in zip(policy.gain[::-1], policy.offset[::-1], strict=True):
            crowd = np.hstack([C / N, (1 - 1 / N) * C, column])
            move = np.vstack([np.hstack([A, nothing, column]) + crowd,
                              np.hstack([nothing, A + B @ F, (B @ f)[:, None]]) + crowd,
                              np.eye(2 * d + 1)[-1:]])  # fmt: skip
            play = np.hstack([F, nothing, f[:, None]])
            if best:
                play = -np.linalg.solve(R + g * push.T @ S @ push, g * push.T @ S @ move)
                gains.append(play)
            closed = move + push @ play
            drift = g * np.sum(S * noise)
            S = cost + play.T @ R @ play + g * closed.T @ S @ closed
            S[-1, -1] += drift
        values.append(-float(z @ S @ z + np.sum(S * first)))
    rows = np.stack(gains[::-1])
    return Answer(values[0], values[1], AffineInCrowd(rows[..., :-1], rows[..., -1]))


def _among(covariance: Array, num_agents: int) -> Array:
    """Return the covariance of (x, y, 1) from that of one player, (2 d + 1, 2 d + 1)."""
    d = len(covariance)
    out = np.zeros((2 * d + 1, 2 * d + 1))
    out[:d, :d], out[d : 2 * d, d : 2 * d] = covariance, covariance / (num_agents - 1)
    return out
