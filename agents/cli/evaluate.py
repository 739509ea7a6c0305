"""``mfg-envs evaluate``: what a saved policy is worth, exactly and among N real players."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape

from mfg_envs.game import as_int, check_range

from ..runs.atomic_files import write_json
from ..runs.saved import SavedRun, load_runs
from .evaluation import Measured, Played, measure
from .words import tables
from .words.estimates import estimate, of_seeds
from .words.names import MOST, OwnGame, OwnLearner, own_classes
from .words.outputs import as_folder, check_file
from .words.terminal import Terminal

WORDS = {
    "exploitability_at_least_low": "  95 % confidence from",
    "exploitability_at_least_high": "  to",
}
"""Names of numbers that say too little in a table."""


def register(app: typer.Typer) -> None:
    """Add the command ``evaluate``."""
    app.command("evaluate")(evaluate_command)


def evaluate_command(
    run: Annotated[
        Path,
        typer.Argument(parser=as_folder, metavar="RUN", help="Folder of mfg-envs train."),
    ],
    agents: Annotated[
        list[str] | None,
        typer.Option(metavar="N,N", help="Numbers of real players; default: 100,1000."),
    ] = None,
    episodes: Annotated[int, typer.Option(min=2, max=MOST, help="Populations of each size.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of the players.")] = 0,
    game: OwnGame = None,
    learner: OwnLearner = None,
    json: Annotated[Path | None, typer.Option(help="Also write the numbers here.")] = None,
) -> None:
    """Measure a saved policy: exploitability, welfare, and N players beside the mean field."""
    console = Terminal()
    numbers = _numbers(agents or ["100,1000"])
    if json is not None:
        check_file("--json", json)
    runs = load_runs(run, own_classes(game, learner))
    first = runs[0]
    if any(one.header[what] != first.header[what] for one in runs for what in ("learner", "game")):
        raise ValueError(f"{run} holds runs of several configurations: name the folder of one run")
    seeds, measured = [], []
    with console.status("") as status:
        for one in runs:
            for own, iterate in zip(one.seeds, one.iterates, strict=True):
                status.update(f"measuring the policy of seed {own} ...")
                measured.append(measure(one, iterate, numbers, episodes, seed))
                seeds.append(own)
    title = f"{first.learner_name} on {first.game.name}, iteration {first.run.last.iteration}"
    _print(console, title if all(r.complete for r in runs) else f"{title} (unfinished)", measured)
    if json is not None:
        write_json(json, _content(first, seeds, measured))
        console.print(f"Wrote {escape(str(json))}", highlight=False, soft_wrap=True)


def _numbers(texts: list[str]) -> list[int]:
    """Read numbers of players, separated by commas or given one by one."""
    numbers = []
    for text in ",".join(texts).split(","):
        try:
            numbers.append(as_int("--agents", int(text)))
        except ValueError:
            raise ValueError(f"--agents needs whole numbers N,N, got {text!r}") from None
        check_range("--agents", numbers[-1], 1)
    return sorted(set(numbers))


def _print(console: Console, title: str, measured: list[Measured]) -> None:
    over = f"mean of {len(measured)} seeds ± standard error" if len(measured) > 1 else "one seed"
    console.print(f"[bold]{escape(title)}[/], {over}", highlight=False)
    shown = tables.table("", "of the policy", "value")
    for name in measured[0].numbers:
        values = np.array([one.numbers[name] for one in measured])
        shown.add_row(WORDS.get(name, name.replace("_", " ")), of_seeds(values))
    if shown.rows:
        console.print(shown)
    teams = all(one.value is None for one in measured[0].players.values())
    columns = () if teams else ("of infinitely many", "difference")
    shown = tables.table("", "players", "mean return", *columns)
    for number in measured[0].players:
        played = [one.players[number] for one in measured]
        cells = [_mean(played)]
        if not teams:
            value = np.array([one.value for one in played], np.float64)
            less = [Played(p.mean - v, p.error, None) for p, v in zip(played, value, strict=True)]
            cells += [of_seeds(value), _mean(less)]
        shown.add_row(f"{number:,}", *cells)
    console.print(shown)
    console.print("[dim]Returns are discounted; everybody begins by the first law of the game.")


def _mean(played: list[Played]) -> str:
    """Return the mean over seeds; of one seed, with the error of the simulation."""
    if len(played) == 1:
        return estimate(played[0].mean, played[0].error)
    return of_seeds(np.array([one.mean for one in played]))


def _content(saved: SavedRun, seeds: list[int], measured: list[Measured]) -> dict[str, Any]:
    """Return what the JSON file holds: lists have an entry a seed."""
    players = {
        str(number): {
            name: [getattr(one.players[number], name) for one in measured]
            for name in ("mean", "error", "value")
        }
        for number in measured[0].players
    }
    return {
        "learner": saved.header["learner"],
        "game": saved.header["game"],
        "iteration": saved.run.last.iteration,
        "seeds": seeds,
        "numbers": {n: [one.numbers[n] for one in measured] for n in measured[0].numbers},
        "players": players,
    }
