"""``mfg-envs reproduce n-players``: learners among N players beside each other, scored exactly."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from mfg_envs import exact, policies
from mfg_envs.numerics.estimates import standard_error

from ....runs.locks import TakenError, claim
from ...words import tables
from ...words.tables import OKABE_ITO
from ..kept_numbers import KeptNumbers
from ..reproduction import VERDICTS, Check, Out, Reproduction, carry_out, folder_of_runs, plain
from . import study
from .study import Result, Setting

SHARE, LEAST = 0.5, 100
"""From so many players on, learners should be exploitable by at most this share of what uniform
play is."""


def command(
    out: Out = Path("results/n_players"),
    quick: Annotated[bool, typer.Option(help="A few steps of small populations.")] = False,
) -> None:
    """Independent Q-learning, mean field Q and actor-critic, and shared PPO, on three games.

    A run that was interrupted goes on where it stopped.
    """
    chosen = study.setting(quick)
    uniform = {
        title: exact.exploitability(game, policies.uniform(game))
        for title, game in chosen.games.items()
    }
    reproduction = Reproduction(
        name="n_players",
        runs=folder_of_runs(quick),
        opening=(
            f"[bold]Learners among N players[/]: exploitability in the limit after {chosen.steps}"
            f" steps of the environment, seeds 0..{chosen.seeds - 1}",
            *(f"[dim]{title}: {game!r}" for title, game in chosen.games.items()),
        ),
        find=functools.partial(_find, chosen),
        checks=functools.partial(_checks, uniform),
        tables=functools.partial(_tables, chosen, uniform),
        figures={"n_players.png": functools.partial(_figure, uniform)},
        data=lambda results, checks: {
            "steps": chosen.steps,
            "uniform": uniform,
            "checks": checks,
            "results": [plain(r) for r in results],
        },
    )
    carry_out(reproduction, out)


def _find(chosen: Setting, runs: Path, console: Console) -> list[Result]:
    with claim(runs) as ours, console.status("") as status:
        if not ours:
            raise TakenError(runs)
        return study.study(chosen, status.update, KeptNumbers(runs))


def _checks(uniform: dict[str, float], results: list[Result]) -> list[Check]:
    """Return whether many players learn something in every game."""
    return [
        {
            "game": r.game, "learner": r.learner, "players": r.players,
            "share_of_uniform": float(np.mean(r.exploitability) / uniform[r.game]),
            "held": bool(np.mean(r.exploitability) <= SHARE * uniform[r.game]),
        }
        for r in results
        if r.players >= LEAST
    ]  # fmt: skip


def _tables(
    chosen: Setting, uniform: dict[str, float], results: list[Result], checks: list[Check]
) -> Iterator[Table]:
    columns = [part for N in chosen.sizes for part in (f"N = {N}", "CPU s")]
    table = tables.table(f"Exploitability after {chosen.steps} steps", "", *columns)
    for title in chosen.games:
        table.add_row(f"[bold]{title}", f"[dim]uniform {uniform[title]:.3g}")
        for name in dict.fromkeys(r.learner for r in results):
            of_all = [r for r in results if (r.game, r.learner) == (title, name)]
            table.add_row(f"  {name}", *(cell for r in of_all for cell in _cells(r)))
        table.add_section()
    table.caption = "± standard error over seeds; in a step all N players move."
    table.caption_justify = "left"
    yield table
    if checks:
        title = f"At most {SHARE:g} of the exploitability of uniform play"
        table = tables.table(title, "", "share", "")
        for check in checks:
            label = f"{check['game']}: {check['learner']}, {check['players']} players"
            table.add_row(label, f"{check['share_of_uniform']:.3f}", VERDICTS[check["held"]])
        yield table


def _cells(result: Result) -> tuple[str, str]:
    values = np.array(result.exploitability)
    return f"{values.mean():.3g} ± {standard_error(values):.1g}", f"{np.mean(result.seconds):.0f}"


def _figure(uniform: dict[str, float], results: list[Result]) -> Any:
    """Return the figure: exploitability against N, a panel a game."""
    figure = tables.figure(3.2 * len(uniform), 3.2)
    axes = figure.subplots(1, len(uniform), squeeze=False)[0]
    for axis, title in zip(axes, uniform, strict=True):
        axis.axhline(uniform[title], color="grey", linestyle=":", label="uniform")
        names = dict.fromkeys(r.learner for r in results)
        for name, colour in zip(names, OKABE_ITO, strict=False):
            own = [r for r in results if (r.game, r.learner) == (title, name)]
            sizes, values = [r.players for r in own], [np.array(r.exploitability) for r in own]
            mean, error = [v.mean() for v in values], [standard_error(v) for v in values]
            axis.errorbar(sizes, mean, error, color=colour, label=name, marker="o", markersize=4)
        axis.set(xscale="log", yscale="log", title=title, xlabel="players N")
        axis.grid(alpha=0.25)
    axes[0].set_ylabel("exploitability")
    axes[1].legend(fontsize=7.5, framealpha=1.0, loc="lower left")
    return figure
