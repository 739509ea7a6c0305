"""Numbers of a study that are kept as they are found, so that it goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from ...runs.atomic_files import write_json

FILE = "numbers.json"


class KeptNumbers:
    """Rows of numbers by name, in a file that is written anew after each.

    Args:
        folder: Where the file is, or will be.

    Raises:
        ValueError: If there is a file that is not one of these.
    """

    def __init__(self, folder: Path) -> None:
        self._path, self._rows = folder / FILE, dict[str, list[float]]()
        if self._path.exists():
            try:
                rows = json.loads(self._path.read_text("utf-8"))
                self._rows = {name: [float(v) for v in row] for name, row in rows.items()}
            except (ValueError, TypeError, AttributeError, RecursionError) as error:
                raise ValueError(
                    f"{self._path} holds no numbers of a study ({error}); delete it to start anew"
                ) from error

    def row(self, name: str, compute: Callable[[], Sequence[float]]) -> list[float]:
        """Return the row of a name; what is not there is computed and kept.

        Args:
            name: Everything that decides the numbers.
            compute: Gives them.
        """
        if name not in self._rows:
            self._rows[name] = [float(value) for value in compute()]
            write_json(self._path, self._rows)
        return self._rows[name]
