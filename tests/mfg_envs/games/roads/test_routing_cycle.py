"""The stationary game on the one-way roads of Sioux Falls, against the paper's numbers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mfg_envs import BatchEnv, check_game, exact, make_game, policies
from mfg_envs.games.roads.round_trips import split
from mfg_envs.games.roads.routing_cycle import RoutingCycle, TrafficAssignment

ONE_WAY = {
    1: [2, 3], 2: [6], 3: [4, 12], 4: [5, 11], 5: [6, 9], 6: [8], 7: [18], 8: [16, 7], 9: [8, 10],
    10: [16, 15, 17], 11: [10, 14], 12: [11, 13], 13: [24], 14: [23, 15], 15: [22, 19],
    16: [18, 17], 17: [19], 18: [20], 19: [20], 20: [1], 21: [20], 22: [21, 20], 23: [24, 22],
    24: [21],
}  # fmt: skip
"""Where the links of every node lead, as the paper's figure lists them; 20 is the destination."""


def start_field(game, rotation):
    """Return the mean field the paper's learners start from, (S,).

    Two bumps, the densities of N(-.5, .1) and N(.5, .1) at S points evenly spread over [-1, 1],
    normalised and turned by a number of states that is drawn at random.
    """
    z = np.linspace(-1, 1, game.num_states)
    bumps = sum(np.exp(-0.5 * ((z - centre) / 0.1) ** 2) for centre in (-0.5, 0.5))
    return np.roll(bumps / bumps.sum(), rotation)


def mse(game, m, optimum):
    """Return the paper's error of a mean field, ``(1/S) sum_s (S (M(s) - m_opt(s)))^2``."""
    return float(np.mean((game.num_states * (m - optimum)) ** 2))


def test_the_graph_is_that_of_the_paper():
    game = RoutingCycle()
    assert (game.num_states, game.num_actions, game.mean_field_shape) == (24, 3, (24,))
    for node, heads in ONE_WAY.items():
        legal = 3 if node == 20 else len(heads)  # at home every action leads back to the origin
        assert game.legal_actions[node - 1].sum() == legal
        x, a = np.full(legal, node - 1), np.arange(legal)
        goes = game.noise_law(0, x, a, None)[1]
        assert set(goes.tolist()) == {float(node == 20)}
        after = game.step(0, x, a, None, np.full(legal, int(node == 20)))
        assert (after + 1).tolist() == (heads * 3 if node == 20 else heads)


def test_a_uniform_policy_spreads_as_worked_out_by_hand():
    game = RoutingCycle()
    m = exact.stationary_mean_field(game, policies.uniform(game))
    known = {
        1: 12.903, 2: 6.452, 3: 6.452, 4: 3.226, 5: 1.613, 6: 7.258, 7: 3.831, 8: 7.661,
        9: 0.806, 10: 2.016, 20: 12.903,
    }  # fmt: skip
    for node, percent in known.items():
        assert 100 * m[node - 1] == pytest.approx(percent, abs=5e-4)
    assert 1 / m[19] == pytest.approx(7.75, abs=1e-12)  # steps of a cycle


def test_a_crowd_costs_its_square_except_at_the_destination():
    game = RoutingCycle(step_cost=0.5)
    m = np.zeros(24)
    m[[0, 3, 19]] = 0.25, 0.5, 0.25
    r = game.reward(0, np.array([0, 3, 4, 19]), np.array([0, 1, 0, 0]), m)
    assert r.tolist() == [-6250.5, -25000.5, -0.5, 0]


def test_the_published_first_error_is_that_of_the_start():
    # The fixed-point curve begins at 2.57, before anything is learnt: the start against the
    # equilibrium at the inverse temperature 1e-4 of the evaluation, which is nearly uniform.
    game = RoutingCycle()
    rule = policies.uniform(game)
    for _ in range(30):
        q = exact.action_values(game, exact.stationary_mean_field(game, rule))
        rule += 0.5 * (policies.softmax(q, game.legal_actions, inverse_temperature=1e-4) - rule)
    optimum = exact.stationary_mean_field(game, rule)
    assert mse(game, optimum, exact.stationary_mean_field(game, policies.uniform(game))) < 0.004
    fields = [start_field(game, rotation) for rotation in range(24)]
    assert [field.sum() for field in fields] == pytest.approx(np.ones(24))
    errors = [mse(game, field, optimum) for field in fields]
    # Theirs is a mean over a few random rotations: no closer than that of ten is to be expected.
    assert abs(np.mean(errors) - 2.57) < np.std(errors) / np.sqrt(10)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 11])
