"""Coroutines for code that does not know it is one: threads of which exactly one runs at a time.

Every job runs in a thread of its own and hands the baton back by ``wait``; ``turn`` hands it over
to one job until it waits again or ends.  The order of turns is the caller's, so nothing depends on
how the operating system schedules threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence


class Stopped(BaseException):
    """Raised in a job that is told to stop where it waits; no handler of errors catches it."""


class Baton:
    """Run jobs in turns.

    Args:
        jobs: Functions without arguments; none starts before its first turn.

    Attributes:
        alive: Whether each job has not ended yet.
        error: Of each job: what it raised, or None.
    """

    def __init__(self, jobs: Sequence[Callable[[], object]]) -> None:
        self.alive = [True] * len(jobs)
        self.error: list[BaseException | None] = [None] * len(jobs)
        self._go = [threading.Semaphore(0) for _ in jobs]
        self._back = threading.Semaphore(0)
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, args=(i, job), name=f"job-{i}", daemon=True)
            for i, job in enumerate(jobs)
        ]
        for thread in self._threads:
            thread.start()

    def turn(self, i: int) -> bool:
        """Let job i run until it waits or ends; return whether it is alive after that."""
        self._go[i].release()
        self._back.acquire()
        return self.alive[i]

    def wait(self, i: int) -> None:
        """Hand the baton back from job i; returns at its next turn."""
        self._back.release()
        self._go[i].acquire()
        if self._stopping:
            raise Stopped

    def stop(self) -> None:
        """End every job where it waits, and wait for the threads to be gone."""
        self._stopping = True
        for go in self._go:
            go.release()
        for thread in self._threads:
            thread.join()

    def _run(self, i: int, job: Callable[[], object]) -> None:
        self._go[i].acquire()
        try:
            if not self._stopping:
                job()
        except Stopped:
            pass
        except BaseException as error:
            self.error[i] = error
        self.alive[i] = False
        self._back.release()
