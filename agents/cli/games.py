"""``mfg-envs list``: every game and every learner, one line each."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

import agents as learners
from mfg_envs.registry import CONTINUOUS_GAMES, GAMES, TEAM_GAMES, any_class

KINDS = {"Finite games": GAMES, "Continuous games": CONTINUOUS_GAMES, "Team games": TEAM_GAMES}
"""Title -> names of games."""
SOURCES = {
    "FiniteGame": "finite",
    "TrafficAssignment": "finite",
    "ContinuousGame": "continuous",
    "TeamGame": "team",
}
"""Words in the annotation of what a learner learns from -> what the table says."""
SPACE = 8
"""Characters of a line between the columns."""


def register(app: typer.Typer) -> None:
    """Add the command ``list``."""
    app.command("list")(list_command)


def list_command() -> None:
    """List the games and the learners."""
    console, names = Console(), [*GAMES, *CONTINUOUS_GAMES, *TEAM_GAMES, *learners.__all__]
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
    """Return which games every learner is for, and what it does, by name.

    What is imported later is only read.
    """
    lines = {}
    for learner in offered_learners():
        source = inspect.signature(learner.learn).parameters["source"]
        lines[learner.__name__] = (_kinds(str(source.annotation)), first_line(learner))
    for name, file in learners.LATER.items():
        text = Path(learners.__file__).with_name(f"{file}.py").read_text("utf-8")
        found = {n.name: n for n in ast.parse(text).body if isinstance(n, ast.ClassDef)}
        if name in found:
            line = (ast.get_docstring(found[name]) or "").split("\n", 1)[0]
            own = (n for n in found[name].body if isinstance(n, ast.FunctionDef))
            learn = next((ast.unparse(n.args) for n in own if n.name == "learn"), "")
            lines[name] = (_kinds(learn), line)
    return dict(sorted(lines.items()))


def _kinds(annotation: str) -> str:
    return ", ".join(word for kind, word in SOURCES.items() if kind in annotation)


def first_line(documented: Any) -> str:
    """Return the first line of a docstring, without marks of code."""
    return (inspect.getdoc(documented) or "").split("\n", 1)[0].replace("``", "")


def attributes(cls: Any) -> dict[str, str]:
    """Return the "Attributes" section of a docstring: name -> text."""
    meanings: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        text = inspect.cleandoc(base.__doc__ or "")
        if "Attributes:" not in text:
            continue
        name = ""
        for line in text.split("Attributes:\n", 1)[1].split("\n\n")[0].split("\n"):
            if line.startswith("    ") and not line.startswith("     ") and ":" in line:
                name, rest = line.strip().split(":", 1)
                meanings[name] = rest.strip()
            elif name:
                meanings[name] += " " + line.strip()
    return meanings
