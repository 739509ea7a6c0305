"""Exact quantities against closed forms, hand calculations, brute force and published numbers."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from covering import covering
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Chain, Contrary, FaultyPair, Places
from toys.complete import FINITE

from mfg_envs import exact, policies
from mfg_envs.games.ring_road import AdditiveRingRoad, RingRoad

BACKENDS = ("numpy", "numba")
seeds = st.integers(0, 2**32 - 1)


def transitions(game, t, m):
    """Return the dense kernel (S, A, S), pair by pair and outcome by outcome."""
    dense = np.zeros((game.num_states, game.num_actions, game.num_states))
    for x, a in np.ndindex(dense.shape[:2]):
        if not game.legal_actions[x, a]:
            dense[x, a, x] = 1
            continue
        for w, p in enumerate(game.noise_law(t, np.int64(x), np.int64(a), m)):
            dense[x, a, game.step(t, np.int64(x), np.int64(a), m, w)] += p
    return dense


def payoffs(game, t, m):
    """Return the rewards (S, A), pair by pair."""
    table = np.zeros((game.num_states, game.num_actions))
    for x, a in np.ndindex(table.shape):
        table[x, a] = game.reward(t, np.int64(x), np.int64(a), m)
    return table


def met_by(game, law, rule):
    """Return the mean field of a population, from the definition."""
    m = np.zeros(game.mean_field_shape)
    for x, a in np.ndindex(rule.shape):
        place = (game.places[x], a) if game.mean_field_of_controls else game.places[x]
        m[place] += law[x] * rule[x, a]
    return m


def random_law(game, seed):
    return np.random.default_rng(seed).dirichlet(np.ones(game.num_states))


def walk(game, policy, num_steps, law=None):
    """Yield (law, mean field, rule) at every step of a population, from the definition."""
    law = game.initial_law if law is None else law
    for t in range(num_steps):
        rule = policy[t] if policy.ndim == 3 else policy
        m = met_by(game, law, rule)
        yield law, m, rule
        law = np.einsum("x,xa,xay->y", law, rule, transitions(game, t, m))


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


# Ring road, reward "additive": stationary density of the Lax-Friedrichs scheme, one of two periods
# of 25 cells, s = 0..24 (Zhang, Chen, Di, arXiv 2405.03718).
ADDITIVE = [
    *(0.014635, 0.013498, 0.012627, 0.011995, 0.011581, 0.011372, 0.011367, 0.011582, 0.012059),
    *(0.012906, 0.014371, 0.016887, 0.020883, 0.026141, 0.031335, 0.034758, 0.035608, 0.034281),
    *(0.031670, 0.028554, 0.025423, 0.022535, 0.020003, 0.017854, 0.016075),
]
# Ring road, reward "min": published density, greedy speeds in fiftieths, and mean squared error of
# the best learner at the end, s = 1..25 (Zhang et al., arXiv 2408.08192).
MIN = [
    *[0.016617] * 12,
    *(0.017655, 0.018990, 0.021809, 0.024277, 0.027417, 0.028550, 0.029910),
    *(0.027417, 0.026459, 0.022432, 0.020301, 0.018278, 0.017105),
]
SPEEDS = [18] * 13 + [16, 14, 12, 11, 10, 10, 10, 12, 13, 15, 17, 18]
BEST_LEARNER = 8.93e-5


def test_the_additive_ring_has_the_published_stationary_density():
    game = AdditiveRingRoad()
    rho = game.initial_law
    for _ in range(20_000):
        u = game.location + 0.5 - rho * game.slowdown
        flux = rho * u
        behind, ahead = np.roll(rho, 1), np.roll(rho, -1)
        moved = 0.5 * (behind + ahead) - 0.5 * (np.roll(flux, -1) - np.roll(flux, 1))
        rho, change = moved, np.abs(moved - rho).sum()
    assert change < 1e-12
    assert np.abs(rho - ADDITIVE * 2).max() < 1e-6  # six digits


@pytest.fixture(scope="module")
def equilibrium():
    """Return the min ring's game and its policy after averaging 600 best responses."""
    game = RingRoad()
    policy = policies.uniform(game)
    for k in range(1, 601):
        mu = exact.stationary_mean_field(game, policy)
        policy = policy + 2 / (k + 1) * (exact.best_response(game, mu) - policy)
    return game, policy


def test_the_min_ring_converges_to_an_equilibrium_with_the_published_speeds(equilibrium):
    game, policy = equilibrium
    assert exact.exploitability(game, policy) < 1e-7
    mu = exact.stationary_mean_field(game, policy)
    mean = policy @ np.arange(1, 51)
    greedy = exact.best_response(game, mu, ties="first").argmax(-1) + 1
    for speeds in (mean, greedy):
        assert np.abs(speeds - SPEEDS * 2).max() <= 1.001


def test_the_min_ring_has_the_published_density(equilibrium):
    game, policy = equilibrium
    mu = exact.stationary_mean_field(game, policy)
    # The flux is the same everywhere, so a density tells a speed.  The published one and ours are
    # both within one step of the published greedy speeds, hence within two of each other.
    told = mu[0] * SPEEDS[0] / np.array(MIN * 2)
    assert np.abs(told - policy @ np.arange(1, 51)).max() < 2
    assert ((mu - MIN * 2) ** 2).sum() < BEST_LEARNER


@pytest.mark.parametrize("dynamics", ["cell", "position"])
@pytest.mark.parametrize("horizon", [10, None])
def test_drivers_who_ignore_their_place_keep_the_ring_even(dynamics, horizon):
    game = RingRoad(num_cells=7, num_speeds=5, dynamics=dynamics, horizon=horizon)
    rule = np.random.default_rng(0).dirichlet(np.ones(5))
    policy = np.broadcast_to(rule, policies.uniform(game).shape)
    met = exact.law_met(game, policy)
    assert np.allclose(met, 1 / game.num_states, rtol=0, atol=1e-15)
    replaced = dataclasses.replace(game, horizon=3)
    flow = exact.flow(replaced, np.broadcast_to(rule, (3, game.num_states, 5)))
    assert np.allclose(flow, 1 / game.num_states, rtol=0, atol=1e-15)
