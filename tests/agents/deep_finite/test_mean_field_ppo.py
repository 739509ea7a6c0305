"""PPO against the mean field of its own policy: its loss, and what it learns."""

from __future__ import annotations

import numpy as np
import pytest
from toys.complete import Epidemic, Market

from agents import MeanFieldPPO, check_learner
from agents.deep_finite.clipped_surrogate import Rollout, improve_policy
from agents.deep_finite.timed_networks import TimedNetworks
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
    check_learner(MeanFieldPPO(**(SHORT | changes)), SMALL)


@pytest.mark.parametrize("changes", [{}, {"num_agents": 7}], ids=repr)
def test_it_keeps_the_contract_of_learners_in_a_stationary_game(changes):
    check_learner(MeanFieldPPO(**(SHORT | changes)), Epidemic(horizon=None))


@pytest.mark.parametrize("changes", [{}, {"num_agents": 100}, {"crowd": 1000}], ids=repr)
def test_its_exploitability_falls(changes):
    game = make_game("crowd_modelling")
    assert score(MeanFieldPPO(iterations=20, num_players=2000, **changes), game) < 0.15


def test_it_learns_with_controls_illegal_actions_and_partly_observed_states():
    assert score(MeanFieldPPO(iterations=20, num_players=1000), Market()) < 0.3


def networks_of(game):
    networks = TimedNetworks(game, True, 0, (8,), "cpu")
    networks.load(networks.begin(0))
    return networks


def test_players_looked_up_by_state_and_looked_at_one_by_one_teach_the_same():
    # With as many players as a batch holds, nothing is drawn: only the way to look differs.
    rng = np.random.default_rng(0)
    few = MeanFieldPPO(batch=4, updates=1)
    shape = (3, 4)
    x, a = rng.integers(0, 5, shape), rng.integers(0, 3, shape)
    part = Rollout(x, a, np.full(shape, -np.log(3)), rng.normal(size=shape), np.ones(shape))
    twice = Rollout(*(np.concatenate([column, column], 1) for column in part))
    found = []
    for learner, rollout in ((few, part), (MeanFieldPPO(batch=8, updates=1), twice)):
        networks = networks_of(SMALL)
        improve_policy(learner, networks, rollout, 1, np.uint64(7))
        found.append(networks.save()["moments"][0])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4, atol=1e-7)


def test_the_gradient_is_that_of_the_loss_in_the_docstring():
    learner = MeanFieldPPO(updates=1, value_weight=0.0, entropy_weight=0.0, clip=0.2)
    x, a = np.zeros((3, 2), int), np.array([[0, 1]] * 3)
    ratio_before = np.log([0.1, 0.5])  # all actions are alike by now
    gain = np.tile([1.0, -1.0], (3, 1))
    networks = networks_of(SMALL)
    rollout = Rollout(x, a, np.tile(ratio_before, (3, 1)), gain, np.zeros((3, 2)))
    improve_policy(learner, networks, rollout, 1, np.uint64(7))
    moved = networks.save()["moments"][0]
    assert np.abs(moved).max() < 1e-12  # 1/3 / .1 > 1.2 and 1/3 / .5 < .8: both are clipped
    alone = networks_of(SMALL)
    improve_policy(learner, alone, rollout._replace(advantage=-gain), 1, np.uint64(7))
    assert np.abs(alone.save()["moments"][0]).max() > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("name", ["four_rooms_grid", "ring_road", "sis"])
def test_games_with_default_parameters(name):
    assert score(MeanFieldPPO(), make_game(name)) < 0.05
