"""``mfg-envs reproduce``: published results beside ours, misses included; one module a study."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command group ``reproduce``."""
    from . import ring_road

    group = typer.Typer(
        help="Reproduce published results: tables, a figure and the data.", no_args_is_help=True
    )
    group.callback()(lambda: None)
    group.command("ring-road")(ring_road.command)
    app.add_typer(group, name="reproduce")
