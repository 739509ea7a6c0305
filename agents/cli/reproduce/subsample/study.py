"""What learning from k of n locals costs, and what more locals bring.

Source: SUBSAMPLE-MFQ (arXiv 2412.00661).  Its theorem bounds the optimality gap by a multiple of
``sqrt((n - k + 1) / (n k))``.  The figure of the paper shows rewards of another task of its
authors: the tasks that the paper prints, and the one of the authors' public code
(``follow_the_leader``), do not give it.  Here the gap is measured on ``dispatcher``, and nothing
is compared with that figure.
"""

from __future__ import annotations

import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mfg_envs import make_game
from mfg_envs.exact import team_tables
from mfg_envs.game import Array, TeamGame
from mfg_envs.numerics import random
from mfg_envs.numerics.estimates import standard_error
from mfg_envs.simulate.team import TeamBatchEnv

from ....runs.atomic_files import write_npz
from ....runs.running import run
from ....subsample import multisets, value_iteration
from ....subsample.execution import SubsampledPolicy
from ....subsample.subsample_mfq import SubsampleMFQ
from ....subsample.surrogate import surrogate
from ....subsample.value import TeamPolicy, exact_team_value, initial_value, team_value

LATE = 8
"""From which k on a slope of its own is fitted."""


class Plan(NamedTuple):
    """How much is computed.

    Attributes:
        ks: Locals that the dispatcher looks at.
        teams: Locals and episodes of every team, (n, B).
        sweeps: Of value iteration for the dispatcher.
        followers: n of ``follow_the_leader``, whose k are 1..n.
    """

    ks: tuple[int, ...]
    teams: tuple[tuple[int, int], ...]
    sweeps: int
    followers: int


FULL = Plan((1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25), ((50, 4000), (1000, 1000)), 200, 14)
QUICK = Plan((1, 2, 4, 6), ((10, 200), (20, 200)), 60, 4)


class Line(NamedTuple):
    """A straight line through points on a log-log plot, by least squares.

    Attributes:
        slope: Its slope.
        error: Standard error of the slope, from the scatter about the line.
        factor: Value at 1.
    """

    slope: float
    error: float
    factor: float


class Gap(NamedTuple):
    """What dispatchers lose for a team of n.

    Attributes:
        num_locals: n.
        best: Value of the best dispatcher known, from which gaps are counted: with full
            information, or never leaving its zone.
        full: Value with full information.
        stays: Exact value of a dispatcher that never leaves its zone.
        chance: Value of random targets.
        gaps: What is lost with k samples, (K,).
        errors: Their standard errors, (K,).
        by_k: Line through the gaps against k.
        by_rate: Against ``n k / (n - k + 1)``, of which the theorem has the power -1/2.
        late: Against k from ``LATE`` on: where gaps fall faster than before, they are no power.
    """

    num_locals: int
    best: float
    full: float
    stays: float
    chance: float
    gaps: Array
    errors: Array
    by_k: Line
    by_rate: Line
    late: Line


class Study(NamedTuple):
    """Everything that ``mfg-envs reproduce subsample`` shows.

    Attributes:
        ks: Locals that the dispatcher looks at, (K,).
        gaps: For every n.
        seconds: CPU time of a sweep, exact and with 20 samples, (2, K).
        play: CPU time of a step per local, in ns, (teams, K).
        leader: Exact values of ``follow_the_leader`` for k = 1..n, (n,).
        exploration: Surrogate of ``constrained_exploration`` with k = 1: mean, largest value, and
            that of both agents at (1, 1).
    """

    ks: Array
    gaps: list[Gap]
    seconds: Array
    play: Array
    leader: Array
    exploration: tuple[float, float, float]


def study(plan: Plan, out: Path, progress: bool = True) -> Study:
    """Run everything; learners and values in ``out`` are not computed twice."""
    game, rows = make_game("dispatcher"), {}
    for k in plan.ks:
        learner = SubsampleMFQ(k=k, iterations=plan.sweeps)
        folder = out / f"dispatcher_{k}"
        rows[k] = run(learner, game, out=folder, every=10, progress=progress).last.policy
    gaps = [_gap(game, rows, n, B, out) for n, B in plan.teams]
    seconds = np.array([_sweep_seconds(game, k) for k in plan.ks]).T
    play = [[_play_seconds(game, rows[k], n) for k in plan.ks] for n, _ in plan.teams]
    leader = _leader(plan.followers, out, progress)
    return Study(np.array(plan.ks), gaps, seconds, np.array(play), leader, _exploration())


@dataclass(frozen=True, eq=False)
class FullInformation:
    """A dispatcher who sees everybody, and plays the row of the multiset nearest to their law."""

    game: TeamGame
    rows: Array

    def actions(self, batch: TeamBatchEnv) -> tuple[Array, Array]:
        """Return the actions of every team now."""
        S, k = self.game.num_local_states, self.rows.shape[-1] - 1
        wanted = batch.mean_field * k
        counts = np.floor(wanted + 1e-9).astype(np.int64)
        missing = k - counts.sum(-1, keepdims=True)  # to those whose share is cut most
        order = np.argsort(np.argsort(counts - wanted, -1, kind="stable"), -1)
        counts += order < missing
        seen = np.repeat(np.tile(np.arange(S), len(counts)), counts.ravel()).reshape(-1, k)
        number = multisets.rank(seen, S)
        return self.rows[batch.global_state, number, 0], np.zeros_like(batch.state)


