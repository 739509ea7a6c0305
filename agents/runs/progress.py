"""A progress bar with the time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(name: str, begun: int, total: int, show: bool) -> Iterator[Callable[[int], None]]:
    """Show a progress bar with the time left; give the function that moves it."""
    if not show:
        yield lambda done: None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    clock = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, *clock) as shown:
        task = shown.add_task(name, total=total, completed=begun)
        yield lambda done: shown.update(task, completed=done)
