"""Deep Munchausen mirror descent against its exact twin, and in games of every kind."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from toys.complete import Epidemic, Market

from agents import DeepMunchausenOMD, MunchausenOMD, check_learner
from mfg_envs import exact, make_game, policies

SMALL = make_game("crowd_modelling", num_cells=5, horizon=3)
SHORT = {"iterations": 3, "num_players": 60, "updates": 3, "hidden": (8,), "num_steps": 4}


@pytest.fixture(autouse=True)
def numpy(use):
    use("numpy")


def last(learner, game, seed=0):
    *_, iterate = learner.learn(game, seed)
    return iterate


@pytest.mark.parametrize("alpha", [1.0, 0.8])
def test_the_iterates_are_those_of_the_exact_learner_up_to_samples(alpha):
    learner = DeepMunchausenOMD(iterations=4, alpha=alpha, num_players=10_000, updates=100)
    found = list(learner.learn(SMALL))
    temperature = float(found[0].memory["temperature"])
    twin = MunchausenOMD(iterations=4, alpha=alpha, temperature=temperature)
    for one, two in zip(found, twin.learn(SMALL), strict=True):
        visited = exact.flow(SMALL, one.policy) > 1e-3
        assert np.abs(one.policy - two.policy)[visited].max() < 0.06
        if alpha == 1:  # else the first values are without entropy, its unit is not known yet
            assert np.abs(one.q - two.q)[visited].max() < 0.1 * np.ptp(two.q)
    assert exact.exploitability(SMALL, one.policy) < 0.7 * exact.exploitability(
        SMALL, policies.uniform(SMALL)
    )


def test_the_temperature_is_in_units_of_the_spread_of_the_first_action_values():
    learner = DeepMunchausenOMD(iterations=1, temperature=3.0, num_players=20_000, updates=100)
    found = last(learner, SMALL)
    policy = policies.uniform(SMALL)
    law = exact.flow(SMALL, policy)
    q = exact.action_values(SMALL, law, policy)
    spread = np.sqrt((law * q.var(-1)).sum(-1).mean())
    assert float(found.memory["temperature"]) == pytest.approx(3 * spread, rel=0.05)
    greedy = q.argmax(-1)[:-1]  # at the end all that matters is the cost of a move
    assert (found.policy.argmax(-1)[:-1] == greedy)[law[:-1] > 0.01].mean() > 0.8


@pytest.mark.parametrize(
    "changes", [{}, {"num_agents": 20}, {"crowd": 200}, {"observe": "state", "waves": 2}], ids=repr
)
def test_it_keeps_the_contract_of_learners_in_a_game_with_an_end(changes):
    check_learner(DeepMunchausenOMD(**(SHORT | changes)), SMALL)


@pytest.mark.parametrize("changes", [{"sweeps": 2, "batch": 1}, {"num_agents": 7}], ids=repr)
def test_it_keeps_the_contract_of_learners_in_a_stationary_game(changes):
    check_learner(DeepMunchausenOMD(**(SHORT | changes)), Epidemic(horizon=None))


def test_it_learns_with_controls_illegal_actions_and_partly_observed_states():
    game = Market()
    found = last(DeepMunchausenOMD(iterations=8, num_players=2000, updates=40), game)
    uniform = exact.exploitability(game, policies.uniform(game))
    assert exact.exploitability(game, found.policy) < 0.3 * uniform


@pytest.mark.parametrize(
    "changes", [{"num_agents": 100, "explore": 0.2}, {"crowd": 1000}], ids=repr
)
def test_sampled_crowds_teach_nearly_what_the_limit_does(changes):
    game = make_game("beach_bar_grid", num_cells=8, bar=4, horizon=6)
    learner = DeepMunchausenOMD(iterations=8, num_players=2000, updates=40, **changes)
    uniform = exact.exploitability(game, policies.uniform(game))
    assert exact.exploitability(game, last(learner, game).policy) < 0.3 * uniform


def test_coordinates_and_waves_learn_what_one_hot_vectors_do():
    game = make_game("four_rooms_grid", layout="torus", plan=(" " * 5,) * 5, horizon=6)
    learner = DeepMunchausenOMD(iterations=6, observe="state", hidden=(64, 64), waves=3)
    uniform = exact.exploitability(game, policies.uniform(game))
    assert exact.exploitability(game, last(learner, game).policy) < 0.25 * uniform


def test_a_batch_smaller_than_what_was_visited_learns_too():
    game = make_game("beach_bar_grid", num_cells=8, bar=4, horizon=6)
    learner = DeepMunchausenOMD(iterations=6, num_players=2000, batch=4, updates=40)
    uniform = exact.exploitability(game, policies.uniform(game))
    assert exact.exploitability(game, last(learner, game).policy) < 0.4 * uniform


def test_where_all_actions_earn_the_same_it_stays_near_the_uniform_policy():
    game = dataclasses.replace(SMALL, crowd_aversion=0.0, horizon=1)  # all start anywhere, once
    found = last(DeepMunchausenOMD(iterations=1, num_players=500), game)
    assert np.isfinite(found.policy).all() and np.isfinite(found.q).all()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"hidden": ()}, "hidden must be a tuple"),
        ({"num_agents": 5, "crowd": 7}, "crowd is of the limit, got 7 with num_agents=5"),
        ({"temperature": 0.0}, "temperature must be positive, got 0"),
        ({"observe": "time"}, "observe must be one of"),
    ],
)
def test_bad_parameters_are_named(parameters, words):
    with pytest.raises(ValueError, match=words):
        DeepMunchausenOMD(**parameters)


def test_bad_games_and_starts_are_named():
    with pytest.raises(ValueError, match="crowd must be None in a stationary game, got 9"):
        next(DeepMunchausenOMD(crowd=9).learn(Epidemic(horizon=None)))
    with pytest.raises(TypeError, match="finite"):
        next(DeepMunchausenOMD().learn(make_game("linear_quadratic")))
    found = last(DeepMunchausenOMD(**SHORT), SMALL)
    with pytest.raises(ValueError, match="start has networks with weights"):
        next(DeepMunchausenOMD(**(SHORT | {"hidden": (9,)})).learn(SMALL, 0, found))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_four_rooms_with_default_parameters(seed):
    game = make_game("four_rooms_grid")
    found = last(DeepMunchausenOMD(iterations=15), game, seed)
    assert exact.exploitability(game, found.policy) < 8  # 167.66 where everybody acts at random


@pytest.mark.slow
def test_a_torus_of_more_than_a_hundred_thousand_cells():
    game = make_game("four_rooms_grid", layout="torus", plan=(" " * 320,) * 320, horizon=20)
    learner = DeepMunchausenOMD(iterations=10, hidden=(64, 64), num_players=10_000)
    assert game.num_states == 102_400
    uniform = exact.exploitability(game, policies.uniform(game))
    assert exact.exploitability(game, last(learner, game).policy) < 0.15 * uniform
