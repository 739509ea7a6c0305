"""Where PyTorch computes: on one thread, with the same sums in the same order, or on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch use one thread inside the block, as many as before after it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def device_of(name: str) -> str:
    """Return a device of PyTorch; "auto" is a GPU if there is one.

    Raises:
        ValueError: If there is no GPU and one is asked for.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError('device "cuda" needs a GPU that PyTorch can use: "auto" takes a CPU')
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name
