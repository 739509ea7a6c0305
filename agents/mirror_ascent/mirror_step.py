"""The mirror step: the best mix of actions, with a bonus for entropy and a price for moving.

    argmax_u  <u, q> - entropy sum_a u_a log u_a - |u - policy|_2^2 / (2 eta)    over the simplex

The price is Euclidean (Yardim et al., ICML 2023, arXiv 2212.14449), so that the maximiser solves,
for the one ``nu`` that makes u sum to one::

    u_a + kappa log u_a = z_a - nu,     z = policy + eta q,     kappa = eta entropy

    u_a = kappa W(exp((z_a - nu) / kappa) / kappa)              kappa = 0:  max(z_a - nu, 0)

Lambert's W of an exponential is found from its logarithm, ``w + log w = y``, which may be of any
size.  The sum of the u_a falls with nu and is convex, so that Newton's method stays on the left of
the solution and moves towards it at every step.

Many rows are solved in compiled code, to the same bits: blocks of them, in loops over the rows of a
block that have one exponential or logarithm each, so that they become vector instructions.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from mfg_envs.game import Array
from mfg_envs.numerics import elementary
from mfg_envs.numerics.compiler import backend, compile_kernel, scalar

CLOSE = 1e-13
"""How far above one the shares may sum before they are divided by their sum."""
BLOCK = 128
"""Rows that compiled code solves together; fewer are left to NumPy."""


def mirror_step(q: Array, policy: Array, *, eta: float, entropy: float) -> Array:
    """Return the maximiser, float64 (..., A).

    Args:
        q: Action values, (..., A); minus infinity: never play this.
        policy: Where the step begins, (..., A).
        eta: Length of the step, > 0.
        entropy: Weight of the entropy, >= 0.
    """
    z = policy + eta * (q - q.max(-1, keepdims=True))
    z -= z.max(-1, keepdims=True)
    kappa = eta * entropy
    if kappa == 0:
        return _project(z)
    log_kappa = float(np.log(kappa))
    if z.size >= BLOCK * z.shape[-1] and backend() == "numba":
        z = np.ascontiguousarray(z)
        _compiled()(z.reshape(-1, z.shape[-1]), kappa, log_kappa)
        return z
    nu = np.full((*z.shape[:-1], 1), -1.0)  # the largest share is one, the sum at least that
    while True:
        y, large = _logarithm(z - nu, kappa, log_kappa)
        small = elementary.exp(np.minimum(y, 1.0))
        w = _guess(y, small, large, elementary.log(large))
        for _ in range(2):
            w = _polish(y, w, elementary.log(w))
        u = kappa * np.where(y < -40, small, w)
        excess = np.cumsum(u, -1)[..., -1:] - 1
        if not (excess > CLOSE).any():
            return u / (1 + excess)
        slope = np.cumsum(u / (u + kappa), -1)[..., -1:]
        nu += np.where(excess > CLOSE, excess, 0) / slope


def _project(z: Array) -> Array:
    """Return the points of the simplex nearest to z (..., A), whose largest entries are zero."""
    down = -np.sort(-z, -1)
    heights = (np.cumsum(down, -1) - 1) / np.arange(1, z.shape[-1] + 1)
    count = (down > heights).sum(-1, keepdims=True)  # of the actions played
    u = np.maximum(z - np.take_along_axis(heights, count - 1, -1), 0)
    return u / u.sum(-1, keepdims=True)


def _logarithm(c: Any, kappa: float, log_kappa: float) -> tuple[Any, Any]:
    """Return y for ``u + kappa log u = c`` and ``u = kappa w``, and y where it is above one."""
    y = np.maximum(c / kappa - log_kappa, -800.0)  # below, exp is zero
    return y, np.maximum(y, 1.0)


def _guess(y: Any, small: Any, large: Any, log_large: Any) -> Any:
    """Return w near the solution of ``w + log w = y``, from ``exp(min(y, 1))`` and logarithms."""
    w = np.where(y < 1, small / (1 + small), large - log_large * large / (1 + large))
    return np.maximum(w, 1e-300)


def _polish(y: Any, w: Any, log_w: Any) -> Any:
    """Return w with the fourth power of its error (Fritsch, Shafer, Crowley 1973)."""
    gap = y - w - log_w
    bend = 2 * (1 + w) * (1 + w + gap * (2 / 3))
    return w * (1 + gap / (1 + w) * (bend - gap) / (bend - 2 * gap))


@functools.cache
def _compiled() -> Any:
    """Compile the steps of many rows, which replace their z, (R, A)."""
    exp, log = scalar(elementary.exp), scalar(elementary.log)
    logarithm, guess, polish = map(scalar, (_logarithm, _guess, _polish))

    def rows(z, kappa, log_kappa):
        shape = (z.shape[1], BLOCK)
        c, u, total = np.zeros(shape), np.empty(shape), np.empty(BLOCK)
        y, large, small, logs, w, nu, slope = np.empty((7, BLOCK))
        for low in range(0, len(z), BLOCK):
            size = min(BLOCK, len(z) - low)
            for a in range(z.shape[1]):
                for i in range(size):
                    c[a, i] = z[low + i, a]
            nu[:] = -1.0
            while True:
                total[:] = 0
                slope[:] = 0
                for a in range(z.shape[1]):
                    for i in range(BLOCK):
                        y[i], large[i] = logarithm(c[a, i] - nu[i], kappa, log_kappa)
                    for i in range(BLOCK):
                        small[i] = exp(min(y[i], 1.0))
                    for i in range(BLOCK):
                        logs[i] = log(large[i])
                    for i in range(BLOCK):
                        w[i] = guess(y[i], small[i], large[i], logs[i])
                    for _ in range(2):
                        for i in range(BLOCK):
                            logs[i] = log(w[i])
                        for i in range(BLOCK):
                            w[i] = polish(y[i], w[i], logs[i])
                    for i in range(BLOCK):
                        u[a, i] = kappa * (small[i] if y[i] < -40 else w[i])
                    for i in range(BLOCK):
                        total[i] += u[a, i]
                        slope[i] += u[a, i] / (u[a, i] + kappa)
                far = False
                for i in range(size):
                    excess = total[i] - 1
                    far |= excess > CLOSE
                    nu[i] += (excess if excess > CLOSE else 0.0) / slope[i]
                if not far:
                    break
            for a in range(z.shape[1]):
                for i in range(size):
                    z[low + i, a] = u[a, i] / (1 + (total[i] - 1))

    return compile_kernel(rows)
