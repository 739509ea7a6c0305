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
from ..runs.saved import load_runs
from ..sweep.in_environment import InEnvironment
from .evaluation import POPULATIONS, Measured, Played, gaps, measure, measure_policy, playable
from .trained_models import Trained, holds_models, trained
from .words import tables
from .words.estimates import estimate, of_seeds
from .words.names import MOST, OwnLearner, complete_game, named_game, own_classes
from .words.outputs import as_folder, check_file
from .words.settings import parse
from .words.terminal import Terminal

USUAL = "100,1000"
"""Numbers of players who follow one policy, where nothing else is said."""
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
        typer.Argument(
            parser=as_folder,
            metavar="RUN",
            help="Folder of mfg-envs train; or a model's .zip, or the folder of a set of models.",
        ),
    ],
    agents: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N,N",
            help=f"Numbers of real players; default: {USUAL}, of a set as many as it has models.",
        ),
    ] = None,
    episodes: Annotated[
        int | None,
        typer.Option(
            min=2,
            max=MOST,
            help=f"Populations of each size; default: {POPULATIONS}, fewer for many networks.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the players.")] = 0,
    game: Annotated[
        str | None,
        typer.Option(
            metavar="GAME",
            help="Of a model, by name or MODULE:CLASS; of a run, a class of your own.",
            autocompletion=complete_game,
        ),
    ] = None,
    learner: OwnLearner = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Parameter of a model's game; repeatable."
        ),
    ] = None,
    observe: Annotated[
        str | None,
        typer.Option(metavar="PART,PART", help="What a model sees; default: the game's own."),
    ] = None,
    algorithm: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of a model whose file does not tell it.")
    ] = None,
    normalise: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Saved VecNormalize of a model.")
    ] = None,
    leaving: Annotated[
        bool, typer.Option("--gaps", help="Also what each of the models gains by leaving.")
    ] = False,
    json: Annotated[Path | None, typer.Option(help="Also write the numbers here.")] = None,
) -> None:
    """Measure what was learned: exploitability, welfare, N players beside the mean field.

    Of a saved run, a model of Stable-Baselines3, or a set of them; no code in files is run.
    """
    console = Terminal()
    numbers = _numbers(agents) if agents else []
    if leaving and episodes is not None:
        check_range("--episodes with --gaps", episodes, 4)
    if json is not None:
        check_file("--json", json)
    given = {"--set": settings, "--observe": observe, "--algorithm": algorithm}
    given["--normalise"] = normalise
    if holds_models(run):
        if game is None:
            raise ValueError(f"{run} does not tell its game: name it, --game ring_road say")
        built = named_game(game, parse(settings or ()))
        parts = None if observe is None else [part.strip() for part in observe.split(",")]
        with console.status("reading models ..."):
            read = trained(run, built, parts, algorithm, normalise)
        content = {"model": str(run), **_of_models(console, built, read, numbers, episodes, seed)}
        follows, which = read.policy, ""
    else:
        if odd := [option for option, value in given.items() if value]:
            raise ValueError(f"{odd[0]} is for models: a run tells how it was made")
        own = own_classes(game, learner)
        content = _of_runs(console, run, numbers, episodes, seed, own)
        first = load_runs(run, own)[0]
        built, which = first.game, f" of seed {first.seeds[0]}"
        follows = playable(first, first.iterates[0])
    if leaving:
        content["gaps"] = _of_players(console, built, follows, which, episodes, seed)
    if json is not None:
        write_json(json, content)
        console.print(f"Wrote {escape(str(json))}", highlight=False, soft_wrap=True)


def _of_models(
    console: Console, game: Any, read: Trained, numbers: list[int], episodes: int | None, seed: int
) -> dict[str, Any]:
    """Measure a model, or a set of them, and return what the JSON file holds."""
    if read.note:
        console.print(f"[dim]{escape(read.note)}.", highlight=False)
    numbers = numbers or _numbers([str(len(read.models)) if read.models else USUAL])
    with console.status("measuring what they do ..."):
        measured = [measure_policy(game, read.policy, numbers, episodes, seed)]
    who = "mixture of all" if read.models else "all follow it"
    _print(console, f"{read.words} on {game.name}", measured, who)
    return {"game": repr(game), **_values(measured)}


def _of_runs(
    console: Console,
    run: Path,
    numbers: list[int],
    episodes: int | None,
    seed: int,
    own: list[type],
) -> dict[str, Any]:
    """Measure the runs of a folder, and return what the JSON file holds."""
    runs = load_runs(run, own)
    first = runs[0]
    if any(one.header[what] != first.header[what] for one in runs for what in ("learner", "game")):
        raise ValueError(f"{run} holds runs of several configurations: name the folder of one run")
    title = f"{first.learner_name} on {first.game.name}, iteration {first.run.last.iteration}"
    if not numbers:
        learner = first.learner
        apart = isinstance(learner, InEnvironment)
        numbers = _numbers([str(learner.num_players) if apart else USUAL])
    seeds, measured = [], []
    with console.status("") as status:
        for one in runs:
            for own_seed, iterate in zip(one.seeds, one.iterates, strict=True):
                status.update(f"measuring the policy of seed {own_seed} ...")
                measured.append(measure(one, iterate, numbers, episodes, seed))
                seeds.append(own_seed)
    over = f"mean of {len(measured)} seeds ± standard error" if len(measured) > 1 else "one seed"
    _print(
        console, title if all(r.complete for r in runs) else f"{title} (unfinished)", measured, over
    )
    return {
        "learner": first.header["learner"],
        "game": first.header["game"],
        "iteration": first.run.last.iteration,
        "seeds": seeds,
        **_values(measured),
    }


def _of_players(
    console: Console, game: Any, policy: Any, which: str, episodes: int | None, seed: int
) -> dict[str, Any]:
    """Measure what each player gains by leaving, and return what the JSON file holds."""
    with console.status("measuring what players gain by leaving ..."):
        found = gaps(game, policy, episodes, seed)
    shown = tables.table("", f"players{which}", "gains by leaving", "earns by staying")
    for name, one in found.players.items():
        value = estimate(one.value, one.value_error)
        shown.add_row(name, estimate(one.gain, one.error), value)
    console.print(shown)
    console.print("[dim]Gains are lower bounds, found by dynamic programming.")
    return {name: {"gain": one.gain, "error": one.error} for name, one in found.players.items()}


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


def _print(console: Console, title: str, measured: list[Measured], over: str) -> None:
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


def _values(measured: list[Measured]) -> dict[str, Any]:
    """Return the numbers as the JSON file holds them: lists have an entry a seed."""
    return {
        "numbers": {n: [one.numbers[n] for one in measured] for n in measured[0].numbers},
        "players": {
            str(number): {
                name: [getattr(one.players[number], name) for one in measured]
                for name in ("mean", "error", "value")
            }
            for number in measured[0].players
        },
    }
