"""Dynamic routing: travel times worked by hand, Braess's paradox, and who arrives when."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from agents import FixedPointIteration
from mfg_envs import BatchEnv, check_env, check_game, exact, make_game, policies, routing_v0
from mfg_envs.games.roads.known_networks import known
from mfg_envs.games.roads.networks import Network
from mfg_envs.games.roads.routing import Routing

BACK_END = "numba"

A, B, C, D = 1, 2, 3, 4
"""Nodes of Braess's network; its links are AB, AC, BC, BD, CD."""


def policy_of(game, choices):
    """Return the policy that picks links at nodes with given probabilities, else any."""
    origin = game.ways.origin
    links = np.nonzero(game.ways.links)[1]
    nodes = game.road.nodes[np.append(origin, game.road.ends[1][links])]
    rule = policies.uniform(game)[0]
    for row, node in enumerate(nodes.tolist()):
        if node in choices:
            rule[game.journey.row == row] = choices[node]
    return np.repeat(rule[None], game.horizon, 0)


def mean_time(game, policy):
    return -exact.value(game, exact.flow(game, policy), policy)


def network(*links, name="lines", **columns):
    """Return a network of (tail, head, free-flow time) with links that never jam."""
    tail, head, free_time = zip(*links, strict=True)
    rest = {"delay": (0,) * len(links), "capacity": (1,) * len(links), "power": (1,) * len(links)}
    return Network(name=name, tail=tail, head=head, free_time=free_time, **{**rest, **columns})


def test_states_are_what_can_be_reached():
    game = Routing()
    assert game.step_length == 0.05
    # One pair; links of 2 (with all five on it), 2, .25, 2, 2 in steps of .05; arrived.
    assert game.num_states == 1 + 40 + 40 + 5 + 40 + 40 + 1
    assert game.mean_field_shape == (5 + 2,)
    assert np.bincount(game.places).tolist() == [40, 40, 5, 40, 40, 1, 1]
    assert game.volumes(np.array([0.5, 0.25, 0, 0, 0, 0.25, 0])).tolist() == [2.5, 1.25, 0, 0, 0]


@pytest.mark.parametrize(
    ("share", "steps"),
    [(0, 20), (0.75, 35), (0.76, 35), (0.77, 35), (0.78, 36), (1, 40)],
)
def test_the_volume_met_sets_the_time(share, steps):
    # 1 + v / 5 in steps of .05 with v = 5 share: moves are rounded, what is paid is not.
    game, m, one = Routing(), np.zeros(7), np.ones(1, int)
    x, paid = one, 0.0  # state 1 has just entered AB
    for step in range(1, steps + 1):
        m[[0, 1]] = (share, 1 - share) if step == 2 else (0.3, 0.7)  # who enters next is met, too
        assert game.noise_law(step, x, one, m)[0] == 1
        assert game.places[x] == 0
        paid += game.reward(step, x, one, m)
        x = game.step(step, x, one, m, 0 * one)
    assert game.places[x] == 3
    assert paid == pytest.approx(-1 - share)


def test_a_traveller_drives_down_and_turns_at_the_end():
    game, m, one = Routing(), np.zeros(7), np.ones(1, int)
    steps = game.journey.steps
    x = np.array([6])  # on AB, four steps to go
    for left in (3, 2, 1):
        x = game.step(0, x, one, m, one * 0)
        assert steps[x] == left
    bridge, on = (game.step(0, x, np.array([a]), m, one * 0) for a in (0, 1))
    assert (game.places[bridge], game.places[on]) == (2, 3)
    assert (steps[bridge], steps[on]) == (0, 0)
    last = np.flatnonzero((game.places == 4) & (steps == 1))
    assert game.places[game.step(0, last, one, m, one * 0)] == 6  # arrived, by any action
    assert game.legal_actions[last].all()
    rewards = game.reward(0, np.array([0, 1, 5, game.num_states - 1]), 0, m)
    assert rewards.tolist() == [0, -0.05, -0.05, 0]


def test_braess_travellers_take_3_75_and_would_take_3_5():
    game = Routing()
    selfish = policy_of(game, {A: [0.75, 0.25], B: [2 / 3, 1 / 3], C: [1, 0]})
    assert mean_time(game, selfish) == pytest.approx(3.75, abs=1e-12)
    assert exact.exploitability(game, selfish) == pytest.approx(0, abs=1e-12)
    best = policy_of(game, {A: [0.5, 0.5], B: [0, 1], C: [1, 0]})
    assert mean_time(game, best) == pytest.approx(3.5, abs=1e-12)
    # Then 1.5 to B, .25 over the bridge and 1 on C -> D, where nobody is yet: .75 are saved.
    assert exact.exploitability(game, best) == pytest.approx(0.75, abs=1e-12)


