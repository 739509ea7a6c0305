"""What ``mfg-envs bench`` measures of the wrappers: the array path beside SuperSuit's.

Both sides play the same environment.  Rows are left out where SuperSuit or Stable-Baselines3 is
not installed.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from mfg_envs import ring_road_v0

STEPS = 50
"""Of a rollout."""


def wrapper_rows(row: Callable[..., Any]) -> dict[str, Callable[[], Any]]:
    """Return the builders of the rows, by name.

    Args:
        row: The type of a row.
    """
    needed = ("supersuit", "stable_baselines3")
    if any(importlib.util.find_spec(name) is None for name in needed):
        return {}
    out: dict[str, Callable[[], Any]] = {}
    for N in (100, 1000):
        out[f"sb3-step-{N}"] = partial(_step, row, N)
        out[f"sb3-rollout-{N}"] = partial(_rollout, row, N)
    out["batched-ppo-100"] = partial(_batched, row)
    return out


def _environment(N: int) -> Any:
    return ring_road_v0.parallel_env(num_agents=N)


def _both(N: int) -> tuple[Any, Any]:
    """Return our VecEnv and SuperSuit's."""
    import supersuit

    from wrappers import SharedPolicyVecEnv

    venv = supersuit.pettingzoo_env_to_vec_env_v1(_environment(N))
    venv = supersuit.concat_vec_envs_v1(venv, 1, num_cpus=0, base_class="stable_baselines3")
    return SharedPolicyVecEnv(_environment(N)), venv


def _step(row: Callable[..., Any], N: int) -> Any:
    ours, rival = _both(N)
    a = np.random.default_rng(0).integers(0, ours.action_space.n, N)
    for venv in (ours, rival):
        venv.reset()
    work = f"player-step, N = {N}, SB3 VecEnv (rival: SuperSuit)"
    return row(work, 100.0, N, lambda: ours.step(a), lambda: rival.step(a), times=True)


def _rollout(row: Callable[..., Any], N: int) -> Any:
    from wrappers import BatchedBootstrap

    ours, rival = _both(N)
    collect = _collector(ours, N, BatchedBootstrap()), _collector(rival, N, None)
    work = f"player-step, N = {N}, rollout of SB3's PPO (rival: SuperSuit)"
    return row(work, 1.5, N * STEPS, *collect, times=True)


def _collector(venv: Any, N: int, callback: Any) -> Callable[[], Any]:
    """Return a function that collects one rollout of an unmodified PPO, on one thread."""
    import torch
    from stable_baselines3 import PPO

    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a minibatch may be short: nothing is learned here
        model: Any = PPO("MlpPolicy", venv, n_steps=STEPS, device="cpu")
    _, watched = model._setup_learn(10**9, callback)
    return lambda: model.collect_rollouts(model.env, watched, model.rollout_buffer, STEPS)


def _batched(row: Callable[..., Any]) -> Any:
    """Return the row of 100 players who learn, each for itself."""
    import torch
    from stable_baselines3 import PPO

    from ...independent.batched_ppo import BatchedIndependentPPO
    from ...independent.independent_sb3 import IndependentLearners

    torch.set_num_threads(1)
    N, B, T = 100, 4, 64
    learner = BatchedIndependentPPO(iterations=10**9, copies=B, num_steps=T)
    iterates = learner.learn(_environment(N))
    settings = {"n_steps": T, "batch_size": B * T // 4, "n_epochs": 4, "device": "cpu"}

    def model(env: Any) -> Any:
        return PPO("MlpPolicy", env, **settings)

    each = IndependentLearners(_environment(N), {"vehicle": model}, copies=B)
    work = f"player-step learned from, N = {N}, batched PPO (rival: one SB3 PPO a player)"
    ours, rival = lambda: next(iterates), lambda: each.learn(B * T)
    return row(work, 10.0, N * B * T, ours, rival, times=True)
