"""Games in which open decisions pay: a bonus for entropy, or for staying near a reference.

A player who decides by ``p = policy_t(.|x)`` earns, beside its reward, with temperature l >= 0::

    -l sum_a p(a) log(p(a) / w(a))      w = 1 for legal actions:  l times the entropy of p
                                        w = reference_t(.|x):     -l KL(p || reference)

Against a flow with mean fields m_t, and discount g::

    q_t(x, a) = reward(t, x, a, m_t) + g sum_k noise_law(k) v_{t+1}(step(t, x, a, m_t, k))
    v_t(x)    = sum_a p(a) (q_t(x, a) - l log(p(a) / w(a)))                         of a policy p
    v*_t(x)   = l log sum_a w(a) exp(q*_t(x, a) / l)                                at best
    p*(a)     = w(a) exp(q*_t(x, a) / l) / sum_b w(b) exp(q*_t(x, b) / l)           which is played

So q has the bonuses of later decisions, not that of the present one.  With the law mu_t of those
who follow p, the gain of the best response is ``sum_t g^t <mu_t, c_t>``, where ``c_t >= 0`` is what
p loses by its decision at t: ``v*_t - sum_a p(a) (q*_t - l log(p(a) / w(a))) = l KL(p || p*)``.
No two large values are subtracted.  Stationary: ``<mu, c> / (1 - g)``, mu being the law of p.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mfg_envs import exact
from mfg_envs.exact import policies, stationary
from mfg_envs.exact.tables import Kernel, kernel, rewards
from mfg_envs.game import Array, FiniteGame, as_float, check_range

NEGLIGIBLE = 1e-13
"""Change of values, in units of the largest, at which stationary ones have converged."""


def soft_action_values(
    game: FiniteGame,
    flow: Array,
    temperature: float,
    policy: Any = None,
    *,
    reference: Array | None = None,
) -> Array:
    """Return the values of every action against a flow, later bonuses included.

    Args:
        game: The game.
        flow: Laws met, (T, S) or (S,); joint laws with a last axis A for controls.
        temperature: Weight of the bonus, >= 0.
        policy: What is played afterwards; None: the best response of the regularised game.
        reference: Policy from which the bonus is counted; None: the entropy is the bonus.

    Returns:
        (T, S, A) or (S, A); illegal actions have the value of staying.

    Raises:
        ValueError: If the temperature is negative, an array is no flow or policy, or the policy
            plays what the reference never plays.
    """
    weights, temperature = _weights(game, reference), _temperature(temperature)
    m = exact.mean_fields(game, flow)
    if policy is not None:
        policy = policies.policy_table(game, policy, m)
        _check_support(game, policy, weights)
    return _action_values(game, m, weights, temperature, policy)


def soft_best_response(
    game: FiniteGame, flow: Array, temperature: float, *, reference: Array | None = None
) -> Array:
    """Return the best response of the regularised game to a flow; see ``soft_action_values``.

    At temperature 0 best actions within 1e-9 share evenly.
    """
    q = soft_action_values(game, flow, temperature, reference=reference)
    return _soft_rule(q, _weights(game, reference), float(temperature))


def regularised_exploitability(
    game: FiniteGame, policy: Any, temperature: float, *, reference: Array | None = None
) -> float:
    """Return what one player gains at best, bonuses counted, by leaving ``policy`` alone, >= 0.

    At temperature 0 it is ``exact.exploitability``, if the reference plays all legal actions; for
    arguments see ``soft_action_values``.
    """
    weights, temperature = _weights(game, reference), _temperature(temperature)
    policy = policies.policy_table(game, policy)
    _check_support(game, policy, weights)
    met = exact.law_met(game, policy)
    q = _action_values(game, game.crowd(met), weights, temperature, None)
    kept = (policy * q).sum(-1) + _bonus(weights, temperature, policy)
    law = met.sum(-1) if game.mean_field_of_controls else met
    lost = (law * np.maximum(_soft_max(q, weights, temperature) - kept, 0)).sum(-1)
    if game.horizon is None:
        return float(lost / (1 - game.discount))
    return float(game.discount ** np.arange(game.horizon) @ lost)


def _action_values(
    game: FiniteGame, m: Array, weights: Array, temperature: float, policy: Array | None
) -> Array:
    if game.horizon is None:
        return _stationary(game, m, weights, temperature, policy)
    q = np.empty((game.horizon, game.num_states, game.num_actions))
    w = np.broadcast_to(weights, q.shape)
    v = np.zeros(game.num_states)
    for t in reversed(range(game.horizon)):
        q[t] = _ahead(game, kernel(game, t, m[t]), rewards(game, t, m[t]), v)
        if policy is None:
            v = _soft_max(q[t], w[t], temperature)
        else:
            v = (policy[t] * q[t]).sum(-1) + _bonus(w[t], temperature, policy[t])
    return q


def _stationary(
    game: FiniteGame, m: Array, weights: Array, temperature: float, policy: Array | None
) -> Array:
    """Return values of a rule, or of the best one by soft policy iteration.

    An iteration gets nearer to the best values by a factor of at least the discount, and far more
    in the end: the loop's own end is a bound that is hardly ever met.
    """
    moves, r = kernel(game, 0, m), rewards(game, 0, m)

    def values(rule: Array) -> tuple[Array, Array]:
        paid = r + _bonus(weights, temperature, rule)[:, None]
        v = stationary.evaluate(game, moves, paid, rule)
        return v, _ahead(game, moves, r, v)

    if policy is not None:
        return values(policy)[1]
    q, g = r, game.discount
    for _ in range(int(np.ceil(np.log(NEGLIGIBLE * (1 - g)) / np.log(g)))):
        v, q = values(_soft_rule(q, weights, temperature))
        if (_soft_max(q, weights, temperature) - v).max() <= NEGLIGIBLE * np.abs(q).max():
            break
    return q


def _ahead(game: FiniteGame, moves: Kernel, r: Array, v: Array) -> Array:
    return r + game.discount * (v[moves.next] * moves.prob).sum(-1)


def _logits(q: Array, weights: Array, temperature: float) -> tuple[Array, Array]:
    """Return ``q + temperature log(weights)``, minus infinity without weight, and its maxima."""
    played = weights > 0
    z = np.where(played, q + temperature * np.log(np.where(played, weights, 1)), -np.inf)
    return z, z.max(-1)


def _soft_max(q: Array, weights: Array, temperature: float) -> Array:
    """Return ``temperature log sum_a weights exp(q / temperature)``, the maximum at 0."""
    z, top = _logits(q, weights, temperature)
    if temperature == 0:
        return top
    with np.errstate(over="ignore"):  # beyond the largest number: no share at all
        shares = np.exp((z - top[..., None]) / temperature)
    return top + temperature * np.log(shares.sum(-1))


def _soft_rule(q: Array, weights: Array, temperature: float) -> Array:
    """Return the rule whose mean value is ``_soft_max``."""
    if temperature == 0:
        return policies.greedy(q, weights > 0)
    z, top = _logits(q, weights, temperature)
    with np.errstate(over="ignore"):
        shares = np.exp((z - top[..., None]) / temperature)
    return shares / shares.sum(-1, keepdims=True)


def _bonus(weights: Array, temperature: float, rule: Array) -> Array:
    """Return what every state's decision earns beside the reward, (..., S)."""
    played = (rule > 0) & (weights > 0)
    ratio = np.where(played, rule, 1) / np.where(played, weights, 1)
    return -temperature * (rule * np.log(ratio)).sum(-1)


def _weights(game: FiniteGame, reference: Array | None) -> Array:
    """Return the weights w: 0 or 1 (S, A), or a checked reference (T, S, A) or (S, A)."""
    if reference is None:
        return game.legal_actions.astype(np.float64)
    return policies.policy_table(game, reference)


def _check_support(game: FiniteGame, policy: Array, weights: Array) -> None:
    stray = np.argwhere((policy > 0) & (weights <= 0) & game.legal_actions)
    if stray.size:
        axes = "txa"[-policy.ndim :]
        place = "".join(f"[{axis}={i}]" for axis, i in zip(axes, stray[0], strict=True))
        raise ValueError(
            f"policy{place} is played, and never by the reference: the KL divergence is infinite;"
            " mix the reference with policies.uniform(game)"
        )


def _temperature(temperature: float) -> float:
    temperature = as_float("temperature", temperature)
    check_range("temperature", temperature, 0)
    return temperature