def test_without_the_bridge_braess_travellers_take_3_5():
    links = ((A, B, 1.0), (A, C, 2.0), (B, D, 2.0), (C, D, 1.0))
    roads = network(*links, delay=(1, 0, 0, 1), capacity=(5,) * 4)
    game = Routing(network=roads, trips=((A, D, 5.0),), dt=0.05)
    policy = policy_of(game, {A: [0.5, 0.5]})
    assert mean_time(game, policy) == pytest.approx(3.5, abs=1e-12)
    assert exact.exploitability(game, policy) == pytest.approx(0, abs=1e-12)


def test_averaged_best_responses_find_the_equilibrium():
    game = Routing()
    learner = FixedPointIteration(iterations=200, step=1, decay=1)
    policy = list(learner.learn(game))[-1].policy
    assert mean_time(game, policy) == pytest.approx(3.75, abs=0.01)
    assert exact.exploitability(game, policy) < 0.005


@pytest.mark.parametrize(
    ("share", "time", "gain"),
    [(1, 1, 0), (0.5, 0.5 * 0.5 + 0.5, 0.25), (0, 1, 0.95)],  # at least one step of .05
)
def test_pigou_travellers_all_take_the_link_that_jams(share, time, gain):
    game = make_game("routing", network="pigou", dt=0.05, horizon=30)
    policy = policy_of(game, {1: [share, 1 - share]})
    assert mean_time(game, policy) == pytest.approx(time, abs=1e-12)
    assert exact.exploitability(game, policy) == pytest.approx(gain, abs=1e-12)


def test_players_who_play_the_equilibrium_take_about_as_long():
    game, num_agents = Routing(), 20_000
    policy = policy_of(game, {A: [0.75, 0.25], B: [2 / 3, 1 / 3], C: [1, 0]})
    env = BatchEnv(game, 8, num_agents, 0)
    env.reset()
    rollout = env.rollout(policy, game.horizon)
    times = -rollout.reward.sum(0)
    assert (env.state == game.num_states - 1).all()
    # The share on a link is off by up to (.25 / N)^.5, its time by as much; two links jam.
    assert (abs(times - 3.75) < 5 * 2 * np.sqrt(0.25 / num_agents)).all()


def test_travellers_can_set_out_evenly():
    game = Routing(departures=4)
    flow = exact.flow(game, policies.uniform(game))
    assert game.crowd(flow)[:6, 5] == pytest.approx([1, 0.75, 0.5, 0.25, 0, 0])


def test_a_link_of_one_step_is_left_in_the_step_of_entering():
    lane = network((1, 2, 1.0), (2, 3, 1.0), (2, 4, 1.0), (3, 5, 1.0), (4, 5, 3.0))
    game = Routing(network=lane, trips=((1, 5, 1.0),), dt=1, horizon=8)
    assert game.most[:-1].tolist() == [1, 1, 1, 1, 3]
    assert mean_time(game, policy_of(game, {2: [1, 0]})) == pytest.approx(3)
    assert mean_time(game, policy_of(game, {2: [0, 1]})) == pytest.approx(5)
    assert exact.exploitability(game, policy_of(game, {2: [0.5, 0.5]})) == pytest.approx(1)
    who = np.flatnonzero(game.legal_actions.sum(1) == 1)  # one link to choose from
    assert game.places[who].tolist() == [5, 1, 2]


def test_everybody_gets_to_its_own_destination():
    trips = ((1, 4, 1.0), (2, 3, 2.0), (1, 3, 1.0))
    game = Routing(trips=trips, horizon=120, dt=0.05)
    assert game.num_places == 7
    rng, x, m = np.random.default_rng(0), np.repeat(np.arange(3), 50), np.full(7, 1 / 7)
    origin, goal = np.array(trips)[:, :2].T
    first, last = np.full(150, -1), np.full(150, -1)
    for t in range(game.horizon):
        legal = game.legal_actions[x]
        a = np.where(legal[:, 0] & legal[:, 1], rng.integers(2, size=150), legal.argmax(1))
        law = np.stack(np.broadcast_arrays(*game.noise_law(t, x, a, m)))
        x = game.step(t, x, a, m, (rng.random(150) >= law[0]).astype(int))
        on = game.places[x] < 5
        first = np.where((first < 0) & on, game.places[x], first)
        last = np.where(on, game.places[x], last)
    assert (x == game.num_states - 1).all()
    pair = np.repeat(np.arange(3), 50)
    assert np.array_equal(np.array(game.road.tail)[first], origin[pair])
    assert np.array_equal(np.array(game.road.head)[last], goal[pair])


