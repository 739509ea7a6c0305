"""``mfg-envs bench``: our speed beside tuned NumPy and the targets of the design.

Both sides of a row run in turn, in shuffled order, on one core; the time is CPU time, and the
ratio is the median of the ratios of neighbours, so that a machine that slows down does so for
both.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Annotated, Any, NamedTuple

import typer
from rich.table import Table

from ...runs.atomic_files import write_json
from ..words.outputs import check_file
from ..words.terminal import Terminal
from .rows import Row, rows

ROUNDS, SECONDS = 11, 0.05
"""Rounds of a row, and how long either side runs in each."""
QUICK_ROUNDS, QUICK_SECONDS = 3, 0.005


class Result(NamedTuple):
    """What a row gave: ns a unit of work, or seconds of a start.

    Attributes:
        name: Of the row.
        work: What was done.
        ours: Our time.
        numpy: The rival's time, or None.
        ratio: How many times faster we are (median of paired ratios), or None.
        target: What the design asks for: our time, or the ratio.
        times: Whether it is the ratio.
    """

    name: str
    work: str
    ours: float
    numpy: float | None
    ratio: float | None
    target: float
    times: bool = False

    @property
    def verdict(self) -> str:
        """Whether the target is met, or missed by how much."""
        if self.times and self.ratio is not None:
            excess = 1 - self.ratio / self.target
        else:
            excess = self.ours / self.target - 1
        return "met" if excess <= 0 else f"missed by {excess:.0%}"


def register(app: typer.Typer) -> None:
    """Add the command ``bench``."""
    app.command("bench")(bench_command)


def bench_command(
    quick: Annotated[bool, typer.Option(help="Few short rounds: a rough idea.")] = False,
    only: Annotated[
        list[str] | None, typer.Option(help="Rows whose name contains this; may be repeated.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Also write the results here.")] = None,
) -> None:
    """Measure speed beside tuned NumPy, in one run, against the targets of the design."""
    builders = select(rows(), only)
    if json is not None:
        check_file("--json", json)
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if quick else (ROUNDS, SECONDS)
    results = []
    console = Terminal()
    with one_core(), console.status("") as status:
        for name, build in builders.items():
            status.update(f"measuring {name} ...")
            results.append(measure(name, build(), rounds, seconds))
            if json is not None:  # what is measured so far
                write_json(json, {r.name: {**r._asdict(), "verdict": r.verdict} for r in results})
    console.print(table(results))
    met = sum(result.verdict == "met" for result in results)
    console.print(f"{met} of {len(results)} targets met; CPU time on one core")
    if json is not None:
        console.print(f"[dim]written: {json}")


def select(
    builders: dict[str, Callable[[], Row]], only: list[str] | None
) -> dict[str, Callable[[], Row]]:
    """Return the rows whose name contains one of the words."""
    chosen = {n: b for n, b in builders.items() if not only or any(word in n for word in only)}
    if not chosen:
        raise ValueError(f"--only {only} matches no row; the rows are {', '.join(builders)}")
    return chosen


def measure(name: str, row: Row, rounds: int, seconds: float) -> Result:
    """Time both sides of a row in shuffled turns."""
    sides = {"ours": row.ours} | ({"numpy": row.rival} if row.rival else {})
    calls = {} if row.start else {side: _calls(work, seconds) for side, work in sides.items()}
    times: dict[str, list[float]] = {side: [] for side in sides}
    order, shuffler = list(sides), Random(0)
    for _ in range(min(rounds, 3) if row.start else rounds):
        shuffler.shuffle(order)
        for side in order:
            if row.start:
                times[side].append(sides[side]())
            else:
                spent = _cpu_seconds(sides[side], calls[side])
                times[side].append(spent / calls[side] / row.units * 1e9)
    ours = statistics.median(times["ours"])
    if row.rival is None:
        return Result(name, row.work, ours, None, None, row.target)
    ratio = statistics.median(n / o for o, n in zip(times["ours"], times["numpy"], strict=True))
    return Result(
        name, row.work, ours, statistics.median(times["numpy"]), ratio, row.target, row.times
    )


def _calls(work: Callable[[], Any], seconds: float) -> int:
    """Warm up, and return how many calls take about this long."""
    work()
    work()
    return max(1, int(seconds / max(_cpu_seconds(work, 1), 1e-7)))


def _cpu_seconds(work: Callable[[], Any], calls: int) -> float:
    begun = time.process_time()
    for _ in range(calls):
        work()
    return time.process_time() - begun


@contextmanager
def one_core() -> Iterator[None]:
    """Stay on one core where the platform can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def table(results: list[Result]) -> Table:
    """Return the results as they are printed."""
    out = Table(title="Nanoseconds a unit of work", title_justify="left", title_style="bold")
    out.add_column("row", no_wrap=True)
    out.add_column("unit of work")
    for column in ("ours", "tuned NumPy", "ratio", "target"):
        out.add_column(column, justify="right")
    out.add_column("verdict")
    for result in results:
        met = result.verdict == "met"
        out.add_row(
            result.name,
            result.work,
            f"{result.ours:.3g}",
            "" if result.numpy is None else f"{result.numpy:.3g}",
            "" if result.ratio is None else f"{result.ratio:.1f}x",
            f"{result.target:g}" + "x" * result.times,
            f"[green]{result.verdict}" if met else f"[yellow]{result.verdict}",
        )
    return out
