"""The mean action: what a player knows of what others do, Yang et al. (arXiv 1802.05438).

It is what everybody did in the step before, or those who stand where the player stands now, as the
share of each action; when nobody has acted, and in an empty place, all actions alike.  Given a rule
for every mean action, ``settled`` and ``along`` find the rules of infinitely many players, each of
whom sees the mean action that all of them make.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mfg_envs import exact
from mfg_envs.game import Array, FiniteGame
from mfg_envs.soundness.initial_laws import initial_law

NEIGHBOURS = ("everybody", "place")
"""Whose actions are averaged."""
SETTLED, MOST = 1e-6, 300
"""When the mean action of a stationary game stands still (L1), and damped steps until then."""

RuleOf = Callable[[int, Array], Array]
"""(t, mean actions (O, A)) -> what is done in every observed state, (O, A)."""


def no_action(game: FiniteGame, *batch: int) -> Array:
    """Return what is known when nobody has acted, float32 (*batch, O, A)."""
    A = game.num_actions
    return np.full((*batch, game.num_observations, A), 1 / A, np.float32)


def of_players(game: FiniteGame, neighbours: str, a: Array, x: Array) -> Array:
    """Return the mean actions that players know in every observed state.

    Args:
        game: The game.
        neighbours: Whose.
        a: What everybody did, (B, N).
        x: Where everybody is now, private states (B, N).

    Returns:
        float32 (B, O, A).
    """
    shape = (len(a), game.num_observations, game.num_actions)
    index = np.arange(len(a))[:, None] * shape[1] + game.observed[x]
    joint = np.bincount((index * shape[2] + a).ravel(), minlength=int(np.prod(shape)))
    return _means(joint.reshape(shape).astype(float), neighbours)


def of_laws(game: FiniteGame, t: int, neighbours: str, law: Array, rule: Array) -> Array:
    """Return the mean actions known after a step of infinitely many players, float32 (O, A).

    Args:
        game: The game.
        t: Time of the step.
        neighbours: Whose.
        law: Of private states before it, (S,).
        rule: What is done, (S, A).
    """
    m = game.crowd(law[:, None] * rule if game.mean_field_of_controls else law)
    moves = exact.kernel(game, t, m)
    shape = (game.num_observations, game.num_actions)
    index = game.observed[moves.next] * shape[1] + np.arange(shape[1])[:, None]
    mass = (law[:, None] * rule)[..., None] * moves.prob
    joint = np.bincount(index.ravel(), mass.ravel(), minlength=shape[0] * shape[1])
    return _means(joint.reshape(shape), neighbours)


def _means(joint: Array, neighbours: str) -> Array:
    """Return the shares of actions, float32, of joint numbers of states and actions (..., O, A)."""
    if neighbours == "everybody":
        joint = np.broadcast_to(joint.sum(-2, keepdims=True), joint.shape)
    total = joint.sum(-1, keepdims=True)
    even = 1 / joint.shape[-1]
    return np.where(total > 0, joint / np.where(total > 0, total, 1), even).astype(np.float32)


def along(game: FiniteGame, neighbours: str, rule_of: RuleOf) -> tuple[Array, Array, Array]:
    """Return what infinitely many players do who see the mean action that they make.

    Returns:
        Policy (T, O, A), laws of private states (T, S), and mean actions (T, O, A); without a
        horizon (O, A), (S,) and (O, A), where all of it stands still.

    Raises:
        RuntimeError: If a stationary crowd does not settle, see ``exact.stationary_mean_field``.
    """
    if game.horizon is None:
        return _settled(game, neighbours, rule_of)
    law, seen, walked = initial_law(game), no_action(game), []
    for t in range(game.horizon):
        rule = rule_of(t, seen)
        walked.append((rule, law, seen))
        over = rule[game.observed]
        seen = of_laws(game, t, neighbours, law, over)
        law = exact.push_forward(game, t, law, over)
    policy, laws, known = map(np.stack, zip(*walked, strict=True))
    return policy, laws, known


def _settled(game: FiniteGame, neighbours: str, rule_of: RuleOf) -> tuple[Array, Array, Array]:
    """Return where a stationary game stands still: damped steps of the mean action."""
    seen = no_action(game)
    for _ in range(MOST):
        rule = rule_of(0, seen)
        law = exact.stationary_mean_field(game, rule)
        made = of_laws(game, 0, neighbours, law, rule[game.observed])
        change = np.abs(made - seen).sum(-1).max()
        seen = (seen + made) / 2
        if change < SETTLED:
            break
    return rule, law, seen