def test_a_tree_of_forks_draws_the_law_it_is_given(count):
    weights = np.random.default_rng(count).random(count)
    children, chance = split(weights)
    assert children.shape == (count - 1, 2)
    reached = np.zeros(2 * count - 1)
    reached[0] = 1
    for fork in range(count - 1):
        reached[children[fork, 0]] += reached[fork] * (1 - chance[fork])
        reached[children[fork, 1]] += reached[fork] * chance[fork]
    assert reached[count - 1 :] == pytest.approx(weights / weights.sum(), abs=1e-15)


def test_several_trips_start_as_often_as_they_are_asked_for():
    trips = ((1, 4, 2), (2, 3, 1), (1, 3, 5))
    game = make_game("routing_cycle", network="braess", trips=trips, stay=4)
    # Destinations 3 and 4: nodes 1, 2 and home; nodes 1, 2, 3; two forks.
    assert game.num_states == 3 + 3 + 2
    assert game.cycle.label.tolist() == [0, 1, 4, 0, 1, 2, 5, 5]
    assert game.mean_field_shape == (5,)  # nodes 1, 2, home, node 3, forks
    law = game.initial_law
    assert law.tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
    rule, started = policies.uniform(game), np.zeros(8)
    for _ in range(200):
        law = exact.push_forward(game, 0, law, rule)
    for x in (6, 7):  # what leaves the forks
        for w, chance in ((0, 1 - game.chance[x]), (1, game.chance[x])):
            started[game.step(0, x, 0, None, w)] += law[x] * chance
    started[6:] = 0
    assert started / started.sum() == pytest.approx([5 / 8, 1 / 8, 0, 2 / 8, 0, 0, 0, 0])


def test_home_is_left_after_the_stay_on_average():
    game = make_game("routing_cycle", stay=5)
    m = exact.stationary_mean_field(game, policies.uniform(game))
    assert m[19] / m[0] == pytest.approx(5)


def test_players_go_where_the_exact_flow_goes():
    game = RoutingCycle()
    env = BatchEnv(game, 1, 100_000, 0)
    env.reset()
    met = env.rollout(policies.uniform(game), 60).mean_field[:, 0]
    flow = exact.flow(
        dataclasses.replace(game, horizon=60), np.stack([policies.uniform(game)] * 60)
    )
    assert (abs(met - flow) <= 5 * np.sqrt(flow * (1 - flow) / 100_000) + 1e-12).all()


def test_neighbours_are_the_next_nodes():
    game = RoutingCycle()
    assert (game.neighbours(np.array([9])) + 1).tolist() == [[10, 10, 16, 15, 17]]


def test_the_cost_picks_the_game():
    assert type(make_game("routing_cycle")) is RoutingCycle
    assert type(make_game("routing_cycle", cost="bpr", toll_weight=0)) is TrafficAssignment
    with pytest.raises(ValueError, match=r"no parameter 'crowding'; .*'toll_weight'"):
        make_game("routing_cycle", cost="bpr", crowding=1)
    with pytest.raises(ValueError, match="no parameter 'toll_weight'"):
        make_game("routing_cycle", toll_weight=1)
    with pytest.raises(ValueError, match="cost must be one of 'crowding', 'bpr', got 'time'"):
        make_game("routing_cycle", cost="time")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"crowding": -1}, r"crowding must be at least 0, got -1\.0"),
        ({"step_cost": -1}, r"step_cost must be at least 0, got -1\.0"),
        ({"stay": 0.5}, r"stay must be at least 1, got 0\.5"),
        ({"cost": "bpr", "toll_weight": -1}, r"toll_weight must be at least 0, got -1\.0"),
        ({"cost": "bpr", "length_weight": -1}, r"length_weight must be at least 0, got -1\.0"),
    ],
)
def test_a_value_out_of_its_range_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_game("routing_cycle", **parameters)


@pytest.mark.parametrize("network", ["sioux_falls", "pigou"])
def test_other_networks_keep_the_contract(network):
    check_game(make_game("routing_cycle", network=network, stay=3))
