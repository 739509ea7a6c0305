"""Trained policies at work: how fast trajectories are drawn, and N players beside the flow."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.environments.population import PopulationEnv
from mfg_envs.game import Array, ContinuousGame
from mfg_envs.numerics.estimates import standard_error
from mfg_envs.simulate.batch import BatchEnv

from ....deep_play.deda_fp import DedaFP
from ....deep_play.deep_fictitious_play import SimpleFictitiousPlay
from ....runs.iterate import Iterate
from ..power_law import Slope, fit

TIMES = (3, 6, 9, 12)
MASSES = (0.25, 0.07, 0.03, 0.012)
"""Share of the players in the square of the start at ``TIMES``, from the paper's figure."""
BAND = 0.25
"""How exactly the figure can be read, as a share."""


class Sampling(NamedTuple):
    """Seconds for drawing trajectories.

    Attributes:
        name: Who draws.
        seconds: On one core.
        published: By the paper, or None.
    """

    name: str
    seconds: float
    published: float | None


def sampling(
    game: ContinuousGame,
    trained: dict[str, tuple[SimpleFictitiousPlay, Iterate]],
    num: int,
) -> list[Sampling]:
    """Time ``num`` trajectories of 20 steps of every algorithm, and of one player at a time."""
    published = {"Algo 1": 16.76, "Algo 2": 15.14, "DEDA-FP": 1.52}
    rows = []
    for name, (learner, last) in trained.items():
        learner.sample(game, last, 10)  # compiles what is compiled
        seconds = _seconds(lambda a=learner, b=last: a.sample(game, b, num))
        rows.append(Sampling(f"{name}, all at once", seconds, published[name]))
    learner, last = trained["DEDA-FP"]
    env, policy = BatchEnv(game, 1, 1, 0), learner.policy(game, last)
    seconds = _seconds(lambda: [_one_by_one(env, policy) for _ in range(num)])
    return [*rows, Sampling("average policy, one player at a time", seconds, None)]


def _seconds(work: Callable[[], Any]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _one_by_one(env: BatchEnv, policy: Any) -> None:
    env.reset()
    for t in range(env.game.horizon or 1):
        env.step(policy(t, env.state))


def start_masses(states: Array) -> Array:
    """Return the share of four-rooms players (T, M, 2) in the square of the start at ``TIMES``."""
    x = states[list(TIMES)]
    return ((x[..., 0] < 0.025) & (x[..., 1] > 0.475)).mean(-1)


class Convergence(NamedTuple):
    """Distances of N players' mean fields from a flow.

    Attributes:
        sizes: N, (K,).
        to_law: From the law of the policy's players, mean over populations, (K,).
        errors: Its standard error, (K,).
        to_flow: From the mean fields of the learned flow, (K,).
        gap: Of the learned flow from the law.
        slope: Of the first, as a power of N.
    """

    sizes: Array
    to_law: Array
    errors: Array
    to_flow: Array
    gap: float
    slope: Slope


def convergence(
    game: ContinuousGame,
    learner: DedaFP,
    last: Iterate,
    sizes: Sequence[int],
    populations: int = 20,
    law_players: int = 1_000_000,
) -> Convergence:
    """Let N real players follow the average policy in the PettingZoo environment.

    Args:
        game: The game.
        learner: Who learned.
        last: What was learned: policy and flow.
        sizes: N, from small to large.
        populations: Of every size (a tenth of it above 1000 players).
        law_players: Players whose mean fields stand for the law.
    """
    env = BatchEnv(game, 1, law_players, 10**6)
    env.reset()
    law = env.rollout(learner.policy(game, last, seed=10**6), len(last.mean_field)).mean_field[:, 0]
    to_law, errors, to_flow = [], [], []
    for N in sizes:
        num = max(2, populations if N <= 1000 else populations // 10)
        met = [_played(game, learner, last, N, seed) for seed in range(num)]
        each = np.array([_apart(game, m, law) for m in met])
        to_law.append(each.mean())
        errors.append(standard_error(each))
        to_flow.append(np.mean([_apart(game, m, last.mean_field) for m in met]))
    y, error = np.array(to_law), np.array(errors)
    slope = fit(np.array(sizes, float), y, error / y, (y / error) ** 2)
    gap = _apart(game, law, last.mean_field)
    return Convergence(np.array(sizes), y, error, np.array(to_flow), gap, slope)


def _played(game: ContinuousGame, learner: DedaFP, last: Iterate, N: int, seed: int) -> Array:
    """Return the mean fields that N players meet, through the dict API."""
    env, policy = PopulationEnv(game, N, observe=("point",)), learner.policy(game, last, seed)
    seen, _ = env.reset(seed=seed)
    rows = []
    for t in range(len(last.mean_field)):
        rows.append(env.mean_field.copy())
        actions = policy(t, np.array([seen[agent] for agent in env.agents])[None])[0]
        seen, *_ = env.step(dict(zip(env.agents, actions, strict=True)))
    return np.array(rows)


def _apart(game: ContinuousGame, m: Array, other: Array) -> float:
    """Return the mean over time of the L1 distance of densities, or of means."""
    gap = np.abs(m - other).reshape(len(m), -1).sum(-1)
    if game.mean_field_kind == "density":
        gap *= np.prod([(axis.high - axis.low) / axis.bins for axis in game.axes])
    return float(gap.mean())
