"""Large arrays whose memory is used again once nobody looks at it any more.

Memory from the operating system comes page by page and zeroed: a learner that makes new arrays of
100 MB at every iteration spends a good part of its time on that.  What is smaller the allocator
keeps by itself.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np

from mfg_envs.game import Array

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
