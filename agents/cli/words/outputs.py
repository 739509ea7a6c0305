"""Where results go: files and folders are refused before anything is computed for them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import typer


def check_file(option: str, path: Path, kinds: Sequence[str] = (), other: str = "") -> None:
    """Refuse a file that cannot be written.

    Args:
        option: Which option named it.
        path: The file.
        kinds: Endings it may have; none: any.
        other: What the option may be instead of a file.

    Raises:
        ValueError: If the file has another ending, is a folder, or its folder is missing.
    """
    if kinds and path.suffix not in kinds:
        raise ValueError(f"{option} must {other}end with {', '.join(kinds)}, got {path}")
    if path.is_dir():
        raise ValueError(f"{option} must be a file, {path} is a folder")
    if not path.parent.is_dir():
        raise ValueError(f"there is no folder {path.parent} to write {path.name} in")


def as_folder(value: str | Path) -> Path:
    """Return the folder that a word on the command line names.

    Raises:
        typer.BadParameter: If the word is empty, which a path takes for the current folder.
    """
    if not str(value):
        raise typer.BadParameter('it must name a folder; the current one is "."')
    return Path(value)


def as_new_folder(value: str | Path) -> Path:
    """Return the folder that ``--out`` names, before anything is computed for it.

    Raises:
        typer.BadParameter: If the word is empty, or the folder cannot be made or written.
    """
    folder = as_folder(value)
    try:
        check_place("folder", folder)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return folder


def check_place(option: str, folder: Path) -> None:
    """Refuse a folder that cannot be made or written: a file is in its place or above it, say.

    Raises:
        ValueError: See above.
    """
    for part in (folder, *folder.parents):
        if part.exists() and not part.is_dir():
            raise ValueError(f"{part} is a file, no folder: choose another {option}")
    there = next((part for part in (folder, *folder.parents) if part.exists()), None)
    if there is not None and not os.access(there, os.W_OK):
        raise ValueError(f"{there} cannot be written: choose another {option}")
