"""Networks that everybody knows, with their trips.

=====================  ===========================================================================
"pigou"                one trip over two links: one takes the volume on it, the other always 1
"braess"               five trips A -> D; roads 1 + v / 5 and 2, and a bridge B -> C of .25
"sioux_falls"          24 nodes, 38 roads in both directions, 528 pairs, 360,600 trips
"sioux_falls_one_way"  the same roads one way, without a circle; one pair, node 1 to 20
=====================  ===========================================================================

Sources: Pigou (1920); Braess (1968), times as in Cabannes et al. (arXiv 2110.11943); LeBlanc,
Morlok, Pierskalla (1975), numbers of the benchmark as used today; the one-way roads are those of
Zhang, Chen, Di (arXiv 2405.03718).
"""

from __future__ import annotations

import functools

from mfg_envs.game import check_choice
from mfg_envs.games.roads.networks import Network, Trips

ROADS = """
1 2 6 25900.20064   1 3 4 23403.47319   2 6 5 4958.180928   3 4 4 17110.52372
3 12 4 23403.47319  4 5 2 17782.7941    4 11 6 4908.82673   5 6 4 4947.995469
5 9 5 10000         6 8 2 4898.587646   7 8 3 7841.81131    7 18 2 23403.47319
8 9 10 5050.193156  8 16 5 5045.822583  9 10 3 13915.78842  10 11 5 10000
10 15 6 13512.00155 10 16 4 4854.917717 10 17 8 4993.510694 11 12 6 4908.82673
11 14 4 4876.508287 12 13 3 25900.20064 13 24 4 5091.256152 14 15 5 5127.526119
14 23 4 4924.790605 15 19 3 14564.75315 15 22 3 9599.180565 16 17 2 5229.910063
16 18 3 19679.89671 17 19 2 4823.950831 18 20 4 23403.47319 19 20 4 5002.607563
20 21 6 5059.91234  20 22 5 5075.697193 21 22 2 5229.910063 21 24 3 4885.357564
22 23 4 5000        23 24 2 5078.508436
"""
"""Sioux Falls: two nodes, free-flow time and capacity of every road; b = .15, power 4."""
DEMAND = """
0 1 1 5 2 3 5 8 5 13 5 2 5 3 5 5 4 1 3 3 1 4 3 1
1 0 1 2 1 4 2 4 2 6 2 1 3 1 1 4 2 0 1 1 0 1 0 0
1 1 0 2 1 3 1 2 1 3 3 2 1 1 1 2 1 0 0 0 0 1 1 0
5 2 2 0 5 4 4 7 7 12 14 6 6 5 5 8 5 1 2 3 2 4 5 2
2 1 1 5 0 2 2 5 8 10 5 2 2 1 2 5 2 0 1 1 1 2 1 0
3 4 3 4 2 0 4 8 4 8 4 2 2 1 2 9 5 1 2 3 1 2 1 1
5 2 1 4 2 4 0 10 6 19 5 7 4 2 5 14 10 2 4 5 2 5 2 1
8 4 2 7 5 8 10 0 8 16 8 6 6 4 6 22 14 3 7 9 4 5 3 2
5 2 1 7 8 4 6 8 0 28 14 6 6 6 9 14 9 2 4 6 3 7 5 2
13 6 3 12 10 8 19 16 28 0 40 20 19 21 40 44 39 7 18 25 12 26 18 8
5 2 3 15 5 4 5 8 14 39 0 14 10 16 14 14 10 1 4 6 4 11 13 6
2 1 2 6 2 2 7 6 6 20 14 0 13 7 7 7 6 2 3 4 3 7 7 5
5 3 1 6 2 2 4 6 6 19 10 13 0 6 7 6 5 1 3 6 6 13 8 8
3 1 1 5 1 1 2 4 6 21 16 7 6 0 13 7 7 1 3 5 4 12 11 4
5 1 1 5 2 2 5 6 10 40 14 7 7 13 0 12 15 2 8 11 8 26 10 4
5 4 2 8 5 9 14 22 14 44 14 7 6 7 12 0 28 5 13 16 6 12 5 3
4 2 1 5 2 5 10 14 9 39 10 6 5 7 15 28 0 6 17 17 6 17 6 3
1 0 0 1 0 1 2 3 2 7 2 2 1 1 2 5 6 0 3 4 1 3 1 0
3 1 0 2 1 2 4 7 4 18 4 3 3 3 8 13 17 3 0 12 4 12 3 1
3 1 0 3 1 3 5 9 6 25 6 5 6 5 11 16 17 4 12 0 12 24 7 4
1 0 0 2 1 1 2 4 3 12 4 3 6 4 8 6 6 1 4 12 0 18 7 5
4 1 1 4 2 2 5 5 7 26 11 7 13 12 26 12 17 3 12 24 18 0 21 11
3 0 1 5 1 1 2 3 5 18 13 7 8 11 10 5 6 1 3 7 7 21 0 7
1 0 0 2 0 1 1 2 2 8 6 5 7 4 4 3 3 0 1 4 5 11 7 0
"""
"""Sioux Falls: trips from node (row) to node (column), in hundreds."""
ONE_WAY = """
1-2 1-3 3-4 4-5 5-6 2-6 3-12 12-11 11-10 10-16 4-11 5-9 9-8 9-10 6-8 8-16 8-7 16-18 7-18
12-13 13-24 24-21 21-20 11-14 14-23 23-24 10-15 15-22 22-21 16-17 17-19 19-20 10-17 14-15
15-19 23-22 22-20 18-20
"""
"""Sioux Falls one way: tail and head of every link."""
STREET_MAP = """
1 5 51  2 32 51  3 5 44  4 13 44  5 22 44  6 32 44  7 42 38  8 32 38  9 22 38  10 22 32
11 13 32  12 5 32  13 5 5  14 13 19  15 22 19  16 32 32  17 32 26  18 42 32  19 32 19
20 32 5  21 22 5  22 22 13  23 13 13  24 13 5
"""
"""Sioux Falls as it is usually drawn: node, x and y."""


