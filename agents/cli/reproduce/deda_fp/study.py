"""Deep fictitious play on three continuous games: what is run, and what is read off the runs.

Source: Magnino et al., "Solving Continuous Mean Field Games: Deep Reinforcement Learning for
Non-Stationary Dynamics" (NeurIPS 2025, arXiv 2510.22158).  Its curves were measured from its
figures.  The paper trains on a GPU with networks of 2 x 256; here a response is trained by far
fewer gradient steps, of smaller networks: every difference is in ``SETTINGS``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mfg_envs import make_game
from mfg_envs.game import Array, ContinuousGame

from ....deep_play.average_policy_fictitious_play import AveragePolicyFictitiousPlay
from ....deep_play.deda_fp import DedaFP
from ....deep_play.deep_fictitious_play import SimpleFictitiousPlay
from ....deep_play.network_policies import simulated_exploitability
from ....runs.iterate import Iterate
from ....runs.saved import SavedRun
from ....sweep.bars import Bars
from ....sweep.jobs import Job, finished
from ....sweep.processes import cores, on_this_machine

GAMES = ("linear_quadratic", "beach_bar", "four_rooms")
ALGORITHMS: dict[str, type[SimpleFictitiousPlay]] = {
    "Algo 1": SimpleFictitiousPlay,
    "Algo 2": AveragePolicyFictitiousPlay,
    "DEDA-FP": DedaFP,
}
SMALL = {"hidden": (64, 64), "response_updates": 1_500, "learning_rate": 2e-3}
SETTINGS: dict[str, dict[str, Any]] = {
    "linear_quadratic": {**SMALL, "iterations": 20},
    "beach_bar": {**SMALL, "iterations": 26},
    "four_rooms": {
        "hidden": (64, 64),
        "iterations": 20,
        "response": "ppo",
        "response_steps": 80_000,
        "response_updates": 600,
        "response_batch": 512,
        "learning_rate": 3e-4,
        "entropy": 0.0,
        "greedy": False,
    },
}
"""Of every learner; the paper has hidden (256, 256), learning rate 3e-4."""
GAME_SETTINGS: dict[str, dict[str, Any]] = {"four_rooms": {"epsilon": 1.0}}
"""Of the games.  The paper does not print what is added to the density under the logarithm; its
curves begin at 43 to 73, and players who walk at random have an exploitability of 66 with 1, of 309
with 1e-6."""
QUICK: dict[str, dict[str, Any]] = {
    "linear_quadratic": {"iterations": 5},
    "beach_bar": {"iterations": 8},
    "four_rooms": {"iterations": 4, "response_steps": 40_000},
}
"""What ``--quick`` does instead, with one seed."""
PUBLISHED: dict[str, dict[str, dict[int, float]]] = {
    "linear_quadratic": {
        "Algo 1": {0: 95, 4: 0.5, 20: -3.5},
        "Algo 2": {0: 81, 4: 3, 20: 1.5},
        "DEDA-FP": {0: 76, 4: 2, 20: 0},
    },
    "beach_bar": {
        "Algo 1": {0: 17.5, 4: 5.7, 26: 1.5},
        "Algo 2": {0: 19.6, 4: 3.1, 26: 0.8},
        "DEDA-FP": {0: 21.6, 4: 3.0, 26: 0.5},
    },
    "four_rooms": {
        "Algo 1": {0: 43, 4: 1.2, 20: 1},
        "Algo 2": {0: 63, 4: 6.4, 20: 1},
        "DEDA-FP": {0: 73, 4: 2.7, 20: 1},
    },
}
"""Exploitability by iteration, measured from the paper's figures."""
READING = {"linear_quadratic": 1.5, "beach_bar": 0.3, "four_rooms": 1.5}
"""How exactly the figures can be read."""


def response_gain(game: ContinuousGame, iterate: Iterate) -> float:
    """Return what the last response earned more than the average policy it was a response to."""
    return float(iterate.memory["response_gain"])


METRICS = {"exploitability": simulated_exploitability, "response_gain": response_gain}


class Curves(NamedTuple):
    """Runs of one algorithm on one game.

    Attributes:
        learner: The learner.
        seeds: Seeds whose runs are complete.
        exploitability: By the grid, at iterations 1, 2, ..., (E, K).
        gain: Of every response on the average before it, of iterations 0, 1, ..., (E, K).
        last: Last iterates, E of them.
    """

    learner: SimpleFictitiousPlay
    seeds: list[int]
    exploitability: Array
    gain: Array
    last: list[Iterate]


def game_of(name: str) -> ContinuousGame:
    """Return a game of the study."""
    return make_game(name, **GAME_SETTINGS.get(name, {}))


def learner(game: str, algorithm: str, quick: bool = False) -> SimpleFictitiousPlay:
    """Return a learner of the study."""
    return ALGORITHMS[algorithm](**{**SETTINGS[game], **(QUICK[game] if quick else {})})


def jobs(games: Sequence[str], seeds: Sequence[int], quick: bool) -> dict[str, Job]:
    """Return all runs by label, in the order in which they are done."""
    return {
        f"{game}, {algorithm}, seed {seed}": Job(
            learner(game, algorithm, quick), game_of(game), seed, dict(METRICS), 1
        )
        for seed in seeds
        for game in games
        for algorithm in ALGORITHMS
    }


def run_all(todo: dict[str, Job], out: Path, *, processes: int | None, progress: bool) -> None:
    """Do all runs that are not complete in a folder.

    Raises:
        RuntimeError: If a run failed; the others are done first.
        KeyboardInterrupt: On Ctrl-C, after a checkpoint of every run.
    """
    labels, by_key = {job.key: label for label, job in todo.items()}, {}
    for job in todo.values():
        by_key[job.key] = job
    done = [key for key in by_key if finished(out / key)]
    left = {key: job for key, job in by_key.items() if key not in done}
    failed: list[str] = []
    with (
        Bars(labels, by_key, done, progress and bool(left)) as bars,
        on_this_machine(left, out, processes or cores()) as news,
    ):
        for item in news:
            bars.hear(item)
            if item.kind == "failed":
                failed.append(f"{labels[item.key]}: {item.text}")
    if failed:
        raise RuntimeError("; ".join(failed))


def read(game: str, algorithm: str, seeds: Sequence[int], quick: bool, out: Path) -> Curves:
    """Return the complete runs of an algorithm on a game."""
    own = jobs((game,), seeds, quick)
    keys = {seed: own[f"{game}, {algorithm}, seed {seed}"].key for seed in seeds}
    complete = [seed for seed, key in keys.items() if finished(out / key)]
    runs = [SavedRun(out / keys[seed]).run for seed in complete]
    curves = {
        name: np.array([run.metrics[name] for run in runs]).reshape(len(runs), -1)
        for name in METRICS
    }
    return Curves(
        learner(game, algorithm, quick),
        complete,
        curves["exploitability"],
        curves["response_gain"],
        [run.last for run in runs],
    )
