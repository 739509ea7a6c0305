"""Road networks and trips from files in the TNTP format.

The format of "Transportation Networks for Research" (github.com/bstabler/TransportationNetworks)::

    <NUMBER OF NODES> 24                    name of a quantity, value
    <END OF METADATA>
    ~ a line that begins with ~ is a remark
    1 2 25900.2 6 6 .15 4 0 0 1 ;           a link (*_net.tntp): tail, head, capacity, length,
                                            free-flow time, b, power, speed limit, toll, type
    Origin 1                                trips (*_trips.tntp): destination : volume;
    2 : 100.0;  3 : 100.0;
    1 -96.77 43.61 ;                        a node (*_node.tntp): number, x, y
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from mfg_envs.games.networks import Network, Trips

FIELDS = (
    *("tail", "head", "capacity", "length", "free-flow time"),
    *("b", "power", "speed limit", "toll", "type"),
)
END = "<END OF METADATA>"


def read_network(path: str | Path, nodes: str | Path | None = None) -> Network:
    """Read a network (``*_net.tntp``).

    Args:
        path: File of the links.
        nodes: File of the nodes' positions (``*_node.tntp``), to draw it.

    Raises:
        ValueError: If a file is missing or a line is wrong; names the file and the line.
    """
    lines = _lines(path)
    facts = _metadata(path, lines)
    count = _count(path, facts, "NUMBER OF NODES")
    links = []
    for number, text in lines:
        words = text.rstrip("; \t").split()
        if len(words) != len(FIELDS):
            _fail(
                path, number, f"a link has {len(FIELDS)} fields ({', '.join(FIELDS)}), got {text!r}"
            )
        tail, head = (_node(path, number, word, count) for word in words[:2])
        if tail == head:
            _fail(path, number, f"a link leads from node {tail} to itself")
        values = [
            _number(path, number, *pair) for pair in zip(FIELDS[2:9], words[2:9], strict=True)
        ]
        if values[0] == 0:
            _fail(path, number, f"the capacity of link {tail} -> {head} must be positive, got 0")
        links.append((tail, head, *values))
    promised = _count(path, facts, "NUMBER OF LINKS")
    if len(links) != promised:
        raise ValueError(f"{path}: holds {len(links)} links, <NUMBER OF LINKS> is {promised}")
    tail, head, capacity, length, free_time, b, power, _, toll = zip(*links, strict=True)
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
        first_thru_node=_count(path, facts, "FIRST THRU NODE", 1),
        positions=() if nodes is None else _positions(nodes),
    )


def read_trips(path: str | Path) -> Trips:
    """Read trips (``*_trips.tntp``).

    Raises:
        ValueError: If the file is missing or a line is wrong; names the file and the line.
    """
    lines = _lines(path)
    zones = _count(path, _metadata(path, lines), "NUMBER OF ZONES")
    table: dict[tuple[int, int], float] = {}
    origin = 0
    for number, text in lines:
        words = text.split()
        if words[0].lower() == "origin":
            if len(words) != 2:
                _fail(path, number, f"expected 'Origin NODE', got {text!r}")
            origin = _node(path, number, words[1], zones)
            continue
        if not origin:
            _fail(path, number, f"expected 'Origin NODE' before the first trips, got {text!r}")
        for entry in filter(str.strip, text.split(";")):
            destination, colon, volume = entry.partition(":")
            if not colon:
                _fail(path, number, f"expected 'DESTINATION : VOLUME;', got {entry.strip()!r}")
            pair = origin, _node(path, number, destination.strip(), zones)
            if pair in table:
                _fail(path, number, f"trips from {pair[0]} to {pair[1]} stand there twice")
            name = f"volume from {pair[0]} to {pair[1]}"
            table[pair] = _number(path, number, name, volume.strip())
    if not any(table.values()):
        raise ValueError(f"{path}: there are no trips")
    return Trips(tuple((*pair, volume) for pair, volume in table.items()))


def _positions(path: str | Path) -> tuple[tuple[int, float, float], ...]:
    """Return (node, x, y) of every node in a file."""
    spots = []
    for number, text in _lines(path):
        words = text.rstrip("; \t").split()
        if words[0].lower() == "node":  # the heading
            continue
        if len(words) != 3:
            _fail(path, number, f"a node has 3 fields (number, x, y), got {text!r}")
        x, y = (_number(path, number, "position", word, -math.inf) for word in words[1:])
        spots.append((_node(path, number, words[0]), x, y))
    return tuple(spots)


def _lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Yield number and text of the lines that say something."""
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        if (said := line.strip()) and not said.startswith("~"):
            yield number, said


def _metadata(path: str | Path, lines: Iterator[tuple[int, str]]) -> dict[str, tuple[int, str]]:
    """Return the head of a file: name -> line and value."""
    facts = {}
    for number, text in lines:
        if text == END:
            return facts
        name, bracket, value = text.removeprefix("<").partition(">")
        if not text.startswith("<") or not bracket:
            _fail(path, number, f"expected '<NAME> VALUE' or '{END}', got {text!r}")
        facts[name.strip()] = number, value.strip()
    raise ValueError(f"{path}: the line {END} is missing")


def _count(
    path: str | Path, facts: dict[str, tuple[int, str]], name: str, default: int | None = None
) -> int:
    if name not in facts:
        if default is None:
            raise ValueError(f"{path}: the line <{name}> is missing")
        return default
    return _node(path, *facts[name], what=f"<{name}>")


def _node(
    path: str | Path, number: int, word: str, most: float = math.inf, what: str = "a node"
) -> int:
    """Return a whole number in [1, most]."""
    if not word.isdecimal() or not 1 <= int(word) <= most:
        bound = "a whole number above 0" if most == math.inf else f"a whole number in [1, {most}]"
        _fail(path, number, f"{what} must be {bound}, got {word!r}")
    return int(word)


def _number(path: str | Path, number: int, what: str, word: str, least: float = 0.0) -> float:
    """Return a finite number that is at least ``least``."""
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < least:
        bound = "a finite number" + ("" if least == -math.inf else f", at least {least:g}")
        _fail(path, number, f"{what} must be {bound}, got {word!r}")
    return value


def _fail(path: str | Path, number: int, fault: str) -> NoReturn:
    raise ValueError(f"{path}, line {number}: {fault}")
