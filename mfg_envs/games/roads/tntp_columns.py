"""Columns of TNTP files: found by the names in the heading, in any order.

Names count without case, blanks, underscores and units: ``Free Flow Time (min)`` is
``free_flow_time``.  Columns of other names are ignored.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mfg_envs.games.roads.tntp_lines import Line, fail

LINK = {
    "tail": "initnode tailnode fromnode init tail from",
    "head": "termnode headnode tonode term head to",
    "capacity": "capacity totalcapacity",
    "length": "length",
    "free-flow time": "freeflowtime freeflowtraveltime freetime fftt ftime",
    "b": "b alpha",
    "power": "power beta",
    "speed limit": "speedlimit speed ffspeed freeflowspeed",
    "toll": "toll",
    "type": "linktype type",
}
"""Columns of a link in the standard order -> their names."""
LINK_NEEDS = ("tail", "head", "capacity", "free-flow time", "b", "power")
NODE = {
    "node": "node nodeid nodenumber id",
    "x": "x xcoord xcoordinate lon longitude",
    "y": "y ycoord ycoordinate lat latitude",
}
"""Columns of a node in the standard order -> their names."""
IGNORED = "criticalspeed"
"""Columns that are not ours, but of two words."""
WORDS = 4
"""Most words of a name."""


class Columns(NamedTuple):
    """Where the columns of a file are.

    Attributes:
        names: What the heading calls them, in their order; "" where it leaves room for one.
        place: Column that we know -> its place, counted from 0.
    """

    names: Sequence[str]
    place: Mapping[str, int]

    def read(self, path: str | Path, line: Line) -> dict[str, str]:
        """Return what a line says, column -> word.

        Raises:
            ValueError: If it has more or fewer fields than there are columns.
        """
        words = line.text.rstrip("; \t").split()
        if len(words) != len(self.names):
            fault = f"expected {len(self.names)} fields ({', '.join(self.names)}), got"
            fail(path, line.number, f"{fault} {len(words)}: {' '.join(words)}")
        return {name: words[i] for name, i in self.place.items()}


def standard(known: Mapping[str, str]) -> Columns:
    """Return the columns in the standard order."""
    return Columns(list(known), {name: i for i, name in enumerate(known)})


def find_columns(
    path: str | Path, headings: Iterable[Line], known: Mapping[str, str], needed: Sequence[str]
) -> Columns:
    """Return the columns as the heading says: the line that names most of them.

    A heading names at least half of what is needed, and not more of anything else.

    Args:
        path: The file.
        headings: Lines that may be the heading.
        known: Column -> its names.
        needed: Columns that must be there.

    Raises:
        ValueError: If the heading lacks a column or has one twice; names the line.

    Warns:
        UserWarning: If no line names the columns: then they have the standard order.
    """
    column_of = {name: column for column, names in known.items() for name in names.split()}
    most, number, cells, columns = 0, 0, [""], [""]
    for line in headings:
        some = _cells(line.text, {*column_of, *IGNORED.split()})
        found = [column_of.get(_plain(cell), "") for cell in some]
        named = len({*found} & {*needed})
        if named > most and 2 * found.count("") <= len(found):
            most, number, cells, columns = named, line.number, some, found
    if 2 * most >= len(needed):
        for column in (*needed, *filter(None, columns)):
            if (times := columns.count(column)) != 1:
                fault = f"two are {column}" if times else f"no column is the {column}"
                names = ", ".join(filter(None, cells))
                known_as = f"; it may be called {known[column].replace(' ', ', ')}"
                fail(path, number, f"{fault} in the heading {names}{known_as}")
        return Columns(cells, {column: i for i, column in enumerate(columns) if column})
    warnings.warn(
        f"{path}: no line names the columns; they are read in the standard order:"
        f" {', '.join(known)}",
        UserWarning,
        stacklevel=3,
    )
    return standard(known)


def _plain(name: str) -> str:
    """Return a name without case, blanks, underscores and units."""
    return re.sub(r"[(\[].*?[)\]]|[^a-z0-9]", "", name.lower())


def _cells(text: str, names: set[str]) -> list[str]:
    """Return the names in a heading: between tabs, if there are any, else known ones and words."""
    text = text.lstrip("~ \t").rstrip("; ").rstrip(" ")
    if "\t" in text.rstrip():
        cells = [cell.strip() for cell in re.split(r" *\t *", text)]
        return cells[:-1] if not cells[-1] else cells  # the last tab is that before ;
    words, cells = re.sub(r"[(\[].*?[)\]]", "", text).split(), []
    while words:
        size = next((n for n in range(WORDS, 0, -1) if _plain("".join(words[:n])) in names), 1)
        cells.append(" ".join(words[:size]))
        words = words[size:]
    return cells
