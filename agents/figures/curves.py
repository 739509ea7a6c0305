"""Learning curves over seeds, and how what the mean-field policy loses falls with the players."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mfg_envs.game import Array, check_choice
from mfg_envs.numerics.estimates import half_width, standard_error

from ..runs.running import Run
from .style import OKABE_ITO, figure, label_ends, scale

LABEL_WIDTH = 30
LEAST = 0.05
"""Bands on logarithmic axes end at this share of the mean at least."""


def learning_curves(
    runs: Mapping[str, Run | Sequence[Run]], metric: str = "exploitability", x: str = "iterations"
) -> Any:
    """Draw a metric of runs: the mean over seeds, and its 95 % band (Student's t).

    Args:
        runs: Label -> a run of one or several seeds, or one run a seed; of unfinished ones what
            all have is drawn.
        metric: Which of the runs' metrics.
        x: "iterations", or "samples" (learners use as many in every iteration).

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: If there are no runs, more than colours, a run lacks the metric, seeds were
            never measured at the same iteration, or exact learners are drawn against samples.
    """
    check_choice("x", x, ("iterations", "samples"))
    if not 0 < len(runs) <= len(OKABE_ITO):
        raise ValueError(f"learning_curves draws 1 to {len(OKABE_ITO)} lines, got {len(runs)}")
    drawn = figure(7.2, 4.2)
    axis, ends, bands, seeds = drawn.subplots(), [], [], []
    for (label, given), colour in zip(runs.items(), OKABE_ITO, strict=False):
        where, values = curves(label, given, metric, x)
        mean, half = values.mean(0), band(values)
        mark = "o" if mean.size == 1 else None
        axis.plot(where, mean, color=colour, linewidth=1.8, marker=mark, zorder=3)
        bands.append((where, mean, half, colour))
        seeds.append(len(values))
        ends.append((float(where[-1]), float(mean[-1]), textwrap.fill(label, LABEL_WIDTH), colour))
    scale(axis, np.concatenate([mean for _, mean, *_ in bands]))
    for where, mean, half, colour in bands:
        low = mean - half
        if axis.get_yscale() != "linear":
            low = np.maximum(low, LEAST * mean)
        axis.fill_between(where, low, mean + half, color=colour, alpha=0.2, linewidth=0, zorder=2)
    several = max(seeds) > 1
    count = f"{min(seeds)}" if min(seeds) == max(seeds) else f"{min(seeds)} to {max(seeds)}"
    alone = "one seed each" if len(runs) > 1 else "one seed"
    axis.set_title(f"mean of {count} seeds, band: 95 % confidence" if several else alone)
    axis.set_xlabel("outer iteration" if x == "iterations" else "samples (transitions of the game)")
    axis.set_ylabel(metric.replace("_", " "))
    axis.locator_params(axis="x", integer=True, nbins=6)
    axis.margins(x=0.01)
    axis.grid(alpha=0.25)
    label_ends(axis, ends, 9)
    return drawn


def curves(label: str, given: Run | Sequence[Run], metric: str, x: str) -> tuple[Array, Array]:
    """Return where the metric of a line was taken, (R,), and its values, (E, R).

    Raises:
        ValueError: See ``learning_curves``.
    """
    parts = [given] if isinstance(given, Run) else list(given)
    if not parts:
        raise ValueError(f"{label}: there is no run")
    first = parts[0]
    for one in parts:
        if metric not in one.metrics:
            known = ", ".join(one.metrics) or "none"
            raise ValueError(f"{label}: no metric is called {metric!r}; the run has {known}")
    where = functools.reduce(np.intersect1d, [one.iterations for one in parts])
    if not where.size:
        raise ValueError(
            f"{label}: its runs were never measured at the same iteration; give each its own label"
        )
    rows = [
        one.metrics[metric].reshape(len(one.iterations), -1)[np.isin(one.iterations, where)].T
        for one in parts
    ]
    if x == "samples":
        if first.last.samples == 0:
            raise ValueError(f'{label} is exact and uses no samples: draw it with x="iterations"')
        where = where * (first.last.samples / first.last.iteration)
    return where, np.concatenate(rows)


def band(values: Array) -> Array:
    """Return half the width of the 95 % band about a mean over E rows, (R,); 0: of one row."""
    return np.nan_to_num(half_width(standard_error(values, 0), len(values)))


def exploitability_against_players(
    sizes: Array,
    gaps: Array,
    errors: Array | None = None,
    slope: float = -0.5,
    *,
    num_episodes: int | None = None,
) -> Any:
    """Draw what one of N players gains by leaving the mean-field policy, against N, log-log.

    Args:
        sizes: Numbers of players N, (K,).
        gaps: Gains, > 0, (K,).
        errors: Their standard errors, (K,); None: the gaps are exact.
        slope: Power of N in theory, drawn as a dashed line through the first point.
        num_episodes: Independent episodes behind each gap, of whom the band takes account
            (Student's t); None: very many.

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: If shapes differ, or numbers are not positive.
    """
    n, gap = np.asarray(sizes, float), np.asarray(gaps, float)
    error = np.zeros(n.shape) if errors is None else np.asarray(errors, float)
    if n.ndim != 1 or not n.size or not n.shape == gap.shape == error.shape:
        raise ValueError(
            f"sizes, gaps and errors must have one shape (K,), got {n.shape}, {gap.shape} and"
            f" {error.shape}"
        )
    if n.min() <= 0 or not gap.min() > 0 or error.min() < 0:
        raise ValueError("sizes and gaps must be positive and errors at least 0: a log-log figure")
    drawn = figure(5.4, 4.0)
    axis = drawn.subplots()
    line = gap[0] * (n / n[0]) ** slope
    axis.plot(n, line, color=OKABE_ITO[0], linestyle=(0, (4, 2)), label=f"theory: N^{slope:g}")
    draw_gaps(axis, n, gap, half_width(error, num_episodes), OKABE_ITO[1], "o", "measured")
    axis.set(xscale="log", yscale="log", xlabel="players N")
    axis.set_ylabel("exploitability (reward one player gains)")
    axis.set_title("" if errors is None else "band: 95 % confidence", fontsize=10)
    axis.legend(frameon=False)
    axis.grid(alpha=0.25)
    return drawn


def draw_gaps(
    axis: Any, n: Array, gap: Array, half: Array, colour: str, mark: str, label: str
) -> None:
    """Draw gaps against N, (K,) each, within bands of so much to either side."""
    axis.plot(n, gap, "-", marker=mark, markersize=4, color=colour, label=label)
    low = np.maximum(gap - half, LEAST * gap)
    axis.fill_between(n, low, gap + half, color=colour, alpha=0.25, linewidth=0)
