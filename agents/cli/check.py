"""``mfg-envs check``: the contract on a game of one's own, clause by clause."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mfg_envs.game import ContinuousGame, FiniteGame, Game, TeamGame
from mfg_envs.testing import ContractError, check_clause, clauses

from .words.names import Settings
from .words.own_games import BrokenModuleError, check_parameters, load_class
from .words.settings import parse
from .words.terminal import Terminal

KINDS = {FiniteGame: "finite game", ContinuousGame: "continuous game", TeamGame: "team game"}


def register(app: typer.Typer) -> None:
    """Add the command ``check``."""
    app.command("check")(check_command)


def check_command(
    game: Annotated[
        str, typer.Argument(metavar="MODULE:CLASS", help="Or FILE.py:CLASS; its code runs.")
    ],
    settings: Settings = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the crowds that are tried.")] = 0,
) -> None:
    """Check that a game of your own keeps the contract; name the first fault, with its cure.

    The module is imported and the game is played: its code runs, check nobody's you do not trust.
    The exit code is 0 for a sound game, 1 for a faulty one, 2 if there is no such game.
    """
    console = Terminal()
    given = parse(settings or ())
    try:
        cls = load_class(game)
        built = _build(cls, given)
    except (BrokenModuleError, ContractError) as error:
        _print_fault(console, str(error))
        raise typer.Exit(1) from error
    said = ", ".join(f"{name}={value!r}" for name, value in given.items())
    kind = next((word for one, word in KINDS.items() if isinstance(built, one)), "no game")
    title = escape(f"{cls.__name__}({said}), {kind}")
    fault, table = _go_through(built, seed, title)
    console.print(table)
    if fault:
        _print_fault(console, fault)
        raise typer.Exit(1)
    console.print(f"[bold green]{escape(cls.__name__)} keeps the contract.")


def _build(cls: Any, given: dict[str, Any]) -> Any:
    """Build the game; what is wrong with its class is a fault, not bad use.

    Raises:
        ContractError: If it is no game, an abstract method is missing, or the class cannot be
            built with its own defaults.
    """
    if not issubclass(cls, Game | TeamGame):
        try:
            return object.__new__(cls)  # the first clause says what it must derive from
        except TypeError as error:  # a class written in C
            raise ContractError(f"{cls.__name__} is no game, and not written in Python") from error
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(cls.__abstractmethods__))
        raise ContractError(f"{cls.__name__} lacks {missing}: define them")
    check_parameters(cls, given)
    try:
        return cls(**given)
    except Exception as error:
        if given and isinstance(error, ValueError | TypeError):  # the values may be to blame
            raise ValueError(f"{cls.__name__}: {error}") from error
        raise ContractError(
            f"{cls.__name__} cannot be built ({type(error).__name__}: {error}):"
            " look at its fields and its __post_init__"
        ) from error


def _go_through(game: Any, seed: int, title: str) -> tuple[str, Table]:
    """Check clause by clause to the first fault; return it, and the table."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in ("", "clause", "what must hold"):
        table.add_column(column, no_wrap=column != "what must hold")
    fault = ""
    for clause in clauses(game):
        mark, style = ("", "dim") if fault else ("[green]ok[/]", "")
        if not fault:
            try:
                check_clause(clause, game, seed)
            except ContractError as error:
                fault, mark, style = str(error), "[bold red]no[/]", "red"
        table.add_row(mark, clause.name, escape(clause.promise), style=style)
    return fault, table


def _print_fault(console: Console, sentence: str) -> None:
    console.print(f"[bold red]Fault:[/] {escape(sentence)}", highlight=False, soft_wrap=True)
