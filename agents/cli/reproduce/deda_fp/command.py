"""``mfg-envs reproduce deda-fp``: deep fictitious play on three continuous games, three ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from mfg_envs.game import Array, check_choice
from mfg_envs.numerics.estimates import standard_error

from ...words import tables
from ...words.names import MOST
from ...words.outputs import as_new_folder
from ..reproduction import VERDICTS, Check, Reproduction, carry_out, folder_of_runs, plain
from . import exact, figure, play
from .study import ALGORITHMS, GAMES, PUBLISHED, READING, Curves, game_of, jobs, read, run_all

WANTED = {"linear_quadratic": 2.0, "beach_bar": 0.5, "four_rooms": 1.5}
"""Exploitability that DEDA-FP is to reach: the paper's, as far as its figures can be read."""
NEAR = 0.02
"""W1 of the last density from that of the equilibrium that is to be kept."""
PLAYERS = 20_000
"""Players whose states are compared with the equilibrium."""
TRAJECTORIES = 5_000


def command(
    out: Annotated[
        Path,
        typer.Option(
            parser=as_new_folder, metavar="FOLDER", help="Folder for runs, figures and data."
        ),
    ] = Path("results/deda_fp"),
    game: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(GAMES)}; may be repeated.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=MOST, help="Seeds 0, 1, ... of every run.")] = 4,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Runs at once; default: one a core.")
    ] = None,
    quick: Annotated[bool, typer.Option(help="One seed, few iterations: minutes.")] = False,
) -> None:
    """Deep fictitious play on continuous games: exploitability, densities, sampling times.

    Hours on two cores.  The same command goes on where an interrupted one stopped.
    """
    for name in game or ():
        check_choice("game", name, GAMES)
    games = [name for name in GAMES if name in (game or GAMES)]
    numbers = range(1 if quick else seeds)

    def find(runs: Path, console: Console) -> dict[str, Found]:
        todo = jobs(games, numbers, quick)
        run_all(todo, runs, processes=processes, progress=console.is_terminal)
        return {name: _found(name, numbers, quick, runs) for name in games}

    reproduction = Reproduction(
        name="deda_fp",
        runs=folder_of_runs(quick),
        opening=("[bold]Deep fictitious play[/], trained by Stable-Baselines3 (arXiv 2510.22158)",),
        find=find,
        tables=lambda found, _: _tables(found, quick),
        figures={
            "exploitability.png": lambda found: figure.curves([f.panel for f in found.values()]),
            "densities.png": lambda found: figure.densities([f.panel for f in found.values()]),
        },
        data=_data,
    )
    carry_out(reproduction, out)


class Found(NamedTuple):
    """What is found on a game.

    Attributes:
        panel: What is drawn.
        ends: What is known at the end, by algorithm.
        sampling: How fast trajectories are sampled (four_rooms).
        convergence: How near N players come to the law (the other games).
    """

    panel: figure.Panel
    ends: dict[str, Any]
    sampling: list[play.Sampling]
    convergence: play.Convergence | None


def _found(name: str, seeds: Sequence[int], quick: bool, runs: Path) -> Found:
    """Read the runs on a game, and measure what they learned."""
    curves = {a: read(name, a, seeds, quick, runs) for a in ALGORITHMS}
    panel = _panel(name, curves, {a: _states(name, one) for a, one in curves.items()})
    ends, game, one = _ends(panel), game_of(name), curves["DEDA-FP"]
    if name == "four_rooms":
        last = {a: (one.learner, one.last[0]) for a, one in curves.items()}
        return Found(panel, ends, play.sampling(game, last, _trajectories(quick)), None)
    sizes = (10, 100, 1000) if quick else (10, 100, 1000, 10_000, 100_000)
    learner: Any = one.learner
    law = 10**5 if quick else 10**6
    met = play.convergence(game, learner, one.last[0], sizes, law_players=law)
    return Found(panel, ends, [], met)


def _trajectories(quick: bool) -> int:
    """Return how many trajectories are sampled."""
    return TRAJECTORIES // (10 if quick else 1)


def _tables(results: dict[str, Found], quick: bool) -> Iterator[Table | str]:
    for name, found in results.items():
        yield f"[dim]{_settings(name, found.panel.curves)}"
        yield _course(found.panel)
        yield _checked(name, found.ends, quick)
        if found.convergence is None:
            yield _timed(found.sampling, _trajectories(quick))
        else:
            yield _converging(name, found.convergence)


