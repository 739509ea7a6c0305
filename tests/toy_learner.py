"""A learner for tests of sweeps: needs no game, and tells when it begins.

``TOY_LOG`` is a file that gets a line "rate seed first-iteration" from every call of ``learn``.
In iteration ``fatal`` a rate of 13 raises an error, and a rate of 7 kills its process: only once
if ``TOY_ONCE`` names a file, which then is made.
"""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agents import Iterate


@dataclass(frozen=True, kw_only=True)
class Toy:
    iterations: int = 6
    rate: float = 1.0
    pause: float = 0.0
    fatal: int = 3

    def learn(self, source, seed=0, start=None):
        begun, q = (0, np.zeros(1)) if start is None else (start.iteration, start.q)
        with Path(os.environ["TOY_LOG"]).open("a") as log:
            log.write(f"{self.rate} {seed} {begun}\n")
        for k in range(begun + 1, self.iterations + 1):
            time.sleep(self.pause)
            if k == self.fatal:
                self.stumble()
            q = q + self.rate * np.sin(seed + k)
            yield Iterate(k, 0, q, q, q, {})

    def stumble(self):
        if self.rate == 13:
            raise ArithmeticError("thirteen")
        once = Path(os.environ.get("TOY_ONCE", "never there"))
        if self.rate == 7 and not once.exists():
            if "TOY_ONCE" in os.environ:
                once.touch()
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def value(game, iterate):
    """Return a metric that tells rates, seeds and iterations apart."""
    return float(iterate.q[0])
