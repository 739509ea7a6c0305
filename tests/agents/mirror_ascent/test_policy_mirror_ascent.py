import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, special

import agents
from agents import Communication, PolicyMirrorAscent
from agents.mirror_ascent.mirror_step import mirror_step
from agents.mirror_ascent.policy_mirror_ascent import disagreement, distance
from agents.runs.running import run
from mfg_envs import exact, make_game
from mfg_envs.metrics import regularised_exploitability

SIS = make_game("sis", setting="two_actions")
ENTROPIES = (0.0, 1e-3, 0.2, 10.0)


@st.composite
def steps(draw, magnitude, length):
    """Draw values of up to ten to ``magnitude``, a policy with zeros, and both weights."""
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    A = draw(st.integers(1, 6))
    q = generator.uniform(-1, 1, (3, A)) * 10.0 ** draw(st.floats(-3, magnitude))
    policy = generator.dirichlet(np.full(A, 0.5), 3)
    policy[:, 0] *= draw(st.booleans()) or A == 1
    policy /= policy.sum(-1, keepdims=True)
    eta = 10.0 ** draw(st.floats(-length, length))
    return q, policy, eta, draw(st.sampled_from(ENTROPIES))


@given(steps(magnitude=6, length=4))
def test_mirror_step_is_in_the_simplex_and_where_the_gradient_is_level(step):
    q, policy, eta, entropy = step
    u = mirror_step(q, policy, eta=eta, entropy=entropy)
    assert (u >= 0).all()
    np.testing.assert_allclose(u.sum(-1), 1, rtol=0, atol=1e-12)
    # The slope of <u, q> + h(u) - |u - policy|^2 / (2 eta), less what all actions have in common.
    slope = q - q.max(-1, keepdims=True) + (policy - u) / eta
    slope -= entropy * np.log(np.maximum(u, 1e-300))
    played = u > 1e-290
    level = np.where(played, slope, -np.inf).max(-1, keepdims=True)
    # u is right to 1e-13 of itself or of one, q to the rounding of its size.
    close = 1e-12 * (1 / eta + entropy) + 1e-15 * np.abs(q).max()
    assert (np.abs(slope - level)[played] <= close).all()
    assert (slope <= level + close)[~played].all()


@given(steps(magnitude=1, length=1))
def test_no_convex_solver_finds_better_than_the_mirror_step(step):
    q, policy, eta, entropy = (part[0] if np.ndim(part) == 2 else part for part in step)

    def gain(u):
        return u @ q + entropy * special.entr(u).sum() - ((u - policy) ** 2).sum() / (2 * eta)

    def slope(u):
        return q - entropy * (np.log(np.maximum(u, 1e-300)) + 1) - (u - policy) / eta

    ours = mirror_step(q, policy, eta=eta, entropy=entropy)
    solved, begin = None, np.full(q.size, 1 / q.size)
    for _ in range(5):  # it may stop early, with curvatures that it guessed wrong: begin anew there
        solved = optimize.minimize(
            lambda u: -gain(u),
            begin,
            jac=lambda u: -slope(u),
            bounds=[(1e-12, 1)] * q.size,
            constraints={"type": "eq", "fun": lambda u: u.sum() - 1, "jac": np.ones_like},
            method="SLSQP",
            options={"ftol": 1e-12, "maxiter": 500},
        )
        begin = solved.x
    theirs = np.maximum(solved.x, 0) / np.maximum(solved.x, 0).sum()
    lost = gain(ours) - gain(theirs)
    scale = 1 + np.abs(q).max() + 1 / eta + entropy
    assert lost >= -1e-12 * scale
    if solved.success:  # and then it is as good as ours: it stops where it gains 1e-12
        assert lost <= 1e-6 * scale
    # The gain is strongly concave: whoever loses little is near.
    assert ((ours - theirs) ** 2).sum() <= 2 * eta * (lost + 1e-12 * scale)


@given(steps(magnitude=6, length=4))
def test_softmax_of_the_values_is_a_fixed_point_for_every_length_of_the_step(step):
    q, _, eta, entropy = step
    if entropy > 0:
        policy = special.softmax(q / entropy, axis=-1)
        u = mirror_step(q, policy, eta=eta, entropy=entropy)
        close = 1e-12 + 1e-15 * np.abs(q).max() / entropy  # rounding of q / entropy
        np.testing.assert_allclose(u, policy, rtol=0, atol=close)


