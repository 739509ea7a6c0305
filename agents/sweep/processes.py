"""Runs of a sweep in several processes of this machine.

The driver hands out one run at a time over a pipe, and hears how it goes.  Anything it says to a
worker that is at a run means stop; so does its end: a worker whose driver is gone saves its run
and ends too.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import Any

from .jobs import Job, News, attempt

LIBRARIES = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "VECLIB_MAXIMUM", "NUMBA_NUM")
ONE_THREAD = {f"{library}_THREADS": "1" for library in LIBRARIES}
"""Environment of a worker: numbers that depend on the count of threads do not depend on ours."""
TELL_SECONDS = 0.1
"""How often a worker speaks at most."""
LOOK_SECONDS = 0.3
"""How often runs that another sweep is at are looked at again."""


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def on_this_machine(jobs: Mapping[str, Job], out: Path, number: int) -> Iterator[Iterator[News]]:
    """Do runs in so many processes; give the news, which ends when all are done or failed.

    At the end of the block whatever still runs is saved and stopped; Ctrl-C then stops it unsaved.

    Raises:
        RuntimeError: If processes cannot start at all.
    """
    crew: dict[Any, _Worker] = {}
    try:
        yield _news(jobs, out, number, crew)
    finally:
        for pipe in crew:
            with suppress(OSError):
                pipe.send(None)
        try:
            for worker in crew.values():
                worker.process.join()
        finally:
            for pipe, worker in crew.items():
                worker.process.kill()
                worker.process.join()
                pipe.close()


@dataclass
class _Worker:
    """A process, the run that it is at, and whether it has come up."""

    process: Any
    key: str | None = None
    ready: bool = False


def _news(
    jobs: Mapping[str, Job], out: Path, number: int, crew: dict[Any, _Worker]
) -> Iterator[News]:
    waiting, elsewhere, looked = deque(jobs), deque[str](), time.monotonic()
    while waiting or elsewhere or any(worker.key for worker in crew.values()):
        idle = [pipe for pipe, worker in crew.items() if worker.ready and not worker.key]
        coming = sum(not worker.ready for worker in crew.values())
        for _ in range(min(number - len(crew), len(waiting) - len(idle) - coming)):
            _start(crew)
        for pipe in idle[: len(waiting)]:
            crew[pipe].key = key = waiting.popleft()
            with suppress(OSError):  # it has just died: that is heard below
                pipe.send((jobs[key], out / key))
        spoke: list[Any] = connection.wait(list(crew), LOOK_SECONDS if elsewhere else None)
        for pipe in spoke:
            worker = crew[pipe]
            try:
                kind, iteration, text = pipe.recv()
            except (EOFError, OSError):
                yield from _buried(pipe, crew)
                continue
            if kind == "ready":
                worker.ready = True
            elif kind == "at" and worker.key:
                yield News(worker.key, kind, iteration)
            elif worker.key:
                key, worker.key = worker.key, None
                if kind == "busy":
                    elsewhere.append(key)
                else:
                    yield News(key, kind, 0, text)
        if elsewhere and not waiting and time.monotonic() - looked > LOOK_SECONDS:
            waiting, elsewhere, looked = elsewhere, waiting, time.monotonic()


def _buried(pipe: Any, crew: dict[Any, _Worker]) -> Iterator[News]:
    """Take leave of a worker that has died, with the news of its run."""
    worker = crew.pop(pipe)
    worker.process.join()
    pipe.close()
    code = worker.process.exitcode
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    if not worker.ready:
        raise RuntimeError(
            f"a process of the sweep {how} before it began; a script that sweeps needs"
            ' `if __name__ == "__main__":` before all that it does'
        )
    if worker.key:
        text = f"its process {how}, for want of memory perhaps; the same sweep goes on with it"
        yield News(worker.key, "failed", 0, text)


def _start(crew: dict[Any, _Worker]) -> None:
    """Add a worker."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs,))
    with _birth():
        process.start()
    theirs.close()
    crew[ours] = _Worker(process)


@contextmanager
def _birth() -> Iterator[None]:
    """Let processes that start now have one thread, and be deaf to Ctrl-C: the driver hears it."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
    try:
        yield
    finally:
        if main:
            signal.signal(signal.SIGINT, handler)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _work(pipe: Any) -> None:
    """Do runs as they are handed out, until there is nothing more to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    told = time.monotonic()

    def report(iteration: int) -> None:
        nonlocal told
        if time.monotonic() - told < TELL_SECONDS:
            return
        told = time.monotonic()
        try:
            pipe.send(("at", iteration, ""))
            stop = pipe.poll()
        except OSError:  # the driver is gone
            stop = True
        if stop:
            raise KeyboardInterrupt

    with suppress(EOFError, OSError):
        pipe.send(("ready", 0, ""))
        while (order := pipe.recv()) is not None:
            job, folder = order
            kind, text = attempt(job, folder, report)
            if kind == "stopped":
                return
            pipe.send((kind, 0, text))
