"""``mfg-envs list``: every game and every learner, one line each."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

import agents as learners
from mfg_envs.registry import HOMES, KINDS, any_class

from ..runs.learner import declared_kinds
from .words.docstrings import first_line
from .words.own_classes import imported, is_game_class
from .words.terminal import Terminal

SPACE = 8
"""Characters of a line between the columns."""
Games = list[tuple[str, Any]]
"""Names and classes of games."""
Lines = dict[str, tuple[str, str]]
"""Name of a learner -> what games it is for, and what it does."""


def register(app: typer.Typer) -> None:
    """Add the command ``list``."""
    app.command("list")(list_command)


def list_command(
    own: Annotated[
        list[str] | None,
        typer.Argument(metavar="MODULE", help="Files or modules of your own; their code runs."),
    ] = None,
) -> None:
    """List the games and the learners: all of ours, or those of your own modules."""
    console = Terminal()
    games, lines = _own(own) if own else _ours()
    names = [*lines, *(name for name, _ in games)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    widths = [max(map(len, names)) + 2, len("continuous")]
    widths.append(max(console.width - sum(widths) - SPACE, 20))
    for name, width in zip(("name", "horizon", "what it is"), widths, strict=True):
        table.add_column(name, no_wrap=True, width=width)
    for kind in KINDS:
        if not (listed := [(name, cls) for name, cls in games if cls.kind == kind]):
            continue
        table.add_row(f"[bold cyan]{kind.capitalize()} games")
        for name, cls in listed:
            horizon = getattr(cls, "horizon", None)
            clock = f"T = {horizon}" if isinstance(horizon, int) else "endless"
            table.add_row(f"  {escape(name)}", clock, escape(first_line(cls)))
        table.add_section()
    if lines:
        table.add_row("[bold cyan]Learners", "[bold]of", "[bold]what it does")
        for name, (kinds, line) in lines.items():
            table.add_row(f"  {escape(name)}", kinds, escape(line))
    console.print(table)
    console.print("[dim]mfg-envs show NAME, mfg-envs train LEARNER GAME, mfg-envs --help")


def offered_learners() -> list[Any]:
    """Return every learner of ``agents`` that needs no further library."""
    classes = filter(inspect.isclass, map(vars(learners).get, learners.__all__))
    return [c for c in classes if hasattr(c, "learn") and not inspect.isabstract(c)]


def _ours() -> tuple[Games, Lines]:
    """Return the games, and the lines of the learners, of these packages."""
    lines = {learner.__name__: _learner_line(learner) for learner in offered_learners()}
    lines |= {name: ("", line) for name, line in learners.LATER_LEARNERS.items()}
    return [(name, any_class(name)) for name in HOMES], dict(sorted(lines.items()))


def _own(homes: list[str]) -> tuple[Games, Lines]:
    """Return the games, and the lines of the learners, that modules of one's own define."""
    classes = [(f"{home}:{cls.__name__}", cls) for home in homes for cls in imported(home)]
    games = [(name, cls) for name, cls in classes if is_game_class(cls)]
    return games, {name: _learner_line(cls) for name, cls in classes if not is_game_class(cls)}


def _learner_line(learner: Any) -> tuple[str, str]:
    return ", ".join(declared_kinds(learner)), first_line(learner)
