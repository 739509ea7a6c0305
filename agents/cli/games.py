"""``mfg-envs list`` and ``mfg-envs show``: what there is, and everything about one game."""

from __future__ import annotations

import ast
import inspect
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

import agents as learners
from mfg_envs.game import FiniteGame
from mfg_envs.games import tntp
from mfg_envs.registry import (
    CONTINUOUS_GAMES,
    GAMES,
    TEAM_GAMES,
    any_class,
    make_game,
    make_population,
    variant,
)

from .settings import parse


def register(app: typer.Typer) -> None:
    """Add the commands ``list`` and ``show``."""
    app.command("list")(list_command)
    app.command("show")(show_command)


def list_command() -> None:
    """List the games and the learners."""
    console = Console()
    kinds = {"Finite games": GAMES, "Continuous games": CONTINUOUS_GAMES, "Team games": TEAM_GAMES}
    for title, names in kinds.items():
        games = _table(title, "name", "what it is", "time")
        for name in names:
            cls = any_class(name)
            horizon = getattr(cls, "horizon", None)
            clock = f"T = {horizon}" if isinstance(horizon, int) else "endless"
            games.add_row(f"[bold]{name}", _first_line(cls), clock)
        console.print(games)
    offered = _table("Learners", "name", "what it does")
    for name, line in _learner_lines().items():
        offered.add_row(f"[bold]{name}", line)
    console.print(offered)
    console.print("[dim]mfg-envs show GAME tells everything about a game.")


def show_command(
    game: Annotated[str, typer.Argument(help="Name of a game; see: mfg-envs list.")],
    agents: Annotated[int, typer.Option(help="Players in the picture.")] = 200,
    save: Annotated[
        Path | None, typer.Option(help="Write a picture (PNG) of a population.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter; may be repeated."),
    ] = None,
    network: Annotated[Path | None, typer.Option(help="Road network, *_net.tntp.")] = None,
    trips: Annotated[Path | None, typer.Option(help="Trips over it, *_trips.tntp.")] = None,
) -> None:
    """Show a game: parameters, spaces, rewards, mean-field limit."""
    console = Console()
    cls = any_class(game)
    if save is not None and save.suffix != ".png":
        raise ValueError(f"--save must end with .png, got {save}")
    given = parse(settings or ())
    given |= {} if network is None else {"network": tntp.read_network(network)}
    given |= {} if trips is None else {"trips": tntp.read_trips(trips)}
    try:
        built = make_game(game, **given)
    except TypeError as error:  # a word where a number should be
        raise ValueError(str(error)) from error
    text = inspect.cleandoc(inspect.getmodule(cls).__doc__ or "")
    console.print(Panel(text, title=f"[bold]{game}", title_align="left", padding=(1, 2)))
    console.print(_parameters(cls, variant(cls, given)))
    said = ", ".join(f"{name} {value}" for name, value in given.items())
    console.print(_facts(built, f"With {said}" if given else "With the default parameters"))
    if save is not None:
        _picture(built, agents, save)
        console.print(f"Wrote {save}")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, no_wrap=column == "name")
    return table


def _parameters(cls: Any, chosen: Any) -> Table:
    """Return the parameters of the chosen variant with their defaults and meanings."""
    meanings, variants = attributes(chosen), getattr(cls, "variants", dict)()
    table = _table("Parameters", "name", "default", "meaning")
    for name, choices in variants.items():
        default = inspect.signature(cls.make).parameters[name].default
        lines = "\n".join(f"{key!r}: {_first_line(kind)}" for key, kind in choices.items())
        table.add_row(name, repr(default), lines)
    for field in fields(chosen):
        default = "required" if field.default is MISSING else repr(field.default)
        table.add_row(field.name, default, meanings.get(field.name, ""))
    return table


def _facts(game: Any, title: str) -> Table:
    """Return sizes and spaces as the views present them."""
    if game.name in TEAM_GAMES:
        rows = _team_facts(game)
    else:
        env = make_population(game.name, 2, game=game)
        parts = ", ".join(env.batch.observer.parts)
        rows = {
            "actions": _words(env.batch.action_space),
            "mean field": f"array {game.mean_field_shape}",
            "observation": f"{_words(env.batch.observer.space)}: {parts}",
            "N players": f"mfg_envs.{game.name}_v0.parallel_env(num_agents=...)",
            "mean-field limit": f'mfg_envs.{game.name}_v0.parallel_env(..., mode="mean_field")',
        }
        if isinstance(game, FiniteGame):
            seen = f"{game.num_states}, of which players observe {game.num_observations}"
            rows = {"private states S": seen, **rows}
    clock = "none (stationary)" if game.horizon is None else f"T = {game.horizon}"
    table = _table(title, "quantity", "value")
    for quantity, value in {**rows, "horizon": clock, "discount": str(game.discount)}.items():
        table.add_row(quantity, value)
    return table


def _words(space: Any) -> str:
    """Return a space in a few words, however many numbers it has."""
    if space.shape == ():
        return f"one of {space.n}"
    low, high = space.low.min(), space.high.max()
    return f"{space.shape[0]} numbers in [{low:.3g}, {high:.3g}], {space.dtype}"


def _team_facts(game: Any) -> dict[str, str]:
    return {
        "global agent": f"{game.num_global_states} states, {game.num_global_actions} actions",
        "local agents": f"{game.num_local_states} states, {game.num_local_actions} actions each",
        "n locals": f"mfg_envs.{game.name}_v0.parallel_env(num_locals=...)",
    }


def _picture(game: Any, agents: int, path: Path) -> None:
    """Draw a population after some uniform play."""
    from PIL import Image

    from mfg_envs.parallel import PopulationEnv

    from ..run import write_atomically

    env = PopulationEnv(game, agents, render_mode="rgb_array")
    env.reset(seed=0)
    for _ in range(10):
        env.step({agent: env.action_space(agent).sample() for agent in env.agents})
    image = Image.fromarray(np.asarray(env.render()))
    write_atomically(path, lambda file: image.save(file, "PNG"))


def offered_learners() -> list[Any]:
    """Return every learner of ``agents`` that needs no further library."""
    classes = [vars(learners).get(name) for name in learners.__all__]
    return [c for c in classes if inspect.isclass(c) and hasattr(c, "learn")]


def _learner_lines() -> dict[str, str]:
    """Return what every learner does, by name; what is imported later is only read."""
    lines = {learner.__name__: _first_line(learner) for learner in offered_learners()}
    for name, file in learners.LATER.items():
        source = Path(learners.__file__).with_name(f"{file}.py").read_text("utf-8")
        found = {n.name: n for n in ast.parse(source).body if isinstance(n, ast.ClassDef)}
        if name in found:
            lines[name] = (ast.get_docstring(found[name]) or "").split("\n", 1)[0]
    return dict(sorted(lines.items()))


def _first_line(documented: Any) -> str:
    return (inspect.getdoc(documented) or "").split("\n", 1)[0]


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
