"""Exact quantities of a finite game, derived from ``step``, ``noise_law`` and ``reward`` alone.

With the law ``mu_t`` of a player who follows a policy, ``m_t`` its mean field and discount g::

    mu_{t+1}(y) = sum_{x,a,w} mu_t(x) policy_t(a|x) noise_law(w) 1{step(t, x, a, m_t, w) = y}
    q_t(x, a)   = reward(t, x, a, m_t) + g sum_w noise_law(w) v_{t+1}(step(t, x, a, m_t, w))
    exploitability(policy) = <mu_0, v*_0 - v^policy_0>  against the flow of that policy.

Finite horizon: policy (T, S, A), flow (T, S), rewards at t = 0..T-1, none at T.  Stationary:
policy (S, A), and the flow is one law (S,), the stationary mean field.  A flow is a sequence of
laws of *private* states; games with a mean field of controls have joint laws (T, S, A), (S, A).
A policy may be given as what acts instead: a trained model, see ``policies.tabulate``.
All numbers are float64.  Laws of S states need S*A*K numbers for the moves; nothing here
builds an S x S matrix in a finite horizon.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mfg_envs.exact import passes, policies, stationary
from mfg_envs.exact.tables import crowd, kernel, push, rewards
from mfg_envs.game import Array, FiniteGame, as_array
from mfg_envs.game.probabilities import check_laws
from mfg_envs.soundness.finite import check_sound
from mfg_envs.soundness.initial_laws import initial_law


def push_forward(game: FiniteGame, t: int, m: Array, rule: Array) -> Array:
    """Move a whole population by one step.

    Args:
        game: The game.
        t: Time.
        m: Law of private states, (S,).
        rule: What every player does, (S, A).

    Returns:
        Law of private states one step later, (S,).
    """
    check_sound(game)
    law, rule = policies.check_law(game, m), policies.rule_table(game, rule)
    return push(game, kernel(game, t, crowd(game, law, rule)), law, rule)


def flow(game: FiniteGame, policy: Any) -> Array:
    """Return the laws met when everybody follows ``policy`` from ``initial_law``.

    Returns:
        (T, S), or joint laws of states and actions (T, S, A) for a mean field of controls.
    """
    check_sound(game)
    if game.horizon is None:
        raise ValueError(
            "a stationary game has no flow: use exact.stationary_mean_field(game, rule),"
            " or dataclasses.replace(game, horizon=...)"
        )
    return _flow(game, policies.over_states(game, policy))


def _flow(game: FiniteGame, policy: Array) -> Array:
    laws = passes.forward(game, policy)
    if laws is None:  # NumPy's turn, also to say what is wrong with a policy or a game
        policies.check_policy(game, policy)
        laws = np.empty(policy.shape[:2])
        laws[0] = initial_law(game)
        for t in range(len(laws) - 1):
            moves = kernel(game, t, crowd(game, laws[t], policy[t]))
            laws[t + 1] = push(game, moves, laws[t], policy[t])
    return laws[..., None] * policy if game.mean_field_of_controls else laws


def stationary_mean_field(
    game: FiniteGame,
    rule: Array,
    *,
    tolerance: float = stationary.SETTLED,
    max_steps: int = stationary.MAX_STEPS,
) -> Array:
    """Return the law that a population which plays ``rule`` for ever settles in, (S,).

    Where the moves do not depend on the mean field, and there are at most
    ``stationary.DENSE_STATES`` states, it is the long-run average from ``initial_law`` (periodic
    and reducible chains included): every entry to about fourteen digits, however rarely one part
    of the chain is left for another; see ``elimination``.  A chance counts unless it is
    zero.  Else the lazy flow ``(mu + push_forward(mu)) / 2`` is followed until it stands still: a
    crowd that drifts by less than ``tolerance`` a step is taken for settled.

    Args:
        game: The game.
        rule: What every player does, (S, A).
        tolerance: Change of the lazy flow in a step, as an L1 norm, that counts as none.
        max_steps: Most steps of the lazy flow.

    Raises:
        ValueError: If ``initial_law`` or the rule is invalid, or a chance is below 1e-300 of
            others and the only way out of a state.
        RuntimeError: If it still moves by more than ``tolerance`` after ``max_steps``.
    """
    check_sound(game)
    return stationary.settled(game, policies.rule_table(game, rule), tolerance, max_steps)


def law_met(game: FiniteGame, policy: Any) -> Array:
    """Return what a player meets when everybody follows ``policy``: a flow, or one law.

    Returns:
        ``flow`` of a finite horizon, ``stationary_mean_field`` of a stationary game; joint laws
        of states and actions for a mean field of controls.
    """
    check_sound(game)
    return _law_met(game, policies.over_states(game, policy))


def _law_met(game: FiniteGame, policy: Array) -> Array:
    if game.horizon is not None:
        return _flow(game, policy)
    policies.check_policy(game, policy)
    law = stationary.settled(game, policy, stationary.SETTLED, stationary.MAX_STEPS)
    return law[:, None] * policy if game.mean_field_of_controls else law


def action_values(game: FiniteGame, flow: Array, policy: Any = None) -> Array:
    """Return the values of every action against a flow.

    Args:
        game: The game.
        flow: Laws met, (T, S) or (S,); joint laws with a last axis A for controls.
        policy: What is played afterwards; None: a best response.

    Returns:
        (T, S, A) or (S, A); minus infinity nowhere, illegal actions have the value of staying.
    """
    check_sound(game)
    m = mean_fields(game, flow)
    if policy is not None:
        policy = policies.over_states(game, policy, m)
    return _action_values(game, m, policy)


def _action_values(game: FiniteGame, m: Array, policy: Array | None) -> Array:
    q = passes.backward(game, m, policy)
    if q is not None:
        return q
    if policy is not None:
        policies.check_policy(game, policy)
    if game.horizon is None:
        return stationary.action_values(game, m, policy)
    q = np.empty((game.horizon, game.num_states, game.num_actions))
    v = np.zeros(game.num_states)
    for t in reversed(range(game.horizon)):
        moves = kernel(game, t, m[t])
        q[t] = rewards(game, t, m[t]) + game.discount * (v[moves.next] * moves.prob).sum(-1)
        v = state_values(game, q[t], None if policy is None else policy[t])
    return q


class Ascent(NamedTuple):
    """A step of online mirror descent.

    Attributes:
        q: Action values of the policy before the step, (T, S, A) or (S, A).
        logits: Those before the step, and ``rate * q``.
        policy: Their softmax.
    """

    q: Array
    logits: Array
    policy: Array


def ascend(game: FiniteGame, flow: Array, policy: Any, logits: Array, rate: float) -> Ascent:
    """Add the values of a policy against a flow to logits: ``logits + rate * q``, and softmax.

    ``action_values`` and ``policies.softmax`` give the same numbers, in more passes over memory.

    Args:
        game: The game.
        flow: Laws met, as for ``action_values``.
        policy: What is played.
        logits: Of the policy's shape.
        rate: Weight of the values.
    """
    check_sound(game)
    m = mean_fields(game, flow)
    policy, logits = policies.over_states(game, policy, m), as_array("logits", logits)
    if logits.shape != policy.shape:
        raise ValueError(f"logits must have shape {policy.shape}, got {logits.shape}")
    done = passes.ascend(game, m, policy, logits, rate)
    if done is not None:
        return Ascent(*done)
    q = _action_values(game, m, policy)
    logits = logits + rate * q
    return Ascent(q, logits, policies.softmax(logits, game.legal_actions))


def state_values(game: FiniteGame, q: Array, policy: Array | None = None) -> Array:
    """Return the values of a policy, or of the best legal action, from action values."""
    if policy is None:
        return np.where(game.legal_actions, q, -np.inf).max(-1)
    return (policy * q).sum(-1)


def best_response(
    game: FiniteGame, flow: Array, *, ties: str = "split", tolerance: float = 1e-9
) -> Array:
    """Return a best response to a flow; see ``policies.greedy`` for ties."""
    q = action_values(game, flow)
    return policies.greedy(q, game.legal_actions, ties=ties, tolerance=tolerance)


def value(game: FiniteGame, flow: Array, policy: Any = None) -> float:
    """Return what one player earns against a flow: with ``policy``, or at best (None).

    Finite horizon: weighted by ``initial_law``.  Stationary: weighted by the flow's law.
    """
    check_sound(game)
    m = mean_fields(game, flow)
    policy = None if policy is None else policies.over_states(game, policy, m)
    return _value(game, np.asarray(flow, np.float64), m, policy)


def _value(game: FiniteGame, flow: Array, m: Array, policy: Array | None) -> float:
    q = _action_values(game, m, policy)
    if game.horizon is not None:
        first = None if policy is None else policy[0]
        return float(initial_law(game) @ state_values(game, q[0], first))
    law = flow.sum(-1) if game.mean_field_of_controls else flow
    return float(law @ state_values(game, q, policy))


def exploitability(game: FiniteGame, policy: Any) -> float:
    """Return what one player gains at best by leaving ``policy`` when nobody else does, >= 0."""
    check_sound(game)
    policy = policies.over_states(game, policy)
    met = _law_met(game, policy)
    m = game.crowd(met)
    earned = passes.compare(game, m, policy)
    if earned is None:
        earned = _value(game, met, m, policy), _value(game, met, m, None)
    own, best = earned
    return max(best - own, 0.0)


def mean_fields(game: FiniteGame, flow: Array) -> Array:
    """Return what the game's methods read of a flow, after checking it."""
    check_sound(game)
    flow = as_array("flow", flow)
    clock = () if game.horizon is None else (game.horizon,)
    tail = (game.num_actions,) if game.mean_field_of_controls else ()
    wanted = (*clock, game.num_states, *tail)
    if flow.shape != wanted:
        raise ValueError(f"flow must have shape {wanted}, got {flow.shape}")
    check_laws("flow", flow.reshape(*clock, -1), "t"[: len(clock)])
    return game.crowd(flow)
