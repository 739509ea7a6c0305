"""Where results go: files and folders are refused before anything is computed for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


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


def check_place(option: str, folder: Path) -> None:
    """Refuse a folder that cannot be made, since a file is in its place or above it.

    Raises:
        ValueError: See above.
    """
    for part in (folder, *folder.parents):
        if part.exists() and not part.is_dir():
            raise ValueError(f"{part} is a file, no folder: choose another {option}")