@dataclass(frozen=True)
class NeverLeaves:
    """A dispatcher who stays in the zone where it is."""

    game: TeamGame

    def actions(self, batch: TeamBatchEnv) -> tuple[Array, Array]:
        """Return the actions of every team now."""
        return batch.global_state, np.zeros_like(batch.state)


@dataclass(frozen=True)
class RandomTargets:
    """A dispatcher who goes anywhere."""

    game: TeamGame

    def actions(self, batch: TeamBatchEnv) -> tuple[Array, Array]:
        """Return the actions of every team now."""
        z = random.counter_bits(random.subkey(batch.keys, random.ACTION, batch.t), 1)[:, 0]
        target = random.below(z, self.game.num_global_actions)
        return target.astype(np.int32), np.zeros_like(batch.state)


def _gap(game: TeamGame, rows: dict[int, Array], n: int, episodes: int, out: Path) -> Gap:
    """Compare dispatchers on the same episodes: what is common to all of them cancels."""
    ks = np.array(list(rows))
    policies: dict[str, TeamPolicy] = {
        "stays": NeverLeaves(game),
        "full": FullInformation(game, rows[ks[-1]]),
        "chance": RandomTargets(game),
        **{f"k = {k}": SubsampledPolicy(game, rows[k]) for k in rows},
    }
    returns = _returns(policies, n, episodes, out / f"values_{n}_{episodes}.npz")
    stays = _stays(game)
    full, chance = (stays + (returns[p] - returns["stays"]).mean() for p in ("full", "chance"))
    best = returns["full" if full > stays else "stays"]
    lost = np.array([best - returns[f"k = {k}"] for k in rows])
    gaps, errors = lost.mean(-1), standard_error(lost, -1)
    above = gaps > 2 * errors  # the floor is where a gap cannot be told from nothing
    by_rate = n * ks / (n - ks + 1)
    late = above & (ks >= LATE)
    lines = line(ks[above], gaps[above]), line(by_rate[above], gaps[above])
    lines = (*lines, line(ks[late], gaps[late]))
    return Gap(n, max(full, stays), full, stays, chance, gaps, errors, *lines)


def _stays(game: TeamGame) -> float:
    """Return the value of a dispatcher that never leaves its zone: that of one local."""
    tables, S = team_tables.tables(game), game.num_local_states
    values = [
        np.linalg.solve(
            np.eye(S) - game.discount * tables.local_law[:, x_g, 0],
            game.reward_global(x_g, x_g, None) + tables.local_reward[:, x_g, 0],
        )
        for x_g in range(S)
    ]
    return float(np.mean(values))


def line(x: Array, y: Array) -> Line:
    """Fit ``y = factor x^slope`` by least squares on the logarithms; NaN below three points."""
    if len(x) < 3:
        return Line(np.nan, np.nan, np.nan)
    u, v = np.log(x), np.log(y)
    spread = ((u - u.mean()) ** 2).sum()
    slope = ((u - u.mean()) * (v - v.mean())).sum() / spread
    rest = v - v.mean() - slope * (u - u.mean())
    error = np.sqrt((rest**2).sum() / (len(u) - 2) / spread)
    return Line(float(slope), float(error), float(np.exp(v.mean() - slope * u.mean())))


def _returns(
    policies: dict[str, TeamPolicy], n: int, episodes: int, path: Path
) -> dict[str, Array]:
    """Return the returns of every policy, kept in a file as they are found."""
    found: dict[str, Array] = {}
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        found = {}
    for name, policy in policies.items():
        if name not in found:
            found[name] = team_value(policy, n, num_envs=episodes).returns
            write_npz(path, found)
    return found


def _sweep_seconds(game: TeamGame, k: int) -> Sequence[float]:
    """Return the CPU time of a sweep, exact and with 20 samples."""
    team, times = surrogate(game, k, "state"), []
    v, key = np.zeros((game.num_global_states, team.num_states)), random.seed_key(0)
    for m in (0, 20):
        rates = value_iteration.Rates(m, game.discount, 1.0)
        value_iteration.sweep(team, v, None, key, rates)
        begun = time.process_time()
        repeats = 0
        while time.process_time() - begun < 0.02:
            value_iteration.sweep(team, v, None, key, rates)
            repeats += 1
        times.append((time.process_time() - begun) / repeats)
    return times


def _play_seconds(game: TeamGame, rows: Array, n: int) -> float:
    """Return the CPU time of a step of a team, a local, in ns."""
    policy, batch = SubsampledPolicy(game, rows), TeamBatchEnv(game, 100, n, seed=0)
    batch.reset()
    batch.step(*policy.actions(batch))
    begun = time.process_time()
    for _ in range(20):
        batch.step(*policy.actions(batch))
    return (time.process_time() - begun) / (20 * 100 * n) * 1e9


def _leader(n: int, out: Path, progress: bool) -> Array:
    """Return the exact values of n followers and their leader, learned from k = 1..n."""
    game, values = make_game("follow_the_leader"), []
    for k in range(1, n + 1):
        learner = SubsampleMFQ(k=k, iterations=200)
        result = run(learner, game, out=out / f"leader_{k}", every=10, progress=progress)
        policy = SubsampledPolicy(game, result.last.policy)
        values.append(initial_value(game, exact_team_value(policy, n), n))
    return np.array(values)


def _exploration() -> tuple[float, float, float]:
    """Return mean, largest and first value of the surrogate with one follower."""
    learner = SubsampleMFQ(k=1, iterations=300)
    result = run(learner, make_game("constrained_exploration"), every=300, progress=False)
    v = result.last.memory["value"]
    return float(v.mean()), float(v.max()), float(v[0, 0])
