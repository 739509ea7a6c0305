"""The ``mfg-envs`` command: the top of the house, one module a command."""

from __future__ import annotations

import functools
import sys
from typing import NoReturn

import typer

app = typer.Typer(
    name="mfg-envs",
    help="Mean-field games as real multi-agent environments.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@functools.cache
def load() -> None:
    """Add every command to ``app``."""
    from . import bench, games, reproduce, sweep

    for module in (games, reproduce, sweep, bench):
        module.register(app)


def main() -> NoReturn:
    """Run the command; a bad value ends it with one clear line and exit code 2."""
    load()
    try:
        app()
    except (ValueError, ImportError, OSError) as error:
        print(f"mfg-envs: {error}", file=sys.stderr)
        sys.exit(2)
    sys.exit(0)
