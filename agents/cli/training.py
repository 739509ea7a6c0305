"""What ``mfg-envs train`` runs: the learner as the game needs it, its seeds, its folders.

A learner that takes a sequence of seeds runs them side by side, in one folder.  Of any other every
seed has a folder of its own, named as a sweep names it, beside the ``sweep.json`` of a sweep of
one configuration: what reads sweeps reads it, and a sweep in this folder does no run again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..runs.iterate import Iterate
from ..runs.learner import AnyLearner, facts
from ..runs.running import Metric, usual_metrics
from ..runs.saved import SavedRun, load_runs
from ..sweep.grid import build
from ..sweep.in_environment import InEnvironment
from ..sweep.jobs import Job
from ..sweep.scores import Configuration, Results, Scores, write
from .words.outputs import check_place

GREATER_IS_BETTER = ("surrogate_value", "mean_reward")
"""Metrics whose best value is the greatest."""


class Plan(NamedTuple):
    """What is to be run.

    Attributes:
        learner: The learner.
        game: The game.
        seeds: All seeds.
        runs: Folder -> seed, or the seeds that run there side by side.
        metrics: Name -> function of game and iterate.
        every: Iterations from metric to metric.
    """

    learner: AnyLearner
    game: Any
    seeds: list[int]
    runs: dict[Path, int | list[int]]
    metrics: Mapping[str, Metric]
    every: int


def mean_reward(game: Any, iterate: Iterate) -> float:
    """Return what a player earned in a step on average, of learners in environments."""
    return float(iterate.q.mean())


def plan_of(
    cls: Any,
    parameters: Mapping[str, Any],
    game: Any,
    num_seeds: int,
    every: int,
    num_players: int,
    folder: Path,
) -> Plan:
    """Return what to run; nothing is written.

    Raises:
        ValueError: If a parameter is unknown or wrong, or the learner is not for such a game.
    """
    learner: Any = build(cls, parameters)
    declared = facts(learner)
    if declared.kinds and game.kind not in declared.kinds:
        words = " and ".join(f"{kind} games" for kind in declared.kinds)
        raise ValueError(
            f"{cls.__name__} is for {words}, {game.name} is one of the {game.kind} games"
        )
    metrics = usual_metrics(learner, game)
    if not declared.kinds:  # it plays through PettingZoo, any game
        learner, metrics = InEnvironment(learner=learner, num_players=num_players), {}
        metrics["mean_reward"] = mean_reward
    seeds = list(range(num_seeds if declared.random else 1))
    if len(seeds) == 1:
        runs: dict[Path, Any] = {folder: 0}
    elif declared.side_by_side:
        runs = {folder: seeds}
    else:
        jobs = [Job(learner, game, seed, dict(metrics), every) for seed in seeds]
        runs = {folder / job.key: job.seed for job in jobs}
    return Plan(learner, game, seeds, runs, metrics, every)


def check_folder(plan: Plan, folder: Path, resume: bool) -> None:
    """Refuse a folder that holds a run, unless it is to be resumed and is the same run.

    Raises:
        ValueError: See above.
    """
    check_place("--out", folder)
    try:
        there = load_runs(folder)
    except ValueError:
        if not any(folder.glob("**/*.npz")):
            return  # nothing, or a run that was stopped before its first checkpoint
        raise
    done = sum(one.complete for one in there)
    first, words = there[0].header, "run" if len(there) == 1 else "runs"
    if not resume:
        state = "complete" if done == len(there) else f"{done} of them complete"
        state = state if len(there) > 1 or done else f"at iteration {there[0].run.last.iteration}"
        raise ValueError(
            f"{folder} holds {len(there)} {words} already, {state}, of {first['learner']} on"
            f" {first['game']}; go on with --resume, or choose another --out"
        )
    foreign = [one for one in there if one.folder not in plan.runs]
    if foreign:
        raise ValueError(
            f"{folder} holds another run: {first['learner']} on {first['game']} with seeds"
            f" {sorted(seed for one in there for seed in one.seeds)}, metrics at every"
            f" {first['every']} iterations; choose another --out"
        )


def note_sweep(plan: Plan, folder: Path, saved: list[SavedRun]) -> None:
    """Write what a sweep of one configuration would write, where runs have their own folders."""
    if folder in plan.runs:
        return
    keys = {seed: path.name for path, seed in plan.runs.items() if isinstance(seed, int)}
    metric = next(iter(plan.metrics))
    configuration = Configuration({}, plan.learner, plan.game, keys)
    curves = np.concatenate([one.metrics[metric].T for one in saved])
    scores = Scores(0, configuration, plan.seeds, saved[0].run.iterations, curves)
    write(folder, metric, plan.every, Results([scores], {}))
