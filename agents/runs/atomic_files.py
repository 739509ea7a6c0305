"""Files that are written as a whole or not at all, and the folders they are written to."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mfg_envs.game import Array

PART = ".part"
"""Ending of a file that is being written; its name begins with a dot and cannot be foreseen."""


def write_atomically(path: Path, write: Callable[[Any], None]) -> None:
    """Write a file as a whole or not at all, even if the machine stops halfway."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}{PART}")
    try:
        with part.open("xb") as file:  # a new file, never what a link leads to
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


def clear_parts(folder: Path) -> None:
    """Remove what processes that were killed have left half written in a folder of ours alone."""
    for part in folder.glob(f".*{PART}"):
        if part.is_symlink() or part.is_file():
            part.unlink()


def as_folder(name: str, value: Any) -> Path:
    """Return the path of a folder that a parameter names.

    Raises:
        ValueError: If the name is empty, which would be the current folder.
        TypeError: If it is neither a word nor a path.
    """
    if not isinstance(value, str | os.PathLike) or isinstance(os.fspath(value), bytes):
        raise TypeError(f"{name} must be the name of a folder, got {value!r}")
    if not os.fspath(value):
        raise ValueError(f'{name} must name a folder, got {value!r}; the current one is "."')
    return Path(value)
