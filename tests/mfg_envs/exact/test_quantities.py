"""Exact quantities against closed forms, hand calculations, brute force and published numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from by_definition import met_by, payoffs, random_law, transitions, walk
from covering import covering
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import FaultyPair, Places
from toys.complete import FINITE

from mfg_envs import exact, policies

BACKENDS = ("numpy", "numba")
seeds = st.integers(0, 2**32 - 1)


def test_kernel_and_rewards_are_the_methods_pair_by_pair(any_game, random_policy):
    policy = random_policy(any_game)
    rule = policy[0] if policy.ndim == 3 else policy
    m = met_by(any_game, random_law(any_game, 1), rule)
    for t in (0, 2):
        moves = exact.kernel(any_game, t, m)
        dense = np.zeros((*moves.prob.shape[:2], any_game.num_states))
        for x, a, w in np.ndindex(moves.prob.shape):
            dense[x, a, moves.next[x, a, w]] += moves.prob[x, a, w]
        assert np.allclose(dense, transitions(any_game, t, m), rtol=0, atol=1e-15)
        assert np.array_equal(exact.rewards(any_game, t, m), payoffs(any_game, t, m))


@given(seed=seeds)
def test_a_push_forward_keeps_mass_and_sign(any_game, random_policy, seed):
    policy = random_policy(any_game, seed)
    rule = policy[0] if policy.ndim == 3 else policy
    law = random_law(any_game, seed)
    moved = exact.push_forward(any_game, 0, law, rule)
    assert moved.sum() == pytest.approx(1, abs=1e-14)
    assert moved.min() >= 0
    m = met_by(any_game, law, rule)
    dense = np.einsum("x,xa,xay->y", law, rule, transitions(any_game, 0, m))
    assert np.allclose(moved, dense, rtol=0, atol=1e-14)


@covering(finite_game=FINITE, backend=BACKENDS)
def test_the_flow_is_the_law_of_a_player_step_by_step(finite_game, random_policy, use, backend):
    use(backend)
    policy = random_policy(finite_game)
    laws = np.array([law for law, _, _ in walk(finite_game, policy, finite_game.horizon)])
    if finite_game.mean_field_of_controls:
        laws = laws[..., None] * policy
    flow = exact.flow(finite_game, policy)
    assert flow.shape == laws.shape
    assert np.allclose(flow, laws, rtol=0, atol=1e-13)


@covering(finite_game=FINITE, backend=BACKENDS)
def test_the_value_of_a_policy_is_the_sum_of_rewards_over_its_flow(
    finite_game, random_policy, use, backend
):
    use(backend)
    policy = random_policy(finite_game)
    total = 0.0
    for t, (law, m, rule) in enumerate(walk(finite_game, policy, finite_game.horizon)):
        earned = (law[:, None] * rule * payoffs(finite_game, t, m)).sum()
        total += finite_game.discount**t * earned
    assert exact.value(finite_game, exact.flow(finite_game, policy), policy) == pytest.approx(total)


def test_numba_and_numpy_give_the_same_numbers(finite_game, random_policy, use):
    policy, other = random_policy(finite_game, 1), random_policy(finite_game, 2)
    numbers = []
    for backend in BACKENDS:
        use(backend)
        flow = exact.flow(finite_game, policy)
        numbers.append(
            [
                flow,
                exact.action_values(finite_game, flow),
                exact.action_values(finite_game, flow, other),
                exact.best_response(finite_game, flow),
                exact.value(finite_game, flow),
                exact.exploitability(finite_game, policy),
            ]
        )
    for one, two in zip(*numbers, strict=True):
        assert np.shape(one) == np.shape(two)
        assert np.allclose(one, two, rtol=0, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_places_worked_by_hand(use, backend):
    use(backend)
    game = Places()
    # Everybody starts in 0, goes to 1 at t = 0 (three in four arrive) and stays at t = 1.
    policy = np.array([[[0, 1], [0, 1]], [[1, 0], [0, 1]]])
    flow = exact.flow(game, policy)
    assert flow.tolist() == [[1, 0], [0.25, 0.75]]
    # t = 1: -m(x) and the fare.  t = 0: the same plus half of v_1 = (-0.25, -0.75).
    best = [[[-1.125, -1.5625], [-0.4375, -0.375]], [[-0.25, -0.5], [-1, -0.75]]]
    assert exact.action_values(game, flow).tolist() == best
    assert exact.best_response(game, flow).tolist() == [[[1, 0], [0, 1]], [[1, 0], [0, 1]]]
    assert exact.value(game, flow) == -1.125
    assert exact.value(game, flow, policy) == -1.5625
    assert exact.exploitability(game, policy) == 0.4375


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_best_response_earns_the_most_of_all_deterministic_policies(
    toys, random_policy, use, backend
):
    use(backend)
    for game in (
        toys.Epidemic(horizon=3),
        Places(horizon=3, discount=1.0),
        toys.Corridor(length=3, horizon=2),
    ):
        flow = exact.flow(game, random_policy(game))
        choices = [np.flatnonzero(legal) for legal in game.legal_actions] * game.horizon
        earned = []
        for chosen in itertools.product(*choices):
            policy = np.eye(game.num_actions)[np.reshape(chosen, (game.horizon, -1))]
            earned.append(exact.value(game, flow, policy))
        best = exact.best_response(game, flow)
        assert exact.value(game, flow) == pytest.approx(max(earned), abs=1e-12)
        assert exact.value(game, flow, best) == pytest.approx(max(earned), abs=1e-8)


@settings(max_examples=10)
@given(seed=seeds)
def test_exploitability_is_not_negative(any_game, random_policy, seed):
    assert exact.exploitability(any_game, random_policy(any_game, seed)) >= 0


def test_the_best_policy_against_itself_is_not_exploitable_without_interaction(toys):
    game = toys.Corridor(crowding=0.0)
    best = exact.best_response(game, exact.flow(game, policies.uniform(game)))
    assert exact.exploitability(game, best) < 1e-12
    assert exact.exploitability(game, policies.uniform(game)) > 1


@pytest.mark.parametrize("horizon", [4, None])
def test_half_the_players_in_each_place_is_an_equilibrium(horizon):
    game = Places(first=0.5, fare=0.0, horizon=horizon)
    assert exact.exploitability(game, policies.uniform(game)) < 1e-15
    lopsided = np.broadcast_to([0.75, 0.25], policies.uniform(game).shape)
    assert exact.exploitability(game, lopsided) > 0.01


def test_an_illegal_action_is_worth_staying_and_is_never_a_best_response(toys, use):
    game = toys.Corridor(crowding=0.0)
    for backend in BACKENDS:
        use(backend)
        flow = exact.flow(game, policies.uniform(game))
        q = exact.action_values(game, flow)
        v = exact.state_values(game, q)
        for t in range(game.horizon):
            after = v[t + 1] if t + 1 < game.horizon else np.zeros(5)
            r = payoffs(game, t, flow[t])
            assert q[t, 0, 0] == pytest.approx(r[0, 0] + after[0])
            assert q[t, 4, 2] == pytest.approx(r[4, 2] + after[4])
        best = exact.best_response(game, flow)
        assert (best[:, ~game.legal_actions] == 0).all()


def test_values_are_the_best_legal_ones_or_the_mean_over_a_rule(toys):
    game = toys.Corridor(length=2)
    q = np.array([[9.0, 1, 2], [3, 5, 9]])
    assert exact.state_values(game, q).tolist() == [2, 5]
    rule = np.array([[0, 0.5, 0.5], [1, 0, 0]])
    assert exact.state_values(game, q, rule).tolist() == [1.5, 3]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_flow_may_be_read_only_and_strided(toys, use, backend):
    use(backend)
    game = toys.Garnet()
    m = random_law(game, 5)
    frozen = np.broadcast_to(m, (game.horizon, game.num_states))
    values = exact.action_values(game, frozen)
    assert np.array_equal(values, exact.action_values(game, frozen.copy()))


def test_tables_of_fixed_moves_are_shared_and_cannot_be_changed(toys):
    game = toys.Corridor()
    moves = exact.kernel(game, 0, None)
    assert exact.kernel(toys.Corridor(), 3, game.initial_law) is moves
    for table in moves:
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 0


def test_a_stationary_game_has_no_flow(toys):
    game = toys.Garnet(horizon=None)
    with pytest.raises(ValueError, match=r"has no flow: use exact.stationary_mean_field"):
        exact.flow(game, policies.uniform(game))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda flow: flow[:-1], r"flow must have shape \(6, 2\), got \(5, 2\)"),
        (lambda flow: flow[0], r"flow must have shape \(6, 2\), got \(2,\)"),
        (lambda flow: flow * np.nan, r"flow\[t=0\] must be probabilities .* sum nan"),
        (lambda flow: flow * 2, r"flow\[t=0\] must be probabilities .* sum 2; divide by the sums"),
        (lambda flow: flow * [1, -1], r"flow\[t=0\] must be probabilities .* in \[-0.25, 0.75\]"),
    ],
)
def test_an_invalid_flow_is_refused(toys, spoil, message):
    game = toys.Epidemic()
    policy = policies.uniform(game)
    flow = spoil(exact.flow(game, policy))
    for solve in (exact.action_values, exact.best_response, exact.value):
        with pytest.raises(ValueError, match=message):
            solve(game, flow)


def test_a_flow_of_controls_has_the_actions_too(toys):
    with pytest.raises(ValueError, match=r"flow must have shape \(5, 6, 3\), got \(5, 6\)"):
        exact.value(toys.Market(), np.ones((5, 6)) / 6)


def test_policies_and_laws_are_checked_everywhere(toys):
    game = toys.Corridor()
    policy, law = policies.uniform(game), game.initial_law
    flow = exact.flow(game, policy)
    illegal = np.full(policy.shape, 1 / 3)
    for solve in (exact.flow, exact.exploitability, exact.law_met):
        with pytest.raises(ValueError, match=r"illegal action mass at \[t=0\]\[x=0\]\[a=0\]"):
            solve(game, illegal)
    for solve in (exact.action_values, exact.value):
        with pytest.raises(ValueError, match="illegal action mass"):
            solve(game, flow, illegal)
    with pytest.raises(ValueError, match="illegal action mass"):
        exact.push_forward(game, 0, law, illegal[0])
    with pytest.raises(ValueError, match=r"law must be probabilities .* sum 2"):
        exact.push_forward(game, 0, 2 * law, policy[0])
    with pytest.raises(
        ValueError, match=r"rule must have shape \(S, A\) = \(5, 3\), got \(7, 5, 3\)"
    ):
        exact.push_forward(game, 0, law, policy)
    with pytest.raises(ValueError, match="rule must have shape"):
        exact.stationary_mean_field(toys.Garnet(horizon=None), policy)


@pytest.mark.parametrize("chance", [0.75, -0.5, 1e30])
def test_an_invalid_noise_law_is_named(chance):
    game = FaultyPair(chance=chance)
    with pytest.raises(ValueError, match=r"noise_law\[x=2\]\[a=1\] must be probabilities"):
        exact.kernel(game, 0, None)


@pytest.mark.parametrize("target", [-1, 3])
def test_a_step_out_of_the_states_is_named(target):
    message = rf"step\(t=0, x=2, a=1, w=1\) leads to {target}, which is not a state in \[0, 3\)"
    with pytest.raises(ValueError, match=message):
        exact.kernel(FaultyPair(target=target), 0, None)


def test_a_reward_that_is_no_number_is_named():
    with (
        np.errstate(divide="ignore"),
        pytest.raises(ValueError, match=r"reward\(t=1, x=2, a=1\) is -inf, not a finite number"),
    ):
        exact.rewards(FaultyPair(pay=0.0), 1, np.ones(3) / 3)
