"""TNTP files as they are found: columns in any order, numbers of street maps, odd remarks."""

from __future__ import annotations

import pytest

from mfg_envs import make_game
from mfg_envs.games.roads.tntp import read_network, read_trips

STANDARD = "~ init_node term_node capacity length free_flow_time b power speed toll link_type ;"


def net(heading, *links, nodes=3, facts="", end="<END OF METADATA>"):
    """Return the text of a network."""
    facts = f"<NUMBER OF NODES> {nodes}\n<NUMBER OF LINKS> {len(links)}\n{facts}{end}\n"
    return "\n".join([facts, heading, *links, ""])


def trips(*lines, zones=3, facts=""):
    """Return the text of trips, the first line of which is number 4."""
    return "\n".join([f"<NUMBER OF ZONES> {zones}", facts, "<END OF METADATA>", *lines, ""])


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a text as a network, or as trips."""

    def read(text, nodes=None, read=read_network, encoding="utf-8"):
        path, spots = tmp_path / "a.tntp", tmp_path / "nodes.tntp"
        path.write_text(text, encoding)
        if nodes is None:
            return read(path)
        spots.write_text(nodes, encoding)
        return read(path, spots)

    return read


@pytest.mark.parametrize(
    ("heading", "row"),
    [
        (STANDARD, "1 2 900 7 3 .5 4 55 2 1 ;"),
        (STANDARD.upper().replace(" ", "\t"), "1\t2\t900\t7\t3\t.5\t4\t55\t2\t1\t;"),
        # A speed where tolls are elsewhere: no toll.
        (
            "~ \tinit_node\tterm_node\tcapacity\tlength\tfree_flow_time\tb\tpower\tspeed \t"
            "critical_speed\tlanes\t;",
            "\t1\t2\t900\t7\t3\t.5\t4\t55\t42.9\t2\t;",
        ),
        ("~ init_node term_node capacity free_flow_time length b power ;", "1 2 900 3 7 .5 4"),
        ("~ toll power b free_flow_time length head tail capacity", "2 4 .5 3 7 2 1 900 ;"),
        (
            "~ \tInit node\tTerm node\tCapacity (veh/h)\tLength [mi]\tFree Flow Time (min)\tB"
            "\tPower\tSpeed limit\tToll  \t\t;",
            "\t1\t2\t900\t7\t3\t.5\t4\t50\t2\t1;",  # the last column has no name
        ),
        (
            "~ Init node Term node Capacity Length Free Flow Time B Power Critical speed Toll",
            "1 2 900 7 3 .5 4 50 2 ;",
        ),
        ("~ from to capacity length fftt(min) alpha beta name ;", "1 2 900 7 3 .5 4 Main_St ;"),
    ],
)
def test_columns_are_found_by_their_names(read, heading, row):
    network = read(net(heading, row, nodes=2))
    assert (network.tail, network.head) == ((1,), (2,))
    assert (network.capacity, network.free_time) == ((900,), (3,))
    assert (network.delay, network.power) == ((1.5,), (4,))
    assert network.length == (7,)
    assert network.toll == ((2,) if "toll" in heading.lower() else (0,))


@pytest.mark.parametrize("where", ["behind the end", "original header", "with other remarks"])
def test_the_heading_may_stand_elsewhere(read, where):
    heading, row = "~ term_node init_node capacity free_flow_time b power", "2 1 900 3 .5 4 ;"
    parts = {"end": f"<END OF METADATA> {heading}", "heading": ""}
    if where == "original header":
        parts = {"facts": f"<ORIGINAL HEADER>{heading}\n", "heading": "~ drawn from a map"}
    elif where == "with other remarks":
        parts = {"heading": f"{heading}\n~ links from a map to nodes of capacity 1 follow"}
    network = read(net(parts.pop("heading"), row, nodes=2, **parts))
    assert (network.tail, network.head, network.free_time) == ((1,), (2,), (3,))


@pytest.mark.parametrize("heading", ["", "~ von nach Kapazitaet", "~ see the links from 3 to 4"])
def test_without_names_the_order_is_the_standard_and_it_says_so(read, heading):
    with pytest.warns(UserWarning, match=r"a\.tntp: no line names the columns; .*: tail, head, ca"):
        network = read(net(heading, "1 2 900 7 3 .5 4 55 2 1 ;", nodes=2))
    assert (network.length, network.free_time, network.toll) == ((7,), (3,), (2,))


@pytest.mark.parametrize(
    ("heading", "fault"),
    [
        ("~ init_node term_node capacity length b power", "no column is the free-flow time in the"),
        ("~ init_node capacity length free_flow_time b power", "no column is the head in the"),
        (f"{STANDARD[:-1]} toll ;", "two are toll in the heading"),
    ],
)
def test_a_heading_that_lacks_a_column_is_refused(read, heading, fault):
    with pytest.raises(ValueError, match=rf"a\.tntp, line 5: {fault}"):
        read(net(heading, "1 2 900 7 3 .5 4 55 2 1 ;", nodes=2))


MAP = (
    "73469 5414342274 900 7 3 .5 4 55 2 1 ;",
    "5414342274 2146237932 900 7 3 .5 4 55 2 1 ;",
)


def test_numbers_of_a_street_map_are_names(read):
    spots = "NodeID  Xcoord  Ycoord\n73469 0 0\n5414342274 1 0\n2146237932 2 1\n"
    network = read(net(STANDARD, *MAP), spots)
    assert network.nodes.tolist() == [73469, 2146237932, 5414342274]
    assert network.coordinates.tolist() == [[-1, -0.5], [1, 0.5], [0, -0.5]]
    demand = trips("Origin 73469", "2146237932 : 5; 73469 : 0; 73469 : 0;", zones=2)
    table = read(demand, read=read_trips)
    assert table.table == ((73469, 2146237932, 5.0),)
    game = make_game("routing", network=network, trips=table, dt=0.5, horizon=20)
    assert game.num_places == 4
    assert make_game("routing_cycle", cost="bpr", network=network, trips=table).num_states == 3


def test_more_zones_may_be_named_than_begin_trips(read):
    lines = ("Origin 1000000", "1000000 : 3; 1000001 : 2; 1000002 : 4;")
    assert read(trips(*lines, zones=2), read=read_trips).total == 6


def test_a_byte_order_mark_and_small_letters_are_read(read):
    text = net(STANDARD, "1 2 900 7 3 .5 4 55 2 1 ;", nodes=2, facts="<First  Thru Node> 2\n")
    text = text.replace("<NUMBER OF NODES>", "<number of nodes>").replace("END OF", "end of")
    network = read(
        text, "\ufeffnode y x\n1 5 0\n2 6 1\n".replace("\ufeff", ""), encoding="utf-8-sig"
    )
    assert network.first_thru_node == 2
    assert network.positions == ((1, 0, 5), (2, 1, 6))
    text = "\ufeff" + trips("origin 1", "2 : 4 ;").lower()
    assert read(text, read=read_trips).total == 4


@pytest.mark.parametrize(
    ("links", "facts", "fault"),
    [
        # A column left empty between tabs, and a capacity of 0.
        (("1\t2\t0\t0.0\t\t.15\t4\t0\t0\t0\t;",), "", "line 6: expected 10 fields"),
        (("1\t2\t0\t0.0\t1\t.15\t4\t0\t0\t0\t;",), "", "line 6: the capacity of link 1 -> 2 must"),
        (("1 2 9 7 3 .5 4 5 2 1 ; 3",), "", "line 6: expected 10 fields .* got 12"),
        (("1 2 9 7 3 .5 4 5 2 1", "2 3 9 7 3 .5 4 5 2 1", "3 9 9 7 3 .5 4 5 2 1"), "",
         r"line 8: a node must be a whole number in \[1, 3\], got '9': 4 .* NODES> is 3"),
        ((*MAP, "2146237932 9 9 7 3 .5 4 5 2 1"), "", "line 1: <NUMBER OF NODES> is 3, the file"),
        (("1 2 9 7 3 .5 4 5 2 1",), "<NUMBER OF NODES> 4\n", "line 3: <NUMBER OF NODES> stands in"),
        (("1 2 9 7 3 .5 4 5 2 1",), "<FIRST THRU NODE> 0\n", "line 3: <FIRST THRU NODE> must be"),
    ],
)  # fmt: skip
def test_the_line_at_fault_is_named(read, links, facts, fault):
    text = net(STANDARD, *links, facts=facts).replace("\n\n", "\n" if facts else "\n\n")
    with pytest.raises(ValueError, match=rf"a\.tntp, {fault}"):
        read(text)


@pytest.mark.parametrize(
    ("lines", "total", "fault"),
    [
        (("Origin 1", "2 : 4; 3 : 2;"), "<TOTAL OD FLOW> 7", "line 2: <TOTAL OD FLOW> is 7, .* 6"),
        (("Origin 1", "2 : 4;"), "<TOTAL OD FLOW> four", "line 2: <TOTAL OD FLOW> must be a"),
        (("Origin 1", "1 : 0; 2 : 4;", "2 : 0;"), "", "line 6: trips from 1 to 2 .* in line 5"),
        (
            ("Origin 1", "2 : 4;", "4 : 1; 3 : 1;"),
            "",
            r"line 6: a node must be .* \[1, 3\], got '4'",
        ),
    ],
)
def test_the_line_of_trips_at_fault_is_named(read, lines, total, fault):
    with pytest.raises(ValueError, match=rf"a\.tntp, {fault}"):
        read(trips(*lines, facts=total), read=read_trips)


@pytest.mark.parametrize(
    ("nodes", "fault"),
    [
        ("Node X Y ;\n1 0 0\n2 1 1\n1 0 0\n", "line 4: node 1 stands there twice, .* in line 2"),
        ("Node X\n1 0\n2 1\n", "line 1: no column is the y in the heading Node, X; .* latitude"),
        ("1 0 0\n2 1\n", "line 2: expected 3 fields"),
        ("Node X Y\n1 0 0\n2 1 inf\n", "line 3: position must be a finite number, got 'inf'"),
    ],
)
def test_the_line_of_positions_at_fault_is_named(read, nodes, fault):
    with pytest.raises(ValueError, match=rf"nodes\.tntp, {fault}"):
        read(net(STANDARD, "1 2 900 7 3 .5 4 55 2 1 ;", nodes=2), nodes)


def test_totals_of_six_digits_are_near_enough(read):
    text = trips("Origin 1", "2 : 1361475;", facts="<TOTAL OD FLOW> 1.36148e+006")
    assert read(text, read=read_trips).total == 1361475


def test_zones_that_close_all_ways_are_named(read):
    links = ("1 2 9 7 3 .5 4 5 2 1", "2 3 9 7 3 .5 4 5 2 1")
    network = read(net(STANDARD, *links, facts="<FIRST THRU NODE> 3\n"))
    for name in ("routing", "routing_cycle"):
        with pytest.raises(
            ValueError, match=r"from node 1 to node 3 without .* below <FIRST THRU NODE> 3"
        ):
            make_game(name, network=network, trips=((1, 3, 1.0),))
