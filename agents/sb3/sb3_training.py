"""The half of ``IndependentSB3`` that needs Stable-Baselines3: its models and their steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from mfg_envs.game import Array
from wrappers.relay_vec_env import RelayVecEnv

from ..independent import arrays
from ..independent.independent_sb3 import IndependentLearners
from ..runs.iterate import Iterate
from .algorithms import checked_class
from .model_arrays import policy_row, restore, set_policy, snapshot

BUFFER = 1_000_000
"""Transitions that a model keeps for replay where nothing else is said, as Stable-Baselines3."""


class Training:
    """All models of a run, and the steps they take.

    Args:
        learner: An ``IndependentSB3``.
        env: A PettingZoo ``ParallelEnv``.
        seed: Of everything.

    Raises:
        ValueError: If a parameter is not one of the algorithm's, or it cannot learn there.
    """

    def __init__(self, learner: Any, env: Any, seed: int) -> None:
        self.learner = learner
        names = list(getattr(env, "possible_agents", []))
        factories = dict.fromkeys(names, lambda given: made(learner, given))
        self.team = IndependentLearners(env, factories, copies=learner.copies, seed=seed)

    @property
    def models(self) -> list[BaseAlgorithm]:
        """Those of all players, in their order."""
        return list(self.team.models.values())

    def improved(self, last: Iterate) -> Iterate:
        """Let all models learn for an iteration."""
        k, learner = last.iteration + 1, self.learner
        goal = -(-k * learner.total_timesteps // learner.iterations)
        left = goal - min(model.num_timesteps for model in self.models)
        if left <= 0:  # whole rollouts were longer than an iteration
            return last._replace(iteration=k)
        counts = {name: _Earning(learner.total_timesteps) for name in self.team.models}
        self.team.learn(left, callback=counts.get, reset_num_timesteps=False)
        return self.iterate(k, np.array([count.mean for count in counts.values()]))

    def iterate(self, k: int, earned: Array | None = None) -> Iterate:
        """Return what the models are now, after iteration k."""
        rows = [policy_row(model) for model in self.models]
        policy = np.zeros((len(rows), max(map(len, rows))), np.float32)
        for padded, row in zip(policy, rows, strict=True):
            padded[: len(row)] = row
        memory = {
            f"{i}/{key}": part
            for i, (name, model) in enumerate(self.team.models.items())
            for key, part in snapshot(name, model).items()
        }
        memory |= {
            f"randomness/{key}": np.array(part)
            for key, part in arrays.numbers(self.team._randomness.state).items()
        }
        memory["calls"] = np.array(self.team._calls)
        samples = sum(model.num_timesteps for model in self.models)
        q = np.zeros(len(rows)) if earned is None else earned
        return Iterate(k, samples, policy, np.empty(0), q, memory)

    def restore(self, start: Iterate) -> None:
        """Put all models where an iterate was.

        Raises:
            ValueError: If it is of other players, or of other models.
        """
        parts: dict[str, dict[str, Array]] = {}
        for key, part in start.memory.items():
            where, _, name = key.partition("/")
            parts.setdefault(where, {})[name] = part
        wanted = {*map(str, range(len(self.models))), "randomness", "calls"}
        if parts.keys() != wanted:
            raise ValueError(
                f"start is of {len(start.policy)} players, there are {len(self.models)}: go on"
                " with those that made it"
            )
        for i, model in enumerate(self.models):
            restore(model, parts[str(i)])
        self.team._calls = int(start.memory["calls"])
        self.team._randomness.state = arrays.states(parts["randomness"])


class _Earning(BaseCallback):
    """Counts what a model earns, and tells its schedules how long the whole run is."""

    def __init__(self, total_timesteps: int) -> None:
        super().__init__()
        self.total_timesteps, self.earned, self.steps = total_timesteps, 0.0, 0

    @property
    def mean(self) -> float:
        """Mean reward of a step."""
        return self.earned / max(self.steps, 1)

    def _on_training_start(self) -> None:
        self.model._total_timesteps = self.total_timesteps

    def _on_step(self) -> bool:
        self.earned += float(np.mean(self.locals["rewards"]))
        self.steps += 1
        return True


def made(learner: Any, env: VecEnv) -> BaseAlgorithm:
    """Return a new model for an environment.

    Raises:
        ValueError: If a parameter is not one of the algorithm's, or it cannot learn there.
    """
    given = learner.parameters
    cls = checked_class(learner.algorithm, env.action_space, given)
    if issubclass(cls, OffPolicyAlgorithm):
        given.setdefault("buffer_size", min(BUFFER, 2 * learner.total_timesteps))
    if learner.net_arch is not None:
        given["policy_kwargs"] = {"net_arch": list(learner.net_arch)}
    try:
        return cls("MlpPolicy", env, device="cpu", **given)
    except AssertionError as error:  # parameters that do not fit each other
        raise ValueError(f"{learner.algorithm}: {error}") from error


def model(learner: Any, env: Any, policies: Array, name: str) -> BaseAlgorithm:
    """Return the model of one player with its policy's weights, of (N, P)."""
    spaces = env.observation_space(name), env.action_space(name)
    one = made(learner, RelayVecEnv(1, *spaces))
    set_policy(one, policies[list(env.possible_agents).index(name)])
    return one
