"""Road networks: the known ones, what trips can use, and bad tables."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from mfg_envs.games.roads.known_networks import KNOWN, known
from mfg_envs.games.roads.networks import Network, Trips
from mfg_envs.games.roads.ways import distances, ways

TWO = {
    "name": "two",
    "tail": (1, 2),
    "head": (2, 3),
    "free_time": (1, 2),
    "delay": (0.5, 0),
    "capacity": (4, 4),
    "power": (2, 1),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_network_is_one_object_with_positions(name):
    network, trips = known(name)
    assert known(name)[0] is network
    assert network.name == name
    assert np.abs(network.coordinates).max() == 1
    assert len(np.unique(network.coordinates, axis=0)) == len(network.nodes)
    assert ways(network, trips).links.any(0).all()  # every link is on a way


def test_sioux_falls_is_the_benchmark():
    network, trips = known("sioux_falls")
    assert (len(network.nodes), len(network.tail), len(trips.table)) == (24, 76, 528)
    assert trips.total == 360_600
    about = zip(network.tail, network.head, network.free_time, network.capacity, strict=True)
    links = {(a, b): (time, capacity) for a, b, time, capacity in about}
    assert list(links) == sorted(links)
    assert all(links[b, a] == links[a, b] for a, b in links)
    assert links[10, 16] == (4, 4854.917717)
    assert network.delay == tuple(0.15 * t for t in network.free_time)
    demand = {(o, d): v for o, d, v in trips.table}
    assert (demand[10, 16], demand[4, 11], demand[11, 4]) == (4400, 1400, 1500)
    one_way = known("sioux_falls_one_way")[0]
    roads = {frozenset(ends) for ends in links}
    assert {frozenset(e) for e in zip(one_way.tail, one_way.head, strict=True)} == roads


def test_braess_and_pigou_have_the_textbook_times():
    braess = known("braess")[0]
    assert (braess.free_time + braess.jam(np.full(5, 2.5))).tolist() == [1.5, 2, 0.25, 2, 1.5]
    pigou = known("pigou")[0]
    assert (pigou.free_time + pigou.jam(np.array([0.25, 7]))).tolist() == [0.25, 1]


def test_delay_its_integral_and_its_slope():
    network, v = Network(**TWO), np.array([6.0, 6.0])
    assert network.jam(v) == pytest.approx([0.5 * 1.5**2, 0])
    assert network.jam_area(v) == pytest.approx([0.5 * 6**3 / 16 / 3, 0])
    assert network.jam_slope(v) == pytest.approx([0.5 * 2 * 6 / 16, 0])


def test_a_node_lists_its_links_in_their_order():
    network = Network(**{**TWO, "tail": (3, 7, 3), "head": (7, 9, 9), **three_links()})
    assert network.nodes.tolist() == [3, 7, 9]
    assert network.exits.tolist() == [[0, 2], [1, -1], [-1, -1]]
    assert network.ends.tolist() == [[0, 1, 0], [1, 2, 2]]


def three_links():
    return {name: (1, 1, 1) for name in ("free_time", "delay", "capacity", "power")}


def test_ways_leave_out_what_leads_elsewhere():
    # 1 -> 2 -> 3 and a dead end 2 -> 4; node 5 leads in, but nobody starts there.
    links = {"tail": (1, 2, 2, 5), "head": (2, 3, 4, 2), "free_time": (1, 2, 1, 1)}
    rest = {name: (1,) * 4 for name in ("delay", "capacity", "power")}
    network, trips = Network(name="x", **links, **rest), Trips(((1, 3, 6.0), (2, 3, 2.0)))
    found = ways(network, trips)
    assert found.destinations.tolist() == [2]
    assert found.nodes.tolist() == [[True, True, False, False, False]]
    assert found.links.tolist() == [[True, True, False, False]]
    assert found.share.tolist() == [0.75, 0.25]
    far = distances(network, found, np.array(network.free_time, float))
    assert far.tolist() == [[3, 2, 0, np.inf, np.inf]]


def test_networks_and_trips_are_values():
    table = ((1, 2, 1), (1, 1, 5), (2, 3, 0), (2, 3, 0), (1, 3, 2))
    network, trips = Network(**TWO), Trips(table)
    assert trips.table == ((1, 2, 1.0), (1, 3, 2.0))  # neither staying nor nobody is a trip
    for one in (network, trips):
        twin = pickle.loads(pickle.dumps(one))
        assert twin == one
        assert hash(twin) == hash(one)
        assert repr(twin) == repr(one)
    assert network != Network(**{**TWO, "toll": (1, 0)})
    assert repr(network).startswith("<Network two: 3 nodes, 2 links, ")
    assert repr(trips).startswith("<Trips: 2 pairs, total 3, ")


def test_nodes_without_positions_stand_on_a_circle():
    spots = Network(**TWO).coordinates
    assert np.abs(spots).max() == pytest.approx(1)
    assert len(np.unique(spots, axis=0)) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"capacity": (4, 0)}, "two: capacity of link 2 -> 3 must be positive, got 0"),
        ({"capacity": (-4, 4)}, "two: capacity of link 1 -> 2 must be positive, got -4"),
        ({"free_time": (1, -2)}, "two: free_time of link 2 -> 3 must be at least 0, got -2"),
        ({"delay": (float("nan"), 1)}, "two: delay must be finite, got nan"),
        ({"power": (1,)}, "two: power must have 2 entries, one a link"),
        ({"head": (2, 2)}, "two: a link leads from node 2 to itself"),
        ({"head": (2, 2**63)}, r"two: head must be in \[-9.*, 9223372036854775807\], got 922337"),
        ({"head": (2,)}, "two: head must have 2 entries, one a link"),
        ({"tail": (), "head": ()}, "two: a network needs at least one link"),
        ({"toll": (1, -1)}, "two: toll of link 2 -> 3 must be at least 0, got -1"),
        ({"positions": ((1, 0, 0), (3, 1, 1))}, "two: node 2 has no position"),
        ({"positions": ((1, 0, 0), (2, 1, 1), (3, 0, 1), (2, 0, 0))}, "node 2 has 2 positions"),
    ],
)
def test_a_wrong_network_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Network(**{**TWO, **change})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (((1, 2, -1),), "volume of the trips from 1 to 2 must be at least 0, got -1"),
        (((1, 2, 1), (1, 2, 3)), "trips from 1 to 2 stand there twice"),
        (((1, 1, 4), (1, 2, 0)), "there are no trips: give at least one volume above 0"),
    ],
)
def test_wrong_trips_are_refused(table, message):
    with pytest.raises(ValueError, match=message):
        Trips(table)