def test_mirror_step_by_hand():
    half = np.array([0.5, 0.5])
    # Without entropy: the projection of (.5 + eta q0, .5 + eta q1), half the difference to each.
    for gap, share in ((0.4, 0.7), (1.0, 1.0), (5.0, 1.0), (-0.2, 0.4)):
        u = mirror_step(np.array([gap, 0.0]), half, eta=1.0, entropy=0.0)
        np.testing.assert_allclose(u, [share, 1 - share], rtol=1e-15, atol=1e-16)
    # A long step goes to the softmax, a short one stays.
    q = np.array([1.0, 0.0])
    u = mirror_step(q, half, eta=1e12, entropy=0.5)
    np.testing.assert_allclose(u, special.softmax(2 * q), rtol=0, atol=1e-11)
    u = mirror_step(q, half, eta=1e-9, entropy=0.5)
    np.testing.assert_allclose(u, half + 0.5e-9 * np.array([1, -1]), rtol=0, atol=1e-15)
    # Values of minus infinity are never played.
    u = mirror_step(np.array([0.0, -np.inf, 0.0]), np.array([1.0, 0, 0]), eta=1.0, entropy=0.2)
    assert u[1] == 0 and 0 < u[2] < u[0] < 1


@pytest.mark.parametrize("entropy", [0.0, 1e-8, 0.2, 1e6])
@pytest.mark.parametrize("magnitude", [1e-3, 1.0, 1e6])
def test_many_rows_give_the_same_bits_compiled_and_in_numpy(entropy, magnitude, use):
    generator = np.random.default_rng(0)
    q, policy = generator.normal(0, magnitude, (3, 100, 5)), generator.dirichlet(np.ones(5), 100)
    q[:, ::7, 2] = -np.inf
    compiled = mirror_step(q, policy, eta=2.0, entropy=entropy)
    few = mirror_step(q[1, :9], policy[:9], eta=2.0, entropy=entropy)  # left to NumPy
    use("numpy")
    assert np.array_equal(compiled, mirror_step(q, policy, eta=2.0, entropy=entropy))
    assert np.array_equal(compiled[1, :9], few)
    assert (compiled[:, ::7, 2] == 0).all()


@pytest.mark.parametrize(("eta", "steps"), [(0.1, 434), (1.0, 53), (10.0, 6)])
def test_exact_ascent_has_the_known_fixed_point_and_speed(eta, steps):
    learner = PolicyMirrorAscent(mode="exact", eta=eta, iterations=steps + 1)
    iterates = list(learner.learn(SIS))
    moves = [np.abs(two.policy - one.policy).max() for one, two in pairwise(iterates)]
    assert moves[-1] < 1e-12 <= moves[-2]  # after so many steps the next one moves less
    last = iterates[-1]
    np.testing.assert_allclose(last.policy[0], [0.609131, 0.390869], rtol=0, atol=5e-7)
    np.testing.assert_allclose(last.policy[1], 0.5, rtol=0, atol=1e-12)
    np.testing.assert_allclose(last.mean_field, [0.550853, 0.449147], rtol=0, atol=5e-7)
    np.testing.assert_allclose(last.q[0], [7.29248, 7.20375], rtol=0, atol=5e-6)
    np.testing.assert_allclose(last.q[1], 6.17048, rtol=0, atol=5e-6)
    # A last move below 1e-12 leaves the logits level within 1e-12 / (eta entropy).
    close = 1e-12 * (2 + 1 / (0.2 * eta))
    np.testing.assert_allclose(special.softmax(last.q / 0.2, -1), last.policy, rtol=0, atol=close)
    assert learner.temperature == 0.2


def test_exact_ascent_has_the_known_exploitabilities():
    learner = PolicyMirrorAscent(mode="exact", eta=1.0, iterations=11)
    gaps = [regularised_exploitability(SIS, i.policy, 0.2) for i in learner.learn(SIS)]
    known = {1: 0.017594, 2: 0.006620, 3: 0.002543, 6: 0.000153, 11: 1e-6}
    for step, gap in known.items():
        np.testing.assert_allclose(gaps[step - 1], gap, rtol=0, atol=5e-7)


def test_rewards_count_in_units_of_their_range():
    # r' = 3 r - 2: the same game with three times the temperature.
    other = dataclasses.replace(SIS, well=(1.0, -0.2), ill=(-1.4, -1.4))
    plain = PolicyMirrorAscent(mode="exact", iterations=4)
    wide = dataclasses.replace(plain, reward_range=(-2.0, 1.0))
    for one, two in zip(plain.learn(SIS), wide.learn(other), strict=True):
        np.testing.assert_allclose(two.policy, one.policy, rtol=0, atol=1e-14)
        np.testing.assert_allclose(two.q, 3 * one.q - 2 * (0.9 / 0.1 + 1), rtol=1e-13)
    assert wide.temperature == pytest.approx(0.6, rel=1e-15)


def test_exact_ascent_solves_games_with_a_horizon_and_illegal_actions(toys):
    game = toys.Corridor()
    learner = PolicyMirrorAscent(mode="exact", eta=0.3, entropy=0.5, iterations=200)
    *_, last = learner.learn(game)
    assert (last.policy[:, ~game.legal_actions] == 0).all()
    assert regularised_exploitability(game, last.policy, 0.5) < 1e-9
    whole = list(dataclasses.replace(learner, iterations=5).learn(game))
    for one, two in zip(learner.learn(game, start=whole[1]), whole[2:], strict=False):
        assert np.array_equal(one.policy, two.policy)


