"""``mfg-envs reproduce solvers``: every exact solver on every finite game, and what theory says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ....runs.atomic_files import write_atomically
from ...words import tables
from ...words.tables import OKABE_ITO
from ..reproduction import Check, Out, Reproduction, carry_out, draw
from .document import MARKS, document, promises, ranking
from .games import FAMILIES, QUICK, Case, sampled_pairing
from .study import SOLVERS, Outcome, study

ITERATIONS, FEW = 200, 8
SHOWN = ("ring crowd", "rooms 13", "3 species", "chain", "Sioux F.", "SIS")
"""Games in the figure."""
CURVES = ("FPI", "FPI, averaged", "FP", "OMD", "M-OMD", "PI, smoothed", "PD, every 1")
"""Solvers in the figure."""
STYLES = ((1, 1), (4, 1), (), (), (5, 1, 1, 1), (4, 1), (1, 1))
"""Their dashes: a second way to tell them apart."""
PAGE = "The page `docs/solvers.md`; its picture goes to images/ beside it."


def command(
    out: Out = Path("results/solvers"),
    quick: Annotated[bool, typer.Option(help="Few iterations on a few small games.")] = False,
    docs: Annotated[Path | None, typer.Option(help=PAGE)] = None,
) -> None:
    """Exploitability, iterations and seconds of every exact solver on every finite game.

    A run that was interrupted goes on where it stopped; results are those of an unbroken one.
    """
    if quick and docs is not None:
        raise ValueError("the page needs all games: use --docs without --quick")
    iterations = FEW if quick else ITERATIONS
    every = {case.label: case for cases in FAMILIES.values() for case in cases}
    chosen = [every[label] for label in (QUICK if quick else every)]

    def find(runs: Path, console: Console) -> Found:
        outcomes = _all([case.label for case in chosen], iterations, runs, console)
        return Found(outcomes, {case.label: sampled_pairing(case.game()) for case in chosen})

    reproduction = Reproduction(
        name="solvers",
        runs=f"runs_{iterations}",
        opening=(
            f"[bold]Exact solvers[/]: {len(SOLVERS)} on {len(chosen)} games, {iterations}"
            f" iterations each; writing to {out}/",
        ),
        find=find,
        tables=_tables,
        figures={"solvers.png": _figure},
        data=_data,
        arrays=_arrays,
        publish=lambda found: [] if docs is None else _write_page(found, iterations, docs),
    )
    carry_out(reproduction, out)


class Found(NamedTuple):
    """What is found.

    Attributes:
        outcomes: Of every solver on every game.
        pairings: Sampled monotonicity of every game, by its label.
    """

    outcomes: list[Outcome]
    pairings: dict[str, float]


def _tables(found: Found, _: list[Check]) -> Iterator[Table | str]:
    for family, cases in FAMILIES.items():
        if chosen := [case for case in cases if case.label in found.pairings]:
            yield _family_table(family, chosen, found.outcomes)
    yield (
        "[green]green[/]: as promised, [red]red[/]: a promise broken, plain: nothing promised;"
        " ✓ solved, = stands still, ~ goes round"
    )
    yield _plain_table("Promises derived from theory", promises(found.outcomes))
    yield _plain_table("On how many games: courses, closeness", ranking(found.outcomes))


def _data(found: Found, _: list[Check]) -> dict[str, Any]:
    """Return everything in the tables, for people."""
    return {"pairings": found.pairings, "runs": [_plain(o) for o in found.outcomes]}


def _arrays(found: Found) -> dict[str, Any]:
    """Return whole curves and bounds."""
    runs = {f"{o.case.label}|{o.solver}": o for o in found.outcomes}
    arrays = {name: o.curve for name, o in runs.items()}
    return arrays | {f"{name}|bound": o.promise.bound for name, o in runs.items() if o.promise}


def _write_page(found: Found, iterations: int, docs: Path) -> list[Path]:
    picture = docs.parent / "images" / "solvers.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    page = document(found.outcomes, found.pairings, iterations).encode()
    write_atomically(docs, lambda file: file.write(page))
    draw(picture, _figure(found))
    return [docs, picture]


def _all(labels: Sequence[str], iterations: int, runs: Path, console: Console) -> list[Outcome]:
    """Return all outcomes, under a bar of the runs."""
    columns = (TextColumn("{task.description:28}"), BarColumn(), MofNCompleteColumn())
    outcomes = []
    with Progress(
        *columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=len(labels) * len(SOLVERS))
        for outcome in study(set(labels), iterations, runs):
            outcomes.append(outcome)
            bar.update(task, advance=1, description=f"{outcome.case.label}: {outcome.solver}")
    return outcomes


def _family_table(family: str, cases: Sequence[Case], outcomes: Sequence[Outcome]) -> Table:
    """Return the last exploitability of every solver on the games of a family."""
    done = {(o.case.label, o.solver): o for o in outcomes}
    table = tables.table(f"{family}: exploitability", "solver", *(case.label for case in cases))
    first = (f"[dim]{done[case.label, 'FP'].first:.1e}  " for case in cases)
    table.add_row("[dim]at first", *first)
    for solver in SOLVERS:
        table.add_row(solver, *(_cell(done[case.label, solver]) for case in cases))
    return table


def _cell(outcome: Outcome) -> str:
    mark = MARKS[outcome.course]
    if outcome.failure:
        return mark
    colour = "" if outcome.promise is None else "[green]" if outcome.held else "[red]"
    return f"{colour}{outcome.curve[-1]:.1e}{mark:2}"


def _plain_table(title: str, rows: Any) -> Table:
    head, *body = rows
    table = tables.table(title, *head)
    for row in body:
        table.add_row(*row)
    return table


def _plain(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as it is written for people."""
    o = outcome
    return {
        "game": o.case.label,
        "name": o.case.name,
        "parameters": o.case.parameters,
        "known": o.case.kind,
        "solver": o.solver,
        "learner": o.learner,
        "iterations": o.curve.size,
        "exploitability at first": o.first,
        "exploitability": None if o.failure else float(o.curve[-1]),
        "course": o.course,
        "iterations to 1 %": o.near,
        "seconds": o.seconds,
        "promise": o.promise and o.promise.reason,
        "bound": o.promise and float(o.promise.bound[-1]),
        "held": o.held if o.promise else None,
        "failure": o.failure,
    }


