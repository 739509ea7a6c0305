"""Bonuses for open decisions: published numbers, closed forms, and values computed another way."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from covering import covering
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp, xlogy
from toys.complete import EVERY, TWICE

from mfg_envs import exact, make_game, metrics, policies

TEMPERATURES = (0.0, 1e-3, 0.2, 5.0)


def dense(game, t, m):
    """Return transitions (S, A, S) and rewards (S, A) at time t."""
    moves = exact.kernel(game, t, m)
    p = np.zeros((game.num_states, game.num_actions, game.num_states))
    np.add.at(p, (*np.indices(moves.next.shape)[:2], moves.next), moves.prob)
    return p, exact.rewards(game, t, m)


def bonus(rule, weights, temperature):
    return -temperature * (xlogy(rule, rule) - xlogy(rule, np.where(weights > 0, weights, 1))).sum(
        -1
    )


def soft(q, weights, temperature):
    if temperature == 0:
        return np.where(weights > 0, q, -np.inf).max(-1)
    return temperature * logsumexp(q / temperature, -1, b=weights)


def by_values(game, policy, temperature, reference=None):
    """Return best value minus own value: dense matrices, value iteration, linear systems."""
    policy = policies.policy_table(game, policy)
    weights = game.legal_actions * 1.0 if reference is None else reference
    met = exact.law_met(game, policy)
    m, law = game.crowd(met), met.sum(-1) if game.mean_field_of_controls else met
    g = game.discount
    if game.horizon is None:
        p, r = dense(game, 0, m)
        through = np.einsum("xa,xay->xy", policy, p)
        earned = (policy * r).sum(-1) + bonus(policy, weights, temperature)
        own = np.linalg.solve(np.eye(len(p)) - g * through, earned)
        best = np.zeros(len(p))
        for _ in range(int(np.ceil(36 / (1 - g)))):  # g^n < e^-36
            best = soft(r + g * p @ best, weights, temperature)
        return law @ (best - own)
    own = best = np.zeros(game.num_states)
    every = np.broadcast_to(weights, policy.shape)
    for t in reversed(range(game.horizon)):
        p, r = dense(game, t, m[t])
        own = (policy[t] * (r + g * p @ own)).sum(-1) + bonus(policy[t], every[t], temperature)
        best = soft(r + g * p @ best, every[t], temperature)
    return game.initial_law @ (best - own)


@covering(any_game=EVERY, temperature=TEMPERATURES, slow=TWICE)
def test_the_gap_is_the_best_value_minus_the_own_value(any_game, random_policy, temperature):
    policy = random_policy(any_game)
    found = metrics.regularised_exploitability(any_game, policy, temperature)
    assert found == pytest.approx(by_values(any_game, policy, temperature), rel=1e-9, abs=1e-11)


@covering(any_game=EVERY, temperature=TEMPERATURES, slow=TWICE)
def test_a_gap_from_a_reference_is_the_best_value_minus_the_own_value(
    any_game, random_policy, temperature
):
    policy, near = random_policy(any_game), random_policy(any_game, 1)
    found = metrics.regularised_exploitability(any_game, policy, temperature, reference=near)
    wanted = by_values(any_game, policy, temperature, near)
    assert found == pytest.approx(wanted, rel=1e-9, abs=1e-11)


@covering(any_game=EVERY, temperature=TEMPERATURES, referred=(False, True), slow=TWICE)
def test_the_soft_best_response_has_the_best_values(any_game, random_policy, temperature, referred):
    flow = exact.law_met(any_game, random_policy(any_game))
    near = random_policy(any_game, 1) if referred else None
    best = metrics.soft_best_response(any_game, flow, temperature, reference=near)
    q = metrics.soft_action_values(any_game, flow, temperature, reference=near)
    own = metrics.soft_action_values(any_game, flow, temperature, best, reference=near)
    np.testing.assert_allclose(own, q, rtol=1e-11, atol=1e-11)
    assert not best[..., ~any_game.legal_actions].any()


def test_the_values_of_a_policy_are_those_of_a_linear_system(stationary_game, random_policy):
    game, policy, temperature = stationary_game, random_policy(stationary_game), 0.7
    law = exact.law_met(game, policy)
    p, r = dense(game, 0, game.crowd(law))
    earned = (policy * r).sum(-1) + bonus(policy, game.legal_actions, temperature)
    through = np.einsum("xa,xay->xy", policy, p)
    v = np.linalg.solve(np.eye(len(p)) - game.discount * through, earned)
    q = metrics.soft_action_values(game, law, temperature, policy)
    np.testing.assert_allclose(q, r + game.discount * p @ v, rtol=1e-11)


def mirror_step(q, rule, temperature, eta):
    """Return argmax over u of u q + temperature H(u) - |u - rule|^2 / (2 eta), two actions."""
    low, high = 0.0, 1.0
    for _ in range(60):
        u = (low + high) / 2
        slope = q[0] - q[1] + temperature * np.log((1 - u) / u) - 2 * (u - rule[0]) / eta
        low, high = (u, high) if slope > 0 else (low, u)
    return np.array([u, 1 - u])


def test_policy_mirror_ascent_has_the_published_numbers():
    game = make_game("sis", setting="two_actions")
    known = {1: 0.017594, 2: 0.006620, 3: 0.002543, 6: 0.000153, 11: 1e-6}
    policy = policies.uniform(game)
    for k in range(1, 12):
        law = exact.stationary_mean_field(game, policy)
        q = metrics.soft_action_values(game, law, 0.2, policy)
        policy = np.stack([mirror_step(q[x], policy[x], 0.2, 1.0) for x in range(2)])
        if k in known:
            gap = metrics.regularised_exploitability(game, policy, 0.2)
            assert gap == pytest.approx(known[k], abs=5e-7)


def test_one_decision_by_hand(toys):
    # Going out earns 0 (or -1 if infected), staying at home .4 less: a quarter of all is infected.
    game, temperature = toys.Epidemic(horizon=1), 0.3
    rule = np.array([[[0.9, 0.1], [0.5, 0.5]]])
    best = temperature * np.log(1 + np.exp(-0.4 / temperature))
    wanted = 0.0
    for share, (p, q) in zip((0.75, 0.25), rule[0], strict=True):
        entropy = -p * np.log(p) - q * np.log(q)
        wanted += share * (best - (-0.4 * q + temperature * entropy))
    found = metrics.regularised_exploitability(game, rule, temperature)
    assert found == pytest.approx(wanted, rel=1e-12)
    # Near (.2, .8): the same with weights; a policy that decides nothing pays log 5 for it.
    near = np.array([[[0.2, 0.8], [0.2, 0.8]]])
    out = np.array([[[1.0, 0.0], [1.0, 0.0]]])
    best = temperature * np.log(0.2 + 0.8 * np.exp(-0.4 / temperature))
    found = metrics.regularised_exploitability(game, out, temperature, reference=near)
    assert found == pytest.approx(best + temperature * np.log(5), rel=1e-12)


def test_a_uniform_reference_is_entropy_where_all_states_have_as_many_actions(random_policy):
    game = make_game("predator_prey", num_cells=3, horizon=4)
    policy = random_policy(game)
    one = metrics.regularised_exploitability(game, policy, 0.3)
    two = metrics.regularised_exploitability(game, policy, 0.3, reference=policies.uniform(game))
    assert one == pytest.approx(two, rel=1e-9)


@given(st.floats(0, 2), st.integers(0, 5))
def test_the_gap_comes_near_the_exploitability_as_the_temperature_falls(temperature, seed):
    game = make_game("four_rooms_grid", layout="11x11", horizon=5)
    weights = np.random.default_rng(seed).exponential(size=(5, game.num_states, 5))
    policy = weights * game.legal_actions
    policy /= policy.sum(-1, keepdims=True)
    gap = metrics.regularised_exploitability(game, policy, temperature)
    # Either side of the difference is between 0 and temperature log 5 at every decision.
    assert abs(gap - exact.exploitability(game, policy)) <= 5 * temperature * np.log(5) + 1e-12


@covering(any_game=EVERY, temperature=(0.0, 5e-324, 1e-300, 1e-15), slow=TWICE)
def test_the_gap_at_a_vanishing_temperature_is_the_exploitability(
    any_game, random_policy, temperature
):
    policy = random_policy(any_game)
    gap = metrics.regularised_exploitability(any_game, policy, temperature)
    assert gap == pytest.approx(exact.exploitability(any_game, policy), rel=1e-9, abs=1e-11)


@covering(scale=(1e-200, 1e-9, 1e9, 1e200), horizon=(None, 6))
def test_the_gap_scales_with_the_unit_of_rewards(toys, random_policy, scale, horizon):
    # Rewards and temperature in another unit; far from one, exp(q / temperature) is out of range.
    game = toys.Garnet(horizon=horizon)
    large = scaled(game, scale)
    policy = random_policy(game)
    for temperature in (1e-3, 0.5, 1e3):
        one = metrics.regularised_exploitability(game, policy, temperature)
        two = metrics.regularised_exploitability(large, policy, temperature * scale)
        assert two / scale == pytest.approx(one, rel=1e-9, abs=1e-12)


def scaled(game, scale):
    """Return a game that pays in another unit."""

    class Scaled(type(game)):
        compiles = False

        def reward(self, t, x, a, m):
            return scale * super().reward(t, x, a, m)

    return Scaled(**{f.name: getattr(game, f.name) for f in dataclasses.fields(game)})


def test_nothing_is_gained_in_a_regularised_equilibrium(any_game):
    """Soft responses by dense matrices, each mixed with the last rules until they stand still."""
    game = any_game
    temperature = 4.0 if game.mean_field_of_controls else 0.5  # a warm game does not swing
    policy, v, change = policies.uniform(game), np.zeros(game.num_states), 1.0
    while change > 1e-10:
        q, v = ahead(game, game.crowd(exact.law_met(game, policy)), temperature, v)
        z = np.where(game.legal_actions, q / temperature, -np.inf)
        answer = np.exp(z - logsumexp(z, -1, keepdims=True))
        change = np.abs(answer - policy).max()
        policy = 0.4 * policy + 0.6 * answer
    # KL(p || p*) is of the order of change^2, a value is rounded by some 2^-52 of its size.
    steps = game.horizon or 1 / (1 - game.discount)
    rounding = 16 * 2.0**-52 * np.abs(q).max() * steps
    assert metrics.regularised_exploitability(game, policy, temperature) < rounding
    first = np.eye(game.num_actions)[game.legal_actions.argmax(-1)]
    away = 0.9 * policy + 0.1 * first
    assert metrics.regularised_exploitability(game, away, temperature) > 1e-4


def ahead(game, m, temperature, v):
    """Return soft values of actions and, without an end, better ones of states than v."""
    g, legal = game.discount, game.legal_actions
    if game.horizon is None:
        p, r = dense(game, 0, m)
        for _ in range(30):
            v = soft(r + g * p @ v, legal, temperature)
        return r + g * p @ v, v
    after, qs = np.zeros(game.num_states), []
    for t in reversed(range(game.horizon)):
        p, r = dense(game, t, m[t])
        qs.append(r + g * p @ after)
        after = soft(qs[-1], legal, temperature)
    return np.stack(qs[::-1]), v


def test_large_stationary_games_are_swept(stationary_game, random_policy, monkeypatch):
    law = exact.law_met(stationary_game, random_policy(stationary_game))
    small = metrics.soft_action_values(stationary_game, law, 0.4)
    monkeypatch.setattr("mfg_envs.exact.stationary.DENSE_STATES", 1)
    large = metrics.soft_action_values(stationary_game, law, 0.4)
    np.testing.assert_allclose(large, small, rtol=1e-11)


def test_policies_over_observed_states_are_understood(random_policy):
    game = make_game("ring_road", dynamics="position", num_cells=6, num_speeds=4, horizon=5)
    rule = np.random.default_rng(0).dirichlet(np.ones(game.num_actions), (5, game.num_observations))
    one, two = (
        metrics.regularised_exploitability(game, policy, 0.1, reference=policy[::-1])
        for policy in (rule, rule[:, game.observed])
    )
    assert one == two > 0


def test_invalid_temperatures_flows_and_references_are_refused(toys, random_policy):
    game = toys.Corridor()
    policy, even = random_policy(game), policies.uniform(game)
    for wrong in (-0.1, np.inf, np.nan):
        with pytest.raises(ValueError, match="temperature must be"):
            metrics.regularised_exploitability(game, policy, wrong)
    with pytest.raises(TypeError, match="temperature must be a number"):
        metrics.soft_best_response(game, exact.flow(game, policy), "warm")
    with pytest.raises(ValueError, match=r"flow must have shape \(7, 5\)"):
        metrics.soft_action_values(game, np.ones(5) / 5, 0.1)
    stiff = even.copy()
    stiff[3, 2] = [0.0, 0.5, 0.5]
    with pytest.raises(
        ValueError, match=r"policy\[t=3\]\[x=2\]\[a=0\] is played, and never by the"
    ):
        metrics.regularised_exploitability(game, policy, 0.1, reference=stiff)
    # The other way round it is no matter: what the reference does not play is not played.
    assert metrics.regularised_exploitability(game, stiff, 0.1, reference=policy) > 0
    best = metrics.soft_best_response(game, exact.flow(game, policy), 0.1, reference=stiff)
    assert best[3, 2, 0] == 0
