"""Copies of a PettingZoo environment, stepped through its dicts: the path of last resort."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
from gymnasium.spaces import Space
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate

from mfg_envs.game import Array

from .check_parallel import check_parallel
from .random_streams import renew

Options = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
"""Options of a reset: the same for every copy, or a list of one a copy."""


class Played(NamedTuple):
    """What a step of every copy gives.

    Attributes:
        seen: What every agent sees, a dict a copy.
        reward: float64 (B, N).
        terminated: Whether an agent's episode ended by the rules, bool (B, N).
        truncated: Whether it was cut, bool (B, N).
        infos: Of every agent, a list of N a copy.
    """

    seen: list[dict[str, Any]]
    reward: Array
    terminated: Array
    truncated: Array
    infos: list[list[dict[str, Any]]]


class DictCopies:
    """Step B copies of an environment; ``restart`` those that all agents have left.

    The first is the environment itself, in the course of its own random stream; the others are
    deep copies, with streams of their own unless a seed says otherwise.

    An agent that is gone while others play on sees zeros and earns nothing, and its actions are
    ignored: none of this happened.  It may come back; that is another episode of it.

    Args:
        env: A PettingZoo ``ParallelEnv``.
        copies: Copies, B.
        leavers: What is made of agents that are gone before the others, see ``as_arrays``.

    Attributes:
        envs: The environment and its deep copies.
        agents: Names of all agents, N.
        t: Steps since the episode of each copy began, (B,).
        acting: Whether an agent acts in the next step, bool (B, N); nobody of a copy that is over.
        infos: What came with the present observations, a list of N a copy.
    """

    def __init__(self, env: Any, copies: int, leavers: str = "mask") -> None:
        check_parallel(env)
        self.envs = [env, *(_copied(env) for _ in range(copies - 1))]
        self.agents = list(env.possible_agents)
        self.t = np.zeros(copies, int)
        self.acting = np.zeros((copies, len(self.agents)), bool)
        self.infos: list[list[dict[str, Any]]] = [[] for _ in self.envs]
        self._leavers, self._apart = leavers, False
        self._ended = np.zeros(self.acting.shape, bool)  # those who stay: by the rules
        self._seen: list[dict[str, Any]] = []
        self._nothing = {agent: zeros(env.observation_space(agent)) for agent in self.agents}

    def reset(self, seed: int | None = None, options: Options = None) -> list[dict[str, Any]]:
        """Start an episode of every copy; with a seed, copy b has the seed ``seed + b``.

        Without any seed so far, the first copy goes on with its stream, and the others begin
        streams of their own.

        Raises:
            ValueError: If ``options`` is a list, but not of one a copy.
        """
        copies = len(self.envs)
        each = list(options) if isinstance(options, Sequence) else [options] * copies
        if len(each) != copies:
            raise ValueError(f"options must be one dict, or one a copy: {copies}, got {len(each)}")
        seeds: Sequence[int | None] = [None] * copies
        if seed is not None:
            seeds = range(seed, seed + copies)
        elif not self._apart:
            for env in self.envs[1:]:
                renew(env)
            drawn = secrets.randbits(31)
            seeds = [None, *range(drawn, drawn + copies - 1)]
        self._apart = True
        self._seen = [{}] * copies
        for b in range(copies):
            self._begin(b, seeds[b], each[b])
        return self._seen

    def advance(self, actions: Sequence[Sequence[Any]]) -> Played:
        """Play ``actions[b][i]`` for agent i of copy b; a copy that is over begins anew instead.

        Raises:
            ValueError: If an agent is gone before others and ``leavers`` is "refuse", or if the
                environment keeps an agent that has ended.
        """
        if not self._seen:
            raise RuntimeError("call reset() before the first step")
        reward = np.zeros(self.acting.shape)
        terminated, truncated = np.zeros(reward.shape, bool), np.zeros(reward.shape, bool)
        self._renew_lists()
        for b, (env, chosen) in enumerate(zip(self.envs, actions, strict=True)):
            if env.agents:
                self._play(b, chosen, reward[b], terminated[b], truncated[b])
            else:
                self._begin(b)
        return Played(self._seen, reward, terminated, truncated, self.infos)

    def restart(self) -> list[dict[str, Any]] | None:
        """Restart the copies that are over; return what all agents see, None if none was over."""
        over = [b for b, env in enumerate(self.envs) if not env.agents]
        if not over:
            return None
        self._renew_lists()
        for b in over:
            self._begin(b)
        return self._seen

    def close(self) -> None:
        """Close every copy."""
        for env in self.envs:
            env.close()

    def _renew_lists(self) -> None:
        """Leave to the caller what was handed out."""
        self._seen, self.infos = list(self._seen), list(self.infos)
        self.acting = self.acting.copy()

    def _begin(self, b: int, seed: int | None = None, options: Any = None) -> None:
        """Start an episode of copy b."""
        given = {"options": dict(options)} if options else {}
        seen, infos = self.envs[b].reset(seed=seed, **given)
        self.t[b], self._ended[b] = 0, False
        self._look(b, seen, infos)

    def _play(
        self, b: int, chosen: Sequence[Any], reward: Array, terminated: Array, truncated: Array
    ) -> None:
        """Play a step of copy b into its rows."""
        env, acted = self.envs[b], self.acting[b].copy()
        names = list(compress(self.agents, acted.tolist()))
        actions = dict(zip(names, compress(chosen, acted.tolist()), strict=True))
        seen, rewards, ends, cuts, infos = env.step(actions)
        self.t[b] += 1
        self._look(b, seen, infos)
        left, staying = ~self.acting[b, acted], self.acting[b].any()
        ended = np.array([ends.get(name, False) for name in names], bool)
        cut = np.array([cuts.get(name, False) for name in names], bool)
        if (kept := (ended | cut) & ~left).any():
            raise ValueError(
                f"{names[int(kept.argmax())]!r} ended at step {self.t[b]} of copy {b}, but"
                " env.agents keeps it: PettingZoo's agents leave when they end; let env.step"
                " remove it"
            )
        reward[acted] = [rewards.get(name, 0.0) for name in names]
        terminated[acted], truncated[acted] = ended, cut | (left & ~ended)
        if self._leavers == "stay":
            done = terminated | truncated
            self._ended[b, done] = terminated[done]
            terminated[:] = not staying and self._ended[b]
            truncated[:] = not staying and ~self._ended[b]

    def _look(self, b: int, seen: Mapping[str, Any], infos: Mapping[str, Any]) -> None:
        """Take down what copy b shows."""
        self._seen[b] = {**self._nothing, **seen}
        self.infos[b] = [infos.get(agent, {}) for agent in self.agents]
        self.acting[b] = True
        if self.envs[b].agents == self.agents:
            return  # the usual case
        there = set(self.envs[b].agents)
        self.acting[b] = [agent in there for agent in self.agents]
        if strange := there.difference(self._nothing):
            raise ValueError(f"possible_agents must name every agent, but {strange.pop()!r} plays")
        if self._leavers == "refuse" and there and len(there) < len(self.agents):
            gone = self.agents[int(self.acting[b].argmin())]
            raise ValueError(
                f"{gone!r} is gone at step {self.t[b]} of copy {b} while others play on, but every"
                " row of this view is trained on: let each agent learn for itself"
                " (agents.IndependentLearners waits for it), or, where the view has it, give"
                ' leavers="stay": it then sees zeros and earns nothing until its copy ends'
            )


def _copied(env: Any) -> Any:
    try:
        return copy.deepcopy(env)
    except Exception as error:
        raise TypeError(
            f"{type(env).__name__} cannot be copied ({error}): give copies=1"
        ) from error


def kinds(env: Any) -> dict[str, tuple[Any, Any]]:
    """Return the different pairs of spaces, each under the name of the first agent that has it."""
    check_parallel(env)
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
