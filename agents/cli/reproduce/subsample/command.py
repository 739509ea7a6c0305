"""``mfg-envs reproduce subsample``: how the value of a team grows with the locals it looks at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from ...words import tables
from ...words.tables import OKABE_ITO
from ..reproduction import VERDICTS, Check, Out, Reproduction, carry_out, folder_of_runs, plain
from . import study as subsample_study
from .study import Gap, Study

SLOPE, MARGIN = -0.5, 0.15
"""Slope of the gap against k, log-log, that the theorem suggests, and how near to it counts."""
FLAT = (30.68, 30.70)
"""Where the values of ``follow_the_leader`` lie for every k."""
EXPLORATION = (196.4904, 232.1053, 194.3273)
"""Surrogate of ``constrained_exploration``, k = 1: mean, largest, both in corner (1, 1)."""
PLACES = ("lower left", "lower right", "lower right", "upper right")
"""Of the legends, where no curve passes."""
NOTE = (
    "The reward gap that the paper draws belongs to another task of its authors; the printed tasks"
    " do not give that figure, and nothing here is compared with it."
)


def command(
    out: Out = Path("results/subsample"),
    quick: Annotated[bool, typer.Option(help="Small teams, few k.")] = False,
) -> None:
    """SUBSAMPLE-MFQ: optimality gap and run time against k, on dispatcher and two other tasks.

    A run that was interrupted goes on where it stopped; results are those of an unbroken one.
    """
    plan = subsample_study.QUICK if quick else subsample_study.FULL
    sizes = " and ".join(str(n) for n, _ in plan.teams)
    reproduction = Reproduction(
        name="subsample",
        runs=folder_of_runs(quick),
        opening=(f"[bold]SUBSAMPLE-MFQ[/]: teams of {sizes} locals; writing to {out}/",),
        find=lambda runs, console: subsample_study.study(plan, runs, progress=console.is_terminal),
        checks=_checks,
        tables=_tables,
        figures={"subsample.png": _figure},
        data=_data,
        arrays=_arrays,
    )
    carry_out(reproduction, out)


def _tables(study: Study, checks: list[Check]) -> Iterator[Table | str]:
    yield _gap_table(study)
    yield _slope_table(study.gaps)
    yield _time_table(study)
    yield _checks_table(checks)
    yield NOTE


def _data(study: Study, checks: list[Check]) -> dict[str, Any]:
    return {
        "note": NOTE,
        "checks": checks,
        "ks": study.ks.tolist(),
        "dispatcher": [_gap_data(gap) for gap in study.gaps],
        "follow_the_leader": study.leader.tolist(),
        "constrained_exploration": study.exploration,
    }


def _arrays(study: Study) -> dict[str, Any]:
    arrays = {"ks": study.ks, "seconds": study.seconds, "play": study.play, "leader": study.leader}
    for gap in study.gaps:
        arrays[f"gaps {gap.num_locals}"] = gap.gaps
        arrays[f"errors {gap.num_locals}"] = gap.errors
    return arrays


def _gap_table(study: Study) -> Table:
    names = [name for gap in study.gaps for name in (f"n = {gap.num_locals}", "± error")]
    table = tables.table("dispatcher: value lost with k samples", "dispatcher", *names)
    for row, k in enumerate(study.ks):
        cells = [(f"{g.gaps[row]:.2f}", f"[dim]±{g.errors[row]:.2f}") for g in study.gaps]
        table.add_row(f"k = {k}", *(cell for pair in cells for cell in pair))
    table.add_section()
    others = {"full information": "full", "never leaves its zone": "stays", "random": "chance"}
    for title, name in others.items():
        cells = [(f"{gap.best - getattr(gap, name):.2f}", "") for gap in study.gaps]
        table.add_row(title, *(cell for pair in cells for cell in pair))
    table.caption = "Counted from the best dispatcher known: " + ", ".join(
        f"{gap.best:.2f} for n = {gap.num_locals}" for gap in study.gaps
    )
    table.caption_justify = "left"
    return table


def _slope_table(gaps: list[Gap]) -> Table:
    table = tables.table("Slope of the gap, log-log, least squares", "team", "slope", "± error")
    for gap in gaps:
        table.add_row(f"n = {gap.num_locals}, against k", *_slope(gap.by_k))
        table.add_row("  against n k / (n - k + 1)", *_slope(gap.by_rate))
        table.add_row(f"  against k from {subsample_study.LATE} on", *_slope(gap.late))
    return table


def _slope(line: subsample_study.Line) -> tuple[str, str]:
    if np.isnan(line.slope):
        return "", ""
    return f"{line.slope:+.2f}", f"±{line.error:.2f}"


def _time_table(study: Study) -> Table:
    title = "CPU time of a sweep (ms), and of a step of a team (ns a local)"
    names = [f"step, n = {gap.num_locals}" for gap in study.gaps]
    table = tables.table(title, "k", "sweep, exact", "20 samples", *names)
    for row, k in enumerate(study.ks):
        learn = (f"{1e3 * seconds:.3g}" for seconds in study.seconds[:, row])
        table.add_row(str(k), *learn, *(f"{time:.3g}" for time in study.play[:, row]))
    table.caption = "A sweep knows nothing of n: what is learned serves every team."
    table.caption_justify = "left"
    return table


def _checks(study: Study) -> list[Check]:
    """Return everything that was to be shown, with what was seen."""
    checks = []
    for gap in study.gaps:
        name = f"dispatcher, n = {gap.num_locals}: slope"
        held = abs(gap.by_k.slope - SLOPE) <= MARGIN
        checks.append(_check(name, f"{SLOPE} ± {MARGIN}", f"{gap.by_k.slope:.2f}", held))
    low, high = study.leader.min(), study.leader.max()
    held = FLAT[0] <= low and high <= FLAT[1]
    wanted, seen = f"{FLAT[0]:.2f}-{FLAT[1]:.2f}", f"{low:.3f}-{high:.3f}"
    checks.append(_check("follow_the_leader: every k", wanted, seen, held))
    for name, wanted, seen in zip(
        ("mean", "largest", "corner"), EXPLORATION, study.exploration, strict=True
    ):
        held = abs(seen - wanted) < 1e-4
        title = f"constrained_exploration: {name}"
        checks.append(_check(title, f"{wanted:.4f}", f"{seen:.4f}", held))
    return checks


def _check(name: str, wanted: str, seen: str, held: bool) -> Check:
    return {"name": name, "wanted": wanted, "seen": seen, "held": bool(held)}


def _checks_table(checks: list[Check]) -> Table:
    table = tables.table(
        "What was to be shown",
        "number",
        "wanted",
        "seen",
        "",
    )
    for check in checks:
        verdict = VERDICTS[check["held"]]
        table.add_row(check["name"], check["wanted"], check["seen"], verdict)
    return table


def _gap_data(gap: Gap) -> dict[str, Any]:
    """Return a gap as it is written for people."""
    parts = plain(gap)
    for name in ("by_k", "by_rate", "late"):
        line = parts.pop(name)
        parts[name] = None if np.isnan(line.slope) else line._asdict()
    return parts


def _figure(study: Study) -> Any:
    """Return the figure: gaps, values, times, and the task in which k does not matter."""
    figure = tables.figure(11, 7.6)
    axes = figure.subplots(2, 2)
    for gap, colour in zip(study.gaps, OKABE_ITO[1:], strict=False):
        _draw_gap(axes[0, 0], axes[0, 1], study.ks, gap, colour)
    _draw_times(axes[1, 0], study)
    _draw_leader(axes[1, 1], study.leader)
    lost, value = axes[0]
    guide = study.gaps[-1].gaps[0] * study.ks ** (1.0 * SLOPE)
    lost.plot(study.ks, guide, ":", color="grey", label="slope -1/2")
    ticks = [k for k in study.ks if k in (1, 2, 5, 10) or k == study.ks[-1]]
    lost.set(title="dispatcher: optimality gap", ylabel="lost value", xscale="log", yscale="log")
    lost.set_xticks(ticks, labels=map(str, ticks))
    lost.minorticks_off()
    shown = np.concatenate([gap.gaps for gap in study.gaps])
    heights = [y for y in (1, 2, 5, 10, 20, 40) if shown.min() / 2 < y < 2 * shown.max()]
    lost.set_yticks(heights, labels=map(str, heights))
    value.set(title="dispatcher: value of the team", ylabel="discounted reward")
    value.set_ylim(bottom=min(gap.chance for gap in study.gaps) - 12)
    for axis, place in zip(axes.flat, PLACES, strict=True):
        axis.set_xlabel("k, locals that are looked at")
        axis.grid(alpha=0.25)
        axis.legend(frameon=False, fontsize=8, loc=place, ncols=2 if axis is value else 1)
    return figure


def _draw_gap(lost: Any, value: Any, ks: Any, gap: Gap, colour: str) -> None:
    fit, n = gap.by_k, gap.num_locals
    label = f"n = {n}: slope {fit.slope:.2f} ± {fit.error:.2f}"
    lost.errorbar(ks, gap.gaps, 2 * gap.errors, fmt="o", color=colour, markersize=4, label=label)
    lost.plot(ks, fit.factor * ks**fit.slope, "-", color=colour, linewidth=1)
    value.errorbar(
        ks, gap.best - gap.gaps, 2 * gap.errors, fmt="o-", color=colour, markersize=4,
        linewidth=1.2, label=f"k samples, n = {n}",
    )  # fmt: skip
    value.axhline(gap.full, color=colour, linestyle="--", linewidth=1, label=f"all seen, n = {n}")
    value.axhline(gap.chance, color=colour, linestyle=":", linewidth=1, label=f"random, n = {n}")


def _draw_times(axis: Any, study: Study) -> None:
    names = ("exact", "20 samples")
    for name, seconds, colour in zip(names, study.seconds, OKABE_ITO[3:], strict=False):
        axis.plot(study.ks, 1e3 * seconds, "o-", color=colour, markersize=4, label=name)
    axis.set(title="CPU time of a sweep, the same for every n", ylabel="ms", yscale="log")


def _draw_leader(axis: Any, values: Any) -> None:
    n = len(values)
    label = f"exact value, n = {n}"
    axis.plot(np.arange(1, n + 1), values, "o-", color=OKABE_ITO[1], markersize=4, label=label)
    axis.axhspan(*FLAT, color="grey", alpha=0.15, linewidth=0, label="30.68 to 30.70")
    axis.set(title="follow_the_leader: k does not matter", ylabel="discounted reward")
    axis.set_xticks(np.arange(1, n + 1))
    axis.set_ylim(30.5, 30.9)
