"""Sweeps: a learner with every combination of parameters, every seed, on several processes.

A sweep lives in a folder with one folder a run, named after the run's configuration (see
``jobs``).  A run that is complete there is not done again; one that was stopped, however,
goes on from its checkpoint; two sweeps in one folder share the work.  Results do not depend on
the number of processes, on their order, or on what was interrupted::

    <hash>/      one run: checkpoint.npz, result.npz, result.json
    sweep.json   what was varied, the runs, final values, means and standard errors
    sweep.npz    learning curves of every configuration
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mfg_envs import exact
from mfg_envs.exact import policies
from mfg_envs.game import Array, FiniteGame, as_int, check_range
from mfg_envs.game.kinds import is_game
from mfg_envs.registry import make_game

from ..runs.atomic_files import as_folder
from ..runs.iterate import Iterate
from ..runs.learner import facts
from ..runs.running import Metric, value_exploitability
from .bars import Bars
from .grid import build, check_learner_class, combinations
from .in_environment import PLAYERS, ExploitabilityOfMixture, InEnvironment
from .jobs import Job, News, curve, finished
from .processes import cores, on_this_machine
from .scores import Configuration, Results, Scores, write


def greedy_exploitability(game: FiniteGame, iterate: Iterate) -> float:
    """Return the exact exploitability of the greedy policy of an iterate's values."""
    known = iterate.q.shape[-2] == game.num_states
    legal = game.legal_actions if known else policies.observed_legal(game)
    return exact.exploitability(game, policies.greedy(iterate.q, legal))


