"""Road networks and trips from files in the TNTP format.

The format of "Transportation Networks for Research" (github.com/bstabler/TransportationNetworks)::

    <NUMBER OF NODES> 24                    name of a quantity, value
    <END OF METADATA>
    ~ a line that begins with ~ is a remark
    ~ init_node term_node capacity length   the remark that names the columns of the links, all
      free_flow_time b power speed toll ... in one line, in this or another order
    1 2 25900.2 6 6 .15 4 0 0 1 ;           a link (*_net.tntp)
    Origin 1                                trips (*_trips.tntp): destination : volume;
    2 : 100.0;  3 : 100.0;
    Node X Y ;                              names of the columns of nodes (*_node.tntp)
    1 -96.77 43.61 ;                        a node

Numbers of nodes are names: any whole numbers above 0, those of a street map, say.
"""

from __future__ import annotations

import math
from pathlib import Path

from mfg_envs.games.roads.networks import Network, Trips
from mfg_envs.games.roads.tntp_columns import LINK, LINK_NEEDS, NODE, find_columns, standard
from mfg_envs.games.roads.tntp_lines import (
    END,
    Line,
    check_numbers,
    count_of,
    fail,
    lines_of,
    metadata,
    node_number,
    quantity,
)

QUANTITIES = ("capacity", "length", "free-flow time", "b", "power", "toll")
"""What is read of a link."""
ROUNDING = 1e-4
"""Share of a total that it may be off: files state it in six digits."""


def read_network(path: str | Path, nodes: str | Path | None = None) -> Network:
    """Read a network (``*_net.tntp``); lengths and tolls are 0 if it has none.

    Args:
        path: File of the links.
        nodes: File of the nodes' positions (``*_node.tntp``), to draw it.

    Raises:
        ValueError: If a file or a column is missing or a line is wrong; names file and line.

    Warns:
        UserWarning: If no line names the columns: then they have the standard order.
    """
    facts, lines = metadata(path)
    count, promised = (count_of(path, facts, f"NUMBER OF {name}") for name in ("NODES", "LINKS"))
    rows = [line for line in lines if not line.is_remark]
    before = [line for line in lines if rows and line < rows[0]][::-1]
    before += [facts[name] for name in (END, "ORIGINAL HEADER") if name in facts]
    columns = find_columns(path, before, LINK, LINK_NEEDS)
    links, met = [], dict[int, int]()
    for line in rows:
        row = {"length": "0", "toll": "0"} | columns.read(path, line)
        tail, head = (node_number(path, line.number, row[end]) for end in ("tail", "head"))
        if tail == head:
            fail(path, line.number, f"a link leads from node {tail} to itself")
        values = [quantity(path, line.number, name, row[name]) for name in QUANTITIES]
        if values[0] == 0:
            fault = f"the capacity of link {tail} -> {head} must be positive, got 0"
            fail(path, line.number, fault)
        links.append((tail, head, *values))
        met.setdefault(tail, line.number)
        met.setdefault(head, line.number)
    check_numbers(path, met, "NUMBER OF NODES", count)
    for name, number, there in (("NODES", count, len(met)), ("LINKS", promised, len(links))):
        if there > number or (name == "LINKS" and there < number):
            fault = f"<NUMBER OF {name}> is {number}, the file has {there}"
            fail(path, facts[f"NUMBER OF {name}"].number, fault)
    tail, head, capacity, length, free_time, b, power, toll = zip(*links, strict=True)
    return Network(
        name=Path(path).name,
        tail=tail,
        head=head,
        free_time=free_time,
        delay=tuple(x * y for x, y in zip(free_time, b, strict=True)),
        capacity=capacity,
        power=power,
        length=length,
        toll=toll,
        first_thru_node=count_of(path, facts, "FIRST THRU NODE", 1),
        positions=() if nodes is None else _positions(nodes),
    )


def read_trips(path: str | Path) -> Trips:
    """Read trips (``*_trips.tntp``).

    Raises:
        ValueError: If the file is missing, a line is wrong, or ``<TOTAL OD FLOW>`` is not the sum
            of the trips; names the file and the line.
    """
    facts, lines = metadata(path)
    zones = count_of(path, facts, "NUMBER OF ZONES")
    table: dict[tuple[int, int], float] = {}
    first: dict[tuple[int, int], int] = {}
    met: dict[int, int] = {}
    origin = 0
    for line in lines:
        number, text = line
        words = text.split()
        if line.is_remark:
            continue
        if words[0].lower() == "origin":
            if len(words) != 2:
                fail(path, number, f"expected 'Origin NODE', got {text!r}")
            origin = node_number(path, number, words[1])
            met.setdefault(origin, number)
            continue
        if not origin:
            fail(path, number, f"expected 'Origin NODE' before the first trips, got {text!r}")
        for entry in filter(str.strip, text.split(";")):
            destination, colon, word = entry.partition(":")
            if not colon:
                fail(path, number, f"expected 'DESTINATION : VOLUME;', got {entry.strip()!r}")
            pair = origin, node_number(path, number, destination.strip())
            name = f"from {pair[0]} to {pair[1]}"
            volume = quantity(path, number, f"volume {name}", word.strip())
            if pair in table and (volume or table[pair]):
                fail(path, number, f"trips {name} stand there twice, first in line {first[pair]}")
            table[pair], first[pair] = volume, number
            met.setdefault(pair[1], number)
    check_numbers(path, met, "NUMBER OF ZONES", zones)
    if not any(table.values()):
        raise ValueError(f"{path}: there are no trips")
    _check_total(path, facts, sum(table.values()))
    return Trips(tuple((*pair, volume) for pair, volume in table.items()))


def _check_total(path: str | Path, facts: dict[str, Line], total: float) -> None:
    if line := facts.get("TOTAL OD FLOW"):
        said = quantity(path, line.number, "<TOTAL OD FLOW>", line.text)
        if abs(said - total) > ROUNDING * total:
            fail(path, line.number, f"<TOTAL OD FLOW> is {said:g}, the trips sum to {total:g}")


def _positions(path: str | Path) -> tuple[tuple[int, float, float], ...]:
    """Return (node, x, y) of every node in a file."""
    lines = [line for line in lines_of(path) if not line.is_remark]
    columns = standard(NODE)
    if lines and not lines[0].text.split()[0].isdecimal():
        columns = find_columns(path, lines[:1], NODE, tuple(NODE))
        lines = lines[1:]
    spots: dict[int, tuple[float, float]] = {}
    first: dict[int, int] = {}
    for line in lines:
        row = columns.read(path, line)
        node = node_number(path, line.number, row["node"])
        if node in spots:
            fail(path, line.number, f"node {node} stands there twice, first in line {first[node]}")
        x, y = (quantity(path, line.number, "position", row[axis], -math.inf) for axis in "xy")
        spots[node], first[node] = (x, y), line.number
    return tuple((node, *spot) for node, spot in spots.items())
