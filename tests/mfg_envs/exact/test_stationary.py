"""Stationary mean fields and values against closed forms, long sums and other ways to solve."""

from __future__ import annotations

import numpy as np
import pytest
from by_definition import met_by, payoffs, transitions
from toys import Chain, Contrary, Places

from mfg_envs import exact


def chain(*rows, first=0):
    return Chain(rows=rows, first=first)


ONLY = np.ones((2, 1))


def test_a_two_state_chain_settles_in_its_closed_form():
    for p, q in ((0.5, 0.25), (1e-6, 1e-3), (1.0, 0.5)):
        game = chain((1 - p, p), (q, 1 - q))
        mu = exact.stationary_mean_field(game, ONLY)
        assert mu == pytest.approx([q / (p + q), p / (p + q)], rel=1e-9)


def test_a_rule_of_two_places_settles_in_its_closed_form():
    game = Places(horizon=None)  # leaves 0 with 0.75 alpha, 1 with 0.75 beta
    for alpha, beta in ((0.3, 0.6), (1, 0.1), (0.5, 0.5)):
        rule = np.array([[1 - alpha, alpha], [beta, 1 - beta]])
        mu = exact.stationary_mean_field(game, rule)
        assert mu == pytest.approx(np.array([beta, alpha]) / (alpha + beta), abs=1e-14)


@pytest.mark.parametrize("dense", [True, False])
def test_a_periodic_chain_settles_in_its_average(monkeypatch, dense):
    if not dense:
        monkeypatch.setattr("mfg_envs.exact.stationary.DENSE_STATES", 1)
    swap = chain((0, 1), (1, 0))
    assert exact.stationary_mean_field(swap, ONLY) == pytest.approx([0.5, 0.5], abs=1e-12)
    lap = chain((0, 1, 0), (0, 0, 1), (1, 0, 0))
    third = np.full(3, 1 / 3)
    assert exact.stationary_mean_field(lap, np.ones((3, 1))) == pytest.approx(third, abs=1e-11)


REDUCIBLE = (  # 0 is transient; {1, 2} swap for ever; {3} absorbs; {4, 5} mix
    (0.2, 0.3, 0.0, 0.4, 0.1, 0.0),
    (0.0, 0.0, 1.0, 0.0, 0.0, 0.0),
    (0.0, 1.0, 0.0, 0.0, 0.0, 0.0),
    (0.0, 0.0, 0.0, 1.0, 0.0, 0.0),
    (0.0, 0.0, 0.0, 0.0, 0.5, 0.5),
    (0.0, 0.0, 0.0, 0.0, 0.25, 0.75),
)


@pytest.mark.parametrize("first", range(6))
@pytest.mark.parametrize("dense", [True, False])
def test_a_chain_with_several_classes_settles_where_its_start_leads(monkeypatch, first, dense):
    if not dense:
        monkeypatch.setattr("mfg_envs.exact.stationary.DENSE_STATES", 1)
    mu = exact.stationary_mean_field(chain(*REDUCIBLE, first=first), np.ones((6, 1)))
    into = {0: (3 / 8, 4 / 8, 1 / 8), 1: (1, 0, 0), 2: (1, 0, 0), 3: (0, 1, 0)}
    swapping, absorbed, mixing = into.get(first, (0, 0, 1))
    halves = [0, swapping / 2, swapping / 2, absorbed, mixing / 3, 2 * mixing / 3]
    assert mu == pytest.approx(halves, abs=1e-11)
    law, total = np.eye(6)[first], np.zeros(6)
    for _ in range(20_000):
        total += law
        law = law @ np.array(REDUCIBLE)
    assert mu == pytest.approx(total / 20_000, abs=2e-4)  # the average converges as 1 / n


def test_the_law_of_a_rule_is_stationary(stationary_game, random_policy):
    rule = random_policy(stationary_game)
    mu = exact.stationary_mean_field(stationary_game, rule)
    assert mu.sum() == pytest.approx(1, abs=1e-14)
    moved = exact.push_forward(stationary_game, 0, mu, rule)
    assert np.abs(moved - mu).sum() < 2e-12


