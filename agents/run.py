"""Run a learner: progress, metrics, checkpoints that survive anything, results.

A run lives in a folder::

    checkpoint.npz   the last iterate and all metrics so far; replaced as a whole, never patched
    result.npz       metrics and the last iterate, once the run is complete
    result.json      what was run, with versions, and the last metrics, for people

Randomness is counted, not stored, so a run that goes on from any checkpoint gives the same bits
as one that was never stopped.
"""

from __future__ import annotations

import json
import os
import platform
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mfg_envs import __version__, exact
from mfg_envs import metrics as continuous
from mfg_envs.continuous_game import ContinuousGame
from mfg_envs.game import Array, FiniteGame
from mfg_envs.team_game import TeamGame

from .iterate import Iterate
from .learner import Learner
from .network_policies import saved_policy
from .progress import bar
from .recipes import known_recipe
from .scalars import scalars
from .subsample_value import surrogate_value

FORMAT = 1
"""Of the checkpoint file; one of another number is refused."""

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
    learner: Learner,
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
        metrics: Name -> function of (game, iterate of one seed); default: the value
            exploitability, simulated in a continuous game; of a team game what the k locals of
            the surrogate would earn.
        every: Take metrics at every so many outer iterations, and at the last.
        out: Folder of the run; None: nothing is written.
        save_seconds: Seconds between checkpoints.
        progress: Show a bar with the time left.
        tensorboard: Folder for TensorBoard: metrics, and numbers of the learner's own.

    Raises:
        ValueError: If ``out`` holds something that is not a checkpoint of this run.
        KeyboardInterrupt: On Ctrl-C, after a last checkpoint.
    """
    metrics = dict(usual_metrics(game) if metrics is None else metrics)
    single = isinstance(seed, int | np.integer)
    header = _header(learner, game, seed, metrics, every)
    folder = None if out is None else Path(out)
    last, taken, rows = None, [], {name: [] for name in metrics}
    kept = 0  # metrics up to ``last``: what an interruption leaves behind it is cut off
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "checkpoint.npz").exists():
            last, taken, rows = _load(folder / "checkpoint.npz", header)
            kept = len(taken)
    saved = time.monotonic()
    begun = 0 if last is None else last.iteration
    board = None if tensorboard is None else Path(tensorboard)
    with (
        bar(type(learner).__name__, begun, learner.iterations, progress) as advance,
        scalars(board, begun) as note,
    ):
        try:
            for iterate in learner.learn(game, seed, start=last):
                if iterate.iteration % every == 0 or iterate.iteration == learner.iterations:
                    each = [iterate] if single else per_seed(iterate)
                    for name, metric in metrics.items():
                        values = [float(metric(game, one)) for one in each]
                        rows[name].append(values[0] if single else values)
                    taken.append(iterate.iteration)
                    note(iterate, {name: row[-1] for name, row in rows.items()})
                last, kept = iterate, len(taken)
                advance(iterate.iteration)
                if folder is not None and time.monotonic() - saved > save_seconds:
                    _save(folder / "checkpoint.npz", header, last, taken, rows)
                    saved = time.monotonic()
        except KeyboardInterrupt:
            if folder is not None and last is not None:
                rows = {name: row[:kept] for name, row in rows.items()}
                _save(folder / "checkpoint.npz", header, last, taken[:kept], rows)
            raise
    if last is None:
        raise ValueError("the learner yielded nothing")
    result = Run(last, np.array(taken), {name: np.array(row) for name, row in rows.items()})
    whole = begun == last.iteration and folder is not None and (folder / "result.json").exists()
    if folder is not None and not whole:  # a complete run is never written again
        _save(folder / "checkpoint.npz", header, last, taken, rows)
        _save(folder / "result.npz", header, last, taken, rows)
        write_json(folder / "result.json", {**header, "last": _summary(result)})
    return result


def simulated_exploitability(game: ContinuousGame, iterate: Iterate) -> float:
    """Return what a best response on a grid gains on the policy of deep fictitious play."""
    played = saved_policy(game, iterate)
    return continuous.approximate_exploitability(game, played, num_players=20_000).gain.mean


def usual_metrics(game: FiniteGame | TeamGame | ContinuousGame) -> Mapping[str, Metric]:
    """Return the metrics of a game for which none are given."""
    if isinstance(game, ContinuousGame):
        return {"exploitability": simulated_exploitability}
    if isinstance(game, TeamGame):
        return {"surrogate_value": surrogate_value}
    return {"exploitability": value_exploitability}


def write_atomically(path: Path, write: Callable[[Any], None]) -> None:
    """Write a file as a whole or not at all, even if the machine stops halfway."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_npz(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays by name atomically."""
    named: dict[str, Any] = dict(arrays)
    write_atomically(path, lambda file: np.savez(file, **named))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file atomically."""
    text = json.dumps(content, indent=1, default=float) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))


def _header(
    learner: Learner,
    game: FiniteGame | TeamGame | ContinuousGame,
    seed: Any,
    metrics: Mapping[str, Metric],
    every: int,
) -> dict[str, Any]:
    """Return what identifies a run; two runs with one header give the same bits."""
    return {
        "format": FORMAT,
        "learner": repr(learner),
        "game": repr(game),
        "seed": seed if isinstance(seed, int) else [int(s) for s in np.atleast_1d(seed)],
        "metrics": list(metrics),
        "every": every,
        "recipes": {"learner": known_recipe(learner), "game": known_recipe(game)},
        "mfg_envs": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


IDENTITY = ("format", "learner", "game", "seed", "metrics", "every")
REMEDY = "delete it to start anew, or choose another folder"


def _save(path: Path, header: dict[str, Any], last: Iterate, taken: list[int], rows: Any) -> None:
    arrays: dict[str, Array] = {"taken": np.array(taken, np.int64)}
    arrays |= {f"metric:{name}": np.array(row, np.float64) for name, row in rows.items()}
    arrays |= {f"memory:{name}": np.asarray(part) for name, part in last.memory.items()}
    for name in ("iteration", "samples", "policy", "mean_field", "q"):
        arrays[name] = np.asarray(getattr(last, name))
    arrays["header"] = np.array(json.dumps(header))
    write_npz(path, arrays)


def _load(path: Path, header: dict[str, Any]) -> tuple[Iterate, list[int], dict[str, list[Any]]]:
    """Read a checkpoint of this very run."""
    found, last, taken, rows = read(path)
    for name in IDENTITY:
        if found[name] != header[name]:
            raise ValueError(
                f"{path} belongs to another run: its {name} is {found[name]!r},"
                f" this run's is {header[name]!r}; {REMEDY}"
            )
    return last, taken, rows


def read(path: Path) -> tuple[dict[str, Any], Iterate, list[int], dict[str, list[Any]]]:
    """Read the header, the last iterate and the metrics of a run; no code in it is executed.

    Raises:
        ValueError: If the file cannot be read.
    """
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(str(arrays["header"]))
        if missing := [name for name in IDENTITY if name not in header]:
            raise KeyError(*missing)
        memory = {k.split(":", 1)[1]: v for k, v in arrays.items() if k.startswith("memory:")}
        last = Iterate(
            int(arrays["iteration"]),
            int(arrays["samples"]),
            arrays["policy"],
            arrays["mean_field"],
            arrays["q"],
            memory,
        )
        rows = {name: arrays[f"metric:{name}"].tolist() for name in header["metrics"]}
        return header, last, arrays["taken"].tolist(), rows
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a readable checkpoint ({error}); {REMEDY}") from error


def per_seed(iterate: Iterate) -> list[Iterate]:
    """Return the iterate of every seed."""
    parts = (iterate.policy, iterate.mean_field, iterate.q)
    return [
        iterate._replace(
            policy=p, mean_field=m, q=q, memory={k: v[e] for k, v in iterate.memory.items()}
        )
        for e, (p, m, q) in enumerate(zip(*parts, strict=True))
    ]


def _summary(result: Run) -> dict[str, Any]:
    last = {name: np.asarray(row[-1]).tolist() for name, row in result.metrics.items()}
    return {"iteration": result.last.iteration, "samples": result.last.samples, **last}
