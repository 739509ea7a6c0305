"""How much memory there is, asked before something large is built."""

from __future__ import annotations

import math
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from mfg_envs.game import Array


def check_memory(count: int, bytes_each: int, name: str) -> None:
    """Raise a ValueError if ``count`` things need more memory than the machine has free."""
    needed, free = count * bytes_each, _free_memory()
    if needed > free:
        raise ValueError(
            f"{name} = {count} needs {needed / 2**30:.1f} GiB ({bytes_each} bytes each),"
            f" {free / 2**30:.1f} GiB are free: use at most {free // bytes_each}"
        )


def _free_memory() -> int:
    """Return the bytes that can be had (Linux, file caches included), elsewhere 8 GiB."""
    try:
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) << 10
    except (OSError, KeyError, ValueError):
        return 8 << 30


LARGE = 32 << 20
"""Bytes from which on memory is used again; the usual allocators keep less than that."""
KEPT: deque[Array] = deque(maxlen=2)
"""Memory that nobody uses; no more than the last two blocks."""


class _Loan:
    """What arrays on borrowed memory hold on to; gives it back when the last of them is gone."""

    def __init__(self, memory: Array) -> None:
        self.memory = memory
        self.__array_interface__: dict[str, Any] = memory.__array_interface__

    def __del__(self, kept: deque[Array] = KEPT) -> None:
        kept.append(self.memory)


def empty(shape: tuple[int, ...]) -> Array:
    """Return a float64 array of any content, as ``np.empty``."""
    count = math.prod(shape)
    if count * 8 < LARGE:
        return np.empty(shape)
    try:
        memory = KEPT.pop()
    except IndexError:  # of an empty deque; to ask first would not be safe with threads
        memory = None
    if memory is None or memory.size != count:
        memory = np.empty(count)
    return np.asarray(_Loan(memory)).reshape(shape)
