"""Copies of a PettingZoo environment, stepped through its dicts: the path of last resort."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from gymnasium.spaces import Space
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate
from pettingzoo import ParallelEnv

from mfg_envs.game import Array


class Played(NamedTuple):
    """What a step of every copy gives.

    Attributes:
        seen: What every agent sees, a dict a copy.
        reward: float64 (B, N).
        terminated: Whether an agent's episode ended by the rules, bool (B, N).
        truncated: Whether it was cut, bool (B, N).
    """

    seen: list[dict[str, Any]]
    reward: Array
    terminated: Array
    truncated: Array


class DictCopies:
    """Step B copies of an environment; ``restart`` those that all agents have left.

    An agent that leaves before the others sees zeros and earns nothing from then on; its actions
    are ignored, and when its copy ends, it is cut with the others.

    Attributes:
        envs: The environment and its deep copies.
        agents: Names of all agents, N.
        t: Steps since the episode of each copy began, (B,).
    """

    def __init__(self, env: Any, copies: int) -> None:
        self.envs = [env, *(copy.deepcopy(env) for _ in range(copies - 1))]
        self.agents = list(env.possible_agents)
        self.t = np.zeros(copies, int)
        self._seen: list[dict[str, Any]] = []
        self._nothing = {agent: zeros(env.observation_space(agent)) for agent in self.agents}

    def reset(self, seed: int | None = None) -> list[dict[str, Any]]:
        """Start an episode of every copy; with a seed, copy b has the seed ``seed + b``."""
        self.t[:] = 0
        self._seen = [
            self._complete(env.reset(seed=None if seed is None else seed + b)[0])
            for b, env in enumerate(self.envs)
        ]
        return self._seen

    def advance(self, actions: Sequence[Sequence[Any]]) -> Played:
        """Play ``actions[b][i]`` for agent i of copy b."""
        index = {agent: i for i, agent in enumerate(self.agents)}
        reward = np.zeros((len(self.envs), len(index)))
        terminated, truncated = np.zeros(reward.shape, bool), np.zeros(reward.shape, bool)
        self._seen = []
        for b, (env, chosen) in enumerate(zip(self.envs, actions, strict=True)):
            seen, *given, _ = env.step({agent: chosen[index[agent]] for agent in env.agents})
            for row, values in zip((reward[b], terminated[b], truncated[b]), given, strict=True):
                for agent, value in values.items():
                    row[index[agent]] = value
            self._seen.append(self._complete(seen))
            if not env.agents:
                truncated[b] |= ~terminated[b]
        self.t += 1
        return Played(self._seen, reward, terminated, truncated)

    def restart(self) -> list[dict[str, Any]] | None:
        """Restart the copies that are over; return what all agents see, None if none was over."""
        over = [b for b, env in enumerate(self.envs) if not env.agents]
        if not over:
            return None
        self._seen = list(self._seen)
        for b in over:
            self._seen[b], self.t[b] = self._complete(self.envs[b].reset()[0]), 0
        return self._seen

    def close(self) -> None:
        """Close every copy."""
        for env in self.envs:
            env.close()

    def _complete(self, seen: dict[str, Any]) -> dict[str, Any]:
        return {**self._nothing, **seen}


def check_parallel(env: Any) -> None:
    """Refuse what is no PettingZoo ``ParallelEnv``, with a TypeError."""
    if not isinstance(env, ParallelEnv):
        raise TypeError(
            f"env must be a PettingZoo ParallelEnv, got {type(env).__name__}: an AEC environment"
            " becomes one by pettingzoo.utils.conversions.aec_to_parallel"
        )


def kinds(env: Any) -> dict[str, tuple[Any, Any]]:
    """Return the different pairs of spaces, each under the name of the first agent that has it."""
    found: dict[str, tuple[Any, Any]] = {}
    for agent in env.possible_agents:
        pair = env.observation_space(agent), env.action_space(agent)
        if not any(pair == other for other in found.values()):
            found[agent] = pair
    if not found:
        raise ValueError("the environment has no possible_agents")
    return found


def group_of(agent: Any) -> Any:
    """Return the group of an agent: its name without the number; other names are their own."""
    return agent.rsplit("_", 1)[0] if isinstance(agent, str) else agent


def stack(space: Any, rows: Sequence[Any]) -> Any:
    """Return observations of one space as arrays with a leading axis."""
    return concatenate(space, rows, create_empty_array(space, len(rows)))


def taken(seen: Any, rows: Any) -> Any:
    """Return some rows of stacked observations."""
    if isinstance(seen, dict):
        return {key: taken(part, rows) for key, part in seen.items()}
    if isinstance(seen, tuple):
        return tuple(taken(part, rows) for part in seen)
    return seen[rows]


def zeros(space: Space[Any]) -> Any:
    """Return the observation of an agent that is gone."""
    return next(iter(iterate(batch_space(space, 1), create_empty_array(space, 1))))