def test_ascent_without_entropy_finds_the_unregularised_equilibrium():
    game = make_game("no_interaction_chain")
    learner = PolicyMirrorAscent(mode="exact", entropy=0.0, iterations=30)
    assert exact.exploitability(game, list(learner.learn(game))[-1].policy) < 1e-10


def test_first_step_sizes_and_values_are_those_of_the_paper():
    rules = PolicyMirrorAscent(td_steps=5, delay=200.0, entropy=0.2).rules(0.9, 2)
    np.testing.assert_allclose(rules.betas, 2 / (0.1 * (199 + np.arange(5))), rtol=1e-7)
    np.testing.assert_allclose(rules.q_first, (1 + 0.2 * np.log(2)) / 0.1, rtol=1e-15)
    rules = PolicyMirrorAscent(td_steps=3, delay=2.0).rules(0.9, 2)
    assert (rules.betas == 1).all()
    rules = PolicyMirrorAscent(td_steps=7, replay_size=5, replay_passes=3).rules(0.9, 2)
    assert rules.betas.shape == (15,) and rules.stored == 5 and rules.steps == 35


def test_distances():
    one, two = np.array([[0.5, 0.5], [1, 0]]), np.array([[0.5, 0.5], [0.25, 0.75]])
    assert distance(one, two) == 1.5
    tables = np.float32([one, two])
    iterate = agents.Iterate(1, 0, tables.mean(0), np.ones(2), one, {"policy": tables})
    assert disagreement(SIS, iterate) == 0.75


def test_a_run_takes_its_metrics_and_goes_on(tmp_path):
    learner = PolicyMirrorAscent(mode="independent", num_players=5, iterations=2, td_steps=20)
    metrics = {"disagreement": disagreement}
    first = run(learner, SIS, [1, 2], metrics=metrics, out=tmp_path, progress=False)
    assert first.metrics["disagreement"].shape == (2, 2)
    again = run(learner, SIS, [1, 2], metrics=metrics, out=tmp_path, progress=False)
    assert np.array_equal(first.last.memory["policy"], again.last.memory["policy"])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"mode": "alone"},
            "mode must be one of 'centralised', 'independent', 'exact', got 'alone'",
        ),
        ({"num_players": 0}, "num_players must be at least 1, got 0"),
        ({"td_steps": 0}, "td_steps must be at least 1, got 0"),
        ({"mixing": -1}, "mixing must be at least 0, got -1"),
        ({"entropy": -0.1}, "entropy must be at least 0, got -0.1"),
        ({"eta": 0.0}, "eta must be positive and finite, got 0.0"),
        ({"rate": np.inf}, "rate must be positive and finite, got inf"),
        ({"delay": 1.0}, "delay must be above 1, got 1.0"),
        ({"discount": 1.0}, "discount must be in \\(0, 1\\), got 1.0"),
        ({"reward_range": (1.0, 1.0)}, "reward_range must be \\(low, high\\) with low < high"),
        ({"communication": Communication(radius=1)}, 'communication needs mode "independent"'),
    ],
)
def test_bad_parameters_name_value_and_bound(parameters, message):
    with pytest.raises(ValueError, match=message):
        PolicyMirrorAscent(**parameters)
    with pytest.raises(TypeError, match="td_steps must be a whole number, got 3000"):
        PolicyMirrorAscent(td_steps=3e3)


@pytest.mark.parametrize(
    ("learner", "source", "error", "message"),
    [
        (PolicyMirrorAscent(mode="exact"), "sis", TypeError, 'mode "exact" needs a FiniteGame'),
        (PolicyMirrorAscent(), 3, TypeError, "needs a FiniteGame or a PettingZoo"),
        (
            PolicyMirrorAscent(),
            dataclasses.replace(SIS, horizon=5),
            ValueError,
            "need a game without end, horizon is 5",
        ),
    ],
)
def test_sources_that_cannot_be_learned_are_named(learner, source, error, message):
    with pytest.raises(error, match=message):
        next(learner.learn(source))


def test_tables_that_do_not_fit_are_refused_with_the_size_they_need(monkeypatch):
    monkeypatch.setattr("mfg_envs.numerics.memory._free_memory", lambda: 2**29)
    road = make_game("ring_road", num_speeds=10)  # 50 states
    learner = PolicyMirrorAscent(mode="independent", num_players=100_000)
    # A line of 64 bytes a state, float32 policies before and after a step, and 24 bytes a player.
    with pytest.raises(ValueError, match=r"num_players = 100000 needs 0.7 GiB \(7224 bytes each\)"):
        next(learner.learn(road))
    with pytest.raises(ValueError, match=r"\(19224 bytes each\)"):  # and 12 a stored transition
        next(dataclasses.replace(learner, replay_size=1000).learn(road))
    with pytest.raises(ValueError, match=r"\(11248 bytes each\)"):  # policies of two seeds
        next(learner.learn(road, [1, 2]))


def test_public_names():
    assert agents.PolicyMirrorAscent is PolicyMirrorAscent
    assert {"PolicyMirrorAscent", "Communication"} <= set(agents.__all__)
