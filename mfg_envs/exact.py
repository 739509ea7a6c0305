"""Exact quantities of a finite game, derived from ``step``, ``noise_law`` and ``reward`` alone.

With the law ``mu_t`` of a player who follows a policy, ``m_t`` its mean field and discount g::

    mu_{t+1}(y) = sum_{x,a,w} mu_t(x) policy_t(a|x) noise_law(w) 1{step(t, x, a, m_t, w) = y}
    q_t(x, a)   = reward(t, x, a, m_t) + g sum_w noise_law(w) v_{t+1}(step(t, x, a, m_t, w))
    exploitability(policy) = <mu_0, v*_0 - v^policy_0>  against the flow of that policy.

Finite horizon: policy (T, S, A), flow (T, S), rewards at t = 0..T-1, none at T.  Stationary:
policy (S, A), and the flow is one law (S,), the stationary mean field.  A flow is a sequence of
laws of *private* states; games with a mean field of controls have joint laws (T, S, A), (S, A).
All numbers are float64.  Laws of S states need S*A*K numbers for the moves; nothing here
builds an S x S matrix in a finite horizon.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from mfg_envs import policies
from mfg_envs.compiled import backend
from mfg_envs.dependence import law_table, moves_are_fixed
from mfg_envs.game import Array, FiniteGame

DENSE_STATES = 3000
"""Stationary games up to this size are solved as dense linear systems, larger ones by sweeps."""
SETTLED, MAX_STEPS = 1e-12, 100_000
"""When a mean field that moves its own law of motion counts as stationary (L1 change a step)."""


class Kernel(NamedTuple):
    """Every move of a game at one time: where it leads, and how likely.

    Attributes:
        next: Next state of (x, a, w), int (S, A, K).
        prob: Its probability, float (S, A, K).
    """

    next: Array
    prob: Array


def kernel(game: FiniteGame, t: int, m: Array | None) -> Kernel:
    """Tabulate the moves at time ``t`` in mean field ``m``; illegal actions stay.

    Raises:
        ValueError: If a probability or a next state is out of its range; names the pair.
    """
    if moves_are_fixed(game):
        return _fixed_kernel(game)
    return _kernel(game, t, m)


@functools.lru_cache(maxsize=16)
def _fixed_kernel(game: FiniteGame) -> Kernel:
    """Tabulate moves that never change; read-only, since every caller gets the same arrays."""
    moves = _kernel(game, 0, None)
    for table in moves:
        table.flags.writeable = False
    return moves


def _kernel(game: FiniteGame, t: int, m: Array | None) -> Kernel:
    x, a = _pairs(game)
    prob = law_table(game, t, x, a, m)
    w = np.arange(prob.shape[-1])
    there = np.asarray(game.step(t, x[..., None], a[..., None], m, w))
    there = np.where(game.legal_actions[..., None], there, x[..., None])
    there = np.broadcast_to(there, prob.shape)
    policies.check_laws("noise_law", prob, "xa")
    wrong = np.argwhere((there < 0) | (there >= game.num_states))
    if wrong.size:
        i, j, k = wrong[0]
        raise ValueError(
            f"step(t={t}, x={i}, a={j}, w={k}) leads to {there[i, j, k]},"
            f" which is not a state in [0, {game.num_states})"
        )
    return Kernel(there.astype(np.int32), prob)


def rewards(game: FiniteGame, t: int, m: Array) -> Array:
    """Tabulate the reward of every state and action, (S, A).

    Raises:
        ValueError: If a reward is not a finite number; names the pair.
    """
    x, a = _pairs(game)
    table = np.broadcast_to(np.asarray(game.reward(t, x, a, m), np.float64), x.shape)
    wrong = np.argwhere(~np.isfinite(table))
    if wrong.size:
        i, j = wrong[0]
        raise ValueError(f"reward(t={t}, x={i}, a={j}) is {table[i, j]}, not a finite number")
    return table


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
    law, rule = policies.check_law(game, m), policies.rule_table(game, rule)
    return _push(game, kernel(game, t, crowd(game, law, rule)), law, rule)


def crowd(game: FiniteGame, law: Array, rule: Array) -> Array:
    """Return the mean field of a population with this law (S,) that plays this rule (S, A)."""
    return game.crowd(law[..., None] * rule if game.mean_field_of_controls else law)


def flow(game: FiniteGame, policy: Array) -> Array:
    """Return the laws met when everybody follows ``policy`` from ``initial_law``.

    Returns:
        (T, S), or joint laws of states and actions (T, S, A) for a mean field of controls.
    """
    if game.horizon is None:
        raise ValueError(
            "a stationary game has no flow: use exact.stationary_mean_field(game, rule),"
            " or dataclasses.replace(game, horizon=...)"
        )
    return _flow(game, policies.policy_table(game, policy))


def _flow(game: FiniteGame, policy: Array) -> Array:
    if backend() == "numba":
        from mfg_envs.passes import forward

        laws = forward(game, policy)
    else:
        laws = np.empty(policy.shape[:2])
        laws[0] = game.initial_law
        for t in range(len(laws) - 1):
            moves = kernel(game, t, crowd(game, laws[t], policy[t]))
            laws[t + 1] = _push(game, moves, laws[t], policy[t])
    return laws[..., None] * policy if game.mean_field_of_controls else laws


def stationary_mean_field(
    game: FiniteGame, rule: Array, *, tolerance: float = SETTLED, max_steps: int = MAX_STEPS
) -> Array:
    """Return the law that a population which plays ``rule`` for ever settles in, (S,).

    Where the moves do not depend on the mean field it is the long-run average from
    ``initial_law`` (periodic and reducible chains included), exactly.  Else the lazy flow
    ``(mu + push_forward(mu)) / 2`` is followed until it stands still.

    Raises:
        RuntimeError: If it still moves by more than ``tolerance`` after ``max_steps``.
    """
    return _settled(game, policies.rule_table(game, rule), tolerance, max_steps)


def _settled(game: FiniteGame, rule: Array, tolerance: float, max_steps: int) -> Array:
    law = np.asarray(game.initial_law, np.float64)
    fixed = moves_are_fixed(game)
    moves = kernel(game, 0, crowd(game, law, rule))
    if fixed and game.num_states <= DENSE_STATES:
        return _long_run_average(_matrix(moves, rule), law)
    change = np.inf
    for _ in range(max_steps):
        moved = _push(game, moves, law, rule)
        change = float(np.abs(moved - law).sum())
        law = 0.5 * (law + moved)
        if change < tolerance:
            return law / law.sum()
        if not fixed:
            moves = kernel(game, 0, crowd(game, law, rule))
    raise RuntimeError(
        f"the mean field still moves by {change:.2g} after {max_steps} steps (tolerance"
        f" {tolerance:.2g}): the population may cycle; damp the rule or allow more steps"
    )


def action_values(game: FiniteGame, flow: Array, policy: Array | None = None) -> Array:
    """Return the values of every action against a flow.

    Args:
        game: The game.
        flow: Laws met, (T, S) or (S,); joint laws with a last axis A for controls.
        policy: What is played afterwards; None: a best response.

    Returns:
        (T, S, A) or (S, A); minus infinity nowhere, illegal actions have the value of staying.
    """
    if policy is not None:
        policy = policies.policy_table(game, policy)
    return _action_values(game, _mean_fields(game, flow), policy)


def _action_values(game: FiniteGame, m: Array, policy: Array | None) -> Array:
    if game.horizon is None:
        return _stationary_values(game, m, policy)
    if backend() == "numba":
        from mfg_envs.passes import backward

        return backward(game, m, policy)
    q = np.empty((game.horizon, game.num_states, game.num_actions))
    v = np.zeros(game.num_states)
    for t in reversed(range(game.horizon)):
        moves = kernel(game, t, m[t])
        q[t] = rewards(game, t, m[t]) + game.discount * (v[moves.next] * moves.prob).sum(-1)
        v = state_values(game, q[t], None if policy is None else policy[t])
    return q


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


def value(game: FiniteGame, flow: Array, policy: Array | None = None) -> float:
    """Return what one player earns against a flow: with ``policy``, or at best (None).

    Finite horizon: weighted by ``initial_law``.  Stationary: weighted by the flow's law.
    """
    policy = None if policy is None else policies.policy_table(game, policy)
    m = _mean_fields(game, flow)
    return _value(game, np.asarray(flow, np.float64), m, policy)


def _value(game: FiniteGame, flow: Array, m: Array, policy: Array | None) -> float:
    q = _action_values(game, m, policy)
    if game.horizon is not None:
        first = None if policy is None else policy[0]
        return float(game.initial_law @ state_values(game, q[0], first))
    law = flow.sum(-1) if game.mean_field_of_controls else flow
    return float(law @ state_values(game, q, policy))


def exploitability(game: FiniteGame, policy: Array) -> float:
    """Return what one player gains at best by leaving ``policy`` when nobody else does, >= 0."""
    policy = policies.policy_table(game, policy)
    if game.horizon is None:
        met = _settled(game, policy, SETTLED, MAX_STEPS)
        met = met[:, None] * policy if game.mean_field_of_controls else met
    else:
        met = _flow(game, policy)
    m = game.crowd(met)
    return max(_value(game, met, m, None) - _value(game, met, m, policy), 0.0)


def _pairs(game: FiniteGame) -> tuple[Array, Array]:
    """Return every state and action as index arrays (S, A)."""
    x, a = np.indices((game.num_states, game.num_actions), np.int32)
    return x, a


def _push(game: FiniteGame, moves: Kernel, law: Array, rule: Array) -> Array:
    mass = (law[:, None] * rule)[..., None] * moves.prob
    return np.bincount(moves.next.ravel(), mass.ravel(), minlength=game.num_states)


def _mean_fields(game: FiniteGame, flow: Array) -> Array:
    """Return what the game's methods read of a flow, after checking it."""
    flow = np.asarray(flow, np.float64)
    clock = () if game.horizon is None else (game.horizon,)
    tail = (game.num_actions,) if game.mean_field_of_controls else ()
    wanted = (*clock, game.num_states, *tail)
    if flow.shape != wanted:
        raise ValueError(f"flow must have shape {wanted}, got {flow.shape}")
    policies.check_laws("flow", flow.reshape(*clock, -1), "t"[: len(clock)])
    return game.crowd(flow)


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


def _stationary_values(game: FiniteGame, m: Array, rule: Array | None) -> Array:
    """Return action values of a stationary rule, or of a best one by policy iteration."""
    moves, r = kernel(game, 0, m), rewards(game, 0, m)

    def after(v: Array) -> Array:
        return r + game.discount * (v[moves.next] * moves.prob).sum(-1)

    if rule is not None:
        return after(_evaluate(game, moves, r, rule))
    choice = np.where(game.legal_actions, r, -np.inf).argmax(-1)
    eye = np.eye(game.num_actions)
    while True:
        q = after(_evaluate(game, moves, r, eye[choice]))
        legal = np.where(game.legal_actions, q, -np.inf)
        kept = np.take_along_axis(legal, choice[:, None], -1)[:, 0]
        better = legal.max(-1) > kept + 1e-13 * np.abs(q).max()
        if not better.any():
            return q
        choice = np.where(better, legal.argmax(-1), choice)


def _evaluate(game: FiniteGame, moves: Kernel, r: Array, rule: Array) -> Array:
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
