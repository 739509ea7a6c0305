"""MF-OMO: its first step, where descent ends, and how it goes on."""

from __future__ import annotations

import io

import numpy as np
import pytest

from agents import MFOMO, FictitiousPlay, Iterate
from mfg_envs import exact, make_game, policies
from mfg_envs.exact.discretise import discretise


def last(learner, game, start=None):
    return list(learner.learn(game, start=start))[-1]


def test_the_first_step_by_hand(use):
    use("numpy")
    # All alike, right costs 1 and left 1/2.  Adam's first step is the rate itself: up for left,
    # down for right, from equal logits.  The unit is what going right loses.
    first = next(MFOMO(rate=0.3).learn(make_game("left_right")))
    assert first.policy[0, 0, 0] == pytest.approx(1 / (1 + np.exp(-0.6)), rel=1e-9)
    assert first.memory["scale"] == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize(
    "name", ["left_right", "crowd_modelling", "lasry_lions_chain", "two_bar_coordination", "sis"]
)
def test_descent_ends_in_an_equilibrium(name, use):
    use("numba" if name == "sis" else "numpy")  # a compilation takes longer than these descents
    game = make_game(name)
    first = exact.exploitability(game, policies.uniform(game))
    iterate = last(MFOMO(), game)
    assert exact.exploitability(game, iterate.policy) <= 1e-4 * first
    assert iterate.memory["objective"].sum() <= 1e-4


@pytest.mark.parametrize(
    ("name", "policy"),
    [("rock_paper_scissors", np.full((3, 3), 1 / 3)), ("contraction_game", np.eye(2)[[0, 0]])],
)
def test_an_equilibrium_to_rounding_is_not_left(name, policy, use):
    use("numpy")
    game = make_game(name)
    start = Iterate(0, 0, policy, policy, policy, {})
    for iterate in MFOMO(iterations=20).learn(game, start=start):
        assert np.abs(iterate.policy - policy).max() < 1e-6


def test_descent_in_free_measures_finds_the_equilibrium_too(use):
    use("numpy")
    iterate = last(MFOMO(free=True), make_game("left_right"))
    assert iterate.policy[0, 0, 0] == pytest.approx(2 / 3, abs=1e-4)
    assert iterate.mean_field[1, 1] == pytest.approx(2 / 3, abs=1e-4)


def test_the_start_decides_which_equilibrium_is_found(use):
    use("numpy")
    game = make_game("two_bar_coordination")
    for bar in game.bars:
        straight = np.eye(3)[np.sign(bar - np.arange(7)) + 1]
        start = Iterate(0, 0, straight, straight, straight, {})
        iterate = last(MFOMO(), game, start)
        assert exact.exploitability(game, iterate.policy) < 1e-3
        assert iterate.mean_field[bar] > 0.9


def test_descent_goes_on_from_the_policy_of_another_learner(use):
    use("numpy")
    game = make_game("crowd_modelling")
    before = last(FictitiousPlay(iterations=20), game)
    first = next(MFOMO(rate=0.1).learn(game, start=before))
    assert first.iteration == 1
    # Adam's steps are at most the rate, so chances change by at most exp(2 rate); the least
    # chance at the start is 1e-8.
    assert (first.policy <= np.exp(0.2) * (before.policy + 1e-8)).all()
    assert (first.policy >= np.exp(-0.2) * before.policy * (1 - 3e-8)).all()


@pytest.mark.parametrize("learner", [MFOMO(iterations=5), MFOMO(iterations=5, free=True)], ids=repr)
def test_going_on_from_a_saved_iterate_gives_the_same_bits(learner, any_game):
    whole = list(learner.learn(any_game))
    file = io.BytesIO()
    np.savez(file, **whole[1].memory)
    file.seek(0)
    with np.load(file) as arrays:
        saved = whole[1]._replace(memory=dict(arrays))
    for one, two in zip(learner.learn(any_game, start=saved), whole[2:], strict=True):
        assert one.iteration == two.iteration
        for name in ("policy", "mean_field", "q"):
            assert np.array_equal(getattr(one, name), getattr(two, name))
        assert one.memory.keys() == two.memory.keys()
        assert all(np.array_equal(one.memory[k], two.memory[k]) for k in two.memory)


def test_a_local_minimum_shows_in_the_objective_and_more_weight_on_optimality_avoids_it():
    game = make_game("sis", horizon=20)
    stuck, freed = (last(MFOMO(c2=c2), game) for c2 in (10.0, 1000.0))
    assert stuck.memory["objective"].sum() > 1e-3
    assert freed.memory["objective"].sum() < 1e-5
    assert exact.exploitability(game, freed.policy) < exact.exploitability(game, stuck.policy)


def test_a_congested_crowd_may_rest_where_it_would_not_have_come(use):
    use("numpy")
    # Whoever is not on the full target cannot enter it: to stay anywhere is an equilibrium.
    game = make_game("kinetic_congestion")
    iterate = last(MFOMO(iterations=3000), game)
    assert iterate.memory["objective"].sum() < 1e-10
    law = iterate.mean_field
    assert np.abs(exact.push_forward(game, 0, law, iterate.policy) - law).sum() < 1e-5
    best, own = (exact.value(game, law, policy) for policy in (None, iterate.policy))
    assert best - own < 1e-4


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"iterations": 0}, "iterations must be at least 1, got 0"),
        ({"c2": 0.0}, "c2 must be positive, got 0.0"),
        ({"rate": -1.0}, "rate must be positive, got -1.0"),
        ({"value_rate": float("inf")}, "value_rate must be finite, got inf"),
    ],
)
def test_bad_parameters_name_value_and_bound(parameters, message):
    with pytest.raises(ValueError, match=message):
        MFOMO(**parameters)


def test_a_game_that_is_too_large_is_refused_before_anything_is_built(monkeypatch):
    monkeypatch.setattr("mfg_envs.numerics.memory._free_memory", lambda: 1000)
    with pytest.raises(ValueError, match=r"horizon \* num_states \* num_actions = 300 needs"):
        next(MFOMO().learn(make_game("crowd_modelling")))


def test_a_mean_field_that_does_not_count_players_is_refused():
    game = discretise(make_game("linear_quadratic"), num_states=5, num_actions=3)
    with pytest.raises(ValueError, match="counts players, GridGame has another"):
        next(MFOMO().learn(game))
