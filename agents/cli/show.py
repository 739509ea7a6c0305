"""``mfg-envs show``: everything about one game, or one learner."""

from __future__ import annotations

import inspect
from abc import ABC
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from mfg_envs.game.parameters import declarations
from mfg_envs.games.roads import tntp
from mfg_envs.registry import any_class, close_names, environment_class

from ..runs.learner import facts
from .words.docstrings import attributes, first_line, prose, reflow
from .words.names import (
    Settings,
    complete_game,
    complete_learner,
    learner_class,
    named_game,
    own_class,
    short,
)
from .words.outputs import check_file
from .words.own_classes import BrokenModuleError, is_learner_class, load_class
from .words.settings import parse
from .words.terminal import Terminal

LARGE = 10_000_000
"""States times actions from which on the size is said before anything is made of it."""
UNKNOWN = "none is known; train, then evaluate, says how near a policy is"
"""What is said of a game that declares no solution."""


def _names(incomplete: str) -> list[str]:
    return complete_game(incomplete) + complete_learner(incomplete)


def register(app: typer.Typer) -> None:
    """Add the command ``show``."""
    app.command("show")(show_command)


def show_command(
    game: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Of a game or a learner (mfg-envs list), or your own: FILE.py:CLASS.",
            autocompletion=_names,
        ),
    ],
    agents: Annotated[int, typer.Option(min=1, help="Players in the picture.")] = 200,
    save: Annotated[
        Path | None, typer.Option(help="Write a picture (PNG) of a population.")
    ] = None,
    settings: Settings = None,
    network: Annotated[Path | None, typer.Option(help="Road network, *_net.tntp.")] = None,
    trips: Annotated[Path | None, typer.Option(help="Trips over it, *_trips.tntp.")] = None,
) -> None:
    """Show a game: theory, rules, parameters, spaces, mean-field limit, known solution.

    Of a learner: theory, what it does, parameters.
    """
    console = Terminal()
    own = ":" in game
    if not own and game not in (known := _names("")):
        raise ValueError(f"no game or learner is called {game!r}; {close_names(game, known)}")
    if _is_learner(game):
        if settings or save or network or trips:
            raise ValueError(f"{game} is a learner: all options of show are for games")
        _show_learner(console, game)
        return
    cls = own_class(game, "game") if own else any_class(game)
    if save is not None:
        check_file("--save", save, (".png",))
    given = parse(settings or ())
    with console.status(f"Reading and building {game}") as status:
        given |= {} if network is None else {"network": tntp.read_network(network)}
        given |= {} if trips is None else {"trips": tntp.read_trips(trips)}
        built = named_game(game, given)
        said = ", ".join(f"{name} {value}" for name, value in given.items())
        if built.kind == "finite" and built.num_states * built.num_actions > LARGE:
            table = 8 * built.num_states * built.num_actions / 2**20
            size = f"{built.num_states:,} states x {built.num_actions} actions"
            console.print(f"{size}: a table of values has {table:,.0f} MiB", highlight=False)
        status.update(f"Building the moves of {game}")
        facts = _facts(built, f"With {said}" if given else "With the default parameters")
    chosen = cls.variant(given)
    theory = prose(inspect.getmodule(cls))
    rules = "\n\n".join(prose(kind) for kind in _own_classes(chosen))
    for title, text in ((short(game), theory), ("rules", rules)):
        _print_text(console, title, text)
    console.print(_parameters(cls, chosen))
    console.print(facts)
    if save is not None:
        _picture(built, agents, save)
        console.print(f"Wrote {save}")


def _is_learner(name: str) -> bool:
    if ":" not in name:
        return name in complete_learner("")
    try:
        return is_learner_class(load_class(name))
    except BrokenModuleError as error:
        raise ValueError(str(error)) from error


def _show_learner(console: Console, name: str) -> None:
    cls = learner_class(name)
    theory = prose(inspect.getmodule(cls))
    for title, text in ((short(name), theory), ("what it does", prose(cls))):
        _print_text(console, title, text)
    console.print(_parameters(cls, cls))
    if all(f.default is not MISSING or f.default_factory is not MISSING for f in fields(cls)):
        console.print(_declared(cls()))
    console.print(
        f"[dim]mfg-envs train[/] {escape(name)} GAME --set NAME=VALUE",
        highlight=False,
        soft_wrap=True,
    )


def _declared(learner: Any) -> Table:
    """Return what a learner declares of itself."""
    declared = facts(learner)
    kinds = " and ".join(f"{kind} games" for kind in declared.kinds)
    table = _table("With the default parameters", "quantity", "value")
    table.add_row("learns from", kinds or "PettingZoo environments")
    table.add_row("random", "yes" if declared.random else "no: its seed changes nothing")
    table.add_row("several seeds", "side by side" if declared.side_by_side else "one by one")
    for name, unit in declared.units.items():
        table.add_row(f"unit of {name}", unit)
    return table


