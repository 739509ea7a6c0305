"""What the configurations of a sweep achieved, ranked, and how it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array, FiniteGame
from mfg_envs.numerics.estimates import standard_error

from ..runs.atomic_files import write_json, write_npz
from ..runs.learner import AnyLearner
from .jobs import describe


class Configuration(NamedTuple):
    """One combination of parameters.

    Attributes:
        values: Those that the sweep varies.
        learner: The learner.
        game: The game.
        runs: Keys of the runs, by seed.
    """

    values: dict[str, Any]
    learner: AnyLearner
    game: FiniteGame
    runs: dict[int, str]

    @property
    def label(self) -> str:
        """The combination in words."""
        return ", ".join(f"{name}={value}" for name, value in self.values.items()) or "all runs"


class Scores(NamedTuple):
    """What a configuration achieved.

    Attributes:
        number: Of the configuration in the grid, from 0.
        configuration: The configuration.
        seeds: Seeds whose runs are complete, E of them.
        iterations: Outer iterations at which the metric was taken, (R,).
        curves: The metric, (E, R).
    """

    number: int
    configuration: Configuration
    seeds: list[int]
    iterations: Array
    curves: Array

    @property
    def mean(self) -> float:
        """Final metric, mean over the seeds; NaN if no run is complete."""
        return float(self.curves[:, -1].mean()) if self.seeds else np.nan

    @property
    def error(self) -> float:
        """Standard error of the mean; NaN with fewer than two seeds."""
        return float(standard_error(self.curves[:, -1])) if self.seeds else np.nan


class Results(NamedTuple):
    """What a sweep gives.

    Attributes:
        scores: Every configuration, best (smallest mean) first.
        failures: Key of a run that failed -> the error.
    """

    scores: list[Scores]
    failures: dict[str, str]


def write(out: Path, metric: str, every: int, results: Results) -> None:
    """Write ``sweep.json`` and ``sweep.npz``, configurations in the order of the grid."""
    ranks = {one.number: rank for rank, one in enumerate(results.scores, 1)}
    entries, arrays = [], {}
    for one in sorted(results.scores, key=lambda one: one.number):
        arrays[f"{one.number}|iterations"] = one.iterations
        arrays[f"{one.number}|{metric}"] = one.curves
        entries.append(
            {
                "values": {name: describe(v) for name, v in one.configuration.values.items()},
                "learner": repr(one.configuration.learner),
                "game": repr(one.configuration.game),
                "runs": one.configuration.runs,
                "complete": one.seeds,
                "final": one.curves[:, -1].tolist() if one.seeds else [],
                "mean": None if np.isnan(one.mean) else one.mean,
                "error": None if np.isnan(one.error) else one.error,
                "rank": ranks[one.number],
            }
        )
    content = {"metric": metric, "every": every, "configurations": entries}
    write_json(out / "sweep.json", {**content, "failures": results.failures})
    write_npz(out / "sweep.npz", arrays)
