"""A reproduction: runs that go on where they stopped, tables, figures, and a list of checks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import numpy as np
import typer
from rich.console import Console, RenderableType

from ...runs.atomic_files import write_atomically, write_json, write_npz
from ..words.outputs import as_new_folder
from ..words.terminal import Terminal

Results = TypeVar("Results")
Check = dict[str, Any]
"""Something that was to be shown, what was seen, and whether it is ``held``."""
VERDICTS = {True: "[green]held", False: "[red]missed"}
"""How ``held`` is printed."""
Out = Annotated[
    Path, typer.Option(parser=as_new_folder, metavar="FOLDER", help="Folder for figure and data.")
]


@dataclass(frozen=True, kw_only=True)
class Reproduction(Generic[Results]):
    """What ``mfg-envs reproduce NAME`` runs, prints, draws and writes.

    Attributes:
        name: Of the files it writes.
        runs: Folder of its runs, below that of its files.
        opening: What is printed before anything is run.
        find: Runs what is not in a folder of runs; returns everything that was found.
        checks: Returns everything that was to be shown, misses included.
        tables: Returns what is printed in the end.
        figures: Draw a figure each, by the name of its file.
        data: Returns what is written for people, as JSON.
        arrays: Returns what is written for programs; None: nothing is.
        publish: Writes what else was asked for; returns where.
    """

    name: str
    runs: str
    find: Callable[[Path, Console], Results]
    tables: Callable[[Results, list[Check]], Iterable[RenderableType]]
    figures: Mapping[str, Callable[[Results], Any]]
    data: Callable[[Results, list[Check]], Mapping[str, Any]]
    opening: Sequence[RenderableType] = ()
    checks: Callable[[Results], list[Check]] = lambda results: []
    arrays: Callable[[Results], Mapping[str, Any]] | None = None
    publish: Callable[[Results], Sequence[Path]] = lambda results: ()


def folder_of_runs(quick: bool) -> str:
    """Return the usual folder of the runs of a study."""
    return "runs_quick" if quick else "runs"


def carry_out(study: Reproduction[Any], out: Path) -> None:
    """Run a study, print its tables, write its figures and data.

    Args:
        study: What is reproduced.
        out: Folder for everything.

    Raises:
        typer.Exit: With code 130 on Ctrl-C: the same again goes on where this stopped.
    """
    console, begun = Terminal(), time.perf_counter()
    for part in study.opening:
        console.print(part)
    try:
        results = study.find(out / study.runs, console)
    except KeyboardInterrupt:
        console.print("Interrupted: the same command goes on where this stopped.")
        raise typer.Exit(130) from None
    checks = study.checks(results)
    for part in study.tables(results, checks):
        console.print(part)
    files = [*study.figures, f"{study.name}.json"]
    for name, figure in study.figures.items():
        draw(out / name, figure(results))
    if study.arrays is not None:
        files.append(f"{study.name}.npz")
        write_npz(out / files[-1], study.arrays(results))
    write_json(out / f"{study.name}.json", study.data(results, checks))
    written = f"{out}/{', '.join(files[:-1])} and {files[-1]}"
    if also := study.publish(results):
        written += f", {' and '.join(map(str, also))}"
    console.print(f"Wrote {written} in {time.perf_counter() - begun:.0f} s")


def draw(path: Path, figure: Any) -> None:
    """Write a figure as a picture."""
    write_atomically(path, lambda file: figure.savefig(file, dpi=110))


def plain(parts: Any, *names: str) -> dict[str, Any]:
    """Return fields of a named tuple for JSON: all of them, or those that are named."""
    values = {name: getattr(parts, name) for name in names or parts._fields}
    return {
        name: value.tolist() if isinstance(value, np.ndarray | np.generic) else value
        for name, value in values.items()
    }
