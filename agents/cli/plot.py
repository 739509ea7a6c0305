"""``mfg-envs plot``: learning curves of saved runs; of one run also its crowd and its policy."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from mfg_envs import exact
from mfg_envs.exact.discretise import discretise

from ..figures import flow_image, learning_curves, policy_image, sample_players
from ..figures.players import laws
from ..figures.style import OKABE_ITO
from ..runs.atomic_files import write_atomically
from ..runs.saved import SavedRun, load_runs
from .evaluation import playable
from .training import GREATER_IS_BETTER
from .words.examples import epilog
from .words.names import OwnGame, OwnLearner, own_classes
from .words.outputs import as_folder, check_file
from .words.terminal import Terminal

SUFFIXES = (".png", ".svg", ".pdf")
DPI = 144
PLAYERS, POINTS = 5000, 81
"""Players who show the crowd of a continuous game, and points in which they are counted."""


def register(app: typer.Typer) -> None:
    """Add the command ``plot``."""
    app.command("plot", epilog=epilog("plot"))(plot_command)


def plot_command(
    runs: Annotated[
        list[Path],
        typer.Argument(parser=as_folder, metavar="RUN", help="Folders of mfg-envs train or sweep."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="File, .png, .svg or .pdf; default: learning_curves.png and others in RUN."
        ),
    ] = None,
    metric: Annotated[str | None, typer.Option(help="Default: the first of the runs.")] = None,
    x: Annotated[str, typer.Option(help="iterations or samples.")] = "iterations",
    game: OwnGame = None,
    learner: OwnLearner = None,
) -> None:
    """Draw saved runs: learning curves; of a single one also its crowd and its policy."""
    console = Terminal()
    first = runs[0] if len(runs) == 1 else runs[0].parent
    path = first / "learning_curves.png" if out is None else out
    if out is not None:
        check_file("--out", out, SUFFIXES)
    lines = grouped(runs, own_classes(game, learner))
    name = metric or next(iter(next(iter(lines.values()))[0].metrics), None)
    if name is None:
        raise ValueError(f"{runs[0]} has no metrics to draw")
    chosen = best(console, lines, name)
    drawn = learning_curves({k: [one.run for one in v] for k, v in chosen.items()}, name, x)
    drawn.suptitle(_title(list(lines.values())), fontsize=11)
    _write(console, path, drawn)
    if len(lines) == 1 and len(runs) == 1:
        beside = path.parent if out is None else path.with_suffix("")
        for part, draw in _crowd_and_policy(console, next(iter(lines.values()))[0]).items():
            other = beside / f"{part}.png" if out is None else Path(f"{beside}_{part}{out.suffix}")
            _write(console, other, draw())


def grouped(folders: Sequence[Path], own: Sequence[type] = ()) -> dict[str, list[SavedRun]]:
    """Return the runs of folders by what was run, with a label for each: its runs are seeds.

    Raises:
        ValueError: If a folder holds no run.
    """
    groups: dict[tuple[str, str, str], list[SavedRun]] = {}
    for folder in {path.resolve(): path for path in folders}.values():  # none twice
        for saved in load_runs(folder, own):
            key = (str(folder), saved.header["learner"], saved.header["game"])
            groups.setdefault(key, []).append(saved)
    apart = [list(runs) for runs in groups.values()]
    labels = ["\n".join(parts) for parts in zip(*_differences(apart), strict=True)]
    if len(set(labels)) < len(labels):  # the same was run twice
        labels = [
            f"{label}\n{Path(folder).name}"
            for label, (folder, *_) in zip(labels, groups, strict=True)
        ]
    if len(set(labels)) < len(labels):
        labels = [f"{label} ({k})" for k, label in enumerate(labels, 1)]
    return dict(zip(labels, apart, strict=True))


def _differences(groups: list[list[SavedRun]]) -> list[list[str]]:
    """Return in words what learners, and games, of groups differ in: columns, a row a group."""
    columns = []
    for what in ("learner", "game"):
        names = [runs[0].header[what].partition("(")[0] for runs in groups]
        parts = [_parameters(runs[0].header[what]) for runs in groups]
        varied = [
            key
            for key in dict.fromkeys(key for part in parts for key in part)
            if any(part.get(key) != parts[0].get(key) for part in parts)
        ]
        same = len(set(names)) == 1
        words = []
        for name, part in zip(names, parts, strict=True):
            values = [f"{key}={part[key]}" for key in varied if key in part] if same else []
            words.append(", ".join(values) or name)
        if what == "learner" or len(set(words)) > 1:
            columns.append(words)
    return columns


def _parameters(text: str) -> dict[str, str]:
    """Return the parameters in what a dataclass prints, in words; none if it prints otherwise."""
    text = text.partition(" in an environment of")[0]  # of learners that play in one
    try:
        call = ast.parse(text, mode="eval").body
    except SyntaxError:
        return {}
    given = call.keywords if isinstance(call, ast.Call) else []
    return {part.arg: ast.unparse(part.value) for part in given if part.arg}


def best(
    console: Console, lines: dict[str, list[SavedRun]], metric: str
) -> dict[str, list[SavedRun]]:
    """Return as many lines as there are colours, those whose metric is best at the end."""
    most, up = len(OKABE_ITO), metric in GREATER_IS_BETTER
    if len(lines) <= most:
        return lines

    def final(label: str) -> float:
        ends = [one.metrics[metric][-1] for one in lines[label] if metric in one.metrics]
        return (-1 if up else 1) * float(np.mean(np.concatenate(ends))) if ends else np.inf

    kept, end = sorted(lines, key=final)[:most], "greatest" if up else "least"
    console.print(f"{len(lines)} configurations: drawing the {most} with the {end} {metric}")
    return {label: lines[label] for label in kept}


def _title(groups: list[list[SavedRun]]) -> str:
    """Return what all lines have in common."""
    learners = {runs[0].learner_name for runs in groups}
    games = {runs[0].header["game"].partition("(")[0] for runs in groups}
    words = " and ".join(sorted(learners)) if len(learners) < 3 else f"{len(learners)} learners"
    return f"{words} on {games.pop()}" if len(games) == 1 else words


def _crowd_and_policy(console: Console, saved: SavedRun) -> dict[str, Callable[[], Any]]:
    """Return what draws the crowd and the policy of a run's first seed."""
    try:
        game, policy = saved.game, playable(saved, saved.iterates[0])
        if game.kind == "team" or game.layout() is None:
            raise ValueError(f"{game.name} has no picture of a crowd")
    except ValueError as error:
        console.print(f"Only learning curves: {error}", markup=False, soft_wrap=True)
        return {}
    words = f"{saved.learner_name}, seed {saved.seeds[0]}, iteration {saved.run.last.iteration}"

    def named(drawn: Any) -> Any:
        drawn.suptitle(f"{drawn.get_suptitle()}\n{words}".strip(), fontsize=10)
        return drawn

    parts: dict[str, Callable[[], Any]] = {"flow": lambda: named(flow_figure(game, policy))}
    try:
        picture = policy_image(game, policy)
        parts["policy"] = lambda: named(picture)
    except ValueError as error:
        console.print(f"No picture of the policy: {error}", markup=False, soft_wrap=True)
    return parts


def flow_figure(game: Any, policy: Any) -> Any:
    """Draw the crowd that a policy makes."""
    if game.kind != "continuous":
        return flow_image(game, game.crowd(exact.law_met(game, policy)))
    players = sample_players(game, policy, PLAYERS)
    bounded = np.isfinite([*game.action_low, *game.action_high]).all()
    if game.mean_field_kind == "density" or game.state_dim > 1 or not bounded:
        return flow_image(game, players.mean_field)
    grid = discretise(game, num_states=POINTS)
    return flow_image(grid, laws(grid, players.state))


def _write(console: Console, path: Path, drawn: Any) -> None:
    kind = path.suffix[1:]
    write_atomically(path, lambda file: drawn.savefig(file, format=kind, dpi=DPI))
    console.print(f"Wrote {path}", markup=False, soft_wrap=True, highlight=False)
