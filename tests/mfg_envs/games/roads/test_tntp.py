"""Networks and trips from TNTP files: what is read, and how a fault is named."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from agents import cli
from mfg_envs import make_game
from mfg_envs.games.roads.tntp import read_network, read_trips

NET = """<NUMBER OF ZONES> 2
<NUMBER OF NODES> 4
<FIRST THRU NODE> 3
<NUMBER OF LINKS> 5
<ORIGINAL HEADER>~ \tInit node \tTerm node \t;
<END OF METADATA>


~ \tinit_node\tterm_node\tcapacity\tlength\tfree_flow_time\tb\tpower\tspeed\ttoll\ttype\t;
\t1\t3\t10\t1.5\t2\t0.15\t4\t60\t0\t1\t;
\t1\t4\t20\t1\t3\t0\t0\t60\t2.5\t1\t;
\t3\t2\t10\t1\t3\t0.5\t1\t60\t0\t1\t;
\t3\t4\t10\t1\t1\t0.15\t4\t60\t0\t1\t;
\t4\t2\t1e1\t1\t2\t0.15\t4\t60\t0\t1;
"""
TRIPS = """<NUMBER OF ZONES> 2
<TOTAL OD FLOW>   6.0
<END OF METADATA>

Origin \t1
    1 :      0.0;     2 :    6.0;
Origin 2
"""
NODES = """Node\tX\tY\t;
1\t-96.5\t43.5\t;
2 -94.5 43.5 ;
3 -95.5 44 ;
4\t-95.5\t43
"""


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file and returns its path."""

    def write(name, text):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_a_network_is_read(write):
    network = read_network(write("a_net.tntp", NET), write("a_node.tntp", NODES))
    assert network.name == "a_net.tntp"
    assert (network.tail, network.head) == ((1, 1, 3, 3, 4), (3, 4, 2, 4, 2))
    assert network.free_time == (2, 3, 3, 1, 2)
    assert network.delay == (0.3, 0, 1.5, 0.15, 0.3)
    assert network.capacity == (10, 20, 10, 10, 10)
    assert network.power == (4, 0, 1, 4, 4)
    assert network.length == (1.5, 1, 1, 1, 1)
    assert network.toll == (0, 2.5, 0, 0, 0)
    assert network.first_thru_node == 3
    assert network.positions == ((1, -96.5, 43.5), (2, -94.5, 43.5), (3, -95.5, 44), (4, -95.5, 43))
    assert network.coordinates.tolist() == [[-1, 0], [1, 0], [0, 0.5], [0, -0.5]]


def test_trips_are_read(write):
    assert read_trips(write("a_trips.tntp", TRIPS)).table == ((1, 2, 6.0),)


def test_games_take_what_is_read(write):
    network = read_network(write("a_net.tntp", NET))
    trips = read_trips(write("a_trips.tntp", TRIPS))
    assert make_game("routing", network=network, trips=trips, dt=0.5).num_places == 7
    game = make_game("routing_cycle", cost="bpr", network=network, trips=trips)
    assert game.num_states == 4
    assert game.fixed_cost.tolist() == [2, 5.5, 3, 1, 2]


def changed(text, line, new):
    """Return a text with another line in the place of one (counted from 1)."""
    lines = text.split("\n")
    lines[line - 1] = new
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("line", "new", "fault"),
    [
        (
            10,
            "1 3 10 1.5 2 .15 4 60 0 ;",
            r"line 10: expected 10 fields \(init_node, term_node, .*\), got 9: 1 3 10",
        ),
        (11, "1 4 0 1 3 0 0 60 0 1 ;", "line 11: the capacity of link 1 -> 4 must be positive"),
        (11, "1 4 -5 1 3 0 0 60 0 1 ;", "line 11: capacity must be .*, at least 0, got '-5'"),
        (12, "3 2 10 1 x .5 1 60 0 1 ;", "line 12: free-flow time must be .*, got 'x'"),
        (
            12,
            "3 2 10 1 nan .5 1 60 0 1 ;",
            "line 12: free-flow time must be a finite .*, got 'nan'",
        ),
        (13, "3 5 10 1 1 .1 4 60 0 1 ;", r"line 13: a node must be .* in \[1, 4\], got '5'"),
        (
            13,
            "3 0 10 1 1 .1 4 60 0 1 ;",
            "line 13: a node must be a whole number above 0, .* got '0'",
        ),
        (13, "3 4.0 10 1 1 .1 4 60 0 1 ;", "line 13: a node must be a whole number .*got '4.0'"),
        (13, "3 9999999999999999999 10 1 1 .1 4 60 0 1 ;", "line 13: a node .* at most 18 digits"),
        (13, "3 3 10 1 1 .1 4 60 0 1 ;", "line 13: a link leads from node 3 to itself"),
        (13, "", "line 4: <NUMBER OF LINKS> is 5, the file has 4"),
        (6, "", "line 10: expected '<NAME> VALUE' or '<END OF METADATA>'"),
        (2, "", ": the line <NUMBER OF NODES> is missing"),
        (4, "<NUMBER OF LINKS> five", "line 4: <NUMBER OF LINKS> must be a whole .*got 'five'"),
    ],
)
def test_a_fault_of_a_network_is_named_with_its_line(write, line, new, fault):
    path = write("bad_net.tntp", changed(NET, line, new))
    with pytest.raises(ValueError, match=rf"bad_net\.tntp(, )?{fault}"):
        read_network(path)


