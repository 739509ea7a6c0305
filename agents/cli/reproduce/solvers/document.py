"""The page that ``mfg-envs reproduce solvers --docs docs/solvers.md`` writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from .games import FAMILIES, SAMPLED_PAIRS, Case
from .study import NEAR, SOLVED, SOLVERS, Outcome
from .theory import KINDS

MARKS = {"solved": " ✓", "falls": "", "stands": " =", "circles": " ~", "stops": "stops"}
"""How the course of a run is shown behind its last exploitability."""

HEAD = """\
# Exact solvers on every finite game

<!-- Written by `mfg-envs reproduce solvers --docs docs/solvers.md`.  Do not edit. -->

{solvers} solvers on {games} games, {iterations} iterations each.  Runs start from the uniform
policy; where that is an equilibrium (rock-paper-scissors, the 11x11 rooms), the j-th action is
played in proportion to j.  *Exploitability* is what one player gains at best by leaving the policy
when nobody else does: weighted by the initial law with an end, by the stationary law for ever.

![Exploitability against iterations on six games](images/solvers.png)

## Solvers

Rates and temperatures are in units u of the game, so that nothing is tuned: u is what the best
action earns more than the worst one, in the mean over the first crowd.

| solver | learner |
|---|---|
"""

NAMES = {
    "FPI": "`FixedPointIteration()`: the best response, and again",
    "FPI, step .1": "`FixedPointIteration(step=0.1)`",
    "FPI, averaged": "`FixedPointIteration(step=2, decay=1)`: the average policy",
    "FP": "`FictitiousPlay()`: the average law",
    "OMD": "`OnlineMirrorDescent(rate=1 / u)`",
    "M-OMD": "`MunchausenOMD(temperature=u, alpha=0.95)`",
    "PI": "`PolicyIteration()`",
    "PI, step .1": "`PolicyIteration(step=0.1)`",
    "PI, smoothed": "`PolicyIteration(crowd_decay=1)`",
    "PI, Boltzmann": "`PolicyIteration(temperature=0.2 * u)`",
    "PD, one prior": "`PriorDescent(eta=0.2 * u)`: GMF-V",
    "PD, every 1": "`PriorDescent(eta=u, n_inner=1)`",
    "PD, KL, 5th": '`PriorDescent(eta=u, n_inner=5, operator="relative_entropy")`',
    "MF-OMO": "`MFOMO()`: its steps fade over the iterations",
}
"""Name in the tables -> what it stands for."""

THEORY = """
## What theory promises

What is asserted, at every iteration, was derived beforehand (`agents/cli/reproduce/
solvers/theory.py` has the steps); H is the sum of the discounts, A the number of actions.

* **The crowd does not matter**, or never moves by symmetry.  FPI solves the game at once.  FP: the
  first exploitability divided by k + 1.  PI: `discount^k`.  Damped forms accordingly.  Where no
  symmetry can break: OMD O(1/k); M-OMD and the soft forms come as near as their temperature.
  (Symmetry breaks in the contraction game: rounding is enough, nothing is asserted of soft forms.)
* **Monotone**, with an end and moves that do not depend on the crowd.  FP: in continuous time
  O(1/t); in steps, k times the exploitability grows by no more than what the last answer loses in
  the crowd that it has moved.  That is asserted; it does not tend to 0, the measured order p of
  `k^-p` is in the table of games.  OMD converges in continuous time (Perolat et al., arXiv
  2103.00623); at a constant rate no bound on its last iterate is known, and none is asserted.
* **One choice** (left right).  Steps towards the better side: twice the step.  OMD and its like:
  linear, where the map of the logit contracts.
* **Soft answers**, any game: H temperature log A, plus what has not settled yet.  So a fixed
  temperature never promises more than that.  The map contracts if the temperature is high enough
  (Cui, Koeppl, arXiv 2102.01585): at 0.2 u it mostly is not.
* **MF-OMO**, any game with an end: its objective bounds the exploitability.  It is not convex: that
  descent makes it small is not promised.
* **FPI and PI in general**: nothing.  Best responses do not move continuously with the crowd, so
  their map contracts only if it is constant (same paper).  Smoothed PI converges in potential
  monotone games of continuous time (arXiv 2212.04791).
* **For ever**: nothing, even where rewards are monotone.  A player discounts, the stationary law
  does not.  In the contraction game everybody stays, and any share p with `18 |2 p - 1| <= 2` in
  the first place is an equilibrium: monotone rewards do not make it unique.

## Games

"Pairing" is the largest `<J - J', R(J) - R(J')>` of {pairs} pairs of random policies, in units of
the absolute values of its terms: never positive in a monotone game.  (A negative one proves
nothing: the congested crowd has positive pairs, which differ little before the last decision.)
"""

RESULTS = """
## Results