def test_few_travellers_in_sioux_falls_take_the_shortest_times():
    roads, demand = known("sioux_falls")
    few = tuple((o, d, v * 1e-6) for o, d, v in demand.table)
    game = Routing(network=roads, trips=few, dt=1, horizon=40)
    q = exact.action_values(game, exact.flow(game, policies.uniform(game)))
    time = -game.initial_law @ exact.state_values(game, q[0])
    far = np.full((25, 25), np.inf)  # Floyd and Warshall
    far[range(25), range(25)] = 0
    far[list(roads.tail), list(roads.head)] = roads.free_time
    for k in range(25):
        far = np.minimum(far, far[:, [k]] + far[[k]])
    shortest = sum(v * far[o, d] for o, d, v in few) / sum(v for *_, v in few)
    assert time == pytest.approx(shortest, rel=1e-9)


def test_sioux_falls_moves_whole():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        game = make_game("routing", network="sioux_falls")
    assert game.step_length == 0.5
    assert game.num_states == 528 + 23 * 76 * 100 + 1
    env = BatchEnv(game, 1, 5000, 0)
    env.reset()
    for a in range(5):
        step = env.step(np.full((1, 5000), a))
    assert step.mean_field.sum() == pytest.approx(1)
    assert step.mean_field[0, 76] == 0  # everybody has a first link


def test_the_contract_is_kept():
    trips = ((1, 4, 1.0), (2, 3, 2.0))
    check_game(Routing(trips=trips, dt=0.25, horizon=20, departures=3))
    check_game(make_game("routing", network="pigou"))
    check_env(routing_v0.parallel_env(4, trips=trips), num_steps=5, random=False)


def test_a_coarse_step_is_warned_of():
    with pytest.warns(UserWarning, match=r"dt = 0\.1 is coarse: braess's link 2 -> 3 takes 0\.25"):
        Routing(dt=0.1)
    with pytest.warns(UserWarning, match=r"takes 1\.06 when empty, 1 in whole steps"):
        Routing(network=network((1, 2, 1.06)), trips=((1, 2, 1.0),), dt=1, horizon=9)
    Routing(network=network((1, 2, 1.04)), trips=((1, 2, 1.0),), dt=1, horizon=9)


def test_a_step_is_chosen_that_fits_the_horizon():
    def step(time, **parameters):
        return Routing(network=network((1, 2, time)), trips=((1, 2, 1),), **parameters).step_length

    assert step(1.0) == 0.05  # 2 / 99 or a little more
    assert step(20.0) == 0.5
    assert step(1.0, horizon=21) == 0.1
    assert step(1.0, horizon=31, departures=11) == 0.1


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"horizon": None, "discount": 0.9}, "horizon must be a number of steps, got None"),
        ({"horizon": 1}, "horizon must be at least 2, to set out and to drive, got 1"),
        ({"dt": 0.05, "horizon": 45}, r"horizon must be at least 46, got 45: .* trip from 1 to 4"),
        ({"dt": 0}, "dt must be positive, got 0"),
        ({"dt": -0.1}, "dt must be positive, got -0.1"),
        ({"dt": float("inf")}, "dt must be finite, got inf"),
        ({"departures": 0}, r"departures must be in \[1, 99\], got 0"),
        ({"departures": 100}, r"departures must be in \[1, 99\], got 100"),
        ({"dt": 1e-7, "horizon": 10**8}, "braess: 82,500,002 states, at most 20,000,000"),
        ({"network": "brass"}, "network must be one of 'pigou', 'braess', .*, got 'brass'"),
        ({"trips": ((1, 9, 1.0),)}, "braess: trips name node 9, which no link touches"),
        ({"trips": ((4, 1, 1.0),)}, "braess: no way leads from node 4 to node 1"),
        ({"trips": ((1, 4, -1.0),)}, "volume of the trips from 1 to 4 must be at least 0, got -1"),
        ({"network": network((1, 2, 1.0))}, "lines: a network of your own needs trips="),
    ],
)
def test_what_cannot_be_played_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        Routing(**parameters)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"network": 3}, "network must be a name or a Network, got 3"),
        ({"trips": [(1, 4, 5)]}, "trips must be Trips or a tuple of triples"),
        ({"dt": "1"}, "dt must be a number, got '1'"),
    ],
)
def test_another_type_is_refused(parameters, message):
    with pytest.raises(TypeError, match=message):
        Routing(**parameters)
