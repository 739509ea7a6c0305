"""``mfg-envs reproduce``: published results beside ours, misses included; one module a study."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command group ``reproduce``."""
    from .deda_fp import command
    from .nash_gap import command as nash_gap
    from .pma import command as pma
    from .ring_road import command as ring_road
    from .solvers import command as solvers
    from .subsample import command as subsample

    group = typer.Typer(
        help="Reproduce published results: tables, a figure and the data.", no_args_is_help=True
    )
    group.callback()(lambda: None)
    group.command("deda-fp")(command.command)
    group.command("nash-gap")(nash_gap.command)
    group.command("pma")(pma.command)
    group.command("ring-road")(ring_road.command)
    group.command("solvers")(solvers.command)
    group.command("subsample")(subsample.command)
    app.add_typer(group, name="reproduce")
