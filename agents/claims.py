"""A folder that one process at a time may work in, however processes end.

The claim is a lock of the operating system on a file in the folder.  The system itself lets go
of it when the process ends, killed or not: no claim is ever stale, none has to be cleaned up.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = ".lock"
"""Name of the file; it stays, for a file that is deleted and made anew can be locked twice."""
TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


@contextmanager
def claim(folder: Path) -> Iterator[bool]:
    """Claim a folder, which is made, until the end of the block; False: another holds it.

    Raises:
        OSError: If the folder cannot be written, or its file system has no locks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("ab") as file:
        try:
            _lock(file.fileno())
        except OSError as error:
            if error.errno not in TAKEN:
                raise OSError(
                    f"{folder} cannot be locked ({error}): choose a folder on a local disk"
                ) from error
            yield False
        else:
            yield True


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