def _print_text(console: Console, title: str, text: str) -> None:
    panel = Panel(escape(reflow(text)), title=f"[bold]{title}", title_align="left", padding=(1, 2))
    console.print(panel, highlight=False)


def _own_classes(cls: Any) -> list[Any]:
    """Return the class of a game and the classes of game files it builds on, in that order."""
    kinds = [kind for kind in cls.__mro__ if not kind.__module__.startswith("mfg_envs.game.")]
    return [kind for kind in kinds if kind not in (ABC, object)]


def _parameters(cls: Any, chosen: Any) -> Table:
    """Return the parameters of the chosen variant: defaults, meanings, units and ranges."""
    meanings, variants = attributes(chosen), getattr(cls, "variants", dict)()
    ranges = declarations(chosen)
    table = _table("Parameters", "name", "default", "meaning, unit, range")
    for name, choices in variants.items():
        lines = "\n".join(f"{key!r}: {first_line(kind)}" for key, kind in choices.items())
        table.add_row(name, escape(repr(cls.choice[name])), escape(lines))
    for field in fields(chosen):
        default = "required" if field.default is MISSING else repr(field.default)
        meaning = meanings.get(field.name, "").replace("``", "").rstrip(".")
        told = "; ".join(filter(None, (meaning, str(ranges[field.name]))))
        table.add_row(field.name, escape(default), escape(told and f"{told}."))
    return table


def _facts(game: Any, title: str) -> Table:
    """Return sizes and spaces as the views present them."""
    teams, cls = game.kind == "team", type(game)
    clock = "none (stationary)" if game.horizon is None else f"T = {game.horizon}"
    rows = dict(_team_facts(game) if teams else _population_facts(game))
    rows |= {"horizon": clock, "discount": str(game.discount)}
    view = environment_class(game.kind)
    number = list(inspect.signature(view).parameters)[1]
    ours = cls.__module__.startswith("mfg_envs.")
    made = (
        f"mfg_envs.{game.name}_v0.parallel_env(" if ours else f"{view.__name__}({cls.__name__}(), "
    )
    rows["environment"] = f"{made}{number}=...)"
    if teams:
        rows["mean-field limit"] = "infinitely many locals; learners see k of them (SubsampleMFQ)"
    else:
        rows["mean-field limit"] = f'{made}..., mode="mean_field")'
    rows["known solution"] = (game.solution or UNKNOWN).replace("``", "")
    table = _table(title, "quantity", "value")
    for quantity, value in rows.items():
        table.add_row(quantity, escape(value))
    return table


def _population_facts(game: Any) -> Iterator[tuple[str, str]]:
    batch = environment_class(game.kind)(game, 2).batch
    if game.kind == "finite":
        seen = f"{game.num_states}, of which players observe {game.num_observations}"
        yield "private states S", seen
    else:
        yield "private state", _box(game.state_low, game.state_high)
    yield "actions", _words(batch.action_space)
    yield "mean field", f"array {game.mean_field_shape}"
    parts = ", ".join(batch.observer.parts)
    yield "observation", f"{_words(batch.observer.space)}: {parts}"


def _team_facts(game: Any) -> Iterator[tuple[str, str]]:
    yield (
        "global agent",
        f"{game.num_global_states} states, {game.num_global_actions} actions",
    )
    yield (
        "local agents",
        f"{game.num_local_states} states, {game.num_local_actions} actions each",
    )
    yield "mean field", f"share of the locals in each state, array ({game.num_local_states},)"


def _box(low: tuple[float, ...], high: tuple[float, ...]) -> str:
    return " x ".join(f"[{a:g}, {b:g}]" for a, b in zip(low, high, strict=True))


def _words(space: Any) -> str:
    """Return a space in a few words, however many numbers it has."""
    if space.shape == ():
        return f"one of {space.n}"
    low, high = space.low.min(), space.high.max()
    count = f"{space.shape[0]} number{'s' * (space.shape[0] > 1)}"
    return f"{count} in [{low:.3g}, {high:.3g}], {space.dtype}"


def _table(title: str, *columns: str) -> Table:
    style = {"title_justify": "left", "title_style": "bold", "box": box.SIMPLE_HEAD}
    table = Table(title=title, pad_edge=False, **style)
    for column in columns:
        table.add_column(column, no_wrap=column in ("name", "quantity"))
    return table


def _picture(game: Any, agents: int, path: Path) -> None:
    """Draw a population after some uniform play."""
    from PIL import Image

    from ..runs.atomic_files import write_atomically

    env: Any = environment_class(game.kind)(game, agents, render_mode="rgb_array")
    env.reset(seed=0)
    for i, agent in enumerate(env.possible_agents):
        env.action_space(agent).seed(i)
    for _ in range(min(10, (game.horizon or 11) - 1)):
        env.step({agent: env.action_space(agent).sample() for agent in env.agents})
    image = Image.fromarray(np.asarray(env.render()))
    write_atomically(path, lambda file: image.save(file, "PNG"))
