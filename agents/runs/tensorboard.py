"""Numbers of a run for TensorBoard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .iterate import Iterate

Write = Callable[[Iterate, Mapping[str, Any]], None]


@contextmanager
def scalars(folder: Path | None, begun: int) -> Iterator[Write]:
    """Give a function that writes the metrics of an iterate, and its own numbers.

    Its own are what a learner keeps in the iterate's memory as single real numbers: losses,
    returns.  Events after ``begun``, left by a run that was killed later, no longer count.

    Args:
        folder: Of the events; None: nothing is written.
        begun: Outer iterations that are done.

    Raises:
        ImportError: If TensorBoard is missing; it says what to install.
    """
    if folder is None:
        yield lambda iterate, metrics: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ImportError("scalars need TensorBoard: pip install torch tensorboard") from error

    def write(iterate: Iterate, metrics: Mapping[str, Any]) -> None:
        for name, values in metrics.items():
            for tag, value in _tagged(name, values):
                writer.add_scalar(tag, value, iterate.iteration)
        for name, value in iterate.memory.items():
            if np.ndim(value) == 0 and np.asarray(value).dtype.kind == "f":
                writer.add_scalar(name, float(value), iterate.iteration)
        writer.flush()

    writer = SummaryWriter(str(folder), purge_step=begun + 1)
    try:
        yield write
    finally:
        writer.close()


def _tagged(name: str, values: Any) -> list[tuple[str, float]]:
    """Return the values of every seed with their names."""
    if np.ndim(values) == 0:
        return [(name, float(values))]
    return [(f"{name}/{i}", float(value)) for i, value in enumerate(values)]
