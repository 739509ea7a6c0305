"""The published ring-road runs, and ours beside them.

Sources: QM iteration (arXiv 2405.03718, reward "additive", 10 seeds) and SemiSGD (arXiv
2408.08192, reward "min", 20 seeds).  The papers simulate positions (dynamics "position"); their
value exploitability is that of the greedy speeds on the cell kernel (dynamics "cell").
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mfg_envs import exact, make_game
from mfg_envs.exact import policies
from mfg_envs.game import Array, FiniteGame
from mfg_envs.games.ring_road import RingRoad
from mfg_envs.numerics.estimates import standard_error

from ....runs.iterate import Iterate, per_seed
from ....runs.learner import Learner
from ....runs.running import Run, run
from ....single_path import trajectory
from ....single_path.qm_iteration import QMIteration
from ....single_path.semi_sgd import SampledFixedPointIteration, SemiSGD
from ....solvers.fixed_point_iteration import FixedPointIteration
from .lax_friedrichs import LaxFriedrichsFPI

ADDITIVE_OPTIMUM = np.tile(
    [
        0.014635, 0.013498, 0.012627, 0.011995, 0.011581, 0.011372, 0.011367, 0.011582, 0.012059,
        0.012906, 0.014371, 0.016887, 0.020883, 0.026141, 0.031335, 0.034758, 0.035608, 0.034281,
        0.031670, 0.028554, 0.025423, 0.022535, 0.020003, 0.017854, 0.016075,
    ],
    2,
)  # fmt: skip
"""Stationary mean field of the additive version (Lax-Friedrichs scheme), (50,)."""

MIN_OPTIMUM = np.tile(
    [0.016617] * 12
    + [
        0.017655, 0.018990, 0.021809, 0.024277, 0.027417, 0.028550, 0.029910, 0.027417, 0.026459,
        0.022432, 0.020301, 0.018278, 0.017105,
    ],
    2,
)  # fmt: skip
"""Published stationary mean field of the min version, (50,)."""


class Curve(NamedTuple):
    """One quantity of one learner, published and measured at the same checkpoints.

    Attributes:
        learner: Name in the pictures.
        quantity: What is measured.
        checkpoints: Outer iterations (additive) or hundreds of samples / 5 (min), (C,).
        published: As printed or read off the figures (+-1 %), (C,).
        measured: Mean over the seeds, (C,).
        error: Its standard error, (C,).
        curve: Mean over the seeds at every iteration, (K,), from the first checkpoint on.
        bounds: Checkpoint -> largest relative deviation from the published value.
    """

    learner: str
    quantity: str
    checkpoints: Array
    published: Array
    measured: Array
    error: Array
    curve: Array
    bounds: dict[int, float]


class Value(NamedTuple):
    """Value exploitability on the cell kernel: of the greedy speeds, and of the policy itself."""

    version: str
    learner: str
    greedy: Array
    policy: Array


class Study(NamedTuple):
    """Everything that ``mfg-envs reproduce ring-road`` shows."""

    curves: list[Curve]
    values: list[Value]
    equilibrium: Iterate
    mean_fields: dict[str, Array]


def study(seeds: tuple[int, int], out: Path, progress: bool = True) -> Study:
    """Run everything with so many seeds (additive, min); runs in ``out`` go on if interrupted."""
    additive, fields = _additive(range(seeds[0]), out, progress)
    minimum, more = _minimum(range(seeds[1]), out, progress)
    game = make_game("ring_road", reward="min")
    solver = FixedPointIteration(iterations=600, step=2, decay=1)
    solved = run(solver, game, out=out / "equilibrium", every=600, progress=progress)
    at_best = solved.metrics["exploitability"][-1:]
    values = [_value("min", "exact equilibrium", at_best, game, [solved.last])]
    values += [_values(*entry) for entry in (*additive, *minimum)]
    curves = [curve for entry in (*additive, *minimum) for curve in entry[3]]
    return Study(curves, values, solved.last, {**fields, **more})


Entry = tuple[str, str, Run, list[Curve]]
Entries = tuple[list[Entry], dict[str, Array]]

ADDITIVE_AT = np.array([1, 2, 5, 10, 20, 30, 50])
ADDITIVE = {
    "FPI": (
        [0.425, 0.207, 0.108, 0.0644, 0.0338, 0.0222, 0.0191],
        [1.00, 0.445, 0.286, 0.166, 0.0931, 0.0688, 0.0407],
    ),
    "off-policy QMI": (
        [0.469, 0.136, 0.107, 0.0650, 0.0295, 0.0203, 0.0209],
        [15.3, 12.1, 0.376, 0.0410, 0.0316, 0.0295, 0.0348],
    ),
    "on-policy QMI": (
        [0.444, 0.137, 0.110, 0.0644, 0.0298, 0.0213, 0.0201],
        [15.3, 13.1, 1.48, 0.0402, 0.0346, 0.0272, 0.0372],
    ),
}
"""Published MSE and policy distance at ``ADDITIVE_AT``; the last policy distance is at 49."""


def additive_mse(game: FiniteGame, iterate: Iterate) -> float:
    """Return the paper's "MSE": a squared L1 distance with a circular shift of one cell."""
    return float(np.abs(np.roll(iterate.mean_field, -1) - ADDITIVE_OPTIMUM).sum() ** 2)


