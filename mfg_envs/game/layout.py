"""How a population is drawn: what a game's ``layout()`` returns.

========== ============================================ ==================================
kind       picture                                      fields it reads beside the actions
========== ============================================ ==================================
"ring"     a closed road, the density as a band         ``marks``
"line"     cells in a row, the density as bars          ``marks``, ``place_label``
"interval" numbers on an axis, the density as a curve   ``marks``, ``place_label``
"few"      a box for every state, its share as a gauge  ``labels``
"grid"     cells of a plan, the density as their shade  ``walls``, ``labels``, ``marks``,
                                                        ``place_label``
"plane"    points of a plan, likewise                   ``marks``, ``place_label``
"graph"    nodes and links, their shares as shades      ``labels``, ``nodes``, ``links``,
                                                        ``spots``, ``exits``
========== ============================================ ==================================

Players are dots at ``game.coordinates(x)``; in "few" and at nodes of a graph, inside of the box
or around the node.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

Array = NDArray[Any]


class Layout(NamedTuple):
    """How a population is drawn.

    Attributes:
        kind: Which picture, see above.
        action_label: What the colour of a dot means, with its unit; "": it means nothing.
        action_values: That quantity for every action, (A,).  Of a continuous game: its ends;
            the quantity is the action, or its length if it is a vector.
        action_names: What the actions are called if they are no quantity, at most eight.
        place_label: What an axis counts, with its unit; of a grid, a remark on its cells.
        labels: Names: of the states (few), of the nodes (graph), of the populations that the last
            coordinate tells apart, -1 the first and 1 the last (grid; empty: there is only one).
        marks: Places to point out, as (word, private state).
        walls: Cells that nobody can enter, row 0 on top, bool (rows, columns).
        nodes: Where the nodes are, y upwards, in any unit, (V, 2).
        links: The two nodes that every link joins, int (L, 2).
        spots: Where the players of a place are, int (P,): node v, or V + l for link l.
        exits: Link that an action takes at a place, int (P, A), -1: none; in a mean field of
            controls, those who take it make the link's volume.
    """

    kind: str
    action_label: str
    action_values: Array
    action_names: tuple[str, ...] = ()
    place_label: str = ""
    labels: tuple[str, ...] = ()
    marks: tuple[tuple[str, Any], ...] = ()
    walls: Array | None = None
    nodes: Array | None = None
    links: Array | None = None
    spots: Array | None = None
    exits: Array | None = None
