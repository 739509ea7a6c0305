import numpy as np
import pytest

from agents.n_players import mean_actions
from mfg_envs import exact, make_game, policies

CHAIN = make_game("no_interaction_chain", num_cells=3, slip=0.0, discount=0.5)


def test_shares_of_actions_are_those_of_everybody():
    a, x = np.array([[0, 0, 1, 2], [2, 2, 2, 2]]), np.zeros((2, 4), int)
    seen = mean_actions.of_players(CHAIN, "everybody", a, x)
    assert seen.shape == (2, 3, 3) and seen.dtype == np.float32
    assert seen[0].tolist() == [[0.5, 0.25, 0.25]] * 3
    assert seen[1].tolist() == [[0, 0, 1]] * 3


def test_shares_at_a_place_are_of_those_who_stand_there_now():
    a, x = np.array([[0, 0, 1, 2]]), np.array([[0, 0, 0, 2]])
    seen = mean_actions.of_players(CHAIN, "place", a, x)
    np.testing.assert_allclose(seen[0, 0], [2 / 3, 1 / 3, 0], rtol=1e-6)
    np.testing.assert_allclose(seen[0, 1], 1 / 3, rtol=1e-6)  # nobody is there
    assert seen[0, 2].tolist() == [0, 0, 1]


def test_laws_give_what_many_players_give():
    # In cell 1 of 3: left, stay and right lead to the cells 0, 1, 2; those in 0 all stay.
    law = np.array([0.5, 0.5, 0])
    rule = np.array([[0, 1, 0], [0.5, 0.25, 0.25], [0, 1, 0]])
    everybody = mean_actions.of_laws(CHAIN, 0, "everybody", law, rule)
    assert everybody.tolist() == [[0.25, 0.625, 0.125]] * 3
    place = mean_actions.of_laws(CHAIN, 0, "place", law, rule)
    np.testing.assert_allclose(place, [[1 / 3, 2 / 3, 0], [0, 1, 0], [0, 0, 1]], rtol=1e-6)


def test_when_nobody_has_acted_all_actions_are_alike():
    assert mean_actions.no_action(CHAIN, 2).tolist() == [[[np.float32(1 / 3)] * 3] * 3] * 2


@pytest.mark.parametrize("neighbours", mean_actions.NEIGHBOURS)
def test_along_the_flow_players_see_the_mean_action_that_they_make(neighbours, toys):
    game = toys.Walk(horizon=4)

    def rule_of(t, seen):
        go = 0.2 + 0.1 * t + 0.5 * seen[:, 1]
        return np.stack([1 - go, go], -1)

    policy, laws, known, _ = mean_actions.along(game, neighbours, rule_of)
    np.testing.assert_allclose(laws, exact.flow(game, policy), atol=1e-14)
    np.testing.assert_allclose(known[0], 0.5)
    for t in range(4):
        np.testing.assert_allclose(policy[t], rule_of(t, known[t]))
    if neighbours == "everybody":
        made = (laws[:-1, :, None] * policy[:-1]).sum(1)
        np.testing.assert_allclose(known[1:], np.repeat(made[:, None], 5, 1), atol=1e-6)


@pytest.mark.parametrize("neighbours", mean_actions.NEIGHBOURS)
def test_without_a_horizon_everything_stands_still(neighbours, toys):
    game = toys.Walk(horizon=None)

    def rule_of(t, seen):
        go = np.clip(1.0 - 0.9 * seen[:, 1] + 0.05 * np.arange(5), 0, 1)
        return np.stack([1 - go, go], -1)

    policy, law, known, unrest = mean_actions.along(game, neighbours, rule_of)
    assert unrest < mean_actions.SETTLED
    np.testing.assert_allclose(law, exact.stationary_mean_field(game, policy), atol=1e-5)
    made = mean_actions.of_laws(game, 0, neighbours, law, policy)
    np.testing.assert_allclose(known, made, atol=2e-6)
    np.testing.assert_allclose(policy, rule_of(0, known), atol=2e-6)
    assert np.ptp(policy[:, 1]) > 0.01  # it is no constant that was found


def test_illegal_actions_are_never_seen(toys):
    game = toys.Corridor()
    uniform = policies.uniform(game)[0]
    limit = mean_actions.along(game, "place", lambda t, seen: uniform)
    assert limit.known.shape == (game.horizon, game.num_states, game.num_actions)


def test_players_who_go_round_are_told_from_those_who_stand_still(toys):
    game = toys.Walk(horizon=None)

    def contrary(t, seen):
        go = np.where(seen[:, 1] < 0.6, 0.9, 0.1)
        return np.stack([1 - go, go], -1)

    assert mean_actions.along(game, "everybody", contrary).unrest > 0.1
