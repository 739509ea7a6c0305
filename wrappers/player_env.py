"""One player of an N-player game as a Gymnasium environment; the others follow fixed policies."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Discrete

from mfg_envs import policies
from mfg_envs.alias import alias_table, sample_actions
from mfg_envs.game import Array
from mfg_envs.parallel import PopulationEnv
from mfg_envs.random import seed_key

from .dict_copies import stack
from .population_arrays import GameArrays


class PlayerEnv(gymnasium.Env[Any, Any]):
    """Play one player of a population whose others do not learn.

    ``others`` says what the other players do, and may be set anew between episodes:

    ===================================  ========================================================
    None                                 any action of their space, with the same probability
    a function of observations (K, ...)  its actions, (K, ...)
    a model with ``predict``             its actions (Stable-Baselines3: drawn, not the mode)
    a tabular policy, (T, S, A), (S, A)  drawn in each player's private state; our finite games
    a dict of these                      by a player's name or group, names before groups
    ===================================  ========================================================

    Against an infinite population, see ``mfg_envs.RepresentativeEnv``.

    Args:
        env: A PettingZoo ``ParallelEnv``; ours are stepped as arrays.
        player: Name of the player.
        others: What the others do.

    Raises:
        ValueError: If there is no such player, or ``others`` leaves somebody out.
    """

    def __init__(self, env: Any, player: str, others: Any = None) -> None:
        agents = list(env.possible_agents)
        if player not in agents:
            raise ValueError(f"player must be one of {agents[0]} .. {agents[-1]}, got {player!r}")
        self.env = GameArrays(env).env if isinstance(env, PopulationEnv) else env
        self.batch: Any = self.env.batch if isinstance(env, PopulationEnv) else None
        self.metadata = dict(getattr(env, "metadata", {}))
        self.render_mode = getattr(env, "render_mode", None)
        self.agents, self.player, self._index = agents, player, agents.index(player)
        self.observation_space = env.observation_space(player)
        self.action_space = env.action_space(player)
        self._spaces: list[Any] = []  # for random actions, seeded by this environment
        self._seen: Any = None  # what everybody sees now: rows, or a dict
        self.others = others

    @property
    def others(self) -> Any:
        """What the other players do."""
        return self._others

    @others.setter
    def others(self, others: Any) -> None:
        each = others if isinstance(others, Mapping) else dict.fromkeys(self.agents, others)
        parts: dict[int, tuple[Any, list[int]]] = {}
        for i, agent in enumerate(self.agents):
            if i == self._index:
                continue
            name = agent if agent in each else agent.rsplit("_", 1)[0]
            if name not in each:
                raise ValueError(f"others says nothing of {agent!r}, nor of its group {name!r}")
            parts.setdefault(id(each[name]), (each[name], []))[1].append(i)
        self._parts = [(self._policy(policy), np.array(who)) for policy, who in parts.values()]
        self._others = others

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode; without a seed, the next one of the same stream."""
        super().reset(seed=seed)
        told: dict[str, Any] = {}
        if self.batch is not None:
            self._seen = self.batch.reset(seed).observation[0]
        else:
            self._seen, infos = self.env.reset(seed=seed, options=options)
            told = dict(infos.get(self.player, {}))
            if seed is not None or not self._spaces:
                self._spaces = copy.deepcopy([self.env.action_space(a) for a in self.agents])
                for space in self._spaces:
                    space.seed(int(self.np_random.integers(2**31)))
        return self._own(), told

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Play one action of the player, and the others'."""
        actions: list[Any] = [action] * len(self.agents)
        for policy, who in self._parts:
            for i, a in zip(who, policy(who), strict=True):
                actions[i] = a
        if self.batch is not None:
            step = self.batch.step(np.stack(actions)[None])
            self._seen, over = step.observation[0], self.batch.over
            cut = not over and self.batch.t >= self.env.max_cycles
            return self._own(), float(step.reward[0, self._index]), over, cut, {}
        acting = set(self.env.agents)
        chosen = {a: actions[i] for i, a in enumerate(self.agents) if a in acting}
        self._seen, rewards, ends, cuts, infos = self.env.step(chosen)
        me = self.player
        told = dict(infos.get(me, {}))
        return self._own(), float(rewards[me]), bool(ends[me]), bool(cuts[me]), told

    def render(self) -> Any:
        """Draw the population."""
        return self.env.render()

    def close(self) -> None:
        self.env.close()

    def _own(self) -> Any:
        seen = self._seen[self.player if self.batch is None else self._index]
        return int(seen) if np.ndim(seen) == 0 else seen

    def _policy(self, policy: Any) -> Any:
        """Return a function: indices of players -> their actions now."""
        if policy is None:
            return self._draw
        if hasattr(policy, "predict"):
            return lambda who: policy.predict(self._look(who), deterministic=False)[0]
        if callable(policy):
            return lambda who: policy(self._look(who))
        if self.batch is None or not hasattr(self.batch.game, "num_states"):
            raise TypeError("a tabular policy needs one of our finite games: give a function")
        alias = alias_table(policies.policy_table(self.batch.game, policy))
        return lambda who: self._sample(alias, who)

    def _look(self, who: Array) -> Any:
        """Return what some players see, (K, ...)."""
        if self.batch is not None:
            return self._seen[who]
        names = [self.agents[i] for i in who]
        return stack(self.env.observation_space(names[0]), [self._seen[name] for name in names])

    def _draw(self, who: Array) -> Any:
        """Return random actions."""
        if self.batch is None:
            return [self._spaces[i].sample() for i in who]
        space: Any = self.batch.action_space
        if isinstance(space, Discrete):
            return self.np_random.integers(0, space.n, len(who))
        return self.np_random.uniform(space.low, space.high, (len(who), *space.shape))

    def _sample(self, alias: Array, who: Array) -> Array:
        """Draw actions of a tabular policy."""
        batch = self.batch
        rule = alias if alias.ndim == 2 else alias[batch.t]
        key = seed_key(int(self.np_random.integers(2**63)))
        return sample_actions(rule, batch.state[:, who], np.atleast_1d(key), batch.t)[0]
