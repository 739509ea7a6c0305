"""``mfg-envs sweep``: a learner with many parameters and seeds, several at once, resumable."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mfg_envs.game import check_choice

from ..runs.atomic_files import write_atomically
from ..sweep.in_environment import PLAYERS
from ..sweep.jobs import ERROR, finished
from ..sweep.scores import Results
from ..sweep.sweeping import METRICS, Sweep
from .sweep_figure import draw
from .words import tables
from .words.names import (
    MOST,
    AnyGame,
    LearnerName,
    learner_class,
    named_game,
    own_options,
    short,
)
from .words.outputs import as_folder, check_place
from .words.settings import parse, parse_grid
from .words.terminal import Terminal

PAIR, LIST = "NAME=VALUE", "NAME=VALUE,VALUE"
MOST_ROWS = 30
"""Of a table; a grid may have thousands."""


def register(app: typer.Typer) -> None:
    """Add the command ``sweep``."""
    app.command("sweep")(sweep_command)


def sweep_command(
    learner: LearnerName,
    game: AnyGame,
    grid: Annotated[
        list[str] | None,
        typer.Option(metavar=LIST, help="Values of a learner's parameter; may be repeated."),
    ] = None,
    fixed: Annotated[
        list[str] | None,
        typer.Option("--set", metavar=PAIR, help="Set a parameter of the learner; repeatable."),
    ] = None,
    game_grid: Annotated[
        list[str] | None,
        typer.Option(metavar=LIST, help="Values of a game's parameter; may be repeated."),
    ] = None,
    game_set: Annotated[
        list[str] | None,
        typer.Option(metavar=PAIR, help="Set a parameter of the game; may be repeated."),
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, max=MOST, help="Seeds 0, 1, ... of each combination.")
    ] = 5,
    metric: Annotated[str, typer.Option(help=f"Ranks: {' or '.join(METRICS)}.")] = next(
        iter(METRICS)
    ),
    every: Annotated[int, typer.Option(min=1, help="Iterations from metric to metric.")] = 1,
    agents: Annotated[
        int, typer.Option(min=1, help="Players, for learners that learn in an environment.")
    ] = PLAYERS,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Runs at once; default: one a core.")
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help='Run on a Ray cluster: "local", "auto", ray://...'),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            parser=as_folder,
            metavar="FOLDER",
            help="Folder; default: results/LEARNER_GAME.",
        ),
    ] = None,
) -> None:
    """Run every combination of parameters with every seed; rank them, draw their curves.

    The same command goes on where an interrupted one stopped: no run is lost or done twice.
    """
    console = Terminal()
    cls = learner_class(learner)
    folder = Path("results") / f"{short(learner)}_{short(game)}" if out is None else out
    check_choice("--metric", metric, METRICS)
    check_place("--out", folder)
    options = {
        "grid": _merge(grid, fixed, "--grid", "--set"),
        "game_grid": _merge(game_grid, game_set, "--game-grid", "--game-set"),
        "metrics": {metric: METRICS[metric]},
        "num_agents": agents,
    }
    played: Any = game
    if ":" in game:  # one's own: the first of its configurations, which the sweep changes
        played = named_game(game, {n: values[0] for n, values in options["game_grid"].items()})
    try:
        sweep = Sweep(learner=cls, game=played, seeds=range(seeds), every=every, **options)
    except TypeError as error:  # a learner that has no end, a game that is not finite
        raise ValueError(str(error)) from error
    title = f"{short(learner)} on {short(game)}"
    _announce(console, title, sweep, folder, seeds)
    try:
        results = sweep.run(folder, processes=processes, ray=ray, progress=console.is_terminal)
    except KeyboardInterrupt:
        if any(finished(folder / key) for key in sweep.jobs):
            console.print(table(metric, sweep.results(folder)))
        console.print("Interrupted: the same command goes on where this stopped.")
        raise typer.Exit(130) from None
    console.print(table(metric, results))
    _report_failures(console, sweep, results, folder)
    written = ["sweep.json", "sweep.npz"]
    if results.scores[0].seeds:
        try:
            figure = draw(title, metric, results.scores)
            write_atomically(folder / "sweep.png", lambda file: figure.savefig(file, dpi=110))
            written.append("sweep.png")
        except ImportError as error:
            console.print(f"No figure: {error}")
    where = escape(str(folder))
    console.print(f"Wrote {', '.join(written)} in {where}/", highlight=False, soft_wrap=True)
    if (best := results.scores[0]).seeds:
        run = folder / best.configuration.runs[best.seeds[0]]
        line = shlex.join([str(run), *own_options(learner, game)])
        words = f"\n[dim]mfg-envs evaluate[/] {escape(line)}"
        console.print(f"{words}  [dim](the best)", highlight=False, soft_wrap=True)
    if results.failures:
        raise typer.Exit(1)


def table(metric: str, results: Results) -> Table:
    """Return the configurations, best first."""
    shown = tables.table(f"Final {metric}, best first", "parameters", "mean", "± s.e.", "seeds", "")
    complete = all(len(one.seeds) == len(one.configuration.runs) for one in results.scores)
    for rank, one in enumerate(results.scores[:MOST_ROWS]):
        best = rank == 0 and bool(one.seeds)
        mark = ("best" if complete else "best so far") if best else ""
        numbers = (f"{one.mean:.4g}", "" if np.isnan(one.error) else f"{one.error:.2g}")
        seeds = f"{len(one.seeds)} of {len(one.configuration.runs)}"
        cells = (one.configuration.label, *(numbers if one.seeds else ("", "")), seeds, mark)
        shown.add_row(*map(escape, cells), style="bold green" if best else "")
    if len(results.scores) > MOST_ROWS:
        shown.caption = f"{len(results.scores) - MOST_ROWS} more are in sweep.json"
    return shown


def _merge(
    lists: list[str] | None, fixed: list[str] | None, grid: str, one: str
) -> dict[str, list[Any]]:
    """Return the values of every parameter, of which those that are set have one."""
    values, given = parse_grid(lists or (), grid), parse(fixed or (), one)
    for name in given:
        if name in values:
            raise ValueError(f"{name} is in both {grid} and {one}: choose one")
    return {**{name: [value] for name, value in given.items()}, **values}


def _announce(console: Console, title: str, sweep: Sweep, folder: Path, seeds: int) -> None:
    """Say what is going to be done, and how much of it is there already."""
    runs, there = len(sweep.jobs), sum(finished(folder / key) for key in sweep.jobs)
    name, configurations = sweep.learner.__name__, len(sweep.configurations)
    each = {len(one.runs) for one in sweep.configurations}
    if seeds > 1 and 1 in each:
        which = "" if each == {1} else " with some of these parameters"
        console.print(
            f"{name} is deterministic{which}, its seed changes nothing: one run a configuration"
        )
    alike = configurations > 1 and each == {seeds} and seeds > 1
    counted = f"{configurations} configurations x {seeds} seeds = " if alike else ""
    already = f", {there} of them complete already" if there else ""
    total = "1 run" if runs == 1 else f"{runs} runs"
    line = f"[bold]{escape(title)}[/]: {counted}{total}{already}; in {escape(str(folder))}/"
    console.print(line, soft_wrap=True)


def _report_failures(console: Console, sweep: Sweep, results: Results, folder: Path) -> None:
    """Print every error once, with the configurations that it ended."""
    for text in dict.fromkeys(results.failures.values()):
        keys = [key for key, error in results.failures.items() if error == text]
        console.print(f"[red]{len(keys)} of {len(sweep.jobs)} runs failed[/]: {escape(text)}")
        for key in keys[:MOST_ROWS]:
            path = folder / key / ERROR
            where = f"  [dim]{escape(str(path))}" if path.exists() else ""
            console.print(f"  {escape(sweep.labels[key])}{where}", soft_wrap=True)
    if results.failures:
        console.print("The same command tries them again; the others are kept.")
