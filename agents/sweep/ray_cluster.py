"""Runs of a sweep on a Ray cluster; its machines need this package, but no common file system.

A task does a run in a temporary folder and returns its files; the driver writes them under the
run's key, the file that marks it complete last.  While a run goes on, its checkpoints come to the
driver by way of a mailbox: an attempt after a machine was lost goes on from the last one, and so
does the next sweep after Ctrl-C.  Whatever Ray does twice arrives once, under one key.
"""

from __future__ import annotations

import importlib
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ..runs.atomic_files import write_atomically
from ..runs.locks import claim
from .jobs import ERROR, FILES, Job, News, attempt, finished
from .processes import LOOK_SECONDS, ONE_THREAD

RETRIES = 3
"""How often Ray repeats a run whose process or machine was lost."""
POST_SECONDS = 1.0
"""How often a run on the cluster speaks at most."""
LEAST_IN_FLIGHT = 16
"""Runs handed to Ray at once, if its cores are fewer: a queue from which a cluster can grow."""


class Mailbox:
    """Where runs on the cluster leave how far they are, and hear whether to stop."""

    def __init__(self) -> None:
        self._steps: dict[str, int] = {}
        self._checkpoints: dict[str, bytes] = {}
        self._fresh: set[str] = set()
        self._stop = False

    def post(self, key: str, iteration: int, checkpoint: bytes | None) -> bool:
        """Note how far a run is; return whether it has to stop."""
        self._steps[key] = iteration
        if checkpoint is not None:
            self._checkpoints[key] = checkpoint
            self._fresh.add(key)
        return self._stop

    def begin(self, key: str) -> tuple[bool, bytes | None]:
        """Return whether to stop, and the last checkpoint that an attempt at a run has left."""
        return self._stop, self._checkpoints.get(key)

    def collect(self) -> tuple[dict[str, int], dict[str, bytes]]:
        """Return, by key, where runs are and their checkpoints, both since the last call."""
        steps, self._steps = self._steps, {}
        fresh, self._fresh = self._fresh, set()
        return steps, {key: self._checkpoints[key] for key in fresh}

    def forget(self, key: str) -> None:
        """Drop what a run that is over has left."""
        self._checkpoints.pop(key, None)
        self._fresh.discard(key)

    def stop(self) -> None:
        """Tell every run to stop at its next word."""
        self._stop = True


def carry_out(
    job: Job, key: str, begun: bytes | None, mailbox: Any
) -> tuple[str, str, dict[str, bytes]]:
    """Do a run on the cluster.

    Args:
        job: The run.
        key: Its key.
        begun: Checkpoint that the driver has of it.
        mailbox: Handle of the ``Mailbox``.

    Returns:
        What ``attempt`` returns, and the files of the run by name.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, told, sent = Path(name), time.monotonic(), 0
        checkpoint = folder / FILES[0]
        stop, left = _answer(mailbox.begin.remote(key))
        if stop:
            return "stopped", "", {}
        if (kept := left or begun) is not None:
            checkpoint.write_bytes(kept)
            sent = checkpoint.stat().st_mtime_ns

        def report(iteration: int) -> None:
            nonlocal told, sent
            if time.monotonic() - told < POST_SECONDS:
                return
            told, news = time.monotonic(), None
            if checkpoint.exists() and checkpoint.stat().st_mtime_ns != sent:
                sent, news = checkpoint.stat().st_mtime_ns, checkpoint.read_bytes()
            if _answer(mailbox.post.remote(key, iteration, news)):
                raise KeyboardInterrupt

        kind, text = attempt(job, folder, report)
        files = (folder / name for name in (*FILES, ERROR))
        return kind, text, {file.name: file.read_bytes() for file in files if file.exists()}


def _answer(reference: Any) -> Any:
    """Wait for a word of the mailbox; with ``ray.get`` Ray would lend out our core meanwhile."""
    return reference.future().result()


class _Flight(NamedTuple):
    """A run that the cluster has: its key, and the claim on its folder."""

    key: str
    claim: ExitStack


@contextmanager
def on_ray(jobs: Mapping[str, Job], out: Path, address: str) -> Iterator[Iterator[News]]:
    """Do runs on a cluster; give the news, which ends when all are done or failed.

    At the end of the block whatever still runs is saved and stopped.

    Raises:
        ImportError: If Ray is missing; it says what to install.
        ConnectionError: If there is no cluster at the address.
    """
    ray = _ray()
    ours = not ray.is_initialized()
    if ours:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    mailbox = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Mailbox).remote()
    flights: dict[Any, _Flight] = {}
    try:
        yield _news(jobs, out, mailbox, flights)
    finally:
        try:
            if flights:
                ray.get(mailbox.stop.remote())
            while flights:
                list(_landed(out, mailbox, flights))
        finally:
            for ref, flight in flights.items():
                ray.cancel(ref, force=True)
                flight.claim.close()
            ray.kill(mailbox)
            if ours:
                ray.shutdown()


def _news(
    jobs: Mapping[str, Job], out: Path, mailbox: Any, flights: dict[Any, _Flight]
) -> Iterator[News]:
    ray = _ray()
    task = ray.remote(num_cpus=1, max_retries=RETRIES, runtime_env={"env_vars": ONE_THREAD})(
        carry_out
    )
    most = max(LEAST_IN_FLIGHT, 2 * int(ray.cluster_resources().get("CPU", 1)))
    waiting, elsewhere, looked = deque(jobs), deque[str](), time.monotonic()
    while waiting or elsewhere or flights:
        while waiting and len(flights) < most:
            key = waiting.popleft()
            held = ExitStack()
            if not held.enter_context(claim(out / key)):
                held.close()
                elsewhere.append(key)
                continue
            if finished(out / key):  # another sweep was faster
                held.close()
                yield News(key, "done")
                continue
            kept = out / key / FILES[0]
            begun = kept.read_bytes() if kept.exists() else None
            flights[task.remote(jobs[key], key, begun, mailbox)] = _Flight(key, held)
        yield from _landed(out, mailbox, flights)
        if elsewhere and time.monotonic() - looked > LOOK_SECONDS:
            waiting.extend(elsewhere)
            elsewhere, looked = deque(), time.monotonic()


def _landed(out: Path, mailbox: Any, flights: dict[Any, _Flight]) -> Iterator[News]:
    """Wait a moment; write what has come from the cluster, and tell it."""
    ray = _ray()
    if not flights:
        time.sleep(LOOK_SECONDS)
        return
    ready, _ = ray.wait(list(flights), num_returns=1, timeout=LOOK_SECONDS)
    for ref in ready:
        try:
            kind, text, files = ray.get(ref)
        except ray.exceptions.RayError as error:  # its process was lost, and every repetition too
            first = str(error).strip().split("\n")[0]
            kind, text, files = "failed", f"{type(error).__name__}: {first}", {}
        flight = flights[ref]
        for name, content in files.items():
            _write(out / flight.key / name, content)
        del flights[ref]
        flight.claim.close()
        mailbox.forget.remote(flight.key)
        if kind != "stopped":
            yield News(flight.key, kind, 0, text)
    steps, checkpoints = ray.get(mailbox.collect.remote())
    for flight in flights.values():
        if flight.key in checkpoints:
            _write(out / flight.key / FILES[0], checkpoints[flight.key])
        if flight.key in steps:
            yield News(flight.key, "at", steps[flight.key])


def _write(path: Path, content: bytes) -> None:
    write_atomically(path, lambda file: file.write(content))


def _ray() -> Any:
    """Return the package ``ray``."""
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise ImportError('a sweep on a cluster needs Ray: pip install "mfg-envs[ray]"') from error
