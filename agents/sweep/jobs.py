"""One run of a sweep: what it is, the folder it lives in, how it is carried out.

The folder is named after everything that decides the outcome: the learner and the game with all
their parameters, the seed, the metrics.  A run that is there is never done again, and one that
is done twice, by a cluster that lost sight of it, gives the same bits under the same name.
"""

from __future__ import annotations

import hashlib
import json
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array, ContinuousGame, FiniteGame

from ..runs.atomic_files import write_atomically
from ..runs.checkpoints import read
from ..runs.iterate import Iterate
from ..runs.learner import AnyLearner, facts
from ..runs.locks import TakenError
from ..runs.recipes import as_json, known_recipe
from ..runs.running import Metric, run

FILES = ("checkpoint.npz", "result.npz", "result.json")
"""What a run writes; the last one is there once the run is complete."""
ERROR = "error.txt"
"""Where a run that failed says why."""


class Job(NamedTuple):
    """One run: arguments of ``agents.run``."""

    learner: AnyLearner
    game: FiniteGame | ContinuousGame
    seed: int
    metrics: dict[str, Metric]
    every: int

    @property
    def key(self) -> str:
        """Hash of all that decides the outcome; the name of the run's folder.

        Raises:
            TypeError: If a parameter has no text of its own, a function say.
        """
        content = {name: describe(getattr(self, name)) for name in ("learner", "game", "seed")}
        content |= {"metrics": list(self.metrics), "every": self.every}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class News(NamedTuple):
    """What is heard of a run.

    Attributes:
        key: Of the job.
        kind: "at" (an iteration), "done" or "failed".
        iteration: Outer iterations done, if "at".
        text: The error, if "failed".
    """

    key: str
    kind: str
    iteration: int = 0
    text: str = ""


def describe(value: Any) -> Any:
    """Return a parameter as JSON knows it: the same for equal parameters, and only for those.

    Raises:
        TypeError: If it has no text of its own, a function say.
    """
    try:
        return as_json(value, _hashed, lambda cls, parts: {"": cls.__qualname__, **parts})
    except TypeError as error:
        raise TypeError(f"a run cannot be named after its parameters: {error}") from error


def _hashed(array: Array) -> list[Any]:
    data = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return [array.dtype.str, list(array.shape), data]


def finished(folder: Path) -> bool:
    """Return whether the run of a folder is complete."""
    return (folder / FILES[-1]).exists()


def curve(folder: Path, metric: str) -> tuple[Array, Array]:
    """Return the iterations at which a complete run took a metric, and its values, (R,) each.

    Raises:
        ValueError: If the file is damaged.
    """
    path = folder / "result.npz"
    try:
        content = read(path)
        return np.array(content.taken), np.array(content.rows[metric])
    except (ValueError, KeyError) as error:
        cause = error.__cause__ or error
        raise ValueError(
            f"{path} cannot be read ({cause}); delete {folder} to run it anew"
        ) from error


def attempt(job: Job, folder: Path, report: Callable[[int], None]) -> tuple[str, str]:
    """Do what is left of a run, unless another process is at it.

    Args:
        job: The run.
        folder: Its folder; a checkpoint there is gone on from.
        report: Is told the iteration after each; raises KeyboardInterrupt to stop the run.

    Returns:
        "done", "busy" (elsewhere), "stopped" (after a checkpoint) or "failed", and the error.
    """
    try:
        if not finished(folder):
            watched = _Watched(job.learner, report)
            options = {"metrics": job.metrics, "every": job.every, "progress": False}
            run(watched, job.game, job.seed, out=folder, **options)
            (folder / ERROR).unlink(missing_ok=True)
        return "done", ""
    except TakenError:
        return "busy", ""
    except KeyboardInterrupt:
        return "stopped", ""
    except Exception as error:
        text = traceback.format_exc()
        with suppress(OSError):  # a full disk may be what is wrong
            folder.mkdir(parents=True, exist_ok=True)  # a run that left nothing took it along
            write_atomically(folder / ERROR, lambda file: file.write(text.encode()))
        return "failed", f"{type(error).__name__}: {error}"


class _Watched:
    """A learner that reports after every iteration, and is otherwise the one it is made of."""

    def __init__(self, learner: AnyLearner, report: Callable[[int], None]) -> None:
        self._learner, self._report = learner, report

    def __repr__(self) -> str:
        return repr(self._learner)

    def recipe(self) -> Any:
        return known_recipe(self._learner)

    @property
    def learns(self) -> tuple[type, ...]:
        return facts(self._learner).learns

    @property
    def iterations(self) -> int:
        return self._learner.iterations

    def learn(self, source: Any, seed: Any = 0, start: Iterate | None = None) -> Iterator[Iterate]:
        for iterate in self._learner.learn(source, seed, start=start):
            yield iterate
            self._report(iterate.iteration)
