"""A population group by group: ``(B, n, ...)`` for the n agents of a group, in B copies of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array

from .check_parallel import check_parallel
from .dict_copies import Options, kinds, taken
from .population_arrays import as_arrays
from .population_columns import as_columns

Infos = Sequence[Sequence[dict[str, Any]]] | None
"""Of every agent of every copy, [b][i]; None: there are none, whatever happens."""


class Grouped(NamedTuple):
    """What a step gives.

    Attributes:
        observation: Of every group, (B, n, ...).
        reward: Of every group, float64 (B, n).
        terminated: Whether an agent's episode ended by the rules, bool (B, N), all agents.
        truncated: Whether it was cut, bool (B, N).
        infos: Of all agents.
    """

    observation: dict[str, Any]
    reward: dict[str, Array]
    terminated: Array
    truncated: Array
    infos: Infos


class PopulationGroups(ABC):
    """B copies of an environment whose agents are grouped; those of a group have the same spaces.

    Attributes:
        groups: Indices of the agents of every group.
        observation_spaces: Of one agent of every group.
        action_spaces: Of one agent of every group.
        env: The environment, of the first copy.
    """

    def __init__(self, env: Any, group_map: Mapping[str, Sequence[Any]]) -> None:
        index = {agent: i for i, agent in enumerate(env.possible_agents)}
        listed = [agent for agents in group_map.values() for agent in agents]
        if sorted(index.get(agent, -1) for agent in listed) != list(range(len(index))):
            raise ValueError(
                f"group_map must have every agent once, {', '.join(map(repr, index))}, got"
                f" {dict(group_map)}"
            )
        self.env = env
        self.groups = {name: np.array([index[a] for a in group_map[name]]) for name in group_map}
        first = {name: agents[0] for name, agents in group_map.items()}
        self.observation_spaces = {name: env.observation_space(a) for name, a in first.items()}
        self.action_spaces = {name: env.action_space(a) for name, a in first.items()}
        for name, agents in group_map.items():
            pair = self.observation_spaces[name], self.action_spaces[name]
            for agent in agents:
                if (env.observation_space(agent), env.action_space(agent)) != pair:
                    raise ValueError(
                        f"agents of a group must have the same spaces, but those of"
                        f" {first[name]!r} and {agent!r} in {name!r} differ: give a group_map"
                    )

    @property
    @abstractmethod
    def infos(self) -> Infos:
        """What came with the present observations."""

    @abstractmethod
    def reset(self, seed: int | None = None, options: Options = None) -> dict[str, Any]:
        """Start an episode of every copy, see ``PopulationArrays.reset``."""

    @abstractmethod
    def advance(self, actions: Mapping[str, Array]) -> Grouped:
        """Play the actions of every group, (B, n, ...)."""

    @abstractmethod
    def restart(self) -> dict[str, Any] | None:
        """Begin anew where a copy is over; return what all see then, None if none was."""

    @abstractmethod
    def render(self) -> Any:
        """Draw the first copy."""

    @abstractmethod
    def close(self) -> None:
        """Close every copy."""

    def _by_group(self, values: Array) -> dict[str, Array]:
        return {name: values[:, who] for name, who in self.groups.items()}


class ArrayGroups(PopulationGroups):
    """Agents of one kind: parts of the rows of ``as_arrays``."""

    def __init__(
        self, env: Any, copies: int, group_map: Mapping[str, Sequence[Any]], leavers: str
    ) -> None:
        self._arrays = as_arrays(env, copies, leavers)
        super().__init__(env, group_map)
        self.env = self._arrays.env
        self._shape = (self._arrays.copies, len(self._arrays.agents))
        inverse = np.argsort(np.concatenate(list(self.groups.values())))
        self._order = None if (inverse == np.arange(len(inverse))).all() else inverse

    @property
    def infos(self) -> Infos:
        return self._by_copy(self._arrays.infos)

    def reset(self, seed: int | None = None, options: Options = None) -> dict[str, Any]:
        return self._split(self._arrays.reset(seed, options))

    def advance(self, actions: Mapping[str, Array]) -> Grouped:
        a = np.concatenate([actions[name] for name in self.groups], 1)
        a = a if self._order is None else a[:, self._order]
        rows = self._arrays.advance(a.reshape(-1, *a.shape[2:]))
        reward, ended, cut = (flag.reshape(self._shape) for flag in rows[1:4])
        seen, infos = self._split(rows.observation), self._by_copy(rows.infos)
        return Grouped(seen, self._by_group(reward), ended, cut, infos)

    def restart(self) -> dict[str, Any] | None:
        rows = self._arrays.restart()
        return None if rows is None else self._split(rows)

    def render(self) -> Any:
        return self._arrays.render()

    def close(self) -> None:
        self._arrays.close()

    def _by_copy(self, infos: Sequence[dict[str, Any]] | None) -> Infos:
        copies, N = self._shape
        return None if infos is None else [infos[b * N : (b + 1) * N] for b in range(copies)]

    def _split(self, rows: Any) -> dict[str, Any]:
        if len(self.groups) == 1 and self._order is None:
            (name,) = self.groups
            return {name: _shaped(rows, self._shape)}
        shaped = _shaped(rows, self._shape)
        return {name: taken(shaped, np.s_[:, who]) for name, who in self.groups.items()}


class ColumnGroups(PopulationGroups):
    """Agents of several kinds: columns of ``as_columns``, side by side."""

    def __init__(
        self, env: Any, copies: int, group_map: Mapping[str, Sequence[Any]], leavers: str
    ) -> None:
        super().__init__(env, group_map)
        self._columns = as_columns(env, copies, leavers)
        self._first: list[Any] | None = None

    @property
    def infos(self) -> Infos:
        return _by_copy(self._columns.infos)

    def reset(self, seed: int | None = None, options: Options = None) -> dict[str, Any]:
        self._first = None
        return self._join(self._columns.reset(seed, options))

    def advance(self, actions: Mapping[str, Array]) -> Grouped:
        each: list[Any] = [None] * len(self._columns.agents)
        for name, who in self.groups.items():
            for k, i in enumerate(who):
                each[i] = actions[name][:, k]
        step = self._columns.step(each)
        last = step.observation if step.final is None else step.final
        self._first = None if step.final is None else step.observation
        reward, infos = self._by_group(step.reward), _by_copy(step.infos)
        return Grouped(self._join(last), reward, step.terminated, step.truncated, infos)

    def restart(self) -> dict[str, Any] | None:
        first, self._first = self._first, None
        return None if first is None else self._join(first)

    def render(self) -> Any:
        return self.env.render()

    def close(self) -> None:
        self._columns.close()

    def _join(self, seen: list[Any]) -> dict[str, Any]:
        return {name: _beside([seen[i] for i in who]) for name, who in self.groups.items()}


def as_groups(
    env: Any, copies: int, group_map: Mapping[str, Sequence[Any]], leavers: str = "mask"
) -> PopulationGroups:
    """Return copies of an environment group by group.

    Args:
        env: A PettingZoo ``ParallelEnv``.
        copies: Copies, B >= 1.
        group_map: Names of the agents of every group.
        leavers: Agents that leave before the others, see ``as_arrays``.

    Raises:
        TypeError: If it is no ``ParallelEnv``.
        ValueError: If agents of a group differ, or one is in no group or in two.
    """
    check_parallel(env)
    kind = ArrayGroups if len(kinds(env)) == 1 else ColumnGroups
    return kind(env, copies, group_map, leavers)


def _by_copy(infos: list[list[dict[str, Any]]] | None) -> Infos:
    return None if infos is None else list(zip(*infos, strict=True))


def _shaped(rows: Any, shape: tuple[int, ...]) -> Any:
    if isinstance(rows, dict):
        return {key: _shaped(part, shape) for key, part in rows.items()}
    return rows.reshape(*shape, *rows.shape[1:])


def _beside(columns: Sequence[Any]) -> Any:
    if isinstance(columns[0], dict):
        return {key: _beside([column[key] for column in columns]) for key in columns[0]}
    return np.stack(columns, 1)
