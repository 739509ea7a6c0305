"""Run a learner: progress, metrics, checkpoints that survive anything, results.

A run lives in a folder::

    checkpoint.npz   the last iterate and all metrics so far; replaced as a whole, never patched
    result.npz       metrics and the last iterate, once the run is complete
    result.json      what was run, with versions, and the last metrics, for people

Randomness is counted, not stored, so a run that goes on from any checkpoint gives the same bits
as one that was never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mfg_envs import exact
from mfg_envs.game import Array, ContinuousGame, FiniteGame, TeamGame, as_int, check_range
from mfg_envs.game.kinds import is_game

from .atomic_files import as_folder, clear_parts, write_json
from .checkpoints import Checkpoint, header_of, load, save
from .iterate import Iterate, per_seed
from .learner import AnyLearner
from .locks import TakenError, claim
from .progress import bar
from .tensorboard import scalars

Metric = Callable[[Any, Iterate], float]
"""A number read off a game and an iterate of one seed."""


class Run(NamedTuple):
    """What a run gives.

    Attributes:
        last: The last iterate.
        iterations: Outer iterations at which the metrics were taken, (R,).
        metrics: By name: (R,), or (R, E) for a sequence of E seeds.
    """

    last: Iterate
    iterations: Array
    metrics: dict[str, Array]


def value_exploitability(game: FiniteGame, iterate: Iterate) -> float:
    """Return the exact exploitability of an iterate's policy."""
    return exact.exploitability(game, iterate.policy)


def run(
    learner: AnyLearner,
    game: FiniteGame | TeamGame | ContinuousGame,
    seed: int | Sequence[int] = 0,
    *,
    metrics: Mapping[str, Metric] | None = None,
    every: int = 1,
    out: str | Path | None = None,
    save_seconds: float = 5.0,
    progress: bool = True,
    tensorboard: str | Path | None = None,
) -> Run:
    """Run a learner to its end, or go on where a killed run in ``out`` stopped.

    Args:
        learner: A learner.
        game: The game.
        seed: A seed, or several that run side by side.
        metrics: Name -> function of (game, iterate of one seed); default: the learner's
            ``usual_metrics``, else the value exploitability of a finite game.
        every: Take metrics at every so many outer iterations, and at the last.
        out: Folder of the run; None: nothing is written.
        save_seconds: Seconds between checkpoints.
        progress: Show a bar with the time left.
        tensorboard: Folder for TensorBoard: metrics, and numbers of the learner's own.

    Raises:
        ValueError: If a number is out of its range, ``out`` holds something that is not a
            checkpoint of this run, or another process is running there.
        TypeError: If an argument is of another kind than it must be.
        KeyboardInterrupt: On Ctrl-C, after a last checkpoint.
    """
    every = as_int("every", every)
    check_range("every", every, 1)
    if isinstance(save_seconds, bool) or not isinstance(save_seconds, int | float):
        raise TypeError(f"save_seconds must be a number, got {save_seconds!r}")
    check_range("save_seconds", save_seconds, 0)
    if isinstance(game, str):
        raise TypeError(f"game must be a game, got its name: write make_game({game!r})")
    metrics = dict(usual_metrics(learner, game) if metrics is None else metrics)
    for name, metric in metrics.items():
        if not (isinstance(name, str) and callable(metric)):
            raise TypeError(f"metrics must be name -> function, got {name!r} -> {metric!r}")
    seeds = _seeds(seed)
    header = header_of(learner, game, seeds, metrics, every)
    task = _Task(learner, game, seeds, metrics, every, save_seconds, header)
    board = None if tensorboard is None else as_folder("tensorboard", tensorboard)
    if out is None:
        return _carried_out(task, None, board, progress)
    folder = as_folder("out", out)
    with claim(folder) as ours:
        if not ours:
            raise TakenError(folder)
        clear_parts(folder)
        return _carried_out(task, folder, board, progress)


class _Task(NamedTuple):
    """What is run, checked."""

    learner: AnyLearner
    game: Any
    seed: int | list[int]
    metrics: dict[str, Metric]
    every: int
    save_seconds: float
    header: dict[str, Any]


def _seeds(seed: Any) -> int | list[int]:
    """Return a seed, or several, as ints."""
    single = not isinstance(seed, Sequence | np.ndarray) or isinstance(seed, str | bytes)
    seeds = [as_int("seed", one) for one in ([seed] if single else seed)]
    if not seeds:
        raise ValueError("seed must be a seed or several, got an empty sequence")
    for one in seeds:
        check_range("seed", one, 0)
    return seeds[0] if single else seeds


def _carried_out(task: _Task, folder: Path | None, board: Path | None, progress: bool) -> Run:
    """Do what is left of a run, in a folder that is ours."""
    learner, game, metrics, every = task.learner, task.game, task.metrics, task.every
    single = isinstance(task.seed, int)
    last, taken, rows = None, [], {name: [] for name in metrics}
    kept = 0  # metrics up to ``last``: what an interruption leaves behind it is cut off
    if folder is not None and (folder / "checkpoint.npz").exists():
        _, last, taken, rows = load(folder / "checkpoint.npz", task.header, learner, game)
        kept = len(taken)

    def store(folder: Path, name: str, count: int) -> None:
        if last is not None:
            first = {metric: row[:count] for metric, row in rows.items()}
            save(folder / name, Checkpoint(task.header, last, taken[:count], first))

    saved = time.monotonic()
    begun = 0 if last is None else last.iteration
    with (
        bar(type(learner).__name__, begun, learner.iterations, progress) as advance,
        scalars(board, begun) as note,
    ):
        try:
            for iterate in learner.learn(game, task.seed, start=last):
                if iterate.iteration % every == 0 or iterate.iteration == learner.iterations:
                    each = [iterate] if single else per_seed(iterate)
                    for name, metric in metrics.items():
                        values = [float(metric(game, one)) for one in each]
                        rows[name].append(values[0] if single else values)
                    taken.append(iterate.iteration)
                    note(iterate, {name: row[-1] for name, row in rows.items()})
                last, kept = iterate, len(taken)
                advance(iterate.iteration)
                if folder is not None and time.monotonic() - saved > task.save_seconds:
                    store(folder, "checkpoint.npz", kept)
                    saved = time.monotonic()
        except KeyboardInterrupt:
            if folder is not None:
                store(folder, "checkpoint.npz", kept)
            raise
    if last is None:
        raise ValueError("the learner yielded nothing")
    result = Run(last, np.array(taken), {name: np.array(row) for name, row in rows.items()})
    whole = begun == last.iteration and folder is not None and (folder / "result.json").exists()
    if folder is not None and not whole:  # a complete run is never written again
        store(folder, "checkpoint.npz", kept)
        store(folder, "result.npz", kept)
        write_json(folder / "result.json", {**task.header, "last": _summary(result)})
    return result


def usual_metrics(learner: AnyLearner, game: Any) -> Mapping[str, Metric]:
    """Return the metrics of a run for which none are given: the learner's own, if it has any.

    Else, in a finite game, the value exploitability.
    """
    own = getattr(learner, "usual_metrics", None)
    if own is not None:
        return own(game)
    return {"exploitability": value_exploitability} if is_game(game, "finite") else {}


def _summary(result: Run) -> dict[str, Any]:
    last = {name: np.asarray(row[-1]).tolist() for name, row in result.metrics.items()}
    return {"iteration": result.last.iteration, "samples": result.last.samples, **last}