METRICS: dict[str, Metric] = {
    "exploitability": value_exploitability,
    "greedy_exploitability": greedy_exploitability,
}
"""Metrics by name; the smaller the better."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Run a learner on a game with every combination of parameters and every seed.

    ``Sweep(learner=SemiSGD, game="ring_road", grid={"alpha": [1e-3, 1e-2]}, seeds=range(5))``

    Attributes:
        learner: Class of a learner; with parameters for which nothing is random (see
            ``agents.runs.learner``) it gets the first seed only.
        game: A finite game, or the name of one.
        grid: Parameter of the learner -> values.
        game_grid: Parameter of the game -> values.
        seeds: Seeds of every combination.
        metrics: Name -> function of (game, iterate), the smaller the better; the first ranks the
            configurations.  Functions of modules, so that other processes can import them.
        every: Take metrics at every so many outer iterations, and at the last.
        num_agents: Players, for a learner that learns in an environment; exploitability is then
            that of the mixture of their policies.

    Raises:
        ValueError: If a name is unknown, or a value is wrong for its parameter.
        TypeError: If the learner is no class of learners, or the game is not finite.
    """

    learner: Any
    game: str | FiniteGame
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    game_grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    seeds: Sequence[int] = (0,)
    metrics: Mapping[str, Metric] = field(
        default_factory=lambda: {"exploitability": value_exploitability}
    )
    every: int = 1
    num_agents: int = PLAYERS

    def __post_init__(self) -> None:
        check_learner_class(self.learner)
        check_range("every", self.every, 1)
        check_range("num_agents", as_int("num_agents", self.num_agents), 1)
        for name, part in (("seeds", self.seeds), ("metrics", self.metrics)):
            if not part:
                raise ValueError(f"{name} must not be empty")
        _ = self._plan

    @property
    def configurations(self) -> list[Configuration]:
        """All combinations, in the order of the grids."""
        return self._plan[0]

    @property
    def jobs(self) -> dict[str, Job]:
        """All runs, by key."""
        return self._plan[1]

    @cached_property
    def _plan(self) -> tuple[list[Configuration], dict[str, Job]]:
        seeds = [as_int("a seed", seed) for seed in self.seeds]
        games = [(values, self._make_game(values)) for values in combinations(self.game_grid)]
        configurations, jobs = [], dict[str, Job]()
        for values in combinations(self.grid):
            learner: Any = build(self.learner, values)
            own_seeds = seeds if facts(learner).random else seeds[:1]
            varied = {n: getattr(learner, n) for n in values if len(self.grid[n]) > 1}
            metrics = dict(self.metrics)
            if not facts(learner).kinds:  # it plays through PettingZoo
                learner = InEnvironment(learner=learner, num_players=self.num_agents)
                metrics = {n: _of_players(n, one, learner) for n, one in metrics.items()}
            for own, game in games:
                others = {n: v for n, v in own.items() if len(self.game_grid[n]) > 1}
                shown = varied | {f"game.{n}" if n in values else n: v for n, v in others.items()}
                runs = [Job(learner, game, seed, metrics, self.every) for seed in own_seeds]
                keys = {job.seed: job.key for job in runs}
                one = Configuration(shown, learner, game, keys)
                if not jobs.keys().isdisjoint(keys.values()):
                    raise ValueError(f"the sweep has {one.label} twice")
                configurations.append(one)
                jobs |= zip(keys.values(), runs, strict=True)
        return configurations, jobs

    def _make_game(self, values: dict[str, Any]) -> FiniteGame:
        try:
            if isinstance(self.game, str):
                game = make_game(self.game, **values)
            else:
                game = replace(self.game, **values) if values else self.game
        except TypeError as error:  # a word where a number should be
            raise ValueError(str(error)) from error
        if not is_game(game, "finite"):
            raise TypeError(f"a sweep needs a finite game, got {game!r}")
        return game

    def run(
        self,
        out: str | Path,
        *,
        processes: int | None = None,
        ray: str | None = None,
        progress: bool = True,
    ) -> Results:
        """Do all runs that are not complete in a folder; write and return the results.

        Args:
            out: Folder of the sweep.
            processes: Processes of this machine; None: one a core.
            ray: Address of a Ray cluster that does the runs instead: "local" starts one on this
                machine, "auto" finds the one that is there, "ray://..." is elsewhere.
            progress: Show bars with the time left.

        Raises:
            ValueError: If ``processes`` is below 1, or both it and ``ray`` are given.
            KeyboardInterrupt: On Ctrl-C, after a checkpoint of every run.
        """
        if processes is not None:
            check_range("processes", processes, 1)
            if ray is not None:
                raise ValueError("give processes or ray: on a cluster Ray decides how many")
        out, failures, last = as_folder("out", out), dict[str, str](), dict[str, float]()
        left = {}
        for key, job in self.jobs.items():
            if finished(out / key):
                last[key] = self._curve(out, key)[1][-1]
            else:
                left[key] = job
        with Bars(self.labels, self.jobs, last, progress and bool(left)) as bars:
            bars.say_best(self._best(last))
            with self._workers(left, out, processes, ray) as news:
                try:
                    for item in news:
                        bars.hear(item)
                        if item.kind == "failed":
                            failures[item.key] = item.text
                        elif item.kind == "done":
                            last[item.key] = self._curve(out, item.key)[1][-1]
                            bars.say_best(self._best(last))
                except KeyboardInterrupt:
                    bars.say("Stopping: every run is being saved; Ctrl-C again does not wait.")
                    raise
        failures = {key: failures[key] for key in self.jobs if key in failures}
        results = self.results(out, failures)
        write(out, next(iter(self.metrics)), self.every, results)
        return results

    def results(self, out: str | Path, failures: Mapping[str, str] | None = None) -> Results:
        """Return the scores of the runs that are complete in a folder."""
        scores = []
        for number, configuration in enumerate(self.configurations):
            keys = configuration.runs
            seeds = [seed for seed, key in keys.items() if finished(Path(out) / key)]
            found = [self._curve(Path(out), keys[seed]) for seed in seeds]
            iterations = found[0][0] if found else np.empty(0, np.int64)
            curves = np.array([values for _, values in found])
            scores.append(Scores(number, configuration, seeds, iterations, curves))
        scores.sort(key=lambda one: (np.isnan(one.mean), one.mean))
        return Results(scores, dict(failures or {}))

    def _curve(self, out: Path, key: str) -> tuple[Array, Array]:
        return curve(out / key, next(iter(self.metrics)))

    def _best(self, last: Mapping[str, float]) -> str:
        """Return the best configuration so far in words, from final values by key."""
        best = (np.inf, "")
        for configuration in self.configurations:
            own = [last[key] for key in configuration.runs.values() if key in last]
            if own:
                best = min(best, (float(np.mean(own)), configuration.label))
        return f"best so far: {best[1]} ({best[0]:.3g})" if best[1] else ""

    @cached_property
    def labels(self) -> dict[str, str]:
        """What every run is called, by key."""
        several = len(self.configurations) > 1
        return {
            key: f"{c.label}, seed {seed}" if several else f"seed {seed}"
            for c in self.configurations
            for seed, key in c.runs.items()
        }

    def _workers(
        self, jobs: Mapping[str, Job], out: Path, processes: int | None, ray: str | None
    ) -> AbstractContextManager[Iterator[News]]:
        if ray is None or not jobs:
            return on_this_machine(jobs, out, processes or cores())
        from .ray_cluster import on_ray

        return on_ray(jobs, out, ray)


def _of_players(name: str, metric: Metric, learner: InEnvironment) -> Metric:
    """Return a metric of what players learn, each for itself.

    Raises:
        ValueError: If it is one of a table of values.
    """
    if metric is greedy_exploitability:
        raise ValueError(
            f"{name} needs a table of values, players of {type(learner.learner).__name__} have"
            " networks: choose exploitability"
        )
    return ExploitabilityOfMixture(learner) if metric is value_exploitability else metric
