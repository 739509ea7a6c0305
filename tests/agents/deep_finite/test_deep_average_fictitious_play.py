"""Deep fictitious play: responses against exact ones, the reservoir, and their average."""

from __future__ import annotations

import numpy as np
import pytest
from toys.complete import Epidemic, Market

from agents import DeepFictitiousPlay, check_learner
from mfg_envs import exact, make_game, policies

SMALL = make_game("crowd_modelling", num_cells=5, horizon=3)
SHORT = {"iterations": 3, "num_players": 60, "updates": 3, "hidden": (8,), "num_steps": 4}


@pytest.fixture(autouse=True)
def numpy(use):
    use("numpy")


def score(learner, game, seed=0):
    """Return the share of the exploitability of random play that is left."""
    *_, last = learner.learn(game, seed)
    uniform = exact.exploitability(game, policies.uniform(game))
    return exact.exploitability(game, last.policy) / uniform


@pytest.mark.parametrize(
    "changes", [{}, {"num_agents": 20}, {"crowd": 200}, {"observe": "state", "batch": 4}], ids=repr
)
def test_it_keeps_the_contract_of_learners_in_a_game_with_an_end(changes):
    check_learner(DeepFictitiousPlay(**(SHORT | changes)), SMALL)


@pytest.mark.parametrize("changes", [{"sweeps": 2}, {"num_agents": 7}], ids=repr)
def test_it_keeps_the_contract_of_learners_in_a_stationary_game(changes):
    check_learner(DeepFictitiousPlay(**(SHORT | changes)), Epidemic(horizon=None))


def test_the_first_average_is_the_exact_best_response_to_random_play():
    learner = DeepFictitiousPlay(iterations=1, num_players=5000, updates=150, average_updates=150)
    (found,) = learner.learn(SMALL)
    law = exact.flow(SMALL, policies.uniform(SMALL))
    best = exact.action_values(SMALL, law)
    assert np.abs(found.q - best)[law > 0.01].max() < 0.1 * np.ptp(best)
    response = exact.best_response(SMALL, law)
    sure = (np.sort(best, -1)[..., -1] - np.sort(best, -1)[..., -2] > 0.1) & (
        exact.flow(SMALL, response) > 0.01
    )
    assert sure.sum() >= 5
    assert np.abs(found.policy - response)[sure].max() < 0.1


def test_the_average_network_plays_what_is_in_the_reservoir():
    learner = DeepFictitiousPlay(iterations=4, num_players=3000, average_updates=150)
    *_, found = learner.learn(SMALL)
    x, a = found.memory["states"], found.memory["actions"]
    for t in range(3):
        counts = np.zeros((5, 3))
        np.add.at(counts, (x[t], a[t]), 1)
        often = counts.sum(-1) > 100
        share = counts / counts.sum(-1, keepdims=True).clip(1)
        assert np.abs(found.policy[t] - share)[often].max() < 0.05


def test_every_response_has_the_same_share_of_the_reservoir():
    learner = DeepFictitiousPlay(iterations=4, num_players=3000, updates=2)
    before, *rest = learner.learn(SMALL)
    for k, after in enumerate(rest, 2):
        same = np.all([before.memory[n] == after.memory[n] for n in ("states", "actions")], 0)
        # A player of the new response may stand where the old one stood.
        assert same[-1].mean() == pytest.approx(1 - 1 / k, abs=0.5 / k)
        assert same[-1].mean() > 1 - 1 / k - 0.03
        before = after


@pytest.mark.parametrize(
    "changes", [{}, {"num_agents": 100, "explore": 0.2}, {"crowd": 1000}], ids=repr
)
def test_its_exploitability_falls(changes):
    game = make_game("beach_bar_grid", num_cells=8, bar=4, horizon=6)
    learner = DeepFictitiousPlay(iterations=10, num_players=1000, **changes)
    assert score(learner, game) < 0.6


def test_it_learns_with_controls_illegal_actions_and_partly_observed_states():
    assert score(DeepFictitiousPlay(iterations=8, num_players=1000), Market()) < 0.3