def test_an_epidemic_settles_in_its_endemic_state_or_dies_out(toys):
    game = toys.Epidemic(horizon=None)
    for alpha in (0, 0.25, 0.5):  # stays at home; risk 0.9 (1 - 0.75 alpha) m(1) against 0.3
        rule = np.array([[1 - alpha, alpha], [1, 0]])
        healthy = 0.3 / (0.9 * (1 - 0.75 * alpha))
        mu = exact.stationary_mean_field(game, rule)
        assert mu == pytest.approx([healthy, 1 - healthy], abs=1e-10)
    gone = exact.stationary_mean_field(game, np.array([[0, 1], [0, 1]]))
    assert gone == pytest.approx([1, 0], abs=1e-10)


def test_a_population_that_never_settles_is_reported():
    with pytest.raises(
        RuntimeError, match=r"still moves by .* after 1000 steps .* may cycle; damp"
    ):
        exact.stationary_mean_field(Contrary(), ONLY, max_steps=1000)


def test_the_tolerance_of_a_stationary_mean_field_counts(toys):
    game, rule = toys.Epidemic(horizon=None), np.array([[1.0, 0], [1, 0]])
    with pytest.raises(RuntimeError, match="after 3 steps"):
        exact.stationary_mean_field(game, rule, max_steps=3)
    rough = exact.stationary_mean_field(game, rule, tolerance=0.25, max_steps=3)
    assert rough.sum() == pytest.approx(1)


def test_stationary_values_are_long_discounted_sums(stationary_game, random_policy):
    rule, other = random_policy(stationary_game, 1), random_policy(stationary_game, 2)
    mu = exact.stationary_mean_field(stationary_game, rule)
    m = met_by(stationary_game, mu, rule)
    flow = mu[:, None] * rule if stationary_game.mean_field_of_controls else mu
    P, r = transitions(stationary_game, 0, m), payoffs(stationary_game, 0, m)
    g = stationary_game.discount
    mixed, earned = np.einsum("xa,xay->xy", other, P), (other * r).sum(-1)
    v = best = np.zeros(len(mu))
    for _ in range(400):  # 0.95^400 is 1e-9
        v = earned + g * mixed @ v
        best = np.where(stationary_game.legal_actions, r + g * P @ best, -np.inf).max(-1)
    bound = g**400 / (1 - g) * np.abs(r).max() + 1e-12
    q = exact.action_values(stationary_game, flow, other)
    assert np.abs(q - (r + g * P @ v)).max() < bound
    assert np.abs(exact.action_values(stationary_game, flow) - (r + g * P @ best)).max() < bound
    assert exact.value(stationary_game, flow, other) == pytest.approx(mu @ v, abs=bound)
    assert exact.value(stationary_game, flow) == pytest.approx(mu @ best, abs=bound)
    gain = exact.exploitability(stationary_game, rule)
    own = exact.value(stationary_game, flow, rule)
    assert gain == pytest.approx(mu @ best - own, abs=2 * bound)


def test_a_small_gain_for_ever_is_not_overlooked():
    # Place 1 is better by 2e-6 a step; going there costs 1e-7 at once.
    game, m = Places(horizon=None, fare=1e-7), np.array([0.5 + 1e-6, 0.5 - 1e-6])
    v1 = -m[1] / (1 - 0.5)
    v0 = (-m[0] - 1e-7 + 0.5 * 0.75 * v1) / (1 - 0.5 * 0.25)
    values = exact.state_values(game, exact.action_values(game, m))
    assert np.abs(values - [v0, v1]).max() < 1e-14


def test_large_games_are_swept_to_the_values_of_small_ones(
    monkeypatch, stationary_game, random_policy
):
    rule = random_policy(stationary_game)
    dense = exact.exploitability(stationary_game, rule)
    mu = exact.stationary_mean_field(stationary_game, rule)
    monkeypatch.setattr("mfg_envs.exact.stationary.DENSE_STATES", 1)
    assert exact.stationary_mean_field(stationary_game, rule) == pytest.approx(mu, abs=1e-10)
    assert exact.exploitability(stationary_game, rule) == pytest.approx(dense, abs=1e-9)


def test_what_a_policy_meets_is_its_flow_or_its_stationary_law(any_game, random_policy):
    policy = random_policy(any_game)
    met = exact.law_met(any_game, policy)
    if any_game.horizon is not None:
        assert np.array_equal(met, exact.flow(any_game, policy))
    elif any_game.mean_field_of_controls:
        mu = exact.stationary_mean_field(any_game, policy)
        assert np.array_equal(met, mu[:, None] * policy)
    else:
        assert np.array_equal(met, exact.stationary_mean_field(any_game, policy))
