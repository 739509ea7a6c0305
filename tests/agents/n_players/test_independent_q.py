import dataclasses

import numpy as np
import pytest

from agents import IndependentQ, check_learner
from agents.n_players.independent_q import average, shares
from agents.n_players.tables import Rules
from agents.runs.contract import difference
from mfg_envs import exact, make_game, policies
from mfg_envs.players.policy import Draws
from mfg_envs.simulate.batch import BatchEnv

SIS = make_game("sis", setting="two_actions")
BEACH = make_game("beach_bar_grid", num_cells=5, bar=2, horizon=4)
CARS = make_game("ring_road", num_cells=5, num_speeds=4, dynamics="position")
SHORT = IndependentQ(num_players=4, iterations=3, num_steps=10)
GAMES = {"stationary": SIS, "horizon": BEACH, "observed cells": CARS}


@pytest.fixture(params=[*GAMES, "illegal actions", "of controls", "places"])
def game(request, toys):
    own = {"illegal actions": toys.Corridor, "of controls": toys.Bids, "places": toys.Queues}
    return GAMES[request.param] if request.param in GAMES else own[request.param]()


def test_it_keeps_the_contract_of_learners(game, use):
    use("numpy")
    check_learner(SHORT, game)


def test_both_back_ends_give_the_same_bits(game, use):
    pytest.importorskip("numba")
    runs = []
    for back_end in ("numpy", "numba"):
        use(back_end)
        runs.append(list(dataclasses.replace(SHORT, num_players=30).learn(game, seed=5)))
    for one, two in zip(*runs, strict=True):
        assert not difference(one, two)


def test_alone_without_interaction_it_finds_the_exact_values():
    game = make_game("no_interaction_chain", num_cells=4, discount=0.8)
    learner = IndependentQ(num_players=1, iterations=10, num_steps=3000, temperature=1.0, cooling=0)
    *_, last = learner.learn(game)
    law = exact.law_met(game, last.policy)
    q = exact.action_values(game, law)
    scale = last.memory["unit"][1]
    often = last.memory["visits"][0] > 500  # the others are still on their way
    assert often.any(-1).all() and often.sum() >= 6
    np.testing.assert_allclose(last.q[often], q[often], atol=0.1 * scale)
    best = policies.greedy(last.q, game.legal_actions)
    assert exact.exploitability(game, best) < 1e-9


def test_with_a_horizon_it_finds_the_exact_values_of_every_time():
    game = make_game("no_interaction_chain", num_cells=3, horizon=3, discount=1.0)
    learner = IndependentQ(num_players=1, iterations=5, num_steps=3000, temperature=2, decay=0.9)
    *_, last = learner.learn(game)
    q = exact.action_values(game, exact.flow(game, last.policy))
    often = last.memory["visits"][0] > 300
    assert often.any((-1, -2)).all()
    np.testing.assert_allclose(last.q[often], q[often], atol=0.06 * last.memory["unit"][1])


def test_many_learn_what_is_hardly_exploitable():
    learner = IndependentQ(num_players=100, iterations=10)
    *_, last = learner.learn(SIS)
    uniform = exact.exploitability(SIS, policies.uniform(SIS))
    assert exact.exploitability(SIS, last.policy) < 0.1 * uniform
    np.testing.assert_allclose(last.mean_field, exact.law_met(SIS, last.policy), atol=0.02)
    assert last.samples == 100 * 1000 * 11  # ten iterations, and steps at random before


def test_the_average_behaviour_weighs_players_by_where_they_were():
    legal = np.array([[True, True], [True, False], [True, True]])
    rules = Rules(legal, np.log(3), np.ones(1, np.float32), 1.0, 0.0, 1.0)
    q = np.zeros((2, 3, 2), np.float32)
    q[1, :, 0] = 1.0  # the second player's laws are (3/4, 1/4) where both actions are legal
    seen = np.array([[3, 1, 0], [1, 2, 0]], np.uint16)
    policy, mean_q, total = average(q, seen, rules)
    np.testing.assert_allclose(policy[:, 0], [0.75 * 0.5 + 0.25 * 0.75, 1, 0.5 * 0.5 + 0.5 * 0.75])
    np.testing.assert_allclose(mean_q[:, 0], [0.25, 2 / 3, 0.5])
    assert total.tolist() == [4, 3, 0]
    assert shares(total.reshape(1, 3)).tolist() == [[4 / 7, 3 / 7, 0]]
    assert shares(np.zeros((1, 2))).tolist() == [[0.5, 0.5]]


def test_everybody_plays_its_own_table(game):
    *_, last = SHORT.learn(game, seed=1)
    q = last.memory["q"] if game.horizon is None else last.memory["q"][:, game.horizon - 1]
    legal = policies.observed_legal(game)
    followed = dataclasses.replace(SHORT, temperature=1e-9).players(game, last)  # does the best
    env = BatchEnv(game, 5, 6, seed=3)
    env.reset()
    t = 0 if game.horizon is None else game.horizon - 1
    acted, seen = followed.act(t, env.state, Draws.of(env)), game.observed[env.state]
    for b, i in np.ndindex(5, 6):
        own = np.where(
            legal[seen[b, i]], q[i % 4, seen[b, i]], -np.inf
        )  # the fifth plays the first
        assert own[acted[b, i]] == own.max()
    assert np.isfinite(env.rollout(SHORT.players(game, last), 2).reward).all()


def test_bad_parameters_and_too_many_players_are_named(toys):
    with pytest.raises(ValueError, match="temperature must be positive, got 0"):
        IndependentQ(temperature=0.0)
    with pytest.raises(ValueError, match=r"decay must be in \[0, 1\], got 2"):
        IndependentQ(decay=2.0)
    with pytest.raises(ValueError, match="num_players = 1000000000 needs"):
        next(IndependentQ(num_players=10**9).learn(SIS))
    with pytest.raises(ValueError, match="observed as one must have the same legal actions"):
        next(SHORT.learn(toys.Market()))
    *_, last = SHORT.learn(SIS)
    with pytest.raises(ValueError, match=r"start has tables \(4, 2, 2\), this learner needs "):
        next(SHORT.learn(BEACH, start=last))
    with pytest.raises(TypeError, match="finite"):
        next(IndependentQ().learn(make_game("beach_bar")))
