"""What Stable-Baselines3 shares with everybody, kept out of their way.

That is the global random generators, the threads of PyTorch, and the folder for temporary files.
"""

from __future__ import annotations

import random as python_random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch


class GlobalRandomness:
    """Inside a ``with`` block, the global generators of Python, NumPy and PyTorch are its own.

    What was there before comes back at the end of the block, and the next block goes on where
    this one stopped.

    Args:
        seed: Whole number; where the first block starts.
    """

    def __init__(self, seed: Any) -> None:
        self._outside: Any = None
        number = int(np.asarray(seed, np.uint64))
        with self:
            python_random.seed(number)
            np.random.seed(number % 2**32)  # noqa: NPY002  the generator that others use
            torch.manual_seed(number % 2**63)

    def __enter__(self) -> None:
        own, self._outside = getattr(self, "state", None), _state()
        if own is not None:
            _restore(own)

    def __exit__(self, *exception: object) -> None:
        self.state = _state()
        _restore(self._outside)


def _state() -> tuple[Any, Any, Any]:
    return python_random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002


def _restore(state: tuple[Any, Any, Any]) -> None:
    python_random.setstate(state[0])
    np.random.set_state(state[1])  # noqa: NPY002
    torch.set_rng_state(state[2])


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch use one thread inside the block, as many as before after it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def remove_empty_log(model: Any) -> None:
    """Remove the folder that a model has made for its log without logging to it.

    A Stable-Baselines3 model that learns without ``tensorboard_log`` makes a folder ``SB3-<date>``
    among the temporary files; what a callback has put there stays, and so does any other folder.
    """
    folder = getattr(getattr(model, "_logger", None), "dir", None)  # no logger before it learns
    if folder is None:
        return
    path = Path(folder)
    if path.name.startswith("SB3-") and path.parent == Path(tempfile.gettempdir()):
        with suppress(OSError):  # it is not empty, or gone
            path.rmdir()


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
