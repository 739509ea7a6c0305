"""A population as arrays: one row a player, whatever environment it comes from.

``as_arrays(env, copies)`` gives B copies of an environment with N agents as B * N rows, row
``b * N + i`` being agent i of copy b.  Our own environments are stepped as arrays; any other
PettingZoo ``ParallelEnv`` is stepped through its dicts, agent by agent, and gives the same rows.
Every wrapper that hands a population to a learner stands on this one.

Episodes restart by themselves: the rows after an end are the first of the next episode, and
``Rows.final`` has the last of the ended one.

Where agents leave before the others, their rows go on, and what they hold never happened:
``acting`` says whose row is real, see ``as_arrays``.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from gymnasium.vector.utils import batch_space, iterate

from mfg_envs.environments.population import PopulationEnv
from mfg_envs.game import Array, as_int, check_choice, check_range
from mfg_envs.simulate.batch import BatchEnv
from mfg_envs.simulate.moment import sealed

from .check_parallel import check_parallel
from .dict_copies import DictCopies, Options, kinds, stack


class Rows(NamedTuple):
    """What a step gives, a row a player.

    Attributes:
        observation: (R, ...), of the next episode where one has just ended.
        reward: float64 (R,).
        terminated: Whether the player's episode ended by the rules of the game, bool (R,).
        truncated: Whether it was cut, bool (R,).
        ended: Whether the episode of any player ended.
        final: Last observations of the copies that ended, (R, ...); None if none ended.
            Rows of copies that go on are those of ``observation``.
        infos: Of the step, R dicts; None: there are none, whatever happens.
    """

    observation: Any
    reward: Array
    terminated: Array
    truncated: Array
    ended: bool
    final: Any
    infos: Sequence[dict[str, Any]] | None = None


class Moment(NamedTuple):
    """What is known of every copy beside what its agents see.

    Attributes:
        t: Steps since the episode began, (B,).
        batch: The population as a ``BatchEnv``, or None: the environment is not ours.
    """

    t: Array
    batch: BatchEnv | None


class PopulationArrays(ABC):
    """B copies of an environment with N agents that all see and do things of one kind.

    Attributes:
        agents: Names of the agents, N.
        copies: Number of copies, B.
        observation_space: Of one agent.
        action_space: Of one agent.
        env: The environment, of the first copy.
    """

    def __init__(self, env: Any, copies: int) -> None:
        self.env, self.agents = env, list(env.possible_agents)
        self.copies = as_int("copies", copies)
        check_range("copies", self.copies, 1)
        found = kinds(env)
        if len(found) > 1:
            raise ValueError(
                f"all agents must have the same spaces, but those of {' and '.join(found)} differ:"
                " let each learn for itself (agents.IndependentLearners)"
            )
        ((self.observation_space, self.action_space),) = found.values()

    @property
    def num_rows(self) -> int:
        """Number of rows, R = B * N."""
        return self.copies * len(self.agents)

    @property
    @abstractmethod
    def acting(self) -> Array:
        """Whose action is played in the next step, bool (R,): all but those who have left."""

    @property
    def infos(self) -> Sequence[dict[str, Any]] | None:
        """What came with the present observations, R dicts; None: nothing ever does."""
        return None

    @abstractmethod
    def reset(self, seed: int | None = None, options: Options = None) -> Any:
        """Start an episode of every copy; with a seed, copy b has the seed ``seed + b``.

        Without a seed, streams go on; the first ones are drawn by the operating system, but for
        that of a foreign environment: it is the first copy, and goes on with its own.

        Args:
            seed: Of the first copy.
            options: Handed to foreign environments: one dict for all copies, or a list of B.
        """

    def step(self, actions: Any) -> Rows:
        """Play one action per row, (R, ...); episodes that end restart."""
        rows = self.advance(actions)
        first = self.restart()
        return rows if first is None else rows._replace(observation=first, final=rows.observation)

    @abstractmethod
    def advance(self, actions: Any) -> Rows:
        """Play one action per row; episodes that end do not restart yet.

        A copy that was over before begins anew instead of playing: its rewards are zero.
        """

    @abstractmethod
    def restart(self) -> Any:
        """Restart the copies that are over; return what all agents see then, None if none was."""

    @abstractmethod
    def moment(self) -> Moment:
        """Return the present moment of every copy."""

    def owner(self, row: int) -> Any:
        """Return the environment whose attributes are those of a row."""
        return self.env

    def render(self) -> Any:
        """Draw the first copy, as its environment does."""
        return self.env.render()

    def close(self) -> None:
        """Close every copy."""
        self.env.close()


class GameArrays(PopulationArrays):
    """One of our populations: all copies stepped at once, no Python per player.

    ``env`` is a twin of the environment that was given; its ``batch`` holds all copies.
    """

    def __init__(self, env: PopulationEnv, copies: int = 1) -> None:
        super().__init__(env, copies)
        self.env = copy.copy(env)
        self.env.batch, self.env.window = env.batch.replicate(self.copies), None
        self._shape = (self.copies, len(self.agents), *(self.action_space.shape or ()))
        self._no = sealed(np.zeros(self.num_rows, bool))
        self._yes = sealed(np.ones(self.num_rows, bool))
        self._played: Array | None = None

    @property
    def acting(self) -> Array:
        return self._no if self._over() else self._yes

    def reset(self, seed: int | None = None, options: Options = None) -> Array:
        self._played = None
        return self._rows(self.env.batch.reset(seed).observation)

    def advance(self, actions: Array) -> Rows:
        if self._over():
            zeros = np.zeros(self.num_rows)
            return Rows(self.reset(), zeros, self._no, self._no, False, None)
        batch, a = self.env.batch, np.asarray(actions).reshape(self._shape)
        step = batch.step(a)
        self._played = a[0]
        seen, reward, ended = self._rows(step.observation), step.reward.reshape(-1), self._over()
        terminated = self._yes if batch.over else self._no
        truncated = self._yes if ended and not batch.over else self._no
        return Rows(seen, reward, terminated, truncated, ended, None)

    def restart(self) -> Array | None:
        return self.reset() if self._over() else None

    def moment(self) -> Moment:
        batch = self.env.batch
        return Moment(np.full(self.copies, batch.t), batch)

    def _over(self) -> bool:
        return self.env.batch.over or self.env.batch.t >= self.env.max_cycles

    def render(self) -> Any:
        from mfg_envs.pictures import drawing

        batch = self.env.batch
        moment = (batch.state[0], self._played, batch.mean_field[0], batch.t)
        return drawing.present(self.env, drawing.draw_population(self.env.game, *moment))

    def _rows(self, observation: Array) -> Array:
        rows = observation.reshape(self.num_rows, *observation.shape[2:])
        return rows.astype(self.observation_space.dtype, copy=False)


class DictArrays(PopulationArrays):
    """Any ``ParallelEnv``: stepped through its dicts, see ``DictCopies``."""

    def __init__(self, env: Any, copies: int = 1, leavers: str = "mask") -> None:
        super().__init__(env, copies)
        self._copies = DictCopies(env, self.copies, leavers)
        self._played: Any = batch_space(self.action_space, self.num_rows)

    @property
    def acting(self) -> Array:
        return self._copies.acting.reshape(-1)

    @property
    def infos(self) -> list[dict[str, Any]]:
        return list(chain.from_iterable(self._copies.infos))

    def reset(self, seed: int | None = None, options: Options = None) -> Any:
        return self._rows(self._copies.reset(seed, options))

    def advance(self, actions: Any) -> Rows:
        each, N = list(iterate(self._played, actions)), len(self.agents)
        played = self._copies.advance([each[b * N : (b + 1) * N] for b in range(self.copies)])
        reward, terminated, truncated = (flag.reshape(-1) for flag in played[1:4])
        ended = bool(terminated.any() or truncated.any())
        seen, infos = self._rows(played.seen), list(chain.from_iterable(played.infos))
        return Rows(seen, reward, terminated, truncated, ended, None, infos)

    def restart(self) -> Any:
        first = self._copies.restart()
        return None if first is None else self._rows(first)

    def moment(self) -> Moment:
        return Moment(self._copies.t.copy(), None)

    def owner(self, row: int) -> Any:
        return self._copies.envs[row // len(self.agents)]

    def close(self) -> None:
        self._copies.close()

    def _rows(self, seen: list[dict[str, Any]]) -> Any:
        return stack(self.observation_space, [one[agent] for one in seen for agent in self.agents])


def as_arrays(env: Any, copies: int = 1, leavers: str = "mask") -> PopulationArrays:
    """Return copies of an environment as arrays.

    ==========  ==================================================================================
    leavers     agents of foreign environments that leave before the others
    ==========  ==================================================================================
    "mask"      end once, when they leave; until they act again (``acting``), their rows hold
                zeros that never happened: neither train on them nor count them
    "refuse"    are named in an error, where the first of them leaves
    "stay"      do not end yet: they see zeros and earn nothing until their copy ends, and end then
                as they would have; rows are trained on, returns are true, lengths the copy's
    ==========  ==================================================================================

    Args:
        env: A ``PopulationEnv`` (array path), or any PettingZoo ``ParallelEnv`` (dict path).
        copies: Copies, B >= 1.  Ours share arrays; others are deep copies.
        leavers: "mask", "refuse" or "stay".

    Raises:
        TypeError: If it is no ``ParallelEnv``, or cannot be copied.
        ValueError: If agents differ in their spaces.
    """
    check_choice("leavers", leavers, ("mask", "refuse", "stay"))
    if hasattr(type(env), "as_arrays"):  # a wrapper that works on rows, no other one around it
        return env.as_arrays(copies, leavers)
    if isinstance(env, PopulationEnv):
        return GameArrays(env, copies)
    check_parallel(env)
    return DictArrays(env, copies, leavers)
