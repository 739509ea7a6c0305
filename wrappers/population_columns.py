"""A population agent by agent: one column each, for agents that learn by themselves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from gymnasium.vector.utils import batch_space, iterate

from mfg_envs.game import Array, as_int, check_choice, check_range

from .dict_copies import DictCopies, Options, kinds, stack
from .population_arrays import as_arrays


class Columns(NamedTuple):
    """What a step gives, a column an agent.

    Attributes:
        observation: Of every agent in turn, (B, ...); of the next episode where one has ended.
        reward: float64 (B, N).
        terminated: Whether an agent's episode ended by the rules, bool (B, N).
        truncated: Whether it was cut, bool (B, N).
        final: Last observations of the episodes that ended, as ``observation``; None if none did.
        infos: Of every agent in turn, B dicts each; None: there are none, whatever happens.
    """

    observation: list[Any]
    reward: Array
    terminated: Array
    truncated: Array
    final: list[Any] | None
    infos: list[list[dict[str, Any]]] | None = None


class PopulationColumns(ABC):
    """B copies of an environment with N agents, which may differ in what they see and do.

    Where agents leave before the others, their entries go on, and what they hold never happened:
    ``acting`` says whose are real, as in ``as_arrays``.

    Attributes:
        copies: Number of copies, B.
        agents: Names of the agents, N.
        observation_spaces: Of every agent.
        action_spaces: Of every agent.
        observed_parts: Parts of what an agent sees, see ``Observer``; None: the environment is not
            ours.
    """

    def __init__(self, env: Any, copies: int) -> None:
        self.observed_parts: tuple[str, ...] | None = getattr(env, "observed_parts", None)
        self.copies = as_int("copies", copies)
        check_range("copies", self.copies, 1)
        self.agents = list(env.possible_agents)
        self.observation_spaces = [env.observation_space(agent) for agent in self.agents]
        self.action_spaces = [env.action_space(agent) for agent in self.agents]

    @property
    @abstractmethod
    def acting(self) -> Array:
        """Whose action is played in the next step, bool (B, N): all but those who have left."""

    @property
    @abstractmethod
    def infos(self) -> list[list[dict[str, Any]]] | None:
        """What came with the present observations, as in ``Columns``."""

    @abstractmethod
    def reset(self, seed: int | None = None, options: Options = None) -> list[Any]:
        """Start an episode of every copy, see ``PopulationArrays.reset``."""

    @abstractmethod
    def step(self, actions: Sequence[Any]) -> Columns:
        """Play the actions of every agent in turn, (B, ...) each."""

    @abstractmethod
    def close(self) -> None:
        """Close every copy."""


class RowColumns(PopulationColumns):
    """Agents of one kind: the columns of ``as_arrays``."""

    def __init__(self, env: Any, copies: int, leavers: str) -> None:
        super().__init__(env, copies)
        self._arrays = as_arrays(env, copies, leavers)

    @property
    def acting(self) -> Array:
        return self._arrays.acting.reshape(self.copies, -1)

    @property
    def infos(self) -> list[list[dict[str, Any]]] | None:
        return self._each(self._arrays.infos)

    def reset(self, seed: int | None = None, options: Options = None) -> list[Any]:
        return self._split(self._arrays.reset(seed, options))

    def step(self, actions: Sequence[Any]) -> Columns:
        stacked = np.stack(actions, 1)
        rows = self._arrays.step(stacked.reshape(-1, *stacked.shape[2:]))
        reward, terminated, truncated = (flag.reshape(self.copies, -1) for flag in rows[1:4])
        final = None if rows.final is None else self._split(rows.final)
        seen, infos = self._split(rows.observation), self._each(rows.infos)
        return Columns(seen, reward, terminated, truncated, final, infos)

    def close(self) -> None:
        self._arrays.close()

    def _split(self, rows: Any) -> list[Any]:
        N = len(self.agents)
        if isinstance(rows, dict):
            return [{key: part[i::N] for key, part in rows.items()} for i in range(N)]
        return [rows[i::N] for i in range(N)]

    def _each(self, infos: Sequence[dict[str, Any]] | None) -> list[list[dict[str, Any]]] | None:
        N = len(self.agents)
        return None if infos is None else [list(infos[i::N]) for i in range(N)]


class DictColumns(PopulationColumns):
    """Agents of several kinds: stepped through the dicts of the environment."""

    def __init__(self, env: Any, copies: int, leavers: str) -> None:
        super().__init__(env, copies)
        self._dicts = DictCopies(env, copies, leavers)
        self._played: list[Any] = [batch_space(space, copies) for space in self.action_spaces]

    @property
    def acting(self) -> Array:
        return self._dicts.acting

    @property
    def infos(self) -> list[list[dict[str, Any]]]:
        return self._each(self._dicts.infos)

    def reset(self, seed: int | None = None, options: Options = None) -> list[Any]:
        return self._stack(self._dicts.reset(seed, options))

    def step(self, actions: Sequence[Any]) -> Columns:
        each = [list(iterate(s, a)) for s, a in zip(self._played, actions, strict=True)]
        played = self._dicts.advance([[one[b] for one in each] for b in range(self.copies)])
        first, last = self._dicts.restart(), self._stack(played.seen)
        seen, final = (last, None) if first is None else (self._stack(first), last)
        return Columns(seen, *played[1:4], final, self._each(played.infos))

    def close(self) -> None:
        self._dicts.close()

    def _stack(self, seen: list[dict[str, Any]]) -> list[Any]:
        pairs = zip(self.agents, self.observation_spaces, strict=True)
        return [stack(space, [one[agent] for one in seen]) for agent, space in pairs]

    def _each(self, infos: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
        return [list(column) for column in zip(*infos, strict=True)]


def as_columns(env: Any, copies: int = 1, leavers: str = "mask") -> PopulationColumns:
    """Return copies of an environment as a column an agent.

    Args:
        env: A PettingZoo ``ParallelEnv``; ours with agents of one kind are stepped as arrays.
        copies: Independent copies, B >= 1.
        leavers: Agents that leave before the others, see ``as_arrays``.
    """
    check_choice("leavers", leavers, ("mask", "refuse", "stay"))
    return (RowColumns if len(kinds(env)) == 1 else DictColumns)(env, copies, leavers)