def _data(results: dict[str, Found], _: list[Check]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name, found in results.items():
        data[name] = found.ends
        if found.convergence is None:
            data["sampling"] = [row._asdict() for row in found.sampling]
        else:
            data[f"{name}_players"] = plain(found.convergence)
    return data


def _states(name: str, curves: Curves) -> list[Array]:
    """Return states (T, M, d) that every trained learner samples."""
    return [
        curves.learner.sample(game_of(name), last, PLAYERS, seed)
        for seed, last in zip(curves.seeds, curves.last, strict=True)
    ]


def _panel(name: str, curves: dict[str, Curves], states: dict[str, list[Array]]) -> figure.Panel:
    game, solved, references = game_of(name), None, {}
    if game.state_dim == 1:
        solved = exact.equilibrium(game)
        num = next(iter(curves.values())).learner.iterations
        for label, gaussian in (("exact, mixture", False), ("exact, normal", True)):
            references[label] = exact.fictitious_play(game, num, gaussian=gaussian)
    return figure.Panel(name, curves, states, solved, references)


def _settings(name: str, curves: dict[str, Curves]) -> str:
    one = curves["DEDA-FP"].learner
    seeds = {a: len(c.seeds) for a, c in curves.items()}
    return (
        f"\n{name}: {one.iterations} iterations, {one.response.upper()}, {one.response_steps} steps"
        f" and {one.response_updates} updates (batch {one.response_batch}, rate"
        f" {one.learning_rate:g}) a response, networks {'x'.join(map(str, one.hidden))}, crowd"
        f" {one.crowd}; paper: 2 x 256, rate 3e-4; seeds {seeds}"
    )


def _course(panel: figure.Panel) -> Table:
    """Return exploitabilities by iteration beside the published ones."""
    last = next(iter(panel.curves.values())).learner.iterations
    shown = [k for k in (1, 4, 10) if k < last] + [last]
    title = f"Exploitability on {panel.name}: mean ± standard error over seeds"
    table = tables.table(title, "", *map(str, shown))
    for name, one in panel.curves.items():
        picked = one.exploitability[:, np.array(shown) - 1]
        table.add_row(name, *(_plus_minus(column) for column in picked.T))
        if panel.name == "four_rooms":
            gains = [one.gain[:, k] for k in shown if k < last]
            table.add_row("  by next response", *map(_plus_minus, gains), "")
        known = PUBLISHED[panel.name][name]
        cells = [f"{known[k]:g}" if k in known else "" for k in shown]
        table.add_row("  published", *cells, style="dim")
    for name, row in panel.references.items():
        table.add_row(name, *(f"{row[k - 1]:.2f}" for k in shown), style="cyan")
    return table


def _plus_minus(values: Array) -> str:
    """Return mean and standard error of a column over seeds."""
    digits = 2 if abs(values.mean()) < 20 else 1
    error = standard_error(values)
    return f"{values.mean():.{digits}f}" + ("" if np.isnan(error) else f"±{error:.{digits}f}")


def _ends(panel: figure.Panel) -> dict[str, Any]:
    """Return what is known at the end, by algorithm."""
    found: dict[str, Any] = {}
    for name, one in panel.curves.items():
        row: dict[str, Any] = {"exploitability": one.exploitability[:, -1].tolist()}
        row["curve"], row["gain"] = one.exploitability.tolist(), one.gain.tolist()
        if panel.exact is not None:
            apart = [exact.distance(panel.exact, x[..., 0]) for x in panel.states[name]]
            row["w1_last"], row["w1_mean"] = [d[-1] for d in apart], [d.mean() for d in apart]
        else:
            masses = [play.start_masses(x) for x in panel.states[name]]
            row["start_masses"] = np.mean(masses, 0).tolist()
        found[name] = row
    return found


def _checked(name: str, ends: dict[str, Any], quick: bool) -> Table:
    """Return the targets and whether they are met."""
    table = tables.table(f"{name} at the end", "", "wanted", *ALGORITHMS, "")
    final = {a: float(np.mean(row["exploitability"])) for a, row in ends.items()}
    best, limit = final["DEDA-FP"], WANTED[name]
    cells = [f"{final[a]:.2f}" for a in ALGORITHMS]
    verdict = "quick" if quick else VERDICTS[best <= limit]
    table.add_row("exploitability", f"<= {limit:g}", *cells, verdict)
    verdict = "quick" if quick else VERDICTS[best <= final["Algo 2"]]
    table.add_row("", "<= Algo 2", *cells, verdict)
    if name != "four_rooms":
        for key, label in (("w1_last", "W1, last density"), ("w1_mean", "W1, mean over time")):
            apart = [float(np.mean(ends[a][key])) for a in ALGORITHMS]
            verdict = "quick" if quick else VERDICTS[apart[-1] <= NEAR]
            wanted, verdict = (f"<= {NEAR}", verdict) if key == "w1_last" else ("", "")
            table.add_row(label, wanted, *(f"{value:.4f}" for value in apart), verdict)
        return table
    for i, (t, mass) in enumerate(zip(play.TIMES, play.MASSES, strict=True)):
        seen = [ends[a]["start_masses"][i] for a in ALGORITHMS]
        verdict = "quick" if quick else VERDICTS[abs(seen[-1] / mass - 1) <= play.BAND]
        cells = [f"{value:.3f}" for value in seen]
        table.add_row(f"start square, t = {t}", f"{mass:g} ± 25 %", *cells, verdict)
    table.caption = f"Published curves are read to ± {READING[name]:g}."
    return table


def _timed(rows: Sequence[play.Sampling], count: int) -> Table:
    table = tables.table(f"{count} trajectories of four_rooms", "", "seconds", "times", "published")
    slowest = rows[-1].seconds
    for row in rows:
        known = "" if row.published is None else f"{row.published:g}"
        table.add_row(row.name, f"{row.seconds:.2f}", f"{slowest / row.seconds:.0f}x", known)
    table.caption = "one core; times: as fast as one player at a time"
    return table


def _converging(name: str, met: play.Convergence) -> Table:
    title = f"{name}: N players of DEDA-FP's policy (PettingZoo)"
    table = tables.table(title, "N", "from the policy's law", "from the learned flow")
    for N, y, error, other in zip(met.sizes, met.to_law, met.errors, met.to_flow, strict=True):
        table.add_row(f"{N:,}", f"{y:.4f} ± {error:.4f}", f"{other:.4f}")
    table.caption = (
        f"slope {met.slope.power:.2f} ± {met.slope.error:.2f} (-.5 wanted); the learned flow is"
        f" {met.gap:.4f} from the law"
    )
    return table
