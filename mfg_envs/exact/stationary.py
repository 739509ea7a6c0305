"""Stationary games: where a population settles, and the values of an endless game."""

from __future__ import annotations

import numpy as np

from mfg_envs.exact import passes
from mfg_envs.exact.elimination import long_run_average
from mfg_envs.exact.tables import Kernel, crowd, kernel, push, rewards
from mfg_envs.game import Array, FiniteGame
from mfg_envs.game.reads import moves_are_fixed
from mfg_envs.soundness.initial_laws import initial_law

DENSE_STATES = 3000
"""Up to this size stationary games are solved in dense matrices, beyond by sweeps."""
SETTLED, MAX_STEPS = 1e-12, 10_000_000
"""When a mean field that moves its own law of motion counts as stationary (L1 change a step)."""


def settled(game: FiniteGame, rule: Array, tolerance: float, max_steps: int) -> Array:
    """Return the law a population that plays a checked rule settles in, (S,).

    See ``exact.stationary_mean_field``.
    """
    if moves_are_fixed(game) and game.num_states <= DENSE_STATES:
        return long_run_average(_matrix(kernel(game, 0, None), rule), initial_law(game))
    asked = rule, tolerance, max_steps
    law, change = passes.settle(game, *asked) or _follow(game, *asked)
    if change < tolerance:
        return law
    raise RuntimeError(
        f"the mean field still moves by {change:.2g} after {max_steps} steps (tolerance"
        f" {tolerance:.2g}): the population may cycle; damp the rule or allow more steps"
    )


def _follow(game: FiniteGame, rule: Array, tolerance: float, max_steps: int) -> tuple[Array, float]:
    """Follow the lazy flow until it stands still; the oracle of ``passes.settle``."""
    law, change = initial_law(game), np.inf
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
