"""``mfg-envs list`` and ``mfg-envs show``: what there is, and everything about one game."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

import agents as learners
from mfg_envs.registry import GAMES, game_class, make_game


def register(app: typer.Typer) -> None:
    """Add the commands ``list`` and ``show``."""
    app.command("list")(list_command)
    app.command("show")(show_command)


def list_command() -> None:
    """List the games and the learners."""
    console = Console()
    games = Table(title="Games", title_justify="left", title_style="bold")
    for column in ("name", "what it is", "players", "time"):
        games.add_column(column)
    for name in GAMES:
        cls = game_class(name)
        horizon = getattr(cls, "horizon", None)
        clock = "stationary" if horizon is None else f"T = {horizon}"
        games.add_row(f"[bold]{name}", _first_line(inspect.getmodule(cls)), cls.player_name, clock)
    console.print(games)
    learners = Table(title="Learners", title_justify="left", title_style="bold")
    learners.add_column("name")
    learners.add_column("what it does")
    for learner in _learners():
        learners.add_row(f"[bold]{learner.__name__}", _first_line(learner))
    console.print(learners)
    console.print("[dim]mfg-envs show GAME tells everything about a game.")


def show_command(
    game: Annotated[str, typer.Argument(help="Name of a game; see: mfg-envs list.")],
    agents: Annotated[int, typer.Option(help="Players in the picture.")] = 200,
    save: Annotated[
        Path | None, typer.Option(help="Write a picture (PNG) of a population.")
    ] = None,
) -> None:
    """Show a game: parameters, spaces, rewards, mean-field limit."""
    console = Console()
    cls = game_class(game)
    if save is not None and save.suffix != ".png":
        raise ValueError(f"--save must end with .png, got {save}")
    text = inspect.cleandoc(inspect.getmodule(cls).__doc__ or "")
    console.print(Panel(text, title=f"[bold]{game}", title_align="left", padding=(1, 2)))
    console.print(_parameters(game, cls))
    console.print(_facts(make_game(game)))
    if save is not None:
        _picture(game, agents, save)
        console.print(f"Wrote {save}")


def _parameters(name: str, cls: Any) -> Table:
    """Return the parameters with their defaults and meanings."""
    meanings = attributes(cls)
    table = Table(title="Parameters", title_justify="left", title_style="bold")
    for column in ("name", "default", "meaning"):
        table.add_column(column)
    for variant, choices in cls.variants().items():
        default = inspect.signature(cls.make).parameters[variant].default
        lines = "\n".join(f"{key!r}: {_first_line(kind)}" for key, kind in choices.items())
        table.add_row(variant, repr(default), lines)
    for field in fields(cls):
        default = "required" if field.default is MISSING else repr(field.default)
        table.add_row(field.name, default, meanings.get(field.name, ""))
    return table


def _facts(game: Any) -> Table:
    """Return sizes and spaces as the views present them."""
    from mfg_envs.observation import Observer

    observer = Observer(game)
    table = Table(title="With the default parameters", title_justify="left", title_style="bold")
    table.add_column("quantity")
    table.add_column("value")
    rows = {
        "private states S": f"{game.num_states}, of which players observe {game.num_observations}",
        "actions A": str(game.num_actions),
        "mean field": f"array {game.mean_field_shape}, sums to one",
        "horizon": "none (stationary)" if game.horizon is None else f"T = {game.horizon}",
        "discount": str(game.discount),
        "observation": f"{observer.space} of {', '.join(observer.parts)}",
        "N players": f"mfg_envs.{game.name}_v0.parallel_env(num_agents=...)",
        "mean-field limit": f'mfg_envs.{game.name}_v0.parallel_env(..., mode="mean_field")',
    }
    for quantity, value in rows.items():
        table.add_row(quantity, value)
    return table


def _picture(name: str, agents: int, path: Path) -> None:
    """Draw a population after some uniform play."""
    from PIL import Image

    from mfg_envs.parallel import PopulationEnv

    from ..run import write_atomically

    env = PopulationEnv(make_game(name), agents, render_mode="rgb_array")
    env.reset(seed=0)
    for _ in range(10):
        env.step({agent: env.action_space(agent).sample() for agent in env.agents})
    image = Image.fromarray(np.asarray(env.render()))
    write_atomically(path, lambda file: image.save(file, "PNG"))


def _learners() -> list[Any]:
    """Return every learner that ``agents`` offers."""
    classes = [getattr(learners, name) for name in learners.__all__]
    return [c for c in classes if inspect.isclass(c) and hasattr(c, "learn")]


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
