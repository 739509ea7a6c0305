"""A population as one Gymnasium environment of tuples, as EPyMARL and its kin read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
from gymnasium import spaces

from .check_parallel import check_parallel
from .dict_copies import zeros


class TupleEnv(gymnasium.Env[Any, Any]):
    """Show all agents of a PettingZoo environment at once, in the order of ``possible_agents``.

    Observations and actions are tuples, one entry an agent; rewards are a list.  An agent that
    has left sees zeros, earns nothing, and its actions are ignored.  Infos have the keys
    ``<agent>_<key>``, as EPyMARL's view of PettingZoo.

    Args:
        env: A PettingZoo ``ParallelEnv``.

    Raises:
        TypeError: If it is no ``ParallelEnv``.

    Attributes:
        n_agents: Number of agents.
    """

    def __init__(self, env: Any) -> None:
        check_parallel(env)
        self.env, self.agents = env, list(env.possible_agents)
        self.n_agents = len(self.agents)
        self.metadata = dict(getattr(env, "metadata", {}))
        self.render_mode = getattr(env, "render_mode", None)
        self.observation_space = spaces.Tuple([env.observation_space(a) for a in self.agents])
        self._nothing = {a: zeros(env.observation_space(a)) for a in self.agents}
        self.action_space = spaces.Tuple([env.action_space(a) for a in self.agents])

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Start an episode; without a seed, the next one of the same stream."""
        super().reset(seed=seed)
        seen, infos = self.env.reset(seed=seed, options=options)
        return self._tuple(seen), _flat(infos)

    def step(self, action: Sequence[Any]) -> Any:
        """Play one action per agent; the episode ends when all agents are gone.

        Returns:
            Observations, rewards (a list), whether all ended by the rules, whether any was cut,
            and infos.

        Raises:
            ValueError: If there is not one action for every agent.
        """
        if len(action) != self.n_agents:
            raise ValueError(f"one action per agent is needed, {self.n_agents}, got {len(action)}")
        alive = set(self.env.agents)
        chosen = {a: one for a, one in zip(self.agents, action, strict=True) if a in alive}
        seen, rewards, ends, _, infos = self.env.step(chosen)
        over = not self.env.agents
        ended = over and all(ends.values())
        earned = [rewards.get(agent, 0.0) for agent in self.agents]
        return self._tuple(seen), earned, ended, over and not ended, _flat(infos)

    def render(self) -> Any:
        """Draw the population."""
        return self.env.render()

    def close(self) -> None:
        self.env.close()

    def _tuple(self, seen: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(seen[a] if a in seen else self._nothing[a] for a in self.agents)


def _flat(infos: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    return {f"{agent}_{key}": value for agent, of in infos.items() for key, value in of.items()}


def to_tuple_gym(env: Any) -> TupleEnv:
    """Return a PettingZoo environment as one Gymnasium environment of tuples."""
    return TupleEnv(env)
