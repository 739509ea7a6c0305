"""All players of a population as a Gymnasium vector environment."""

from __future__ import annotations

from typing import Any

from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from mfg_envs.game import Array

from .population_arrays import as_arrays


class PopulationVectorEnv(VectorEnv[Any, Any, Array]):
    """Show a population to Gymnasium as a VectorEnv with one sub-environment a player.

    The step that ends an episode also starts the next one (Gymnasium's SAME_STEP): its last
    observations are ``infos["final_obs"]``, for the players in ``infos["_final_obs"]``.

    Args:
        env: A PettingZoo ``ParallelEnv`` whose agents have the same spaces.
        copies: Independent copies, B; sub-environment ``b * N + i`` is agent i of copy b.

    Attributes:
        arrays: The population, see ``as_arrays``.
    """

    def __init__(self, env: Any, copies: int = 1) -> None:
        self.arrays = as_arrays(env, copies)
        self.metadata = {
            **getattr(env, "metadata", {}),
            "autoreset_mode": AutoresetMode.SAME_STEP,
        }
        self.render_mode = getattr(env, "render_mode", None)
        self.num_envs = self.arrays.num_rows
        self.single_observation_space = self.arrays.observation_space
        self.single_action_space = self.arrays.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode of every copy; with a seed, copy b has the seed ``seed + b``."""
        super().reset(seed=seed)
        return self.arrays.reset(seed), {}

    def step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Play one action a player."""
        rows = self.arrays.step(actions)
        infos: dict[str, Any] = {}
        if rows.final is not None:
            over = rows.terminated | rows.truncated
            infos = {"final_obs": rows.final, "_final_obs": over, "final_info": {}}
        flags = rows.terminated.copy(), rows.truncated.copy()
        return rows.observation, rows.reward, *flags, infos

    def render(self) -> Any:
        """Draw the first copy."""
        return self.arrays.render()

    def close_extras(self, **kwargs: Any) -> None:
        """Close every copy."""
        self.arrays.close()
