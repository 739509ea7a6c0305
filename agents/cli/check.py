"""``mfg-envs check``: the contract on a game or a learner of one's own, clause by clause."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mfg_envs.game.kinds import is_game
from mfg_envs.testing import Clause, ContractError, check_clause, clauses

from ..runs import contract
from ..runs.learner import facts
from ..sweep.grid import build
from ..sweep.in_environment import InEnvironment
from .words.names import Settings, named_game
from .words.own_classes import (
    BrokenModuleError,
    check_names,
    is_game_class,
    is_learner_class,
    load_class,
    takes_iterations,
)
from .words.settings import parse
from .words.terminal import Terminal

ITERATIONS = 4
"""Of a learner, where nothing else is said: each is gone on from."""
SMALL = {"finite": "left_right", "continuous": "linear_quadratic", "team": "follow_the_leader"}
"""Kind of game -> on which game a learner is checked, where none is named."""
PLAYERS = 3
"""In the environment of a learner that plays in one."""
Step = tuple[Clause, Callable[[], None]]
"""A clause, whose docstring says what must hold, and what checks it."""


def register(app: typer.Typer) -> None:
    """Add the command ``check``."""
    app.command("check")(check_command)


def check_command(
    own: Annotated[
        str, typer.Argument(metavar="MODULE:CLASS", help="Or FILE.py:CLASS; its code runs.")
    ],
    settings: Settings = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is tried.")] = 0,
    game: Annotated[
        str | None,
        typer.Option(metavar="GAME", help="On which a learner is checked; a small one."),
    ] = None,
) -> None:
    """Check that a game or a learner of your own keeps the contract; name the first fault.

    The module is imported and its code runs: check nobody's you do not trust.
    The exit code is 0 for a sound one, 1 for a faulty one, 2 if there is none.
    """
    console = Terminal()
    given = parse(settings or ())
    try:
        cls = load_class(own)
        if is_learner_class(cls):
            title, steps = _of_learner(cls, given, game, seed)
        else:
            if game is not None:
                raise ValueError("--game is for learners: they are checked on a game")
            title, steps = _of_game(cls, given, seed)
    except (BrokenModuleError, ContractError) as error:
        _print_fault(console, str(error))
        raise typer.Exit(1) from error
    fault, table = _go_through(steps, escape(title))
    console.print(table)
    if fault:
        _print_fault(console, fault)
        raise typer.Exit(1)
    console.print(f"[bold green]{escape(cls.__name__)} keeps the contract.")


def _called(cls: Any, given: dict[str, Any]) -> str:
    return f"{cls.__name__}({', '.join(f'{name}={value!r}' for name, value in given.items())})"


def _of_game(cls: Any, given: dict[str, Any], seed: int) -> tuple[str, list[Step]]:
    """Return what is checked of a game, after its title."""
    game = _build(cls, given)
    kind = f"{game.kind} game" if is_game(game) else "no game"
    steps = [(clause, partial(check_clause, clause, game, seed)) for clause in clauses(game)]
    return f"{_called(cls, given)}, {kind}", steps


def _of_learner(
    cls: Any, given: dict[str, Any], name: str | None, seed: int
) -> tuple[str, list[Step]]:
    """Return what is checked of a learner, after its title.

    Raises:
        ContractError: If the class is no dataclass with a number of iterations.
    """
    if not takes_iterations(cls):
        raise ContractError(
            f"{cls.__name__} must be a @dataclass(frozen=True, kw_only=True) with a parameter"
            " iterations, its number of outer iterations"
        )
    given = {"iterations": ITERATIONS} | given
    learner: Any = build(cls, given)
    try:
        kinds = facts(learner).kinds
    except TypeError as error:
        raise ContractError(str(error)) from error
    if not kinds:  # it plays through PettingZoo, any game
        learner = InEnvironment(learner=learner, num_players=PLAYERS)
    name = name or SMALL[(kinds or tuple(SMALL))[0]]
    trial = contract.Trial(learner, named_game(name, {}), seed)
    check = contract.check_clause
    steps = [(clause, partial(check, clause, trial)) for clause in contract.CLAUSES]
    return f"{_called(cls, given)}, learner, on {name}", steps


def _build(cls: Any, given: dict[str, Any]) -> Any:
    """Build the game; what is wrong with its class is a fault, not bad use.

    Raises:
        ContractError: If it is no game, an abstract method is missing, or the class cannot be
            built with its own defaults.
    """
    if not is_game_class(cls):
        try:
            return object.__new__(cls)  # the first clause says what it must derive from
        except TypeError as error:  # a class written in C
            raise ContractError(f"{cls.__name__} is no game, and not written in Python") from error
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(cls.__abstractmethods__))
        raise ContractError(f"{cls.__name__} lacks {missing}: define them")
    check_names(cls, given)
    try:
        return cls(**given)
    except Exception as error:
        if given and isinstance(error, ValueError | TypeError):  # the values may be to blame
            raise ValueError(f"{cls.__name__}: {error}") from error
        raise ContractError(
            f"{cls.__name__} cannot be built ({type(error).__name__}: {error}):"
            " look at its fields and its __post_init__"
        ) from error


def _go_through(steps: list[Step], title: str) -> tuple[str, Table]:
    """Check clause by clause to the first fault; return it, and the table."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in ("", "clause", "what must hold"):
        table.add_column(column, no_wrap=column != "what must hold")
    fault = ""
    for clause, check in steps:
        mark, style = ("", "dim") if fault else ("[green]ok[/]", "")
        if not fault:
            try:
                check()
            except ContractError as error:
                fault, mark, style = str(error), "[bold red]no[/]", "red"
        table.add_row(mark, clause.name, escape(clause.promise), style=style)
    return fault, table


def _print_fault(console: Console, sentence: str) -> None:
    console.print(f"[bold red]Fault:[/] {escape(sentence)}", highlight=False, soft_wrap=True)
