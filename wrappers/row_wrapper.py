"""What the wrappers of observations, rewards and actions share: written once, for whole arrays.

A subclass says what becomes of the observations of all agents of all copies at once.  The same
code serves the dicts of a PettingZoo environment (one copy) and ``as_arrays``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium.vector.utils import batch_space, iterate
from pettingzoo import ParallelEnv
from pettingzoo.utils.wrappers import BaseParallelWrapper

from mfg_envs.environments.population import PopulationEnv
from mfg_envs.game import Array

from .check_parallel import check_parallel
from .dict_copies import Options, kinds, stack
from .population_arrays import Moment, PopulationArrays, Rows, as_arrays


class RowWrapper(BaseParallelWrapper, ParallelEnv):
    """Change what the agents of an environment see, do or earn.

    Args:
        env: A PettingZoo ``ParallelEnv``; its agents must have the same spaces, unless the wrapper
            changes rewards alone.
    """

    only_rewards = False
    """Whether what agents see and do stays as it is."""

    def __init__(self, env: Any) -> None:
        check_parallel(env)
        super().__init__(env)
        found, agents = kinds(env), list(env.possible_agents)
        self._t = 0
        if self.only_rewards:
            self.observation_spaces = {agent: env.observation_space(agent) for agent in agents}
            self.action_spaces = {agent: env.action_space(agent) for agent in agents}
            return
        if len(found) > 1:
            raise ValueError(
                f"{type(self).__name__} needs agents with the same spaces, but those of"
                f" {' and '.join(map(str, found))} differ"
            )
        ((self._seen_space, self._played_space),) = found.values()
        self._observation_space: Any = self._observations(self._seen_space)
        self._action_space: Any = self._actions(self._played_space)
        self.observation_spaces: dict[Any, Any] = dict.fromkeys(agents, self._observation_space)
        self.action_spaces: dict[Any, Any] = dict.fromkeys(agents, self._action_space)

    def _observations(self, space: Any) -> Any:
        """Return the space of what agents see, given the space below."""
        return space

    def _actions(self, space: Any) -> Any:
        """Return the space of what agents do, given the space below."""
        return space

    def _see(self, seen: Any, moment: Moment, agents: Array) -> Any:
        """Return what agents see.

        Args:
            seen: Observations of the environment below, (B, K, ...).
            moment: Of the B copies.
            agents: Which agents they are, indices (K,).
        """
        return seen

    def _act(self, actions: Any) -> Any:
        """Return the actions of the environment below, (R, ...)."""
        return actions

    def _earn(self, reward: Array, over: Array, acted: Array) -> Array:
        """Return rewards (B, N), given those below.

        Args:
            reward: Of every agent, (B, N).
            over: Whose episode ends, bool (B, N).
            acted: Who acted, bool (B, N); what others earn never happened.
        """
        return reward

    def _begin(self, seed: int | None) -> None:
        """Prepare for new episodes of all copies."""

    def observation_space(self, agent: str) -> Any:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Any:
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start an episode."""
        self._t = 0
        self._begin(seed)
        seen, infos = self.env.reset(seed=seed, options=options)
        return self._dict(seen), infos

    def step(self, actions: dict[str, Any]) -> Any:
        """Play one action per agent."""
        if not self.env.agents:
            return self.env.step(actions)
        below = actions
        if actions and not self.only_rewards:
            rows = self._act(stack(self._action_space, list(actions.values())))
            each = iterate(batch_space(self._played_space, len(actions)), rows)
            below = dict(zip(actions, each, strict=True))
        seen, rewards, ends, cuts, infos = self.env.step(below)
        self._t += 1
        who, shape = self._index(rewards), (1, len(self.possible_agents))
        earned, over, acted = np.zeros(shape), np.zeros(shape, bool), np.zeros(shape, bool)
        earned[0, who], acted[0, who] = list(rewards.values()), True
        over[0, who] = [ends[agent] or cuts[agent] for agent in rewards]
        earned = self._earn(earned, over, acted)
        rewards = dict(zip(rewards, earned[0, who].tolist(), strict=True))
        return self._dict(seen), rewards, ends, cuts, infos

    def as_arrays(self, copies: int = 1, leavers: str = "mask") -> PopulationArrays:
        """Return copies of the environment as arrays, see ``wrappers.as_arrays``."""
        return WrappedArrays(self, copies, leavers)

    def _index(self, agents: Iterable[Any]) -> Array:
        index = {agent: i for i, agent in enumerate(self.possible_agents)}
        return np.array([index[agent] for agent in agents], int)

    def _dict(self, seen: dict[str, Any]) -> dict[str, Any]:
        if self.only_rewards:
            return seen
        ours = self.env.unwrapped
        batch = ours.batch if isinstance(ours, PopulationEnv) else None
        agents = self._index(seen)
        rows = stack(self._seen_space, list(seen.values()))
        moment = Moment(np.array([self._t]), batch)
        rows = self._see(_shaped(rows, (1, len(agents))), moment, agents)
        each = iterate(batch_space(self._observation_space, len(agents)), _shaped(rows, (-1,), 2))
        return dict(zip(seen, each, strict=True))


class WrappedArrays(PopulationArrays):
    """The arrays below a ``RowWrapper``, changed by it."""

    def __init__(self, wrapper: RowWrapper, copies: int, leavers: str) -> None:
        super().__init__(wrapper, copies)
        self._below = as_arrays(wrapper.env, copies, leavers)
        self._wrapper, self.env = wrapper, wrapper
        self._who = np.arange(len(self.agents))
        self._alive = np.ones((self.copies, len(self.agents)), bool)

    @property
    def acting(self) -> Array:
        return self._below.acting

    @property
    def infos(self) -> Sequence[dict[str, Any]] | None:
        return self._below.infos

    def reset(self, seed: int | None = None, options: Options = None) -> Any:
        self._wrapper._begin(seed)
        return self._rows(self._below.reset(seed, options))

    def advance(self, actions: Any) -> Rows:
        acted = self._below.acting
        rows = self._below.advance(self._wrapper._act(actions))
        over = rows.terminated | rows.truncated
        moved = (part.reshape(self.copies, -1) for part in (rows.reward, over, acted))
        earned = self._wrapper._earn(*moved)
        seen = self._rows(rows.observation)
        return rows._replace(observation=seen, reward=earned.reshape(-1))

    def restart(self) -> Any:
        first = self._below.restart()
        return None if first is None else self._rows(first)

    def moment(self) -> Moment:
        return self._below.moment()

    def owner(self, row: int) -> Any:
        return self._below.owner(row)

    def render(self) -> Any:
        return self._below.render()

    def close(self) -> None:
        self._below.close()

    def _rows(self, rows: Any) -> Any:
        if self._wrapper.only_rewards:
            return rows
        shaped = _shaped(rows, (self.copies, len(self.agents)))
        return _shaped(self._wrapper._see(shaped, self.moment(), self._who), (-1,), 2)


def _shaped(rows: Any, shape: tuple[int, ...], axes: int = 1) -> Any:
    """Return observations with other leading axes."""
    if isinstance(rows, dict):
        return {key: _shaped(part, shape, axes) for key, part in rows.items()}
    if isinstance(rows, tuple):
        return tuple(_shaped(part, shape, axes) for part in rows)
    return rows.reshape(*shape, *rows.shape[axes:])
