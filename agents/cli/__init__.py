"""The ``mfg-envs`` command: the top of the house, one module a command.

A command's module is imported when the command is named, so that ``mfg-envs list`` does not wait
for what only ``mfg-envs bench`` needs.

Exit codes: 0 fine; 1 what was asked about is faulty, or runs failed; 2 bad use or a bad value,
said in one line; 130 Ctrl-C.  A reader that leaves early (``| head -1``) is no error.
"""

from __future__ import annotations

import functools
import importlib
import sys
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from ..runs.printable import printable
from .words.examples import epilog

COMMANDS = {
    "list": "listing",
    "show": "show",
    "play": "play",
    "train": "train",
    "evaluate": "evaluate",
    "plot": "plot",
    "sweep": "sweep",
    "reproduce": "reproduce",
    "bench": "bench.bench",
    "check": "check",
}
"""Name of a command -> the module that registers it, in the order of the help."""


MOST = 2000
"""Characters of an error: it may repeat what was given, which may be of any length."""


class Commands(TyperGroup):
    """All commands, each imported when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in COMMANDS:
            return _command(cmd_name)
        if ctx.resilient_parsing:  # a shell asks for completions
            return None
        from mfg_envs.registry import close_names

        return ctx.fail(f"No command is called {cmd_name!r}; {close_names(cmd_name, COMMANDS)}")


@functools.cache
def _command(name: str) -> Any:
    part = typer.Typer(rich_markup_mode="rich")
    importlib.import_module(f".{COMMANDS[name]}", __name__).register(part)
    command = typer.main.get_group(part).commands[name]
    command.epilog = epilog(name)
    return command


app = typer.Typer(
    name="mfg-envs",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(wanted: bool) -> None:
    if wanted:
        from mfg_envs import __version__

        print(f"mfg-envs {__version__}", flush=True)
        raise typer.Exit


@app.callback(
    epilog="Begin with: mfg-envs list.  Every command has examples: mfg-envs train --help."
)
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Mean-field games as real multi-agent environments."""


def load() -> None:
    """Import every command."""
    for name in COMMANDS:
        _command(name)


def main() -> NoReturn:
    """Run the command; a bad value ends it with one clear line and exit code 2."""
    try:
        app()
    except (ValueError, ImportError, OSError) as error:
        print(f"mfg-envs: {printable(str(error)[:MOST])}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:  # before the command itself could hear it
        sys.exit(130)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # rich and typer end with 1
            sys.exit(0)
        raise
    sys.exit(0)
