"""``mfg-envs list``: every game and every learner, one line each."""

from __future__ import annotations

import inspect
from typing import Any

import typer
from rich import box
from rich.table import Table

import agents as learners
from mfg_envs.game import ContinuousGame, FiniteGame, TeamGame
from mfg_envs.registry import CONTINUOUS_GAMES, GAMES, TEAM_GAMES, any_class

from .words.docstrings import first_line
from .words.terminal import Terminal

KINDS = {"Finite games": GAMES, "Continuous games": CONTINUOUS_GAMES, "Team games": TEAM_GAMES}
"""Title -> names of games."""
SOURCES = {FiniteGame: "finite", ContinuousGame: "continuous", TeamGame: "team"}
"""Kind of a game -> what the table says of a learner for it."""
SPACE = 8
"""Characters of a line between the columns."""


def register(app: typer.Typer) -> None:
    """Add the command ``list``."""
    app.command("list")(list_command)


def list_command() -> None:
    """List the games and the learners."""
    console, names = Terminal(), [*GAMES, *CONTINUOUS_GAMES, *TEAM_GAMES, *learners.__all__]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    widths = [max(map(len, names)) + 2, len("continuous")]
    widths.append(max(console.width - sum(widths) - SPACE, 20))
    for name, width in zip(("name", "horizon", "what it is"), widths, strict=True):
        table.add_column(name, no_wrap=True, width=width)
    for title, names in KINDS.items():
        table.add_row(f"[bold cyan]{title}")
        for name in names:
            cls = any_class(name)
            horizon = getattr(cls, "horizon", None)
            clock = f"T = {horizon}" if isinstance(horizon, int) else "endless"
            table.add_row(f"  {name}", clock, first_line(cls))
        table.add_section()
    table.add_row("[bold cyan]Learners", "[bold]of", "[bold]what it does")
    for name, (kind, line) in _learner_lines().items():
        table.add_row(f"  {name}", kind, line)
    console.print(table)
    console.print("[dim]mfg-envs show NAME, mfg-envs train LEARNER GAME, mfg-envs --help")


def offered_learners() -> list[Any]:
    """Return every learner of ``agents`` that needs no further library."""
    classes = [vars(learners).get(name) for name in learners.__all__]
    return [c for c in classes if inspect.isclass(c) and hasattr(c, "learn")]


def _learner_lines() -> dict[str, tuple[str, str]]:
    """Return which games every learner is for, and what it does, by name."""
    lines = {}
    for learner in offered_learners():
        kinds = [
            word
            for kind, word in SOURCES.items()
            if any(issubclass(one, kind) for one in learner.learns)
        ]
        lines[learner.__name__] = (", ".join(kinds), first_line(learner))
    lines |= {name: ("", line) for name, line in learners.LATER_LEARNERS.items()}
    return dict(sorted(lines.items()))
