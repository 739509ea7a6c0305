"""``mfg-envs reproduce pma``: what policy mirror ascent from one path misses, by N and samples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from mfg_envs.game import Array
from mfg_envs.numerics.estimates import standard_error

from ...words import tables
from ...words.tables import HOLLOW, OKABE_ITO
from ..reproduction import VERDICTS, Check, Out, Reproduction, carry_out, folder_of_runs, plain
from . import study
from .study import Result, Setting, slope

WANTED, WITHIN = -0.5, 0.15
"""The power of both laws, and how far from it a measured one may be."""
PROMISED = ("average rule", "centralised")
CURVES: dict[str, tuple[str, str, str, str]] = {
    "average rule": ("size", "independent", "rule", OKABE_ITO[2]),
    "one table": ("size", "independent", "table", OKABE_ITO[1]),
    "centralised": ("samples", "centralised", "table", OKABE_ITO[0]),
    "one independent table": ("samples", "independent", "table", OKABE_ITO[1]),
    "disagreement": ("samples", "independent", "disagreement", OKABE_ITO[3]),
    "average rule at this N": ("samples", "independent", "rule", OKABE_ITO[2]),
}
"""What is shown against N ("size") and M ("samples"): kind, mode, quantity, colour."""


def command(
    out: Out = Path("results/pma"),
    quick: Annotated[bool, typer.Option(help="Two tiny runs of everything.")] = False,
) -> None:
    """Policy mirror ascent on four games: errors against players and samples, modes compared.

    A run that was interrupted goes on where it stopped; results are those of an unbroken one.
    """
    chosen = study.settings(quick)
    reproduction = Reproduction(
        name="pma",
        runs=folder_of_runs(quick),
        opening=(
            "[bold]Policy mirror ascent[/] from one path: distance (L1, in the worst state) of the"
            " learned policies from the regularised equilibrium",
            *(f"[dim]{_describe(setting)}" for setting in chosen),
        ),
        find=lambda runs, console: study.study(chosen, runs, progress=console.is_terminal),
        checks=_checks,
        tables=_tables,
        figures={"pma.png": _figure},
        data=lambda results, checks: {"checks": checks, "runs": [_plain(r) for r in results]},
    )
    carry_out(reproduction, out)


def _tables(results: list[Result], checks: list[Check]) -> Iterator[Table]:
    for kind, title in (("size", "players N"), ("samples", "transitions M")):
        yield _distances(kind, f"1000 x distance, against {title}", results)
    yield _compared(results)
    yield _few(results)
    yield _powers(checks)


def _describe(setting: Setting) -> str:
    """Return the settings of a game in one line or two."""
    learner, low = setting.learner, study.FIRST_SEED
    low_r, high_r = learner.reward_range
    return (
        f"{setting.title}: entropy {learner.entropy}, eta {learner.eta:g}, K {learner.iterations},"
        f" rate {learner.rate:g}, t0 {learner.delay:g}, M_mix {learner.mixing}, rewards in"
        f" [{low_r:g}, {high_r:g}]; against N: M {learner.td_steps}; against M: N"
        f" {setting.players}; seeds {low}..{low + setting.seeds - 1}"
    )


def _points(
    results: list[Result], title: str, name: str, low: float = 0, high: float = np.inf
) -> tuple[Array, list[Array]]:
    """Return the points of a curve of a game: where, and the values of the seeds."""
    kind, mode, quantity, _ = CURVES[name]
    parameter = "num_players" if kind == "size" else "td_steps"
    chosen = [
        (getattr(r.job.learner, parameter), getattr(r, quantity))
        for r in results
        if (r.setting.title, r.job.kind, r.job.learner.mode) == (title, kind, mode)
    ]
    kept = [point for point in chosen if low <= point[0] <= high]
    return np.array([x for x, _ in kept]), [values for _, values in kept]


def _titles(results: list[Result]) -> list[str]:
    return list(dict.fromkeys(result.setting.title for result in results))


def _distances(kind: str, title: str, results: list[Result]) -> Table:
    """Return mean distances, a section a game, a row a curve."""
    names = [name for name, curve in CURVES.items() if curve[0] == kind]
    points = {(t, n): _points(results, t, n) for t in _titles(results) for n in names}
    columns = sorted({int(x) for where, _ in points.values() for x in where})
    table = tables.table(title, "", *map(str, columns))
    for game in _titles(results):
        table.add_row(f"[bold]{game}")
        for name in names:
            where, values = points[game, name]
            means = {int(x): f"{1000 * v.mean():.3g}" for x, v in zip(where, values, strict=True)}
            table.add_row(f"  {name}", *(means.get(x, "") for x in columns))
        table.add_section()
    return table


def _compared(results: list[Result]) -> Table:
    """Return centralised and independent players with the most samples, side by side."""
    columns = ("one table", "average rule", "disagreement", "exploitability")
    table = tables.table("Centralised and independent at the largest M", "", *columns)
    for game in _titles(results):
        table.add_row(f"[bold]{game}")
        runs = [r for r in results if r.setting.title == game and r.job.kind == "samples"]
        most = max(r.job.learner.td_steps for r in runs)
        for result in (r for r in runs if r.job.learner.td_steps == most):
            table.add_row(f"  {result.job.learner.mode}", *_row(result))
        table.add_section()
    table.caption = "Exploitability: of the average rule, with entropy, in the game's own rewards."
    table.caption_justify = "left"
    return table


def _row(result: Result) -> list[str]:
    parts = (result.table, result.rule, result.disagreement, result.exploitability)
    row = [f"{p.mean():.2g} ±{standard_error(p) / p.mean():.0%}" for p in parts]
    if result.job.learner.mode == "centralised":  # one table: what is left is rounding
        row[2] = "0"
    return row


def _few(results: list[Result]) -> Table:
    """Return what happens with few samples."""
    runs = [r for r in results if r.job.kind not in ("size", "samples")]
    learner, title = runs[0].job.learner, runs[0].setting.title
    title = f"Few samples: {title}, M = {learner.td_steps}, N = {learner.num_players}"
    table = tables.table(title, "", "one table", "average rule", "disagreement")
    for result in runs:
        table.add_row(result.job.kind, *_row(result)[:3])
    return table


def _checks(results: list[Result]) -> list[Check]:
    """Return the powers of every curve; two of a game are promised."""
    checks = []
    for setting in {r.setting.title: r.setting for r in results}.values():
        samples = (min(setting.samples), max(setting.samples))
        for name, (kind, *_) in CURVES.items():
            low, high = setting.fitted if kind == "size" else samples
            power = slope(*_points(results, setting.title, name, low, high))
            promised = name in PROMISED
            checks.append(
                {
                    "game": setting.title,
                    "quantity": name,
                    "over": f"{'N' if kind == 'size' else 'M'} {low}-{high}",
                    "power": power.power,
                    "error": power.error,
                    "promised": promised,
                    "held": promised and abs(power.power - WANTED) <= WITHIN,
                }
            )
    return checks


def _powers(checks: list[Check]) -> Table:
    title = f"Powers with which distances fall (promised: {WANTED} ± {WITHIN})"
    table = tables.table(title, "", "from-to", "power", "")
    for game in dict.fromkeys(check["game"] for check in checks):
        table.add_row(f"[bold]{game}")
        for check in (check for check in checks if check["game"] == game):
            verdict = VERDICTS[check["held"]]
            if not check["promised"]:
                verdict = "[dim]at its floor" if check["quantity"] == "one table" else ""
            power = f"{check['power']:+.2f} ± {check['error']:.2f}"
            table.add_row(f"  {check['quantity']}", check["over"], power, verdict)
        table.add_section()
    return table


def _plain(result: Result) -> dict[str, Any]:
    """Return a result as it is written for people."""
    names = ("rule", "table", "disagreement", "exploitability")
    values = plain(result, *names)
    job = {"kind": result.job.kind, "seeds": result.job.seeds, "learner": repr(result.job.learner)}
    return {"game": repr(result.setting.game), **job, **values}


def _figure(results: list[Result]) -> Any:
    """Return the figure: a column a game, against N above and against M below."""
    titles = _titles(results)
    figure = tables.figure(3.1 * len(titles), 6.4)
    axes = figure.subplots(2, len(titles), squeeze=False, sharey="row")
    for column, title in enumerate(titles):
        setting = next(r.setting for r in results if r.setting.title == title)
        for axis, kind in zip(axes[:, column], ("size", "samples"), strict=True):
            _draw(axis, kind, title, results, setting)
    for axis in axes[:, 0]:
        axis.set_ylabel("distance from the equilibrium")
        axis.legend(frameon=False, fontsize=7.5)
    return figure


def _draw(axis: Any, kind: str, title: str, results: list[Result], setting: Setting) -> None:
    for name, (own, _, _, colour) in CURVES.items():
        if own != kind:
            continue
        where, values = _points(results, title, name)
        mean = np.array([v.mean() for v in values])
        error = [standard_error(v) for v in values]
        look = {"marker": "o", "markersize": 4, "linewidth": 1.4}
        if name == "disagreement":
            look = {"marker": "o", "linestyle": ":", **HOLLOW}
        axis.errorbar(where, mean, error, color=colour, label=name, **look)
        if name in ("average rule", "centralised"):
            low, high = setting.fitted if kind == "size" else (where.min(), where.max())
            inside = (where >= low) & (where <= high)
            middle = np.exp(np.log(mean[inside]).mean() + 0.5 * np.log(where[inside]).mean())
            ends = np.array([low, high])
            axis.plot(ends, middle * ends**WANTED, "--", color="grey", label="power -1/2")
    axis.set(xscale="log", yscale="log", title=title)
    axis.set_xlabel("players N" if kind == "size" else "transitions M")
    points = setting.sizes if kind == "size" else setting.samples
    axis.set_xticks(points, labels=[f"{point:g}" for point in points])
    axis.minorticks_off()
    axis.grid(alpha=0.25)
