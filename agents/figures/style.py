"""How figures look: one place for colours, sizes and scales."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfg_envs.game import Array

OKABE_ITO = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Colours that colour-blind readers can tell apart (Okabe, Ito 2008)."""
HOLLOW = {"markersize": 5, "markerfacecolor": "white", "markeredgewidth": 1.4}
"""Published points in the figures."""
REFERENCE = {"color": "black", "linestyle": (0, (4, 2)), "linewidth": 1.4}
"""What others are compared with: the exact equilibrium."""
QUIET, WALL, FILL = "#6E7480", "#262A33", "#A6BDD6"
NARROW = 3
"""Values that differ by less than this factor have no need of a logarithmic axis."""
ROUNDING = 1e-9
"""Numbers this small, beside the largest, are drawn as zeros are."""


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


def scale(axis: Any, values: Array) -> None:
    """Make the axis logarithmic where that shows more; zero has a place at its foot.

    It stays as it is where values are negative, or all much the same.
    """
    values = values[np.isfinite(values)]
    positive = values[values > 0]
    if not positive.size or values.min() < -ROUNDING * values.max():
        return
    if positive.size == values.size:
        if values.max() < NARROW * values.min():
            return
        axis.set_yscale("log")
    else:
        least = max(positive.min(), ROUNDING * values.max())
        axis.set_yscale("symlog", linthresh=least, linscale=0.3)
        axis.set_ylim(bottom=-0.1 * least)


def label_ends(axis: Any, ends: list[tuple[float, float, str, str]], size: float = 8) -> None:
    """Write labels right of the axis, beside the ends of lines, none over another.

    Args:
        axis: The axis, with its scales and limits as they stay.
        ends: (x, y, label, colour) of every line's last point.
        size: Of the words, in points.
    """
    root = axis.get_figure()
    tall = axis.get_position().height * root.get_figheight() * 72  # points
    gap = 1.25 * size / tall  # of the axis' height
    low, high = axis.get_yaxis().get_transform().transform(np.array(axis.get_ylim()))
    level = axis.get_yaxis().get_transform().transform(np.array([y for _, y, *_ in ends], float))
    share = np.clip((level - low) / (high - low), 0, 1)
    for rank in (order := np.argsort(share, kind="stable"))[1:]:
        below = order[np.flatnonzero(order == rank)[0] - 1]
        share[rank] = max(share[rank], share[below] + gap)
    share -= max(share.max() - 1, 0)
    for (_, _, words, colour), height in zip(ends, share, strict=True):
        place = {"xycoords": "axes fraction", "textcoords": "offset points"}
        axis.annotate(
            words, (1, height), xytext=(5, 0), color=colour, fontsize=size, va="center", **place
        )