@pytest.mark.parametrize(
    ("line", "new", "fault"),
    [
        (6, "2 : -6.0;", "line 6: volume from 1 to 2 must be .*, at least 0, got '-6.0'"),
        (6, "2 : six;", "line 6: volume from 1 to 2 must be a finite number.*got 'six'"),
        (6, "2 6.0;", "line 6: expected 'DESTINATION : VOLUME;', got '2 6.0'"),
        (6, "3 : 6.0;", r"line 6: a node must be a whole number in \[1, 2\], got '3'"),
        (6, "2 : 6.0; 2 : 1.0;", "line 6: trips from 1 to 2 stand there twice"),
        (6, "2 : 0.0;", ": there are no trips"),
        (5, "", "line 6: expected 'Origin NODE' before the first trips"),
        (5, "Origin", "line 5: expected 'Origin NODE', got 'Origin'"),
        (7, "Origin 3", r"line 7: a node must be a whole number in \[1, 2\], got '3'"),
    ],
)
def test_a_fault_of_trips_is_named_with_its_line(write, line, new, fault):
    path = write("bad_trips.tntp", changed(TRIPS, line, new))
    with pytest.raises(ValueError, match=rf"bad_trips\.tntp(, )?{fault}"):
        read_trips(path)


def test_a_fault_of_positions_is_named_with_its_line(write):
    net = write("a_net.tntp", NET)
    with pytest.raises(ValueError, match=r"a_node\.tntp, line 3: expected 3 fields"):
        read_network(net, write("a_node.tntp", changed(NODES, 3, "2 -94.5 ;")))
    with pytest.raises(ValueError, match=r"a_net\.tntp: node 3 has no position"):
        read_network(net, write("a_node.tntp", changed(NODES, 4, "")))


@pytest.mark.parametrize("read", [read_network, read_trips])
def test_a_missing_or_strange_file_is_named(read, tmp_path):
    with pytest.raises(ValueError, match=r"none\.tntp cannot be read: .*No such file"):
        read(tmp_path / "none.tntp")
    (tmp_path / "binary.tntp").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"binary\.tntp cannot be read"):
        read(tmp_path / "binary.tntp")
    (tmp_path / "empty.tntp").write_text("")
    with pytest.raises(ValueError, match=r"empty\.tntp: the line <END OF METADATA> is missing"):
        read(tmp_path / "empty.tntp")


def test_an_unreachable_destination_is_named_before_any_step(write):
    one_way = changed(changed(NET, 12, "3 1 10 1 3 .5 1 60 0 1 ;"), 14, "4 3 9 1 2 .1 4 60 0 1 ;")
    network, trips = write("cut_net.tntp", one_way), read_trips(write("a_trips.tntp", TRIPS))
    with pytest.raises(
        ValueError, match=r"cut_net\.tntp: trips name node 2, which no link touches"
    ):
        make_game("routing", network=read_network(network), trips=trips)
    back = changed(one_way, 14, "2 4 9 1 2 .1 4 60 0 1 ;")
    network = read_network(write("back_net.tntp", back))
    for name in ("routing", "routing_cycle"):
        with pytest.raises(ValueError, match=r"back_net\.tntp: no way leads from node 1 to node 2"):
            make_game(name, network=network, trips=trips)


def show(*words):
    """Return exit code and output of ``mfg-envs show``."""
    cli.load()
    result = CliRunner().invoke(cli.app, ["show", *map(str, words)])
    return result.exception, result.output


def test_show_takes_files_and_settings(write):
    files = ("--network", write("a_net.tntp", NET), "--trips", write("a_trips.tntp", TRIPS))
    fault, text = show("routing", *files, "--set", "dt=.5", "--set", "horizon=30")
    assert fault is None
    assert "a_net.tntp" in text
    assert "array (7,)" in text
    fault, text = show("routing_cycle", "--set", "cost=bpr", "--set", "network=braess")
    assert fault is None
    assert "toll_weight" in text
    assert "array (4, 2)" in text


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("routing", "--network", "none_net.tntp"), "none_net.tntp cannot be read"),
        (("ring_road", "--set", "num_cells"), "--set needs NAME=VALUE, got 'num_cells'"),
        (("ring_road", "--set", "num_cells=many"), "num_cells must be a whole number, got 'many'"),
        (("ring_road", "--set", "cells=9"), "ring_road has no parameter 'cells'"),
    ],
)
def test_show_names_what_is_wrong(words, fault):
    error, _ = show(*words)
    assert isinstance(error, ValueError)
    assert fault in str(error)
