"""The file of a run: what was run, its last iterate, its metrics so far; read, it is checked.

Nothing in a file is executed, and nothing of it is used before its format, its header, its numbers
and the shapes of its arrays have been looked at.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mfg_envs import __version__
from mfg_envs.game import Array, FiniteGame, as_int, check_range

from .atomic_files import write_npz
from .iterate import Iterate
from .learner import facts
from .recipes import build, known_recipe

FORMAT = 1
"""Of the file; one of another number is refused."""
IDENTITY = ("format", "learner", "game", "seed", "metrics", "every")
"""Entries of the header; two runs in which they agree give the same bits."""
REMEDY = "delete it to start anew, or choose another folder"


class Checkpoint(NamedTuple):
    """What the file of a run holds.

    Attributes:
        header: What was run.
        last: The last iterate.
        taken: Outer iterations at which metrics were taken.
        rows: Metrics by name, an entry a time; of several seeds a list an entry.
    """

    header: dict[str, Any]
    last: Iterate
    taken: list[int]
    rows: dict[str, list[Any]]


def header_of(
    learner: Any, game: Any, seed: int | list[int], metrics: Iterable[str], every: int
) -> dict[str, Any]:
    """Return what identifies a run, how to build it again, and what it ran with."""
    return {
        "format": FORMAT,
        "learner": repr(learner),
        "game": repr(game),
        "seed": seed,
        "metrics": list(metrics),
        "every": every,
        "recipes": {"learner": known_recipe(learner), "game": known_recipe(game)},
        "mfg_envs": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def save(path: Path, content: Checkpoint) -> None:
    """Write the file of a run atomically."""
    last = content.last
    arrays: dict[str, Array] = {"taken": np.array(content.taken, np.int64)}
    arrays |= {f"metric:{name}": np.array(row, np.float64) for name, row in content.rows.items()}
    arrays |= {f"memory:{name}": np.asarray(part) for name, part in last.memory.items()}
    for name in ("iteration", "samples", "policy", "mean_field", "q"):
        arrays[name] = np.asarray(getattr(last, name))
    arrays["header"] = np.array(json.dumps(content.header))
    write_npz(path, arrays)


def load(path: Path, header: dict[str, Any], learner: Any, game: Any) -> Checkpoint:
    """Read the file of the very run that a header describes.

    Raises:
        ValueError: If it cannot be read, or is that of another run.
    """
    content = read(path)
    for name in IDENTITY:
        found = content.header[name]
        if found != header[name] and _built_again(content.header, name) != header[name]:
            raise ValueError(
                f"{path} belongs to another run: its {name} is {found!r},"
                f" this run's is {header[name]!r}; {REMEDY}"
            )
    check_policy(path, content, learner, game)
    return content


def _built_again(header: dict[str, Any], name: str) -> str | None:
    """Return the words of a learner or a game as it is by now: a None may have become a number."""
    content = (header.get("recipes") or {}).get(name)
    try:
        return None if content is None else repr(build(content))
    except ValueError:  # its class is not ours, or has changed
        return None


def read(path: Path) -> Checkpoint:
    """Read the file of a run; no code in it is executed.

    Raises:
        ValueError: If it cannot be read, has another format, or does not hold a run.
    """
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(str(arrays["header"]))
        if type(header["format"]) is not int or header["format"] != FORMAT:
            raise ValueError(
                f"its format is {header['format']!r}, this version of mfg-envs reads {FORMAT}"
            )
        _check_header(header)
        return _content(header, arrays)
    except Exception as error:  # NumPy, zip, zlib, JSON and the system all have their own
        what = f"there is no {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"{path} is not a readable checkpoint ({what}); {REMEDY}") from error


def _check_header(header: dict[str, Any]) -> None:
    for name in ("learner", "game"):
        if not isinstance(header[name], str):
            raise ValueError(f"{name} must be a word, got {header[name]!r}")
    seeds, metrics = header["seed"], header["metrics"]
    for seed in seeds if isinstance(seeds, list) else [seeds]:
        check_range("seed", as_int("seed", seed), 0)
    if seeds == [] or not isinstance(metrics, list) or not all(type(m) is str for m in metrics):
        raise ValueError(f"seed and metrics must be lists, got {seeds!r} and {metrics!r}")
    check_range("every", as_int("every", header["every"]), 1)
    if not isinstance(header.get("recipes", {}), dict):
        raise ValueError(f"recipes must be there by name, got {header['recipes']!r}")


def _content(header: dict[str, Any], arrays: dict[str, Array]) -> Checkpoint:
    """Return what the arrays hold, once numbers and shapes have been checked."""
    iteration, samples = (as_int(n, arrays[n][()]) for n in ("iteration", "samples"))
    check_range("iteration", iteration, 1)
    check_range("samples", samples, 0)
    memory = {k.split(":", 1)[1]: v for k, v in arrays.items() if k.startswith("memory:")}
    parts = {name: arrays[name] for name in ("policy", "mean_field", "q")}
    last = Iterate(iteration, samples, **parts, memory=memory)
    taken, each = arrays["taken"], header["seed"]
    rows = {name: arrays[f"metric:{name}"] for name in header["metrics"]}
    if taken.dtype.kind not in "iu" or taken.ndim != 1:
        raise ValueError(f"taken must be whole numbers (R,), got {taken!r:.60}")
    times = taken.tolist()
    if times != sorted(set(times)) or not all(0 < t <= iteration for t in times):
        raise ValueError(f"metrics were taken at {times!s:.60}, the iteration is {iteration}")
    seeds = (len(each),) if isinstance(each, list) else ()
    for name, part in {**parts, **memory, **rows}.items():
        if part.dtype.kind not in "biuf":
            raise ValueError(f"{name} must hold numbers, got {part.dtype}")
        if name in rows and part.shape != ((len(times), *seeds) if times else (0,)):
            raise ValueError(f"{name} must have the shape {(len(times), *seeds)}, got {part.shape}")
        if name not in rows and seeds and part.shape[:1] != seeds:
            raise ValueError(f"{name} must have an entry a seed, {seeds[0]}, got {part.shape}")
    return Checkpoint(header, last, times, {name: row.tolist() for name, row in rows.items()})


def check_policy(path: Path, content: Checkpoint, learner: Any, game: Any) -> None:
    """Refuse a policy that cannot be one of a finite game, from a learner of finite games.

    Raises:
        ValueError: If its shape is that of no policy over private or over observed states.
    """
    tables = any(issubclass(kind, FiniteGame) for kind in facts(learner).learns)
    if not (tables and game.kind == "finite"):
        return
    each = (len(content.header["seed"]),) if isinstance(content.header["seed"], list) else ()
    clock = () if game.horizon is None else (game.horizon,)
    states = dict.fromkeys((game.num_states, game.num_observations))
    wanted = [(*each, *clock, S, game.num_actions) for S in states]
    if content.last.policy.shape not in wanted:
        raise ValueError(
            f"{path} holds a policy of shape {content.last.policy.shape}, one of {game.name} has"
            f" {' or '.join(map(str, wanted))}; {REMEDY}"
        )
