"""``mfg-envs reproduce``: published results beside ours, misses included; one module a study."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command group ``reproduce``."""
    from . import deda_fp, nash_gap, pma, ring_road, solvers, subsample

    group = typer.Typer(
        help="Reproduce published results: tables, a figure and the data.", no_args_is_help=True
    )
    group.callback()(lambda: None)
    group.command("deda-fp")(deda_fp.command)
    group.command("nash-gap")(nash_gap.command)
    group.command("pma")(pma.command)
    group.command("ring-road")(ring_road.command)
    group.command("solvers")(solvers.command)
    group.command("subsample")(subsample.command)
    app.add_typer(group, name="reproduce")
