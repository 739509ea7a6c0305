"""Large road networks: what is on a way is found in bits, and what does not fit is refused."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from agents import FrankWolfe, cli
from agents.cli import show
from mfg_envs import BatchEnv, make_game
from mfg_envs.games.roads import routing
from mfg_envs.games.roads.known_networks import known
from mfg_envs.games.roads.networks import Network, Trips
from mfg_envs.games.roads.ways import ways
from mfg_envs.numerics import memory


@pytest.fixture
def free(monkeypatch):
    """Return a function that sets how many bytes are free."""

    def free(count):
        monkeypatch.setattr(memory, "_free_memory", lambda: count)

    return free


def test_ways_are_those_of_a_search_node_by_node():
    # 90 nodes, the first 80 of them zones; 70 destinations are more than a word has bits.
    rng, size = np.random.default_rng(0), 90
    pairs = {(int(a), int(b)) for a, b in rng.integers(0, size, (360, 2)) if a != b}
    pairs |= {(i, 80 + i % 10) for i in range(80)} | {(80 + i % 10, i) for i in range(80)}
    pairs |= {(80 + i, 80 + (i + 1) % 10) for i in range(10)}
    tail, head = zip(*sorted(pairs), strict=True)
    one = (1.0,) * len(tail)
    ends = {"tail": tail, "head": head, "first_thru_node": 80}
    network = Network(name="x", free_time=one, delay=one, capacity=one, power=one, **ends)
    trips = [(int(o), d, 1.0) for d in range(70) for o in rng.choice(size, 3, False) if o != d]
    found = ways(network, Trips(tuple(trips)))
    for k, goal in enumerate(found.destinations):
        origins = {o for o, d, _ in trips if d == goal}
        on = {(a, b) for a, b in pairs if a != goal and (b >= 80 or b == goal)}
        to, away = {int(goal)}, set(origins)
        for _ in range(size):
            to |= {a for a, b in on if b in to}
            away |= {b for a, b in on if a in away}
        inside = (to & away) - {int(goal)}
        assert set(np.flatnonzero(found.nodes[k]).tolist()) == inside
        used = {(tail[i], head[i]) for i in np.flatnonzero(found.links[k])}
        assert used == {(a, b) for a, b in on if a in inside and b in to}


@pytest.mark.parametrize("cost", ["bpr", "crowding"])
def test_trips_that_do_not_fit_into_memory_are_refused_before_they_are_built(free, cost):
    free(5000)
    with pytest.raises(ValueError, match="sioux_falls: number of destinations = 24 needs"):
        make_game("routing_cycle", cost=cost, network="sioux_falls")
    # 24 destinations and 23 other nodes each, home, and a fork for all of 528 pairs but one.
    free(24 * (6 * 24 + 4 * 76))
    with pytest.raises(
        ValueError, match=r"sioux_falls with 528 pairs, 24 dest.* num_states = 1080"
    ):
        make_game("routing_cycle", cost=cost, network="sioux_falls")
    free(10**6)
    game = make_game("routing_cycle", cost=cost, network="sioux_falls")
    assert "cycle" not in vars(game)
    assert game.num_states == 1080 == len(game.cycle.label)


def test_frank_wolfe_says_what_its_tables_take(free):
    game = make_game("routing_cycle", cost="bpr")
    free(10**5)
    with pytest.raises(ValueError, match=r"sioux_falls: num_states \* num_actions = 5400 needs"):
        next(FrankWolfe().learn(game))


def test_observations_are_tabulated_when_they_are_needed(free):
    game = make_game("routing_cycle", cost="bpr")
    free(10**4)
    env = BatchEnv(game, 1, 3, 0, observe=("state", "mean_field"))
    with pytest.raises(
        ValueError, match=r"observe=\('state', 'mean_field'\): num_states \* numbers"
    ):
        env.reset()


def test_dynamic_routing_counts_links_before_it_looks_for_a_step(monkeypatch):
    roads, demand = known("sioux_falls")
    monkeypatch.setattr(routing, "distances", None)
    monkeypatch.setattr(routing, "MOST_STATES", 2000)
    # At least a state a link and destination, 23 * 76 of them are on a way; 528 pairs; arrived.
    with pytest.raises(ValueError, match=r"sioux_falls: 2,277 states, at most 2,000"):
        make_game("routing", network=roads, trips=demand)


def test_show_says_the_size_of_a_large_game_first(monkeypatch):
    monkeypatch.setattr(show, "LARGE", 5000)
    cli.load()
    words = ["show", "routing_cycle", "--set", "cost=bpr"]
    output = CliRunner().invoke(cli.app, words).output
    assert output.startswith("1,080 states x 5 actions: a table of values has 0 MiB")
