"""Read runs back from their folders: what was run, its metrics, its last iterate, its game.

``run(..., out=folder)`` leaves one run in a folder, of one seed or of several side by side; a
sweep, and ``mfg-envs train`` with a learner that takes one seed at a time, leave a folder with one
folder a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mfg_envs.game import Array
from mfg_envs.game.kinds import is_game

from .atomic_files import as_folder
from .checkpoints import check_policy, read
from .iterate import Iterate, per_seed
from .printable import printable, printable_json
from .recipes import build
from .running import Run


class SavedRun:
    """A run that lies in a folder.

    Attributes:
        folder: The folder.
        header: What was run, as ``result.json`` has it.
        complete: Whether the run came to its end.
        run: The last iterate, and the metrics so far.
    """

    def __init__(self, folder: Path, own: Sequence[type] = ()) -> None:
        self.folder, self._own = folder, own
        self.complete = (folder / "result.json").exists()
        path = folder / ("result.npz" if self.complete else "checkpoint.npz")
        content = read(path)
        shown = printable_json(content.header)  # recipes are for building, not for reading
        self.header = {**shown, "recipes": content.header.get("recipes", {})}
        rows = {printable(name): np.array(row) for name, row in content.rows.items()}
        self.run = Run(content.last, np.array(content.taken), rows)
        try:
            learner, game = self.learner, self.game
        except ValueError:  # of a user, who has not named them
            return
        check_policy(path, content, learner, game)

    @property
    def seeds(self) -> list[int]:
        """The seeds, E of them."""
        seed = self.header["seed"]
        return [seed] if isinstance(seed, int) else seed

    @property
    def iterates(self) -> list[Iterate]:
        """The last iterate of every seed."""
        single = isinstance(self.header["seed"], int)
        return [self.run.last] if single else per_seed(self.run.last)

    @property
    def metrics(self) -> dict[str, Array]:
        """Metrics by name, (R, E)."""
        return {name: row.reshape(len(row), -1) for name, row in self.run.metrics.items()}

    @property
    def learner_name(self) -> str:
        """Name of the learner's class."""
        return self.header["learner"].partition("(")[0]

    @cached_property
    def game(self) -> Any:
        """The game, built again.

        Raises:
            ValueError: If its class is neither ours nor given, or has changed.
        """
        return self._build("game")

    @cached_property
    def learner(self) -> Any:
        """The learner, built again.

        Raises:
            ValueError: If its class is neither ours nor given, or has changed.
        """
        return self._build("learner")

    def _build(self, what: str) -> Any:
        content = self.header.get("recipes", {}).get(what)
        if content is None:
            raise ValueError(
                f"{self.folder} does not say how to build its {what} again,"
                f" {self.header[what]:.80}: it was made by an older version, or from parts"
                " that are no numbers, words or arrays"
            )
        made = build(content, self._own)
        if not (is_game(made) if what == "game" else hasattr(made, "learn")):
            raise ValueError(f"{self.folder} names as its {what} {made!r:.80}, which is not one")
        return made


def load_run(folder: str | Path, own: Sequence[type] = ()) -> SavedRun:
    """Return the run of a folder, complete or as far as its checkpoint.

    Args:
        folder: Folder of the run.
        own: Classes of games and learners that are not part of these packages.

    Raises:
        ValueError: If there is no run, or it cannot be read.
    """
    folder = as_folder("folder", folder)
    if not _holds_run(folder):
        where = "is no folder" if not folder.is_dir() else "holds no run"
        raise ValueError(f"{folder} {where}: give the --out of mfg-envs train, or of agents.run")
    return SavedRun(folder, own)


def load_runs(folder: str | Path, own: Sequence[type] = ()) -> list[SavedRun]:
    """Return the run of a folder, or the runs in the folders in it, by seed.

    Raises:
        ValueError: If there is none, or one cannot be read.
    """
    folder = as_folder("folder", folder)
    inside = [part for part in sorted(folder.glob("*/")) if _holds_run(part)]
    if _holds_run(folder) or not inside:
        return [load_run(folder, own)]
    return sorted((SavedRun(part, own) for part in inside), key=lambda saved: saved.seeds)


def _holds_run(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("result.npz", "checkpoint.npz"))
