"""Every exact solver on every finite game of the library: the solvers and their runs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mfg_envs import exact
from mfg_envs.game import Array, FiniteGame

from ....runs.atomic_files import write_json
from ....runs.iterate import Iterate
from ....runs.learner import Learner
from ....runs.running import run, value_exploitability
from ....solvers.fictitious_play import FictitiousPlay
from ....solvers.fixed_point_iteration import FixedPointIteration
from ....solvers.mfomo import MFOMO
from ....solvers.munchausen_omd import MunchausenOMD
from ....solvers.occupation import occupation
from ....solvers.online_mirror_descent import OnlineMirrorDescent
from ....solvers.policy_iteration import PolicyIteration
from ....solvers.prior_descent import PriorDescent
from . import theory
from .games import FAMILIES, Case, first_policy, unit

ROUNDING = 1e-9
"""Exploitability that is rounding, in units of the first one where that is more than 1."""
SOLVED, NEAR = 1e-6, 1e-2
"""Shares of the first exploitability: an equilibrium for most purposes, and close to one."""

SOLVERS: dict[str, Callable[[int, float], Learner]] = {
    "FPI": lambda k, u: FixedPointIteration(iterations=k),
    "FPI, step .1": lambda k, u: FixedPointIteration(iterations=k, step=0.1),
    "FPI, averaged": lambda k, u: FixedPointIteration(iterations=k, step=2, decay=1),
    "FP": lambda k, u: FictitiousPlay(iterations=k),
    "OMD": lambda k, u: OnlineMirrorDescent(iterations=k, rate=1 / u),
    "M-OMD": lambda k, u: MunchausenOMD(iterations=k, temperature=u, alpha=0.95),
    "PI": lambda k, u: PolicyIteration(iterations=k),
    "PI, step .1": lambda k, u: PolicyIteration(iterations=k, step=0.1),
    "PI, smoothed": lambda k, u: PolicyIteration(iterations=k, crowd_decay=1),
    "PI, Boltzmann": lambda k, u: PolicyIteration(iterations=k, temperature=0.2 * u),
    "PD, one prior": lambda k, u: PriorDescent(iterations=k, eta=0.2 * u),
    "PD, every 1": lambda k, u: PriorDescent(iterations=k, eta=u, n_inner=1),
    "PD, KL, 5th": lambda k, u: PriorDescent(
        iterations=k, eta=u, n_inner=5, operator="relative_entropy"
    ),
    "MF-OMO": lambda k, u: MFOMO(iterations=k),
}
"""Name in the tables -> function of the iterations and of the game's unit."""


class Outcome(NamedTuple):
    """What a solver did on a game.

    Attributes:
        case: The game.
        solver: Name in the tables.
        learner: The learner as written.
        first: Exploitability before the first iteration.
        curve: Exploitability after every iteration, (K,); empty if it stopped.
        seconds: CPU time of the learner's own work.
        promise: What theory promised, or None.
        failure: Why it stopped, or "".
    """

    case: Case
    solver: str
    learner: str
    first: float
    curve: Array
    seconds: float
    promise: theory.Promise | None
    failure: str

    @property
    def held(self) -> bool:
        """Whether the promise was kept at every iteration."""
        if self.promise is None or self.failure:
            return False
        slack = ROUNDING * max(1.0, self.first)
        return bool((self.curve <= self.promise.bound + slack).all())

    @property
    def course(self) -> str:
        """How the exploitability ends: "solved", "falls", "stands", "circles" or "stops"."""
        if self.failure:
            return "stops"
        middle, late = np.array_split(self.curve[self.curve.size // 2 :], 2)
        if late.max() <= SOLVED * self.first:
            return "solved"
        if late.max() <= 0.9 * middle.max():
            return "falls"
        return "stands" if late.min() >= 0.99 * late.max() else "circles"

    @property
    def near(self) -> int | None:
        """First iteration after which it stays within ``NEAR`` of the first exploitability."""
        far = np.flatnonzero(np.append(self.first, self.curve) > NEAR * self.first)
        return None if self.failure or far[-1] == self.curve.size else int(far[-1]) + 1


@dataclass(kw_only=True)
class Clocked:
    """A learner that starts where the study wants it to, and its CPU time.

    Attributes:
        learner: The learner.
        spent: Seconds for the last iterate.
    """

    learner: Learner
    spent: float = field(default=0.0, repr=False)

    @property
    def iterations(self) -> int:
        """Outer iterations in all."""
        return self.learner.iterations

    def learn(
        self, source: FiniteGame, seed: int = 0, start: Iterate | None = None
    ) -> Iterator[Iterate]:
        """Yield the learner's iterates."""
        iterates = self.learner.learn(source, seed, start or _start(source))
        while True:
            begun = time.process_time()
            iterate = next(iterates, None)
            self.spent = time.process_time() - begun
            if iterate is None:
                return
            yield iterate


def _start(game: FiniteGame) -> Iterate:
    """Return an iterate from which any of the solvers can go on as if it were its first policy."""
    policy = first_policy(game)
    logits = np.log(np.where(policy > 0, policy, 1.0))
    memory = {"policy": policy, "joint": occupation(game, policy), "total": np.array(1.0)}
    memory |= {"logits": logits, "prior": logits}
    return Iterate(0, 0, policy, game.crowd(exact.law_met(game, policy)), logits, memory)


def study(labels: set[str], iterations: int, out: Path) -> Iterator[Outcome]:
    """Yield every solver's outcome on the games; runs in ``out`` go on if interrupted."""
    for cases in FAMILIES.values():
        for case in cases:
            if case.label in labels:
                yield from _case(case, iterations, out)


def _case(case: Case, iterations: int, out: Path) -> Iterator[Outcome]:
    game = case.game()
    policy = first_policy(game)
    scale, first = unit(game, policy), exact.exploitability(game, policy)
    for solver, make in SOLVERS.items():
        learner = make(iterations, scale)
        clocked = Clocked(learner=learner)
        metrics = {"exploitability": value_exploitability}
        metrics |= {"seconds": lambda game, iterate, own=clocked: own.spent}
        metrics |= theory.metrics(case.kind, game, learner)
        seen, failure = _run(clocked, game, metrics, out / f"{case.label}, {solver}")
        curve = seen.pop("exploitability", np.empty(0))
        seconds = float(seen.pop("seconds", np.zeros(1)).sum())
        promise = None if failure else theory.promise(case.kind, game, policy, learner, seen)
        yield Outcome(case, solver, repr(learner), first, curve, seconds, promise, failure)


def _run(
    learner: Clocked, game: FiniteGame, metrics: dict[str, Any], folder: Path
) -> tuple[dict[str, Array], str]:
    """Return what was measured along a run, or why it stopped."""
    note, identity = folder / "stopped.json", {"learner": repr(learner), "game": repr(game)}
    if note.exists():
        known = json.loads(note.read_text())
        if {name: known[name] for name in identity} == identity:
            return {}, known["failure"]
    try:
        result = run(learner, game, metrics=metrics, out=folder, progress=False)
    except RuntimeError as error:  # a population that does not settle
        folder.mkdir(parents=True, exist_ok=True)  # a run that left nothing took it along
        write_json(note, {**identity, "failure": str(error)})
        return {}, str(error)
    return result.metrics, ""
