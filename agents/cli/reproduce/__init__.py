"""``mfg-envs reproduce``: published results beside ours, misses included; one module a study."""

from __future__ import annotations

from importlib import import_module

import typer

STUDIES = ("deda_fp", "n_players", "nash_gap", "pma", "ring_road", "solvers", "subsample")
"""The folder of each study; its ``command`` is ``mfg-envs reproduce NAME``, with hyphens."""


def register(app: typer.Typer) -> None:
    """Add the command group ``reproduce``."""
    group = typer.Typer(
        help="Reproduce published results: tables, a figure and the data.", no_args_is_help=True
    )
    group.callback()(lambda: None)
    for study in STUDIES:
        module = import_module(f".{study}.command", __name__)
        group.command(study.replace("_", "-"))(module.command)
    app.add_typer(group, name="reproduce")
