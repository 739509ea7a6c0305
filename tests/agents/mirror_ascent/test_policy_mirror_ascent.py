import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from scipy import special

import agents
from agents import Communication, PolicyMirrorAscent
from agents.mirror_ascent.policy_mirror_ascent import disagreement, distance
from agents.runs.running import run
from mfg_envs import exact, make_game
from mfg_envs.metrics import regularised_exploitability

SIS = make_game("sis", setting="two_actions")


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
        ({"eta": 0.0}, "eta must be positive, got 0.0"),
        ({"rate": np.inf}, "rate must be finite, got inf"),
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