def _figure(found: Found) -> Any:
    """Return the figure: exploitability against iterations, a panel a game."""
    outcomes = [o for o in found.outcomes if o.case.label in SHOWN]
    figure = tables.figure(11, 6.6)
    titles = list(dict.fromkeys(o.case.label for o in outcomes))
    axes = np.atleast_1d(figure.subplots(2, 3)).flat
    for axis, title in zip(axes, titles, strict=False):
        for outcome in outcomes:
            if outcome.case.label == title and outcome.solver in CURVES:
                i = CURVES.index(outcome.solver)
                k = np.arange(1, outcome.curve.size + 1)
                axis.plot(
                    k, outcome.curve / outcome.first, label=outcome.solver, color=OKABE_ITO[i],
                    linewidth=1.6, dashes=STYLES[i] or (1, 0),
                )  # fmt: skip
        monotone = any(o.case.label == title and o.case.kind == "monotone" for o in outcomes)
        known = "monotone, with an end" if monotone else "no theory"
        axis.set(title=f"{title}: {known}", xscale="log", yscale="log", ylim=(1e-6, None))
        axis.grid(alpha=0.25)
    for axis in axes[len(titles) :]:
        axis.set_axis_off()
    for axis in axes[: len(titles)]:
        axis.set(xlabel="iteration", ylabel="exploitability / first")
    if titles:
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=len(CURVES), frameon=False)
    return figure