def known(name: str) -> tuple[Network, Trips]:
    """Return a network and its trips by name.

    Raises:
        ValueError: If there is none of this name.
    """
    check_choice("network", name, tuple(KNOWN))
    return KNOWN[name]()


@functools.cache
def _pigou() -> tuple[Network, Trips]:
    network = Network(
        name="pigou",
        tail=(1, 1),
        head=(2, 2),
        free_time=(0, 1),
        delay=(1, 0),
        capacity=(1, 1),
        power=(1, 1),
        positions=((1, -1, 0), (2, 1, 0)),
    )
    return network, Trips(((1, 2, 1.0),))


@functools.cache
def _braess() -> tuple[Network, Trips]:
    network = Network(
        name="braess",
        tail=(1, 1, 2, 2, 3),
        head=(2, 3, 3, 4, 4),
        free_time=(1, 2, 0.25, 2, 1),
        delay=(1, 0, 0, 0, 1),
        capacity=(5, 5, 5, 5, 5),
        power=(1, 1, 1, 1, 1),
        positions=((1, -1, 0), (2, 0, 1), (3, 0, -1), (4, 1, 0)),
    )
    return network, Trips(((1, 4, 5.0),))


@functools.cache
def _sioux_falls() -> tuple[Network, Trips]:
    links = sorted(road for a, b, t, c in _roads() for road in ((a, b, t, c), (b, a, t, c)))
    rows = [[100.0 * float(cell) for cell in row.split()] for row in DEMAND.split("\n")[1:-1]]
    table = [(o, d, v) for o, row in enumerate(rows, 1) for d, v in enumerate(row, 1)]
    return _with_bpr("sioux_falls", links), Trips(tuple(table))


@functools.cache
def _sioux_falls_one_way() -> tuple[Network, Trips]:
    about = {frozenset(road[:2]): road[2:] for road in _roads()}
    pairs = [tuple(map(int, pair.split("-"))) for pair in ONE_WAY.split()]
    links = [(tail, head, *about[frozenset((tail, head))]) for tail, head in pairs]
    return _with_bpr("sioux_falls_one_way", links), Trips(((1, 20, 1.0),))


def _roads() -> list[tuple[int, int, float, float]]:
    words = ROADS.split()
    return [
        (int(words[i]), int(words[i + 1]), float(words[i + 2]), float(words[i + 3]))
        for i in range(0, len(words), 4)
    ]


def _with_bpr(name: str, links: list[tuple[int, int, float, float]]) -> Network:
    """Return a network of (tail, head, free-flow time, capacity) with b = .15 and power 4."""
    tail, head, free_time, capacity = zip(*links, strict=True)
    spots = STREET_MAP.split()
    nodes = range(0, len(spots), 3)
    return Network(
        name=name,
        tail=tail,
        head=head,
        free_time=free_time,
        delay=tuple(0.15 * time for time in free_time),
        capacity=capacity,
        power=(4.0,) * len(links),
        positions=tuple((int(spots[i]), float(spots[i + 1]), float(spots[i + 2])) for i in nodes),
    )


KNOWN = {
    "pigou": _pigou,
    "braess": _braess,
    "sioux_falls": _sioux_falls,
    "sioux_falls_one_way": _sioux_falls_one_way,
}
"""Name of a network -> what builds it and its trips."""
