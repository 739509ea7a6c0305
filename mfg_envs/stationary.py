"""Stationary games: where a population settles, and the values of an endless game."""

from __future__ import annotations

import numpy as np

from mfg_envs.compiled import backend
from mfg_envs.dependence import moves_are_fixed
from mfg_envs.game import Array, FiniteGame
from mfg_envs.tables import Kernel, crowd, kernel, push, rewards

DENSE_STATES = 3000
"""Stationary games up to this size are solved as dense linear systems, larger ones by sweeps."""
SETTLED, MAX_STEPS = 1e-12, 10_000_000
"""When a mean field that moves its own law of motion counts as stationary (L1 change a step)."""


def settled(game: FiniteGame, rule: Array, tolerance: float, max_steps: int) -> Array:
    """Return the law a population that plays a checked rule settles in, (S,).

    See ``exact.stationary_mean_field``.
    """
    if moves_are_fixed(game) and game.num_states <= DENSE_STATES:
        matrix = _matrix(kernel(game, 0, None), rule)
        return _long_run_average(matrix, np.asarray(game.initial_law, np.float64))
    law, change = None, np.nan
    if backend() == "numba" and game.compiles:
        from mfg_envs.passes import settle

        law, change = settle(game, rule, tolerance, max_steps)
    if np.isnan(change):  # NumPy's turn, also to say what is wrong with a game
        law, change = _follow(game, rule, tolerance, max_steps)
    if law is not None and change < tolerance:
        return law
    raise RuntimeError(
        f"the mean field still moves by {change:.2g} after {max_steps} steps (tolerance"
        f" {tolerance:.2g}): the population may cycle; damp the rule or allow more steps"
    )


def _follow(game: FiniteGame, rule: Array, tolerance: float, max_steps: int) -> tuple[Array, float]:
    """Follow the lazy flow until it stands still; the oracle of ``passes.settle``."""
    law, change = np.array(game.initial_law, np.float64), np.inf
    for _ in range(max_steps):
        after = push(game, kernel(game, 0, crowd(game, law, rule)), law, rule)
        change = float(np.abs(after - law).sum())
        law = law + after
        law /= law.sum()
        if change < tolerance:
            break
    return law, change


def _matrix(moves: Kernel, rule: Array) -> Array:
    """Return the transition matrix of a player who follows a rule, (S, S)."""
    S = rule.shape[0]
    index = np.arange(S)[:, None, None] * S + moves.next
    mass = rule[..., None] * moves.prob
    return np.bincount(index.ravel(), mass.ravel(), minlength=S * S).reshape(S, S)


def _long_run_average(matrix: Array, law: Array) -> Array:
    """Return the limit of the averages of ``law @ matrix^n``, (S,).

    With one recurrent class ``mu (I - P + 1 u) = u`` has one solution, the same for every law u.
    With several, the lazy chain ``(I + P) / 2`` is squared until it stands still: its limit is
    the same average.
    """
    S = law.size
    flat, steep = np.full(S, 1 / S), np.arange(1, S + 1) / (S * (S + 1) / 2)
    try:
        mu, twin = (np.linalg.solve(np.eye(S) - matrix.T + u[:, None], u) for u in (flat, steep))
    except np.linalg.LinAlgError:
        mu, twin = np.zeros(S), np.ones(S)
    if np.all(mu >= -1e-12) and np.abs(mu - twin).sum() < 1e-10:
        mu = np.maximum(mu, 0)
        return mu / mu.sum()
    lazy = 0.5 * (np.eye(S) + matrix)
    for _ in range(60):
        squared = lazy @ lazy
        squared /= squared.sum(-1, keepdims=True)
        still = np.abs(squared - lazy).max() < 1e-15
        lazy = squared
        if still:
            break
    return law @ lazy


def action_values(game: FiniteGame, m: Array, rule: Array | None) -> Array:
    """Return action values of a stationary rule, or of a best one by policy iteration."""
    moves, r = kernel(game, 0, m), rewards(game, 0, m)

    def after(v: Array) -> Array:
        return r + game.discount * (v[moves.next] * moves.prob).sum(-1)

    if rule is not None:
        return after(evaluate(game, moves, r, rule))
    choice = np.where(game.legal_actions, r, -np.inf).argmax(-1)
    eye = np.eye(game.num_actions)
    while True:
        q = after(evaluate(game, moves, r, eye[choice]))
        legal = np.where(game.legal_actions, q, -np.inf)
        kept = np.take_along_axis(legal, choice[:, None], -1)[:, 0]
        better = legal.max(-1) > kept + 1e-13 * np.abs(q).max()
        if not better.any():
            return q
        choice = np.where(better, legal.argmax(-1), choice)


def evaluate(game: FiniteGame, moves: Kernel, r: Array, rule: Array) -> Array:
    """Return the values of a stationary rule, (S,)."""
    earned = (rule * r).sum(-1)
    if game.num_states <= DENSE_STATES:
        system = np.eye(game.num_states) - game.discount * _matrix(moves, rule)
        return np.linalg.solve(system, earned)
    weights = rule[..., None] * moves.prob
    bound = 1e-13 * (1 - game.discount) * max(np.abs(earned).max(), 1e-300) / game.discount
    v = earned / (1 - game.discount)
    while True:
        swept = earned + game.discount * (v[moves.next] * weights).sum((-1, -2))
        change = np.abs(swept - v).max()
        v = swept
        if change <= bound / (1 - game.discount):
            return v
