"""Static traffic assignment: what a link costs, who drives where, and how large a city may be."""

from __future__ import annotations

import numpy as np
import pytest
from toys.roads import lines

from agents.solvers.frank_wolfe import cheapest_ways, mean_field, visits_of
from mfg_envs import BatchEnv, check_env, check_game, exact, make_game, policies, routing_cycle_v0
from mfg_envs.games.roads.known_networks import known
from mfg_envs.games.roads.networks import Network, Trips


def cheapest(network, origin, destination, **parameters):
    """Return the cost of the cheapest way on empty roads."""
    trips = ((origin, destination, 1.0),)
    game = make_game("routing_cycle", cost="bpr", network=network, trips=trips, **parameters)
    empty = game.crowd(game.initial_law[:, None] * policies.uniform(game))
    return -cheapest_ways(game, empty)[0][game.cycle.start[0]].max()


def test_volumes_are_visits_a_trip_times_all_trips(random_policy):
    # On the one-way roads nobody is anywhere twice: the cap of a volume does not bind.
    trips = ((1, 20, 3.0), (2, 16, 1.0), (3, 20, 2.0), (5, 19, 0.5))
    network = known("sioux_falls_one_way")[0]
    game = make_game("routing_cycle", cost="bpr", network=network, trips=trips, stay=7)
    rule = random_policy(game)
    v = game.volumes(game.crowd(exact.law_met(game, rule)))
    expected = np.zeros(len(network.tail))
    for origin, destination, volume in trips:
        inside = np.zeros(25)  # how many of the trips meet each node
        inside[origin] = volume
        for _ in range(24):
            after = np.zeros(25)
            for x in np.flatnonzero(game.chance == 0):
                node = network.nodes[game.cycle.label[x]]
                if network.nodes[game.ways.destinations[game.cycle.goal[x]]] != destination:
                    continue
                for a in np.flatnonzero(game.legal_actions[x]):
                    link = network.exits[node - 1, a]
                    expected[link] += inside[node] * rule[x, a]
                    after[network.head[link]] += inside[node] * rule[x, a]
            inside = after
    assert v == pytest.approx(expected, abs=1e-12)


def test_a_link_costs_what_the_formula_says():
    # One link: 2 + .5 (v / 4)^3 + toll; half of the cycle's steps at home, the rest on the way.
    network = lines((1, 2, 2.0), delay=(0.5,), capacity=(4,), power=(3,), toll=(0.25,), length=(8,))
    parameters = {"network": network, "trips": ((1, 2, 6.0),), "stay": 1}
    game = make_game("routing_cycle", cost="bpr", toll_weight=2, length_weight=0.5, **parameters)
    m = np.array([[0.5], [0.5]])
    cost = 2 + 0.5 * 1.5**3 + 0.5 + 4
    assert game.reward(0, np.array([0, 1]), np.array([0, 0]), m) == pytest.approx([-cost, 0])
    half = np.array([[0.25], [0.75]])  # a third of the trips
    cost = 2 + 0.5 * 0.5**3 + 0.5 + 4
    assert game.reward(0, np.array([0]), np.array([0]), half) == pytest.approx([-cost])
    assert game.volumes(np.stack([m, half])) == pytest.approx(np.array([[6.0], [2.0]]))
    crowded = np.array([[1.0], [0.0]])  # nobody leaves home: nobody can be on the road for long
    assert game.reward(0, np.array([0]), np.array([0]), crowded) == pytest.approx([-6.5])


def test_tolls_and_lengths_move_travellers():
    two = lines((1, 2, 3.0), (1, 2, 4.0), toll=(2, 0), length=(0, 10))
    assert cheapest(two, 1, 2) == pytest.approx(4)
    assert cheapest(two, 1, 2, toll_weight=0) == pytest.approx(3)
    assert cheapest(two, 1, 2, length_weight=0.05) == pytest.approx(4.5)
    assert cheapest(two, 1, 2, length_weight=1) == pytest.approx(5)


@pytest.mark.parametrize(("first_thru_node", "cost"), [(1, 2), (4, 10)])
def test_nobody_drives_through_a_zone(first_thru_node, cost):
    links = ((1, 2, 1.0), (2, 3, 1.0), (1, 4, 5.0), (4, 3, 5.0), (3, 1, 1.0))
    network = lines(*links, first_thru_node=first_thru_node)
    assert cheapest(network, 1, 3) == pytest.approx(cost)
    assert cheapest(network, 2, 3) == pytest.approx(1)  # but one may begin there


def test_the_contract_is_kept():
    for network in ("pigou", "braess", "sioux_falls"):
        check_game(make_game("routing_cycle", cost="bpr", network=network))
    check_env(routing_cycle_v0.parallel_env(5, cost="bpr", network="braess", stay=2))


def city(zones=387, columns=26, rows=21):
    """Return a network and trips of the size of Chicago Sketch: zones on a grid of streets."""
    node = zones + 1 + np.arange(rows * columns).reshape(rows, columns)
    pairs = [*zip(node[:, :-1].ravel(), node[:, 1:].ravel(), strict=True)]
    pairs += zip(node[:-1].ravel(), node[1:].ravel(), strict=True)
    pairs += zip(range(1, zones + 1), node.ravel()[:zones], strict=True)
    pairs += zip(node[0, :-2], node[0, 2:], strict=True)
    links = [(int(a), int(b)) for pair in pairs for a, b in (pair, pair[::-1])]
    tail, head = zip(*links, strict=True)
    rng, size = np.random.default_rng(0), len(links)
    time = tuple(np.where(np.minimum(tail, head) <= zones, 0, rng.integers(1, 9, size)).tolist())
    network = Network(
        name="city",
        tail=tail,
        head=head,
        free_time=time,
        delay=tuple(0.15 * t for t in time),
        capacity=(1e4,) * size,
        power=(4,) * size,
        first_thru_node=zones + 1,
    )
    volume = rng.integers(0, 3, (zones, zones)) * (rng.random((zones, zones)) < 0.93)
    table = [(o + 1, d + 1, float(volume[o, d])) for o, d in zip(*volume.nonzero(), strict=True)]
    return network, Trips(tuple(table))


def test_a_large_city_fits_into_memory():
    network, trips = city()
    assert (len(network.nodes), len(network.tail), len(trips.table) > 90_000) == (933, 2912, True)
    game = make_game("routing_cycle", cost="bpr", network=network, trips=trips)
    # 546 street nodes and the origins towards each destination, a fork for every pair but one.
    assert game.num_states < 387 * 933 + len(trips.table)
    assert sum(np.asarray(part).nbytes for part in game.cycle) < 40e6
    assert game.mean_field_shape == (935, game.num_actions)
    env, rng = BatchEnv(game, 1, 10_000, 0), np.random.default_rng(0)
    env.reset()
    for _ in range(3):
        step = env.step(rng.integers(0, game.num_actions, (1, 10_000)))
    assert step.mean_field.sum() == pytest.approx(1)
    visits = visits_of(game, cheapest_ways(game, step.mean_field[0])[1])
    v = game.volumes(mean_field(game, visits))
    zone = np.array(network.tail) <= 387
    assert v[zone].sum() == pytest.approx(trips.total)  # everybody leaves a zone once
