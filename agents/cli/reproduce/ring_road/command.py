"""``mfg-envs reproduce ring-road``: QM iteration, SemiSGD and what they are compared with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from ...words import tables
from ...words.tables import HOLLOW, OKABE_ITO
from ..reproduction import VERDICTS, Check, Out, Reproduction, carry_out, plain
from . import study as ring_road


def command(
    out: Out = Path("results/ring_road"),
    quick: Annotated[bool, typer.Option(help="Two seeds of everything.")] = False,
) -> None:
    """FPI, off-policy and on-policy QM iteration; SemiSGD and the sampled FPI family.

    A run that was interrupted goes on where it stopped; results are those of an unbroken one.
    """
    seeds = (2, 2) if quick else (10, 20)
    reproduction = Reproduction(
        name="ring_road",
        runs=f"runs_{seeds[0]}_{seeds[1]}",
        opening=(
            f"[bold]Ring road[/]: {seeds[0]} seeds of the QMI paper's runs, {seeds[1]} of the"
            f" SemiSGD paper's; writing to {out}/",
        ),
        find=lambda runs, console: ring_road.study(seeds, runs, progress=console.is_terminal),
        checks=lambda study: _checks(study.curves),
        tables=_tables,
        figures={"ring_road.png": _figure},
        data=lambda study, checks: {"seeds": seeds, "checks": checks, **_data(study)},
        arrays=_arrays,
    )
    carry_out(reproduction, out)


def _tables(study: ring_road.Study, checks: list[Check]) -> Iterator[Table]:
    for quantity in dict.fromkeys(curve.quantity for curve in study.curves):
        yield _curves_table(quantity, study.curves)
    yield _values_table(study.values)
    yield _checks_table(checks)


def _data(study: ring_road.Study) -> dict[str, Any]:
    """Return everything in the tables, for people."""
    names = ("learner", "quantity", "checkpoints", "published", "measured", "error")
    curves = [plain(curve, *names) for curve in study.curves]
    return {"curves": curves, "values": [plain(value) for value in study.values]}


def _arrays(study: ring_road.Study) -> dict[str, Any]:
    """Return whole curves, and mean fields."""
    arrays = {f"{c.learner}|{c.quantity}": c.curve for c in study.curves}
    arrays |= {f"{name}|mean field": m for name, m in study.mean_fields.items()}
    arrays["equilibrium|mean field"] = study.equilibrium.mean_field
    arrays["equilibrium|policy"] = study.equilibrium.policy
    return arrays


def _curves_table(quantity: str, curves: list[ring_road.Curve]) -> Table:
    """Return measured and published values of one quantity, three lines a learner."""
    chosen = [curve for curve in curves if curve.quantity == quantity]
    unit = "checkpoint of 500 samples" if quantity.startswith("min") else "outer iteration"
    table = tables.table(f"{quantity} by {unit}", "learner", *map(str, chosen[0].checkpoints))
    for curve in chosen:
        errors = (f"[dim]±{e / m:.0%}" for m, e in zip(curve.measured, curve.error, strict=True))
        table.add_row(f"[bold]{curve.learner}", *(f"{m:.3g}" for m in curve.measured))
        table.add_row("[dim]  sampling error", *errors)
        table.add_row("  published", *(f"{p:.3g}" for p in curve.published))
        table.add_section()
    return table


def _values_table(values: list[ring_road.Value]) -> Table:
    title = "Value exploitability at the end on the cell kernel: what one player can gain"
    table = tables.table(title, "reward, learner", "greedy speeds", "policy")
    table.caption = "Greedy speeds: the papers' metric.  Policy: the soft behaviour itself."
    table.caption_justify = "left"
    for value in values:
        numbers = (f"{np.mean(part):.2e}" for part in (value.greedy, value.policy))
        table.add_row(f"{value.version}, {value.learner}", *numbers)
    return table


def _checks(curves: list[ring_road.Curve]) -> list[Check]:
    """Return every promised bound with what was seen."""
    checks = []
    for curve in curves:
        for at, bound in curve.bounds.items():
            i = list(curve.checkpoints).index(at)
            deviation = curve.measured[i] / curve.published[i] - 1
            checks.append(
                {
                    "learner": curve.learner,
                    "quantity": curve.quantity,
                    "checkpoint": at,
                    "published": float(curve.published[i]),
                    "measured": float(curve.measured[i]),
                    "deviation": float(deviation),
                    "sampling_error": float(curve.error[i] / curve.published[i]),
                    "bound": bound,
                    "held": bool(abs(deviation) <= bound),
                }
            )
    return checks


def _checks_table(checks: list[Check]) -> Table:
    columns = ("at", "deviation", "our error", "bound", "")
    table = tables.table("Promised bounds on the mean-field error", "learner", *columns)
    for check in checks:
        verdict = VERDICTS[check["held"]]
        limits = (f"±{check[name]:.0%}" for name in ("sampling_error", "bound"))
        at, deviation = str(check["checkpoint"]), f"{check['deviation']:+.0%}"
        table.add_row(check["learner"], at, deviation, *limits, verdict)
    return table


def _figure(study: ring_road.Study) -> Any:
    """Return the figure: three learning curves with the published points, and densities."""
    figure = tables.figure(11, 7.6)
    axes = figure.subplots(2, 2)
    titles = {
        "additive MSE": "Reward “additive”: error of the mean field",
        "additive policy distance": "Reward “additive”: error of the greedy speeds",
        "min MSE": "Reward “min”: error of the mean field",
    }
    for axis, (quantity, title) in zip(axes.flat, titles.items(), strict=False):
        chosen = [curve for curve in study.curves if curve.quantity == quantity]
        _draw_curves(axis, chosen)
        axis.set(title=title, yscale="log", ylabel=quantity.split(" ", 1)[1])
    axes[1, 0].set_xscale("symlog", linthresh=5)
    axes[1, 0].set_xlim(0, ring_road.MIN_AT[-1])
    axes[1, 0].set_xticks(ring_road.MIN_AT, labels=map(str, ring_road.MIN_AT))
    for axis, label in zip(axes.flat, (*["outer iteration"] * 2, "samples / 500"), strict=False):
        axis.set_xlabel(label)
    _draw_density(axes[1, 1], study)
    return figure


def _draw_curves(axis: Any, curves: list[ring_road.Curve]) -> None:
    for curve, colour in zip(curves, OKABE_ITO, strict=False):
        x = curve.checkpoints[0] + np.arange(len(curve.curve))
        axis.plot(x, curve.curve, color=colour, label=curve.learner, linewidth=1.6)
        axis.plot(curve.checkpoints, curve.published, "o", color=colour, **HOLLOW)
    axis.plot([], [], "o", color="grey", label="published", **HOLLOW)
    axis.legend(frameon=False, fontsize=8)
    axis.grid(alpha=0.25)


def _draw_density(axis: Any, study: ring_road.Study) -> None:
    cells, learned = np.arange(1, 51), 50 * study.mean_fields["SemiSGD"]
    band = np.quantile(learned, (0.1, 0.9), axis=0)
    axis.plot(cells, 50 * ring_road.MIN_OPTIMUM, "o", color="grey", label="published", **HOLLOW)
    axis.plot(
        cells, 50 * study.equilibrium.mean_field, "--", color="black", label="exact equilibrium"
    )
    axis.plot(cells, learned.mean(0), color=OKABE_ITO[1], label="SemiSGD, mean of the seeds")
    axis.fill_between(
        cells, *band, color=OKABE_ITO[1], alpha=0.2, linewidth=0, label="SemiSGD, 80 % of the seeds"
    )
    axis.set(title="Reward “min”: traffic density", xlabel="cell", ylabel="density (1 = average)")
    axis.set_ylim(0.65, 2.0)
    axis.legend(frameon=False, fontsize=8)
    axis.grid(alpha=0.25)
