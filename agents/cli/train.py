"""``mfg-envs train``: run a learner on a game with some seeds; resumable, one table in the end."""

from __future__ import annotations

import shlex
from pathlib import Path
from time import monotonic
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape

from mfg_envs.numerics.memory import check_memory

from ..runs.running import run
from ..runs.saved import SavedRun
from ..sweep.in_environment import PLAYERS
from .training import GREATER_IS_BETTER, Plan, check_folder, note_sweep, plan_of
from .words import tables
from .words.estimates import of_seeds
from .words.names import (
    MOST,
    AnyGame,
    LearnerName,
    learner_class,
    named_game,
    own_options,
    short,
)
from .words.outputs import as_folder
from .words.settings import parse
from .words.terminal import Terminal

SEEDS = 5
"""Of a run, where nothing else is said."""
LARGE = 10**7
"""Entries of a table from which on a run says how large the game is."""
TABLES = 3
"""Tables that every learner of a finite game has at least: policy, values, moves."""


def register(app: typer.Typer) -> None:
    """Add the command ``train``."""
    app.command("train")(train_command)


def train_command(
    learner: LearnerName,
    game: AnyGame,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Parameter of the learner; repeatable."),
    ] = None,
    game_settings: Annotated[
        list[str] | None,
        typer.Option("--game-set", metavar="NAME=VALUE", help="Parameter of the game; repeatable."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=MOST, help="Seeds 0, 1, ...")] = SEEDS,
    every: Annotated[int, typer.Option(min=1, help="Iterations from metric to metric.")] = 1,
    agents: Annotated[
        int, typer.Option(min=1, help="Players, for learners that learn in an environment.")
    ] = PLAYERS,
    out: Annotated[
        Path | None,
        typer.Option(
            parser=as_folder,
            metavar="FOLDER",
            help="Folder; default: results/LEARNER_GAME.",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what is there.")] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write a folder for TensorBoard beside a run.")
    ] = False,
) -> None:
    """Run a learner on a game, with some seeds; Ctrl-C leaves a run that --resume goes on with."""
    console = Terminal()
    name, title = f"{short(learner)}_{short(game)}", f"{short(learner)} on {short(game)}"
    folder = Path("results") / name if out is None else out
    built = named_game(game, parse(game_settings or (), "--game-set"))
    cls, parameters = learner_class(learner), parse(settings or ())
    plan = plan_of(cls, parameters, built, seeds, every, agents, folder)
    if seeds > 1 and len(plan.seeds) == 1:
        console.print(f"{short(learner)} is deterministic, its seed changes nothing: one run")
    check_folder(plan, folder, resume)
    _announce_size(console, built)
    begun = monotonic()
    try:
        saved = _carry_out(console, plan, tensorboard)
    except KeyboardInterrupt:
        words = ["mfg-envs", "train", learner, game]
        for option, given in (("--set", settings), ("--game-set", game_settings)):
            words += [word for setting in given or () for word in (option, setting)]
        for option, value, usual in (
            ("--seeds", seeds, SEEDS),
            ("--every", every, 1),
            ("--agents", agents, PLAYERS),
        ):
            words += [option, str(value)] if value != usual else []
        words += ["--out", str(folder), "--resume", *(["--tensorboard"] if tensorboard else [])]
        console.print(f"Interrupted; to go on:  {shlex.join(words)}", markup=False, soft_wrap=True)
        raise typer.Exit(130) from None
    note_sweep(plan, folder, saved)
    _print_metrics(console, title, saved)
    last = saved[0].run.last
    drawn = f", {last.samples:,} samples a seed" if last.samples else ""
    clock = f"{monotonic() - begun:.1f} s"
    done = "1 iteration" if last.iteration == 1 else f"{last.iteration} iterations"
    console.print(f"{done}{drawn}; {clock}; in {folder}/", markup=False)
    own = own_options(learner, game)
    where = shlex.join([str(folder), *own])
    console.print(f"\n[dim]mfg-envs evaluate[/] {escape(where)}", highlight=False, soft_wrap=True)
    console.print(f"[dim]mfg-envs plot[/] {escape(where)}", highlight=False, soft_wrap=True)


def _announce_size(console: Console, game: Any) -> None:
    """Say how large a game is that takes long; refuse one whose tables fit into no memory.

    Raises:
        ValueError: If they do not.
    """
    if game.kind != "finite":
        return
    entries = game.num_states * game.num_actions * (game.horizon or 1)
    if entries < LARGE:
        return
    check_memory(entries, 8 * TABLES, "states x actions x decisions")
    steps = "" if game.horizon is None else f" x {game.horizon:,} decisions"
    console.print(
        f"{game.name}: {game.num_states:,} states x {game.num_actions:,} actions{steps}; a table of"
        f" values takes {8 * entries / 2**30:.1f} GiB, and an iteration may take minutes",
        highlight=False,
        soft_wrap=True,
    )


def _carry_out(console: Console, plan: Plan, tensorboard: bool) -> list[SavedRun]:
    """Do all runs, one after the other, and return them."""
    saved = []
    for folder, seed in plan.runs.items():
        if len(plan.runs) > 1 and console.is_terminal:
            console.print(f"[dim]seed {seed}")
        options: dict[str, Any] = {"metrics": plan.metrics, "every": plan.every, "out": folder}
        options["tensorboard"] = folder / "tensorboard" if tensorboard else None
        try:
            run(plan.learner, plan.game, seed, progress=console.is_terminal, **options)
        except TypeError as error:  # the learner cannot play this game
            raise ValueError(str(error)) from error
        saved.append(SavedRun(folder))
    return saved


def _print_metrics(console: Console, title: str, saved: list[SavedRun]) -> None:
    """Print the metrics at the first, the last and the best iteration, over all seeds."""
    num_seeds = sum(len(one.seeds) for one in saved)
    over = f"mean of {num_seeds} seeds ± standard error" if num_seeds > 1 else "one run"
    console.print(f"[bold]{escape(title)}[/], {over}", highlight=False)
    shown = tables.table("", "metric", "", "value", "iteration")
    taken = saved[0].run.iterations
    for name in saved[0].metrics:
        curves = np.concatenate([one.metrics[name] for one in saved], 1)  # (R, E)
        means = curves.mean(1)
        best = int(means.argmax() if name in GREATER_IS_BETTER else means.argmin())
        for i, when in ((0, "first"), (len(taken) - 1, "last"), (best, "best")):
            words = name.replace("_", " ") if when == "first" else ""
            shown.add_row(words, when, of_seeds(curves[i]), f"{taken[i]:,}")
    console.print(shown)
