"""What was measured: the tables of ``solvers.md``, and small runs that take a moment each."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import docstrings
import numpy as np

from agents import (
    FictitiousPlay,
    FixedPointIteration,
    SubsampledPolicy,
    SubsampleMFQ,
    run,
    team_value,
)
from mfg_envs import discretise, exact, make_game, metrics, policies

STUDY = Path(__file__).with_name("solvers.md")
SPEEDS = Path(__file__).with_name("bench.json")
GRID = 51
"""Points of the state on which a continuous game is solved."""
ROUNDS = 50
"""Iterations of those runs."""
LOCALS = 50
"""Locals of a team whose value is measured."""

Rows = list[tuple[str, ...]]
"""A table without its head."""


class Case(NamedTuple):
    """A game of the study.

    Attributes:
        label: Its name in the tables.
        made: How it is made, as code.
        known: What is known of it.
        why: Why.
    """

    label: str
    made: str
    known: str
    why: str


class End(NamedTuple):
    """Where a solver got to on a game.

    Attributes:
        exploitability: At the end, with the marks of the study.
        work: Iterations to 1 % of the first exploitability, and CPU seconds.
    """

    exploitability: str
    work: str


class Study(NamedTuple):
    """The tables of ``solvers.md``.

    Attributes:
        cases: Games, by label.
        solvers: Name of a solver -> its learner, as code.
        first: Exploitability at first, by label.
        ends: By (solver, label).
    """

    cases: dict[str, Case]
    solvers: dict[str, str]
    first: dict[str, str]
    ends: dict[tuple[str, str], End]


@cache
def study() -> Study:
    """Read the study of the exact solvers."""
    out = Study({}, {}, {}, {})
    exploitability: dict[tuple[str, str], str] = {}
    head: list[str] = []
    for line in STUDY.read_text("utf-8").split("\n"):
        if not line.startswith("|"):
            head = []
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not head:
            head = cells
        elif cells[0].startswith("---"):
            continue
        elif head[:2] == ["solver", "learner"]:
            out.solvers[cells[0]] = cells[1]
        elif head[0] == "game":
            out.cases[cells[0]] = Case(*cells[:4])
        elif cells[0] == "at first":
            out.first.update(zip(head[1:], cells[1:], strict=True))
        elif set(head[1:]) <= set(out.cases):
            for label, cell in zip(head[1:], cells[1:], strict=True):
                if (cells[0], label) in exploitability:
                    out.ends[cells[0], label] = End(exploitability[cells[0], label], cell)
                exploitability[cells[0], label] = cell
    return out


def cases_of(game: str) -> list[Case]:
    """Return the variants of a game that were studied."""
    return [case for case in study().cases.values() if f'"{game}"' in case.made.split(",")[0]]


def solvers_of(learner: str) -> list[str]:
    """Return the names under which a learner was studied."""
    return [name for name, made in study().solvers.items() if re.match(rf"`{learner}\(", made)]


def speeds() -> str:
    """Return the table of what ``mfg-envs bench --json docs/bench.json`` measured."""
    rows = []
    for row in json.loads(SPEEDS.read_text("utf-8")).values():
        target = f"{row['target']:g} x" if row["times"] else f"{row['target']:g} ns"
        ratio = f"{row['ratio']:.1f}"
        rows.append((row["work"], f"{row['ours']:.3g}", f"{row['numpy']:.3g}", ratio, target))
    head = ("work", "ours, ns", "rival, ns", "times as fast", "target")
    return docstrings.table(head, rows)


def on_a_grid(name: str) -> Rows:
    """Solve a continuous game without walls on a grid: learner, exploitability in it."""
    game = discretise(make_game(name), num_states=GRID, num_actions=11)
    rows = [("uniform policy", f"{exact.exploitability(game, policies.uniform(game)):.2g}")]
    for learner in (FixedPointIteration(iterations=ROUNDS, step=2, decay=1), FictitiousPlay()):
        end = run(learner, game, every=ROUNDS, progress=False).metrics["exploitability"]
        rows.append((f"`{type(learner).__name__}`", f"{end[-1]:.2g}"))
    return rows


def at_random(name: str) -> Rows:
    """Return what a player gains by leaving the uniformly random policy of a continuous game."""
    game, draw = make_game(name), np.random.default_rng(0)
    low, high = np.array(game.action_low), np.array(game.action_high)
    found = metrics.approximate_exploitability(
        game, lambda t, x: draw.uniform(low, high, (*x.shape[:-1], low.size)), num_players=20_000
    )
    return [("uniform policy", f"{found.gain.mean:.3g} ± {found.gain.error:.1g}")]


def by_subsampling(name: str, sampled: tuple[int, ...] = (1, 2)) -> Rows:
    """Learn a team game from k of its locals: k, what the team of all earns."""
    game, rows = make_game(name), []
    for k in sampled:
        last = run(SubsampleMFQ(k=k, iterations=100), game, every=100, progress=False).last
        value = team_value(SubsampledPolicy(game, last.policy), LOCALS, num_envs=100)
        rows.append((str(k), f"{value.mean:.4g} ± {value.error:.2g}"))
    return rows
