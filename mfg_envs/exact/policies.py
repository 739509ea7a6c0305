"""Tabular policies: checks, uniform, greedy and softmax ones; illegal actions have no mass.

A policy has shape (T, S, A) in a game with a finite horizon and (S, A) in a stationary one.
Where players observe less than their private state, (T, O, A) and (O, A) are understood too.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from mfg_envs.exact.tabulation import tabulate
from mfg_envs.game import Array, FiniteGame, as_array, check_choice
from mfg_envs.game.kinds import check_finite
from mfg_envs.game.probabilities import TOLERANCE, check_laws, place
from mfg_envs.numerics import elementary
from mfg_envs.numerics.compiler import backend
from mfg_envs.numerics.memory import check_memory
from mfg_envs.players.policy import Policy

__all__ = [
    "check_law",
    "check_laws",
    "check_mean_field",
    "check_policy",
    "greedy",
    "observed_legal",
    "over_states",
    "policy_table",
    "rule_table",
    "softmax",
    "tabulate",
    "uniform",
]


def policy_table(game: FiniteGame, policy: Any, mean_fields: Array | None = None) -> Array:
    """Return a checked policy over private states, float64 (T, S, A) or (S, A).

    Args:
        game: The game.
        policy: A table, over private or observed states, or what ``tabulate`` makes one of.
        mean_fields: What those who see the crowd meet, as for ``tabulate``.

    Raises:
        TypeError: If it is no policy, or several of them.
        ValueError: If the shape is wrong, a row is no law, or an illegal action has mass; the
            message names the first row at fault.
    """
    policy = over_states(game, policy, mean_fields)
    check_policy(game, policy)
    return policy


def over_states(game: FiniteGame, policy: Any, mean_fields: Array | None = None) -> Array:
    """Return a policy over private states, float64 (T, S, A) or (S, A), its numbers unchecked.

    Args:
        game: The game.
        policy: As for ``policy_table``.
        mean_fields: As for ``tabulate``.

    Raises:
        TypeError: If it is no policy, or several of them.
        ValueError: If the shape is wrong, or it cannot be tabulated.
    """
    check_finite(game)
    if not _is_table(policy):
        return tabulate(policy, game, mean_fields=mean_fields)
    policy = as_array("policy", policy)
    clock = () if game.horizon is None else (game.horizon,)
    shapes = {(*clock, n, game.num_actions) for n in (game.num_states, game.num_observations)}
    if policy.shape not in shapes:
        wanted = " or ".join(map(str, sorted(shapes)))
        axes = "(S, A)" if game.horizon is None else "(T, S, A)"
        raise ValueError(f"policy must have shape {axes} = {wanted}, got {policy.shape}")
    return policy if policy.shape[-2] == game.num_states else policy[..., game.observed, :]


def _is_table(given: Any) -> bool:
    """Return whether this is no policy that acts by itself."""
    if isinstance(given, Mapping):
        raise TypeError(
            f"policy must be one policy, got {type(given).__name__} of {len(given)}: what each"
            " player gains by leaving a set of models is metrics.team_gap(env, models)"
        )
    return not (isinstance(given, Policy) or hasattr(given, "predict") or callable(given))


def rule_table(game: FiniteGame, rule: Array) -> Array:
    """Return a checked rule (one time slice of a policy) over private states, (S, A)."""
    check_finite(game)
    if not _is_table(rule):
        raise TypeError(
            f"rule must be an array (S, A) of probabilities, got {type(rule).__name__}:"
            " policies.tabulate(model, game) makes such a table of a model"
        )
    rule = as_array("rule", rule)
    if rule.shape == (game.num_observations, game.num_actions):
        rule = rule[game.observed]
    if rule.shape != (game.num_states, game.num_actions):
        raise ValueError(
            f"rule must have shape (S, A) = {game.num_states, game.num_actions}, got {rule.shape}"
        )
    check_policy(game, rule)
    return rule


def check_policy(game: FiniteGame, policy: Array) -> None:
    """Raise a ValueError unless (T, S, A) or (S, A) numbers are laws of legal actions."""
    axes = "tx"[-(policy.ndim - 1) :]
    check_laws("policy", policy, axes)
    legal = game.legal_actions
    if not legal.all() and ((policy > TOLERANCE) & ~legal).any():
        stray = np.argwhere((policy > TOLERANCE) & ~legal)
        raise ValueError(f"policy gives an illegal action mass at {place(axes + 'a', stray[0])}")


def check_law(game: FiniteGame, law: Array) -> Array:
    """Return a checked law of private states, float64 (S,)."""
    check_finite(game)
    law = as_array("law", law)
    if law.shape != (game.num_states,):
        raise ValueError(f"law must have shape (S,) = ({game.num_states},), got {law.shape}")
    check_laws("law", law, "")
    return law


def check_mean_field(game: FiniteGame, m: Array) -> Array:
    """Return a checked mean field, float64, of shape ``game.mean_field_shape``."""
    check_finite(game)
    m = as_array("mean field", m)
    if m.shape != game.mean_field_shape:
        raise ValueError(f"mean field must have shape {game.mean_field_shape}, got {m.shape}")
    check_laws("mean field", m.ravel(), "")
    return m


def uniform(game: FiniteGame) -> Array:
    """Return the policy that plays every legal action with the same probability.

    Raises:
        ValueError: If the horizon is so long that it does not fit into memory.
    """
    check_finite(game)
    rule = game.legal_actions / game.legal_actions.sum(-1, keepdims=True)
    if game.horizon is None:
        return rule
    check_memory(game.horizon, rule.nbytes, "horizon")
    return np.repeat(rule[None], game.horizon, 0)


def greedy(q: Array, legal: Array, *, ties: str = "split", tolerance: float = 1e-9) -> Array:
    """Return the policy that plays best actions.

    Args:
        q: Action values, (..., S, A).
        legal: Legal actions, bool (S, A).
        ties: "split" plays all actions within ``tolerance`` of the best with the same
            probability, "first" the one of the lowest index.
        tolerance: In units of ``q``.
    """
    check_choice("ties", ties, ("split", "first"))
    if (policy := _choose("greedy", q, legal, ties == "first", float(tolerance))) is not None:
        return policy
    q = np.where(legal, q, -np.inf)
    best = q >= q.max(-1, keepdims=True) - tolerance
    if ties == "first":
        best &= np.cumsum(best, -1) == 1
    return best / best.sum(-1, keepdims=True)


def softmax(q: Array, legal: Array, *, inverse_temperature: float = 1.0) -> Array:
    """Return the policy proportional to ``exp(inverse_temperature * q)`` over legal actions.

    Args:
        q: Action values, (..., S, A).
        legal: Legal actions, bool (S, A).
        inverse_temperature: Per unit of ``q``; >= 0.
    """
    if (policy := _choose("softmax", q, legal, float(inverse_temperature))) is not None:
        return policy
    q = np.asarray(q, np.float64)
    best = np.where(legal, q, -np.inf).max(-1, keepdims=True)
    weights = elementary.exp(inverse_temperature * (np.where(legal, q, best) - best)) * legal
    total = functools.reduce(np.add, np.moveaxis(weights, -1, 0))  # in order, as compiled
    return weights * (1 / total)[..., None]


def observed_legal(game: FiniteGame) -> Array:
    """Return the legal actions of every observed state, bool (O, A).

    Raises:
        ValueError: If private states that look alike have different legal actions.
    """
    legal = np.zeros((game.num_observations, game.num_actions), bool)
    legal[game.observed] = game.legal_actions
    if (legal[game.observed] != game.legal_actions).any():
        raise ValueError("private states that are observed as one must have the same legal actions")
    return legal


def _choose(how: str, q: Array, legal: Array, *options: float) -> Array | None:
    """Return a compiled choice from values, laid out in memory as they are; None: not compiled."""
    if backend() != "numba" or np.ndim(q) < 2 or np.shape(q)[-2:] != legal.shape:
        return None
    from mfg_envs.exact.compiled_choices import choices, states_innermost
    from mfg_envs.numerics.memory import empty

    inner = states_innermost(q)
    legal = np.empty((0, 0), bool) if legal.all() else np.ascontiguousarray(legal.T)
    policy = empty(inner.shape)
    stacked = (-1, *inner.shape[-2:])
    getattr(choices(), how)(inner.reshape(stacked), legal, *options, policy.reshape(stacked))
    policy = policy.swapaxes(-1, -2)
    return np.ascontiguousarray(policy) if np.asarray(q).flags.c_contiguous else policy
