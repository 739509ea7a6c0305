"""A population as an environment of RLlib's new API stack, one policy slot an agent."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable
from typing import Any

try:
    # Installed in an environment of its own: make interop-rllib.
    from ray.rllib.env.multi_agent_env import (  # pyright: ignore[reportMissingImports]
        MultiAgentEnv,
    )
    from ray.tune import register_env  # pyright: ignore[reportMissingImports]
except ImportError as error:
    raise ImportError('to_rllib needs RLlib: pip install "mfg-envs[ray]" torch') from error


from .check_parallel import check_parallel
from .random_streams import renew


class PopulationMultiAgentEnv(MultiAgentEnv):
    """Show a PettingZoo environment to RLlib, whose own view of one cannot be drawn.

    An episode that ends by a cut is *truncated* under the key "__all__" alone: where every agent
    has its flag as well, RLlib takes the episode for terminated, and its value after it for zero.

    Args:
        env: A PettingZoo ``ParallelEnv``.
    """

    def __init__(self, env: Any) -> None:
        check_parallel(env)
        super().__init__()
        self.env, self._apart = env, False
        self.metadata = dict(getattr(env, "metadata", {}))
        self.render_mode = getattr(env, "render_mode", None)
        self.agents, self.possible_agents = [], list(env.possible_agents)
        self.observation_spaces = {a: env.observation_space(a) for a in self.possible_agents}
        self.action_spaces = {a: env.action_space(a) for a in self.possible_agents}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        if seed is None and not self._apart:
            seed = secrets.randbits(31)  # every runner has a copy, and each must be another
        self._apart = True
        observations, infos = self.env.reset(seed=seed, options=options)
        self.agents = list(self.env.agents)
        return observations, infos

    def step(self, action_dict: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        observations, rewards, terminated, truncated, infos = self.env.step(action_dict)
        self.agents = list(self.env.agents)
        over, cut = not self.agents, any(truncated.values())
        if over and cut:
            truncated = dict.fromkeys(truncated, False)
        terminated = {**terminated, "__all__": over and not cut}
        truncated = {**truncated, "__all__": over and cut}
        return observations, rewards, terminated, truncated, infos

    def render(self) -> Any:
        return self.env.render()

    def close(self) -> None:
        self.env.close()


def _copied(env: Any) -> Any:
    """Return a copy with random streams of its own."""
    twin = copy.deepcopy(env)
    renew(twin)
    return twin


def to_rllib(source: Callable[..., Any] | Any, name: str | None = None) -> PopulationMultiAgentEnv:
    """Return a population as an RLlib environment; with a name, register it under that name.

    ``config.environment(name, env_config={...})`` then makes one for every env runner.

    Args:
        source: What makes a PettingZoo ``ParallelEnv``, called with the items of ``env_config``
            as keywords; or an environment, which every runner copies.
        name: Name for ``config.environment``; None: do not register.
    """
    make = source if callable(source) else lambda: _copied(source)
    if name is not None:
        register_env(name, lambda config: PopulationMultiAgentEnv(make(**config)))
    return PopulationMultiAgentEnv(make())