Exploitability after {iterations} iterations.  ✓: {solved:g} of the first one or less, for the last
quarter; = stands still; ~ goes round (the rest still falls); stops: a population settles nowhere.
**Bold**: theory promised a bound, and it was kept at every iteration; ~~struck~~: it was not.
"""


def document(outcomes: Sequence[Outcome], pairings: dict[str, float], iterations: int) -> str:
    """Return the page in Markdown.

    Args:
        outcomes: All of a study.
        pairings: Label of a game -> largest sampled pairing.
        iterations: Of every run.
    """
    done = {(o.case.label, o.solver): o for o in outcomes}
    text = HEAD.format(solvers=len(SOLVERS), games=len(pairings), iterations=iterations)
    text += "".join(f"| {name} | {NAMES[name]} |\n" for name in SOLVERS)
    text += THEORY.format(pairs=SAMPLED_PAIRS)
    for family, cases in FAMILIES.items():
        text += f"\n### {family}\n\n" + _lines(_games(cases, pairings, done))
    text += RESULTS.format(iterations=iterations, solved=SOLVED)
    for family, cases in FAMILIES.items():
        text += f"\n### {family}: exploitability\n\n" + _lines(_ends(cases, done))
        text += f"\nIterations to {NEAR:.0%} of the first exploitability, and CPU seconds.\n\n"
        text += _lines(_work(cases, done))
    text += "\n## Promises\n\n" + _lines(promises(outcomes))
    return text + "\n## In all\n\n" + _lines(ranking(outcomes))


def promises(outcomes: Sequence[Outcome]) -> Iterator[Sequence[str]]:
    """Yield a head and a row a promise: games, those where it was kept, largest share of it."""
    yield "solver", "promise", "games", "kept", "E / bound"
    for solver in SOLVERS:
        made = [o for o in outcomes if o.solver == solver and o.promise is not None]
        for reason in dict.fromkeys(o.promise.reason for o in made if o.promise):
            same = [o for o in made if o.promise and o.promise.reason == reason]
            ratios = [o.curve / np.maximum(o.promise.bound, 1e-9) for o in same if o.promise]
            tight = max(float(ratio.max()) for ratio in ratios)
            kept = sum(o.held for o in same)
            yield solver, reason, str(len(same)), str(kept), f"{tight:.2g}"


def ranking(outcomes: Sequence[Outcome]) -> Iterator[Sequence[str]]:
    """Yield a head and a row a solver: on how many games it got how far."""
    yield "solver", f"within {NEAR:.0%}", "solved", "falls", "stands", "circles", "stops", "CPU s"
    for solver in SOLVERS:
        own = [o for o in outcomes if o.solver == solver]
        courses = [sum(o.course == name for o in own) for name in MARKS]
        near = sum(o.near is not None for o in own)
        yield solver, str(near), *map(str, courses), f"{sum(o.seconds for o in own):.1f}"


def order(outcome: Outcome) -> float:
    """Return p of a decay like ``k^-p``, from the last two quarters and the two before."""
    half = outcome.curve.size // 2
    early, late = outcome.curve[half // 2 : half].max(), outcome.curve[half:].max()
    return float(np.log2(early / late)) if late > 0 else np.inf


def _games(
    cases: Sequence[Case], pairings: dict[str, float], done: dict[tuple[str, str], Outcome]
) -> Iterator[Sequence[str]]:
    yield "game", "`make_game(...)`", "known", "because", "pairing", "order of FP"
    for case in cases:
        arguments = "".join(f", {name}={value!r}" for name, value in case.parameters.items())
        made = f'`"{case.name}"{arguments}`'
        pairing, fp = pairings[case.label], order(done[case.label, "FP"])
        signed = f"{pairing:+.1g}" if abs(pairing) > 1e-12 else "0"
        yield case.label, made, KINDS[case.kind], case.why, signed, f"{fp:.2f}"


def _ends(cases: Sequence[Case], done: dict[tuple[str, str], Outcome]) -> Iterator[Sequence[str]]:
    yield "solver", *(case.label for case in cases)
    yield "at first", *(f"{done[case.label, 'FP'].first:.2g}" for case in cases)
    for solver in SOLVERS:
        yield solver, *(_end(done[case.label, solver]) for case in cases)


def _end(outcome: Outcome) -> str:
    mark = MARKS[outcome.course]
    if outcome.failure:
        return mark
    number = f"{outcome.curve[-1]:.1e}"
    if outcome.promise is None:
        return number + mark
    return f"**{number}**{mark}" if outcome.held else f"~~{number}~~{mark}"


def _work(cases: Sequence[Case], done: dict[tuple[str, str], Outcome]) -> Iterator[Sequence[str]]:
    yield "solver", *(case.label for case in cases)
    for solver in SOLVERS:
        own = [done[case.label, solver] for case in cases]
        yield solver, *(f"{o.near or '-'}, {o.seconds:.2g} s" for o in own)


def _lines(rows: Iterator[Sequence[str]]) -> str:
    """Return rows, the head first, as a Markdown table."""
    lines = ["| " + " | ".join(row).rstrip() + " |" for row in rows]
    columns = lines[0].count("|") - 1
    return "\n".join([lines[0], "|---" * columns + "|", *lines[1:]]) + "\n"
