"""What ``mfg-envs bench`` measures: a builder per row, so that one row can be run alone."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.environments.population import PopulationEnv
from mfg_envs.game import Array
from mfg_envs.games.ring_road import RingRoad
from mfg_envs.numerics import compiler, random
from mfg_envs.simulate import finite_kernels
from mfg_envs.simulate.batch import BatchEnv

from . import ring_rivals
from .continuous_rows import continuous_rows
from .exact_rows import exact_rows
from .pma_rows import pma_rows
from .team_rows import team_rows
from .wrapper_rows import wrapper_rows

ENDLESS = 10**9


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        work: What is done.
        target: Nanoseconds a unit (seconds if the row is a start) the design asks for; or how
            many times as fast as the rival, where ``times`` is set.
        units: Units of work a call.
        ours: Does the work; the time of a start is what it returns.
        rival: Does the same in NumPy, or None.
        start: Whether this is the start of a process, measured by the process itself.
        times: Whether the target is a ratio.
    """

    work: str
    target: float
    units: int
    ours: Callable[[], Any]
    rival: Callable[[], Any] | None = None
    start: bool = False
    times: bool = False


def rows() -> dict[str, Callable[[], Row]]:
    """Return the builders of all rows, by name."""
    out: dict[str, Callable[[], Row]] = {}
    steps = ((1, 100_000, 1.0), (1, 1000, 2.5), (1, 100, 15.0), (1000, 100, 2.0))
    for B, N, target in steps:
        size = f"{B}x{N}" if B > 1 else str(N)
        out[f"step-{size}"] = partial(_step, B, N, target)
        out[f"kernel-{size}"] = partial(_kernel, B, N, target)
    out["rollout-100000"] = _rollout
    for N in (1000, 10_000):
        out[f"dicts-{N}"] = partial(_dicts, N)
    learners = {**team_rows(Row), **pma_rows(Row), **qmi_rows()}
    more = {**continuous_rows(Row), **learners, **wrapper_rows(Row), **start_rows()}
    return {**out, **exact_rows(Row), **more}


def _road(**parameters: Any) -> RingRoad:
    return RingRoad(num_cells=100, num_speeds=10, **parameters)


def _population(B: int, N: int) -> tuple[BatchEnv, ring_rivals.NumpyRing, Array, Array]:
    """Return both sides and the same actions for both, in the type each likes best."""
    env = BatchEnv(_road(), B, N, seed=0)
    env.reset()
    a = np.random.default_rng(0).integers(0, 10, (B, N))
    return env, ring_rivals.NumpyRing(_road(), B, N), a.astype(np.int32), a


def _size(B: int, N: int) -> str:
    return f"{B} x {N}" if B > 1 else f"N = {N}"


def _step(B: int, N: int, target: float) -> Row:
    env, ring, a, wide = _population(B, N)
    work = f"player-step, {_size(B, N)}, BatchEnv.step"
    return Row(work, target, B * N, lambda: env.step(a), lambda: ring.step(wide))


def _kernel(B: int, N: int, target: float) -> Row:
    env, ring, a, wide = _population(B, N)
    loop = finite_kernels.simulator(RingRoad).step
    x, m, keys = env.state, env.mean_field, random.seed_key(0, np.arange(B))
    after = (np.empty_like(x), np.empty(x.shape), np.empty_like(m))
    arguments = (*finite_kernels.arguments(env.game), 0, x, a, m, keys, *after)
    bound = compiler.bind(loop, arguments)
    work = f"player-step, {_size(B, N)}, compiled loop alone"
    return Row(work, target, B * N, lambda: bound(*arguments), lambda: ring.step(wide))


def _rollout() -> Row:
    N, T = 100_000, 10
    env, ring, *_ = _population(1, N)
    policy = np.random.default_rng(0).dirichlet(np.ones(10), 100)
    ours, rival = partial(env.rollout, policy, T), partial(ring.rollout, policy, T)
    return Row(f"player-step, N = {N}, rollout of a policy", 2.5, N * T, ours, rival)


def _dicts(N: int) -> Row:
    env, naive = PopulationEnv(_road(), N, max_cycles=ENDLESS), ring_rivals.NaiveDicts(_road(), N)
    env.reset(seed=0)
    a = np.random.default_rng(0).integers(0, 10, N).tolist()
    actions = dict(zip(env.possible_agents, a, strict=True))
    work = f"agent-step, N = {N}, PettingZoo dicts (rival: naive)"
    return Row(work, 200.0, N, lambda: env.step(actions), lambda: naive.step(actions))


def qmi_rows() -> dict[str, Callable[[], Row]]:
    """Return the rows of QM iteration."""

    def row(seeds: int, target: float) -> Row:
        from ...single_path.qm_iteration import QMIteration

        T = 2000
        others = [ring_rivals.NumpyQMI(_road(), T) for _ in range(seeds)]
        learner = QMIteration(iterations=ENDLESS, inner_steps=T)
        iterates = learner.learn(_road(), seed=range(seeds) if seeds > 1 else 0)
        work = f"transition, QM iteration, seeds side by side: {seeds}"
        return Row(
            work, target, T * seeds, lambda: next(iterates), lambda: [other() for other in others]
        )

    return {"qmi-1": partial(row, 1, 10.0), "qmi-8": partial(row, 8, 6.0)}


IMPORT = "import mfg_envs"
FIRST_STEP = f"""
{IMPORT}
import numpy, time
begun = time.process_time()
env = mfg_envs.BatchEnv(mfg_envs.make_game("ring_road"), 1, 100, seed=0)
env.reset()
env.step(numpy.zeros((1, 100), int))
"""


def start_rows() -> dict[str, Callable[[], Row]]:
    """Return the rows of starting: seconds of CPU time in a process of its own."""

    def cold() -> float:
        with tempfile.TemporaryDirectory() as folder:
            return _child(FIRST_STEP, NUMBA_CACHE_DIR=folder)

    def row(work: str, target: float, ours: Callable[[], float]) -> Row:
        return Row(work, target, 1, ours, start=True)

    cached = partial(_child, FIRST_STEP)
    return {
        "import": partial(row, "import mfg_envs (s)", 0.17, partial(_child, IMPORT)),
        "first-cached": partial(row, "first step, kernels on disk (s)", 0.4, cached),
        "first-cold": partial(row, "first step, kernels compiled (s)", 0.7, cold),
    }


def _child(code: str, **environment: str) -> float:
    """Return the CPU seconds of code in a fresh interpreter, from ``begun`` on if it is set."""
    timed = f"{code}\nimport time\nprint(time.process_time() - globals().get('begun', 0.0))"
    done = subprocess.run(
        [sys.executable, "-c", timed],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)
