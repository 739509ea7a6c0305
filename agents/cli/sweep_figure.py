"""The figure of a sweep: learning curves, the best in colours, the others in grey."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from mfg_envs.numerics.estimates import standard_error

from ..figures.style import OKABE_ITO, figure, scale
from ..sweep.scores import Scores

GREY = "#BBBBBB"
LEGEND_WIDTH = 36


def draw(title: str, metric: str, scores: list[Scores]) -> Any:
    """Return the learning curves of configurations, best first: means, bands of a standard error.

    Raises:
        ImportError: If matplotlib is missing; it says what to install.
    """
    drawn = figure(9.6, 4.8)
    axis = drawn.subplots()
    there = [one for one in scores if one.seeds]
    best, others = there[: len(OKABE_ITO)], there[len(OKABE_ITO) :]
    for rank, (one, colour) in enumerate(zip(best, OKABE_ITO, strict=False)):
        _draw_one(axis, one, colour, rank)
    for one in others:
        axis.plot(one.iterations, one.curves.mean(0), color=GREY, linewidth=0.8, zorder=1)
    if others:
        axis.lines[-1].set_label(f"{len(others)} more")
    scale(axis, np.concatenate([one.curves.ravel() for one in there] or [np.empty(0)]))
    seeds = max((len(one.seeds) for one in there), default=0)
    shown = f"mean of {seeds} seeds, band: one standard error" if seeds > 1 else "one run each"
    axis.set(title=f"{title}\n{shown}", xlabel="outer iteration", ylabel=metric.replace("_", " "))
    axis.locator_params(axis="x", integer=True)
    axis.grid(alpha=0.25)
    if there:
        drawn.legend(loc="outside right upper", frameon=False, fontsize=8)
    return drawn


def _draw_one(axis: Any, one: Scores, colour: str, rank: int) -> None:
    """Draw a configuration, the better the further in front."""
    mean, label = one.curves.mean(0), textwrap.fill(one.configuration.label, LEGEND_WIDTH)
    style = {"color": colour, "zorder": 4 - rank / 10, "marker": "o" if mean.size == 1 else None}
    width, label = (2.2, f"{label} (best)") if rank == 0 else (1.3, label)
    axis.plot(one.iterations, mean, linewidth=width, label=label, **style)
    if len(one.seeds) > 1:
        error = standard_error(one.curves, 0)
        band = (one.iterations, mean - error, mean + error)
        axis.fill_between(*band, color=colour, alpha=0.15, linewidth=0, zorder=2)
