"""``mfg-envs reproduce nash-gap``: what a deviator gains among N players, and how fast it falls."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from mfg_envs.numerics.estimates import half_width

from ....figures.curves import draw_gaps
from ....runs.locks import TakenError, claim
from ...words import tables
from ...words.tables import HOLLOW, OKABE_ITO
from ..kept_numbers import KeptNumbers
from ..reproduction import VERDICTS, Check, Out, Reproduction, carry_out, folder_of_runs, plain
from . import study
from .study import PROMISED, Curve, seen, slope

TITLES = {
    "SIS": "SIS: gain of a deviator",
    "ring road": "Ring road: gain of a deviator",
    "linear-quadratic": "Linear-quadratic: gain of a deviator",
    "value": "Error of the mean-field value, exact",
}
MARKS = {"crowd": "o", "own state": "s", "value": "o"}


def command(
    out: Out = Path("results/nash_gap"),
    quick: Annotated[bool, typer.Option(help="Up to 100 players, few episodes.")] = False,
) -> None:
    """What a deviator gains from a mean-field equilibrium among 10 to 10 000 players.

    A run that was interrupted goes on where it stopped; results are those of an unbroken one.
    """
    reproduction = Reproduction(
        name="nash_gap",
        runs=folder_of_runs(quick),
        find=functools.partial(_find, quick),
        checks=_checks,
        tables=_tables,
        figures={"nash_gap.png": _figure},
        data=lambda curves, checks: {"checks": checks, "curves": [plain(c) for c in curves]},
    )
    carry_out(reproduction, out)


def _find(quick: bool, runs: Path, console: Console) -> list[Curve]:
    with claim(runs) as ours, console.status("") as status:
        if not ours:
            raise TakenError(runs)
        return study.study(quick, status.update, KeptNumbers(runs))


def _tables(curves: list[Curve], checks: list[Check]) -> Iterator[Table]:
    decades = [n for n in (10, 100, 1000, 10_000) if n <= max(c.num_agents[-1] for c in curves)]
    sizes = {str(n): functools.partial(_size, num_agents=n) for n in decades}
    note = "±: standard error; in noise: less than two of them."
    yield _table("What a deviator gains among N players", sizes, curves, note)
    powers = {
        f"{low}-{high}": functools.partial(_power, low=low, high=high)
        for low, high in itertools.pairwise(decades)
    }
    note = "±: standard error; only points that stand out from their noise."
    title = "Power of N with which it falls, by decade"
    yield _table(title, {**powers, "all": _power}, curves, note)
    yield _checks_table(checks)


def _table(
    title: str, columns: Mapping[str, Callable[[Curve], str]], curves: list[Curve], note: str
) -> Table:
    """Return a table with a section a game, a row a curve and a column a function of it."""
    table = tables.table(title, "deviator sees", *columns)
    for game in dict.fromkeys(curve.game for curve in curves):
        table.add_row(f"[bold]{game}")
        for curve in (curve for curve in curves if curve.game == game):
            table.add_row(f"  {_label(curve)}", *(cell(curve) for cell in columns.values()))
        table.add_section()
    table.caption, table.caption_justify = note, "left"
    return table


def _label(curve: Curve) -> str:
    if curve.kind == "value":
        return "error of value"
    return curve.kind + (", exact" if curve.exact else "")


def _size(curve: Curve, num_agents: int) -> str:
    """Return the size at N players, for people."""
    chosen = curve.num_agents == num_agents
    if not chosen.any():
        return ""
    value, error = float(curve.size[chosen][0]), float(curve.error[chosen][0])
    if not seen(curve)[chosen][0]:
        return "0" if curve.exact else "in noise"
    text = f"{value:.3g}" if value >= 1e-3 else f"{value:.2e}".replace("e-0", "e-")
    return text + (f"[dim] ±{error / value:.0%}" if error else "")


def _power(curve: Curve, low: float = 0, high: float = math.inf) -> str:
    """Return the power of N from ``low`` to ``high``, for people."""
    found = slope(curve, low, high)
    return "[dim]-" if found is None else _with_error(*found)


def _with_error(power: float, error: float) -> str:
    return f"{power:.2f}" + (f"[dim]±{error:.1g}" if error else "")


def _checks(curves: list[Curve]) -> list[Check]:
    """Return the slope of every deviator who sees the crowd beside the expected one."""
    checks = []
    for curve in curves:
        found, used = slope(curve), curve.num_agents[seen(curve)]
        if curve.kind == "crowd" and found is not None:
            check = {"game": curve.game, "exact": curve.exact, "num_agents": used[[0, -1]].tolist()}
            check |= {**found._asdict(), "expected": PROMISED[0], "bound": PROMISED[1]}
            checks.append({**check, "held": abs(found.power - PROMISED[0]) <= PROMISED[1]})
    return checks


def _checks_table(checks: list[Check]) -> Table:
    title = f"Expected: N^{PROMISED[0]} within ±{PROMISED[1]}, of a deviator who sees the crowd"
    table = tables.table(title, "equilibrium", "players", "power", "")
    table.caption = "N^-1/2 is an upper bound; it is sharp where the equilibrium mixes."
    table.caption_justify = "left"
    for check in checks:
        missed = "faster" if check["power"] < check["expected"] else "slower"
        verdict = VERDICTS[check["held"]] + ("" if check["held"] else f": falls {missed}")
        name = check["game"] + (", exact" if check["exact"] else "")
        players = "{}-{}".format(*check["num_agents"])
        table.add_row(name, players, _with_error(check["power"], check["error"]), verdict)
    return table


def _figure(curves: list[Curve]) -> Any:
    """Return the figure: gaps of three games, and errors of the value, with powers of N."""
    figure = tables.figure(11, 8)
    for axis, (panel, title) in zip(figure.subplots(2, 2).flat, TITLES.items(), strict=True):
        chosen = [curve for curve in curves if curve.panel == panel]
        games = list(dict.fromkeys(curve.game for curve in chosen))
        for curve in chosen:
            _draw(axis, curve, OKABE_ITO[1 + games.index(curve.game)])
        _draw_powers(axis, chosen)
        axis.set(title=title, xscale="log", yscale="log", xlabel="players N")
        axis.legend(frameon=False, fontsize=8, loc="lower left")
        axis.grid(alpha=0.25)
    return figure


def _draw(axis: Any, curve: Curve, colour: str) -> None:
    """Draw the points that are seen above their noise; a band of 95 % confidence."""
    shown = seen(curve)
    if not shown.any():
        return
    n, size, error = (part[shown] for part in (curve.num_agents, curve.size, curve.error))
    mark, label = MARKS[curve.kind], curve.game
    if curve.kind != "value":  # the panel names the game
        label = f"{label.split(', ')[1]}: sees {_label(curve)}"
    if curve.num_episodes is None:
        style = "--" if curve.kind == "crowd" else ":" if curve.kind == "own state" else "-"
        axis.plot(n, size, style, marker=mark, color=colour, label=label, **HOLLOW)
        return
    half = map(half_width, error, curve.num_episodes[shown])
    draw_gaps(axis, n, size, np.array(list(half)), colour, mark, label)


def _draw_powers(axis: Any, curves: list[Curve]) -> None:
    """Draw N^-1/2 and 1/N from the largest value on."""
    top = 1.5 * max(curve.size[0] for curve in curves)
    n = np.array([curves[0].num_agents[0], max(curve.num_agents[-1] for curve in curves)])
    for power, style, label in ((-0.5, (0, (1, 1)), "N^-1/2"), (-1.0, (0, (4, 2)), "1/N")):
        line = top * (n / n[0]) ** power
        axis.plot(n, line, linestyle=style, color="grey", linewidth=1, label=label)
