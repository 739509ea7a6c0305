"""How tables and figures of the command look: one place for colours, boxes and fonts."""

from __future__ import annotations

from rich import box
from rich.table import Table

from ...figures.style import HOLLOW, OKABE_ITO, figure

__all__ = ["HOLLOW", "OKABE_ITO", "figure", "table"]


def table(title: str, first: str, *others: str) -> Table:
    """Return an empty table that fits 80 columns: names to the left, numbers to the right."""
    style = {"title_justify": "left", "title_style": "bold", "box": box.SIMPLE_HEAD}
    table = Table(title=title, pad_edge=False, **style)
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table
