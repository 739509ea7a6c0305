"""How tables and figures of the command look: one place for colours, boxes and fonts."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.table import Table

OKABE_ITO = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Colours that colour-blind readers can tell apart (Okabe, Ito 2008)."""
HOLLOW = {"markersize": 5, "markerfacecolor": "white", "markeredgewidth": 1.4}
"""Published points in the figures."""


def table(title: str, first: str, *others: str) -> Table:
    """Return an empty table that fits 80 columns: names to the left, numbers to the right."""
    style = {"title_justify": "left", "title_style": "bold", "box": box.SIMPLE_HEAD}
    table = Table(title=title, pad_edge=False, **style)
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def figure(width: float, height: float) -> Any:
    """Return an empty matplotlib figure, of a size in inches; needs no display.

    Raises:
        ImportError: If matplotlib is missing; it says what to install.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('figures need matplotlib: pip install "mfg-envs[plot]"') from error
    return Figure(figsize=(width, height), layout="constrained")
