"""What both learners that know the mean action do: contract, resuming, policies of the limit."""

import dataclasses
import sys

import numpy as np
import pytest

pytest.importorskip("torch")

from agents import MeanFieldActorCritic, MeanFieldQ, check_learner
from agents.n_players import mean_actions
from agents.runs.contract import difference
from mfg_envs import exact, make_game, policies

SIS = make_game("sis", setting="two_actions")
BEACH = make_game("beach_bar_grid", num_cells=4, bar=2, horizon=3)
CARS = make_game("ring_road", num_cells=4, num_speeds=3, dynamics="position")
SHORT = {"num_players": 4, "copies": 2, "iterations": 3, "num_steps": 8, "num_updates": 2,
         "batch_size": 5, "hidden": (6,)}  # fmt: skip
LEARNERS = {
    "Q": MeanFieldQ(**SHORT),
    "Q of places": MeanFieldQ(**SHORT, neighbours="place"),
    "actor": MeanFieldActorCritic(**SHORT, replay_size=30),
}


@pytest.fixture(params=LEARNERS)
def learner(request):
    return LEARNERS[request.param]


@pytest.fixture(params=["stationary", "horizon", "illegal actions", "of controls"])
def game(request, toys, use):
    if request.param != "stationary":  # it settles in many steps
        use("numpy")
    games = {
        "stationary": SIS, "horizon": BEACH, "illegal actions": toys.Corridor(),
        "of controls": toys.Bids(),
    }  # fmt: skip
    return games[request.param]


def test_it_keeps_the_contract_of_learners(learner, use):
    use("numpy")
    check_learner(learner, BEACH)


def test_players_of_every_game_learn(learner, game):
    if learner.neighbours == "place" and not game.counts_what_is_observed:
        pytest.skip("players do not count where they are seen")
    *_, last = learner.learn(game, seed=3)
    legal = policies.observed_legal(game)
    assert last.samples == 4 * 2 * 8 * 4
    assert np.isfinite(last.q).all() and last.q.shape == last.policy.shape
    assert (last.policy[..., ~legal] == 0).all() and (last.policy[..., legal] > 0).all()
    law = exact.law_met(game, last.policy)
    law = law.sum(-1) if game.mean_field_of_controls else law
    np.testing.assert_allclose(last.mean_field, law, atol=1e-5)
    rows = last.memory["replay_action"]
    assert legal[last.memory["replay_state"], rows].all()
    assert len(rows) == min(learner.replay_size, 3 * 8 * 8)


def test_going_on_gives_the_same_bits(learner, game):
    if learner.neighbours == "place" and not game.counts_what_is_observed:
        pytest.skip("players do not count where they are seen")
    whole = list(learner.learn(game, seed=4))
    rest = list(learner.learn(game, seed=4, start=whole[0]))
    for one, two in zip(whole[1:], rest, strict=True):
        assert not difference(one, two)


def test_both_back_ends_give_the_same_bits(learner, use):
    pytest.importorskip("numba")
    runs = []
    for back_end in ("numpy", "numba"):
        use(back_end)
        runs.append(list(learner.learn(BEACH, seed=5))[-1])
    assert not difference(*runs)


@pytest.mark.parametrize("num_players", [1, 5])
def test_fewer_players_than_states_play_alike(num_players, use):
    """Whether the networks are asked for every state or for every player is no matter."""
    use("numpy")
    learner = dataclasses.replace(LEARNERS["Q of places"], num_players=num_players, copies=1)
    training = learner.prepare(BEACH, 0)
    training.begin()
    training.env.reset()
    kept = training._step(2.0)
    s = BEACH.observed[kept.state]
    seen = mean_actions.no_action(BEACH)[s]
    law = training._law(0, s, seen, 2.0)
    every = training._law(0, np.arange(4), mean_actions.no_action(BEACH), 2.0)
    np.testing.assert_allclose(law, every[s], rtol=1e-5)


def test_no_more_transitions_are_kept_of_a_step_than_wanted():
    *_, last = dataclasses.replace(LEARNERS["Q"], num_kept=3, iterations=1).learn(SIS)
    assert len(last.memory["replay_action"]) == 8 * 3
    *_, last = dataclasses.replace(LEARNERS["Q"], replay_size=10).learn(SIS)
    assert len(last.memory["replay_action"]) == 10


def test_rewards_in_another_unit_change_nothing(learner):
    dear = dataclasses.replace(SIS, **{name: tuple(4 * v for v in getattr(SIS, name))
                                       for name in ("well", "ill")})  # fmt: skip
    for one, two in zip(learner.learn(SIS), learner.learn(dear), strict=True):
        assert np.array_equal(two.policy, one.policy)
        np.testing.assert_allclose(two.q, 4 * one.q, rtol=1e-12)


def test_bad_parameters_and_games_are_named(toys):
    with pytest.raises(
        ValueError, match=r"neighbours must be one of 'everybody', 'place', got 'me'"
    ):
        MeanFieldQ(neighbours="me")
    with pytest.raises(ValueError, match=r"hidden must have one width at least, got \(\)"):
        MeanFieldQ(hidden=())
    with pytest.raises(ValueError, match=r'neighbours = "place" needs players who count where'):
        next(MeanFieldQ(neighbours="place").learn(toys.Queues()))
    *_, last = LEARNERS["Q"].learn(SIS)
    with pytest.raises(ValueError, match=r"start has networks of \d+ weights, this learner needs"):
        next(LEARNERS["Q"].learn(BEACH, start=last))
    with pytest.raises(TypeError, match="finite"):
        next(MeanFieldActorCritic().learn(make_game("beach_bar")))


def test_without_pytorch_what_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "agents.n_players.mean_action_training", None)
    with pytest.raises(
        ImportError, match=r'MeanFieldQ needs PyTorch: pip install "mfg-envs\[sb3\]"'
    ):
        next(MeanFieldQ().learn(SIS))