def policy_distance(game: RingRoad, iterate: Iterate) -> float:
    """Return the paper's "exploitability": squared distance of greedy to best-response speeds."""
    wanted = game.location + 0.5 - iterate.mean_field * game.slowdown
    speeds = game.speeds[iterate.q.argmax(-1)]
    return float(((wanted - speeds) ** 2).sum())


def _additive(seeds: Sequence[int], out: Path, progress: bool) -> Entries:
    game = make_game("ring_road", reward="additive", dynamics="position")
    metrics = {"mse": additive_mse, "policy_distance": policy_distance}
    learners: dict[str, tuple[Learner, int]] = {
        "FPI": (LaxFriedrichsFPI(), 1),
        "off-policy QMI": (QMIteration(variant="off"), 2),
        "on-policy QMI": (QMIteration(variant="on"), 1),
    }
    entries, fields = [], {}
    for name, (learner, stride) in learners.items():
        folder, own = out / name.replace(" ", "_"), name == "FPI"
        result = run(
            learner, game, seeds, metrics=metrics, every=stride, out=folder, progress=progress
        )
        first = _first(game, seeds, 0.0)
        rows = {
            key: np.vstack([[[metric(game, iterate) for iterate in first]], result.metrics[key]])
            for key, metric in metrics.items()
        }
        if own:  # it solves before it moves the crowd: its first distance is after one step
            rows["policy_distance"] = rows["policy_distance"][1:]
        mse, distance = ADDITIVE[name]
        bounds = {} if own else {10: 0.60, 50: 0.25}
        late = np.minimum(ADDITIVE_AT, 49)
        curves = [
            _curve(name, "additive MSE", ADDITIVE_AT, mse, rows["mse"], bounds),
            _curve(name, "additive policy distance", late, distance, rows["policy_distance"], {}),
        ]
        entries.append(("additive", name, result, curves))
        fields[name] = result.last.mean_field
    return entries, fields


MIN_AT = np.array([0, 5, 20, 50, 200])
MINIMUM: dict[str, tuple[list[float], Learner, dict[int, float]]] = {
    "SemiSGD": ([1.23e-2, 7.98e-4, 1.23e-4, 1.01e-4, 8.93e-5], SemiSGD(), {200: 0.25}),
    "sampled FPI": (
        [1.22e-2, 1.04e-2, 4.60e-3, 1.32e-3, 4.53e-4],
        SampledFixedPointIteration(variant="plain"),
        {},
    ),
    "FPI + ER": (
        [1.19e-2, 1.33e-3, 1.18e-3, 1.15e-3, 1.05e-3],
        SampledFixedPointIteration(variant="entropy"),
        {200: 0.15},
    ),
    "FPI + FP": (
        [1.22e-2, 6.43e-3, 2.94e-3, 1.88e-3, 1.15e-3],
        SampledFixedPointIteration(variant="fictitious_play"),
        {200: 0.15},
    ),
    "FPI + Q averaging": (
        [1.22e-2, 7.93e-3, 8.78e-4, 1.76e-4, 1.45e-4],
        SampledFixedPointIteration(variant="q_averaging"),
        {},
    ),
}
"""Published MSE at ``MIN_AT`` (checkpoints of 500 samples), and the learner that made it."""


def min_mse(game: FiniteGame, iterate: Iterate) -> float:
    """Return the paper's MSE: the squared L2 distance to the published mean field."""
    return float(((iterate.mean_field - MIN_OPTIMUM) ** 2).sum())


def _minimum(seeds: Sequence[int], out: Path, progress: bool) -> Entries:
    game = make_game("ring_road", reward="min", dynamics="position")
    entries, fields = [], {}
    for name, (published, learner, bounds) in MINIMUM.items():
        folder = out / name.replace(" ", "_")
        result = run(learner, game, seeds, metrics={"mse": min_mse}, out=folder, progress=progress)
        start = [[min_mse(game, iterate) for iterate in _first(game, seeds, 1e-6)]]
        rows = np.vstack([start, result.metrics["mse"]])
        curve = _curve(name, "min MSE", MIN_AT, published, rows, bounds)
        entries.append(("min", name, result, [curve]))
        fields[name] = result.last.mean_field
    return entries, fields


def _first(game: FiniteGame, seeds: Sequence[int], q_scale: float) -> list[Iterate]:
    """Return where the learners of these seeds start."""
    memory = trajectory.first_memory(game, trajectory.episode_keys(seeds), q_scale)
    pairs = zip(memory.q, memory.m, strict=True)
    return [Iterate(0, 0, np.empty(0), m, q, {}) for q, m in pairs]


def _curve(
    name: str,
    quantity: str,
    at: Array,
    published: Sequence[float],
    rows: Array,
    bounds: dict[int, float],
) -> Curve:
    """Sum up the seeds; ``rows`` (K, E) begins at the first checkpoint."""
    chosen = rows[at - at[0]]
    error = standard_error(chosen, -1)
    means = chosen.mean(-1), error, rows.mean(-1)
    return Curve(name, quantity, at, np.array(published), *means, bounds)


def _values(version: str, name: str, result: Run, _: list[Curve]) -> Value:
    game = make_game("ring_road", reward=version)
    each = per_seed(result.last)
    policy = np.array([exact.exploitability(game, iterate.policy) for iterate in each])
    return _value(version, name, policy, game, each)


def _value(version: str, name: str, policy: Array, game: FiniteGame, each: list[Iterate]) -> Value:
    rules = [policies.greedy(i.q, game.legal_actions, ties="first") for i in each]
    greedy = np.array([exact.exploitability(game, rule) for rule in rules])
    return Value(version, name, greedy, policy)
