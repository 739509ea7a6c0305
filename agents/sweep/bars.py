"""What a sweep shows while it runs: a bar for all runs, and one for each that is going on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Any

from .jobs import Job, News

MOST_LINES = 16
"""Runs that have a bar of their own; a cluster may do more than a screen has lines."""


class Bars:
    """Bars of a sweep, from ``with`` on, at the foot of the screen.

    Args:
        labels: What each run is called, by key.
        jobs: All runs, by key.
        done: Keys of those that are complete already.
        show: Show anything at all.
    """

    def __init__(
        self, labels: Mapping[str, str], jobs: Mapping[str, Job], done: Collection[str], show: bool
    ) -> None:
        self._labels, self._jobs = labels, jobs
        self._steps = {key: jobs[key].learner.iterations for key in done}
        self._over = len(done)
        self._lines: dict[str, Any] = {}
        self._free: list[Any] = []
        self._bar = _progress() if show else None
        if self._bar:
            total = sum(job.learner.iterations for job in jobs.values())
            self._all = self._bar.add_task("", total=total)
            self._move()

    def __enter__(self) -> Bars:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        if self._bar:
            self._bar.console.print(text, markup=False, highlight=False)

    def say_best(self, text: str) -> None:
        """Show the best configuration so far."""
        if self._bar:
            self._bar.best = text

    def hear(self, news: News) -> None:
        """Show news of a run."""
        total = self._jobs[news.key].learner.iterations
        self._steps[news.key] = news.iteration if news.kind == "at" else total
        if news.kind == "failed":
            self.say(f"Failed: {self._labels[news.key]}: {news.text}")
        self._over += news.kind != "at"
        self._move()
        self._move_line(news, total)

    def _move(self) -> None:
        if self._bar:
            said = f"{self._over} of {len(self._jobs)} runs"
            self._bar.update(self._all, description=said, completed=sum(self._steps.values()))

    def _move_line(self, news: News, total: int) -> None:
        """Move the bar of a run, which takes over the one of a run that is over."""
        if self._bar is None:
            return
        if news.key not in self._lines and news.kind == "at" and len(self._lines) < MOST_LINES:
            line = self._free.pop() if self._free else self._bar.add_task("")
            self._bar.reset(line, description=f"  {self._labels[news.key]}", total=total)
            self._lines[news.key] = line
        if news.key in self._lines:
            self._bar.update(self._lines[news.key], completed=self._steps[news.key])
            if news.kind != "at":
                self._free.append(self._lines.pop(news.key))


def _progress() -> Any:
    """Return rich's bars, under a line with the best so far."""
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column
    from rich.text import Text

    class Bar(Progress):
        best = ""

        def get_renderables(self) -> Any:
            if self.best:
                yield Text(self.best)
            yield self.make_tasks_table(self.tasks)

    column = Column(overflow="ellipsis", no_wrap=True)
    what = TextColumn("{task.description}", markup=False, table_column=column)
    clocks = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    return Bar(what, BarColumn(bar_width=20), TaskProgressColumn(), *clocks)
