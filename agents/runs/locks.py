"""A folder that one process at a time may work in, however processes end.

The claim is a lock of the operating system on a file in the folder.  The system itself lets go
of it when the process ends, killed or not: no claim is ever stale, none has to be cleaned up.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK = ".lock"
"""Name of the file; it stays as long as there is anything beside it."""
FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
"""How the file is opened: what a link leads to is not touched."""
TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


class TakenError(ValueError):
    """Another process works in the folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"another process is running in {folder}: wait for it")


@contextmanager
def claim(folder: Path) -> Iterator[bool]:
    """Claim a folder, which is made, until the end of the block; False: another holds it.

    A folder that was made for the claim and stays empty is removed again.

    Raises:
        OSError: If the folder cannot be written, or its file system has no locks.
    """
    made = [part for part in (folder, *folder.parents) if not part.exists()]
    descriptor = _held(folder)
    if descriptor is None:
        yield False
        return
    try:
        yield True
    finally:
        if made and os.listdir(folder) == [LOCK]:
            with suppress(OSError):  # Windows keeps what is open
                (folder / LOCK).unlink()
                for part in made:
                    part.rmdir()
        os.close(descriptor)


def _held(folder: Path) -> int | None:
    """Return the locked file of a folder, or None if another process holds it."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(folder / LOCK, FLAGS, 0o666)
        except FileNotFoundError:  # the folder was removed between two lines
            continue
        try:
            _lock(descriptor)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.stat(folder / LOCK)):
                    return descriptor
        except OSError as error:
            os.close(descriptor)
            if error.errno in TAKEN:
                return None
            raise OSError(
                f"{folder} cannot be locked ({error}): choose a folder on a local disk"
            ) from error
        os.close(descriptor)  # of a file that its holder has deleted


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
