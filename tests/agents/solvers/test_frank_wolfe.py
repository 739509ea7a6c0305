"""Frank-Wolfe comes to user equilibria that are known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from toys.roads import lines

from agents import FrankWolfe
from agents.solvers.frank_wolfe import beckmann, cheapest_ways, relative_gap
from mfg_envs import exact, make_game

OPTIMUM, TOTAL_TIME = 4231335.287107, 7480225.344921
"""Sioux Falls, best known solution: Beckmann's objective and the time of all travellers."""
VOLUMES = {
    (1, 2): 4494.66,
    (1, 3): 8119.08,
    (4, 5): 18006.37,
    (10, 15): 23125.76,
    (3, 12): 10022.32,
}
"""Some of its volumes."""


def assign(game, iterations):
    """Return the last iterate."""
    return list(FrankWolfe(iterations=iterations).learn(game))[-1]


def test_braess_travellers_take_3_75_and_would_take_3_5():
    game = make_game("routing_cycle", cost="bpr", network="braess")
    m = assign(game, 40).mean_field
    v = game.volumes(m)
    assert v == pytest.approx([3.75, 1.25, 2.5, 1.25, 3.75], abs=1e-6)
    assert (game.fixed_cost + game.road.jam(v)) @ v / 5 == pytest.approx(3.75, abs=1e-6)
    assert relative_gap(game, m) < 1e-9
    # What a traveller costs the others is charged if the delay of a linear link counts twice.
    charged = dataclasses.replace(game.road, delay=tuple(2 * d for d in game.road.delay))
    game = dataclasses.replace(game, network=charged, trips=game.demand)
    v = game.volumes(assign(game, 40).mean_field)
    assert v == pytest.approx([2.5, 2.5, 0, 2.5, 2.5], abs=1e-6)
    assert (game.fixed_cost + game.road.jam(v) / 2) @ v / 5 == pytest.approx(3.5, abs=1e-6)


def test_pigou_travellers_all_take_the_link_that_jams():
    game = make_game("routing_cycle", cost="bpr", network="pigou")
    m = assign(game, 5).mean_field
    assert game.volumes(m) == pytest.approx([1, 0])
    assert beckmann(game, m) == pytest.approx(0.5)  # integral of v from 0 to 1


@pytest.fixture(scope="module")
def sioux_falls():
    game = make_game("routing_cycle", cost="bpr")
    return game, assign(game, 60)


def test_sioux_falls_comes_to_its_known_equilibrium(sioux_falls):
    game, iterate = sioux_falls
    m = iterate.mean_field
    v = game.volumes(m)
    assert relative_gap(game, m) < 0.002
    assert OPTIMUM < beckmann(game, m) < 1.001 * OPTIMUM
    assert game.road.jam(v) @ v + game.fixed_cost @ v == pytest.approx(TOTAL_TIME, rel=0.005)
    at = {ends: i for i, ends in enumerate(zip(game.road.tail, game.road.head, strict=True))}
    for ends, volume in VOLUMES.items():
        assert v[at[ends]] == pytest.approx(volume, rel=0.02), ends


def test_the_policy_makes_the_mean_field_it_comes_with(sioux_falls):
    game, iterate = sioux_falls
    met = game.crowd(exact.law_met(game, iterate.policy))
    assert np.allclose(met, iterate.mean_field, rtol=0, atol=1e-12)


def test_discounted_travellers_hardly_leave_the_equilibrium(sioux_falls):
    # Whoever counts an endless sequence of trips may go a detour of less than 0.1 %.
    game, iterate = sioux_falls
    every = np.arange(game.num_states)
    q = exact.action_values(game, exact.law_met(game, iterate.policy))
    choice = np.where(game.legal_actions, q, -np.inf).argmax(-1)
    r, v = exact.rewards(game, 0, iterate.mean_field)[every, choice], np.zeros(game.num_states)
    for _ in range(24):
        v = np.where(game.chance == 0, r + v[game.after[every, choice]], 0)
    ways = cheapest_ways(game, iterate.mean_field)[0].max(
        -1, where=game.legal_actions, initial=-1e9
    )
    share, start = game.ways.share, game.cycle.start
    assert 1 <= (share @ v[start]) / (share @ ways[start]) < 1.001


def test_a_run_can_be_resumed():
    game = make_game("routing_cycle", cost="bpr")
    whole = list(FrankWolfe(iterations=6).learn(game))
    again = list(FrankWolfe(iterations=6).learn(game, start=whole[2]))
    assert [i.iteration for i in again] == [4, 5, 6]
    assert np.array_equal(again[-1].mean_field, whole[-1].mean_field)


def test_frank_wolfe_is_for_traffic_assignment_only():
    with pytest.raises(TypeError, match='FrankWolfe needs "routing_cycle" with cost="bpr"'):
        next(FrankWolfe().learn(make_game("routing_cycle")))


def test_a_power_of_zero_is_a_constant():
    game = make_game(
        "routing_cycle",
        cost="bpr",
        network=lines((1, 2, 2.0), (1, 2, 3.0), delay=(2, 0), power=(0, 0)),
        trips=((1, 2, 10.0),),
    )
    v = game.volumes(assign(game, 5).mean_field)
    assert v == pytest.approx([0, 10])  # 2 + 2 at any volume against 3
    assert beckmann(game, assign(game, 5).mean_field) == pytest.approx(30)


def test_links_that_cost_nothing_make_no_circle():
    free = [(a, b, 0.0) for a, b in ((1, 2), (2, 1), (2, 3), (3, 2), (3, 1), (1, 3))]
    network = lines(*free, (1, 4, 1.0), (2, 4, 1.0), (3, 4, 1.0))
    game = make_game("routing_cycle", cost="bpr", network=network, trips=((2, 4, 1.0), (1, 4, 1.0)))
    iterate = assign(game, 3)
    assert relative_gap(game, iterate.mean_field) == pytest.approx(0, abs=1e-12)
    assert game.volumes(iterate.mean_field)[6:].sum() == pytest.approx(2)


def test_nothing_is_to_save_where_all_is_free():
    network = lines((1, 2, 0.0), (1, 2, 0.0))
    game = make_game("routing_cycle", cost="bpr", network=network, trips=((1, 2, 3.0),))
    assert relative_gap(game, assign(game, 3).mean_field) == 0
