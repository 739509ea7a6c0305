"""How far policy mirror ascent from one path stays from the regularised equilibrium, and why.

The paper bounds the error of a learned policy by ``O(1/sqrt(M)) + O(1/sqrt(N))``, M transitions
and N players, and has no experiments.  What theory says of these games, beyond that bound:

M:  the error of a table has a random part, of standard deviation ``s ~ M^-1/2`` if ``rate`` is so
    large that the optimism of the first values is forgotten, and a bias of the order ``s^2``.
N:  rewards and moves are smooth in the mean field, whose fluctuations average out along the path.
    What N players change is a bias ``c / N``: a player counts in the crowd that it meets.  So the
    error of one table does not depend on N once ``c / N`` is below its sample floor s.  Tables of
    independent players err independently: their average rule errs by ``s / sqrt(N)``, as long as
    that is above ``c / N``, on the left, and the bias of the order ``s^2``, on the right.

So M^-1/2 is fitted to one table, and N^-1/2 to the average rule of independent players, for N from
``2 (c / s)^2`` to ``(s / floor)^2 / 2``: there the other two are smaller by the square root of two
at least.  (c and floors were measured with other seeds.)  c is 0 for the contraction game, by
symmetry, and largest for the ring road, where a vehicle is a crowd in its cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mfg_envs import make_game
from mfg_envs.game import Array, FiniteGame
from mfg_envs.metrics import regularised_exploitability
from mfg_envs.numerics.estimates import standard_error

from ....mirror_ascent.communication import Communication
from ....mirror_ascent.policy_mirror_ascent import PolicyMirrorAscent, disagreement, distance
from ....runs.iterate import Iterate
from ....runs.progress import bar
from ....runs.running import Metric, run
from ..power_law import Slope, fit

FIRST_SEED = 100
"""Smaller ones were used to choose the settings."""


class Setting(NamedTuple):
    """One game and how it is learned.

    Attributes:
        title: In tables and figures.
        game: The game.
        learner: Its parameters in all runs.
        sizes: Numbers of players N.
        fitted: Smallest and largest N between ``c / N`` and the sample floor.
        samples: Numbers of transitions M.
        players: N of the runs with these.
        seeds: Of the smaller populations; large ones have fewer.
        few: Whether it is also learned from few samples.
    """

    title: str
    game: FiniteGame
    learner: PolicyMirrorAscent
    sizes: tuple[int, ...]
    fitted: tuple[int, int]
    samples: tuple[int, ...]
    players: int
    seeds: int
    few: bool = False


def settings(quick: bool = False) -> list[Setting]:
    """Return the games and their settings; ``quick`` keeps two small runs of everything."""
    road = make_game("ring_road", reward="min", num_cells=10, num_speeds=5, discount=0.9)
    sizes, samples = (20, 50, 100, 200, 500, 1000), (1000, 3000, 10_000, 30_000)
    chain = PolicyMirrorAscent(
        iterations=15, entropy=0.5, td_steps=10_000, mixing=1, rate=300, delay=3000,
        reward_range=(-69, 0),
    )  # fmt: skip
    out = [
        Setting(
            "SIS",
            make_game("sis", setting="two_actions"),
            PolicyMirrorAscent(iterations=8, eta=10, td_steps=3000, rate=8),
            *(sizes, (50, 1000), samples, 100, 64),
        ),
        Setting(
            "contraction game",
            make_game("contraction_game"),
            PolicyMirrorAscent(
                iterations=10, eta=3, entropy=0.5, td_steps=3000, rate=16, reward_range=(-4, 0)
            ),
            *(sizes, (20, 200), samples, 100, 64),
        ),
        Setting(
            "Lasry-Lions chain",
            make_game("lasry_lions_chain"),
            chain,
            *(sizes, (20, 1000), samples[1:], 100, 16, True),
        ),
        Setting(
            "ring road",
            road,
            replace(chain, iterations=12, td_steps=5000, reward_range=(road.price, 0)),
            *((50, 100, 200, 500, 1000, 2000), (200, 1000), samples[1:], 500, 16),
        ),
    ]
    return [_shrunk(setting) for setting in out] if quick else out


def _shrunk(setting: Setting) -> Setting:
    learner = replace(setting.learner, iterations=2, td_steps=50)
    return setting._replace(
        learner=learner, sizes=(5, 10), fitted=(5, 10), samples=(50, 100), players=5, seeds=2
    )


class Job(NamedTuple):
    """A learner and how many seeds of it.

    Attributes:
        kind: "size" or "samples", which vary, or what is different in a run with few samples.
        learner: The learner.
        seeds: How many.
    """

    kind: str
    learner: PolicyMirrorAscent
    seeds: int


class Result(NamedTuple):
    """What the learners of a job reached, one number a seed, (E,) each.

    Attributes:
        setting: Of the job.
        job: What was run.
        rule: Distance of the average rule from the equilibrium.
        table: The same of a player's own table, on average over the tables.
        disagreement: Distance of the tables from their average, on average.
        exploitability: Of the average rule, regularised, in the game's own rewards.
    """

    setting: Setting
    job: Job
    rule: Array
    table: Array
    disagreement: Array
    exploitability: Array


def jobs(setting: Setting) -> Iterator[Job]:
    """Yield the runs against N and against M."""
    base, most = setting.learner, setting.seeds
    for N in setting.sizes:
        seeds = most if N <= 200 else max(2, most // 2 if N <= 500 else most // 4)
        yield Job("size", replace(base, mode="independent", num_players=N), seeds)
    for M in setting.samples:
        learner = replace(base, num_players=setting.players, td_steps=M)
        yield Job("samples", learner, max(2, most // 2))
        yield Job("samples", replace(learner, mode="independent"), max(2, most // 16))


def few_samples(setting: Setting) -> Iterator[Job]:
    """Yield runs with a thirtieth of the samples: the paper's, with replay, and networked."""
    M, base = max(setting.samples) // 30, setting.learner
    base = replace(base, td_steps=M, num_players=setting.players)
    base = replace(base, rate=base.rate / 3, delay=base.delay / 3)
    for words, passes in (("", 0), (" with replay", 10)):
        learner = replace(base, replay_size=passes and M, replay_passes=max(1, passes))
        alone = replace(learner, mode="independent")
        talk = Communication(radius=0.7, steps=max(1, M // 2))
        yield Job("centralised" + words, learner, setting.seeds)
        yield Job("independent" + words, alone, setting.seeds)
        yield Job("networked" + words, replace(alone, communication=talk), setting.seeds)


def study(chosen: list[Setting], out: Path, progress: bool = True) -> list[Result]:
    """Run everything; runs in ``out`` go on if interrupted."""
    todo = [(setting, job) for setting in chosen for job in jobs(setting)]
    todo += [(setting, job) for setting in chosen if setting.few for job in few_samples(setting)]
    results, best = [], {setting.title: equilibrium(setting).policy for setting in chosen}
    with bar("runs", 0, len(todo), progress) as advance:
        for setting, job in todo:
            results.append(_measure(setting, job, best[setting.title], out))
            advance(len(results))
    return results


def equilibrium(setting: Setting) -> Iterate:
    """Return the regularised equilibrium, to rounding; every game is near after 60 steps."""
    learner = replace(setting.learner, mode="exact", eta=1.0, iterations=100)
    *_, last = learner.learn(setting.game)
    return last


def _measure(setting: Setting, job: Job, best: Array, out: Path) -> Result:
    """Run a job to its end, or read what it gave."""
    learner = job.learner
    metrics: dict[str, Metric] = {
        "rule": lambda game, iterate: float(distance(iterate.policy, best)),
        "table": lambda game, iterate: float(distance(iterate.memory["policy"], best).mean()),
        "disagreement": disagreement,
        "exploitability": lambda game, iterate: regularised_exploitability(
            game, iterate.policy, learner.temperature
        ),
    }
    parts = (
        setting.title,
        job.kind,
        learner.mode,
        learner.num_players,
        learner.td_steps,
        job.seeds,
    )
    done = run(
        learner, setting.game, range(FIRST_SEED, FIRST_SEED + job.seeds), metrics=metrics,
        every=learner.iterations, out=out / "_".join(map(str, parts)).replace(" ", "_"),
        progress=False,
    )  # fmt: skip
    return Result(setting, job, *(done.metrics[name][-1] for name in metrics))


def slope(x: Array, samples: list[Array]) -> Slope:
    """Fit a power of x to the means of samples, by weighted least squares of the logarithms."""
    mean = np.array([part.mean() for part in samples])
    relative = np.array([standard_error(part) for part in samples]) / mean
    return fit(x, mean, relative, relative**-2.0)
