"""The mean action: what a player knows of what others do, Yang et al. (arXiv 1802.05438).

It is what everybody did in the step before, or those who stand where the player stands now, as the
share of each action; when nobody has acted, and in an empty place, all actions alike.  Given a rule
for every mean action, ``along`` finds what infinitely many players do who see the one they make.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mfg_envs import exact
from mfg_envs.game import Array, FiniteGame
from mfg_envs.soundness.initial_laws import initial_law

NEIGHBOURS = ("everybody", "place")
"""Whose actions are averaged."""
SETTLED, MOST = 1e-6, 2000
"""When law and mean action of a stationary game stand still (L1), and the most steps until then."""

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


class Limit(NamedTuple):
    """What infinitely many players do who see the mean action that they make.

    Attributes:
        policy: (T, O, A), or (O, A) in a stationary game.
        laws: Of private states, (T, S) or (S,).
        known: Mean actions that they know, (T, O, A) or (O, A).
        unrest: By how much the mean action of a stationary game is another one after a step (L1),
            if that does not get less; 0 with a horizon.
    """

    policy: Array
    laws: Array
    known: Array
    unrest: float


def along(game: FiniteGame, neighbours: str, rule_of: RuleOf) -> Limit:
    """Return what infinitely many players do, along their flow or where it comes to rest."""
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
    return Limit(policy, laws, known, 0.0)


def _settled(game: FiniteGame, neighbours: str, rule_of: RuleOf) -> Limit:
    """Return where a stationary game comes to rest: half a step of law and mean action at once."""
    law, known, rule, unrest = initial_law(game), no_action(game), np.empty(0), np.inf
    for _ in range(MOST):
        rule = rule_of(0, known)
        over = rule[game.observed]
        made = of_laws(game, 0, neighbours, law, over)
        after = exact.push_forward(game, 0, law, over)
        unrest = float(np.abs(made - known).sum(-1).max())
        if unrest + np.abs(after - law).sum() < SETTLED:
            break
        law, known = (law + after) / 2, (known + made) / 2
    return Limit(rule, law, known, unrest)
