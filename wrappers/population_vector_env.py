"""All players of a population as a Gymnasium vector environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space, iterate

from mfg_envs.game import Array, check_choice

from .population_arrays import as_arrays


class PopulationVectorEnv(VectorEnv[Any, Any, Array]):
    """Show a population to Gymnasium as a VectorEnv with one sub-environment a player.

    With ``AutoresetMode.SAME_STEP`` the step that ends an episode also starts the next one: its
    last observations are ``infos["final_obs"]``, its infos ``infos["final_info"]``, for the players
    in ``infos["_final_obs"]``.  With ``NEXT_STEP`` (``NormalizeObservation`` wants it) the step
    after the end starts it: actions are ignored, rewards zero.  Infos of foreign environments are
    arrays with masks, ``infos["score"]`` and ``infos["_score"]``.

    Args:
        env: A PettingZoo ``ParallelEnv`` whose agents have the same spaces.
        copies: Independent copies, B; sub-environment ``b * N + i`` is agent i of copy b.
        autoreset_mode: SAME_STEP or NEXT_STEP.
        leavers: "refuse" or "stay": agents that leave before the others, see ``as_arrays``.

    Attributes:
        arrays: The population, see ``as_arrays``.

    Raises:
        ValueError: If an argument is invalid.
    """

    def __init__(
        self,
        env: Any,
        copies: int = 1,
        *,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        leavers: str = "refuse",
    ) -> None:
        mode = AutoresetMode(autoreset_mode)
        if mode == AutoresetMode.DISABLED:
            raise ValueError(
                f"autoreset_mode must be SAME_STEP or NEXT_STEP, got {mode}: players of a copy"
                " cannot be reset one by one"
            )
        check_choice("leavers", leavers, ("refuse", "stay"))
        self.arrays = as_arrays(env, copies, leavers)
        self._step = self.arrays.step if mode == AutoresetMode.SAME_STEP else self.arrays.advance
        self.metadata = {**getattr(env, "metadata", {}), "autoreset_mode": mode}
        self.render_mode = getattr(env, "render_mode", None)
        self.num_envs = self.arrays.num_rows
        self.single_observation_space = self.arrays.observation_space
        self.single_action_space = self.arrays.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode of every copy; with a seed, copy b has the seed ``seed + b``.

        Raises:
            ValueError: If ``options`` ask for some of the players only.
        """
        if options and "reset_mask" in options:
            raise ValueError("players are reset all together: options must have no 'reset_mask'")
        super().reset(seed=seed)
        seen = self.arrays.reset(seed, options)
        return seen, self._vector(self.arrays.infos, range(self.num_envs))

    def step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Play one action a player."""
        rows = self._step(actions)
        infos = self._vector(self.arrays.infos, range(self.num_envs))
        if rows.final is not None:
            over = rows.terminated | rows.truncated
            each = iterate(self.observation_space, rows.final)
            last = np.fromiter(each, object, self.num_envs)
            last[~over] = None
            infos |= {"final_obs": last, "_final_obs": over}
            final = self._vector(rows.infos, np.flatnonzero(over).tolist())
            infos |= {"final_info": final, "_final_info": over.copy()}
        flags = rows.terminated.copy(), rows.truncated.copy()
        return rows.observation, rows.reward, *flags, infos

    def _vector(
        self, infos: Sequence[dict[str, Any]] | None, which: Sequence[int]
    ) -> dict[str, Any]:
        """Return infos of some players as Gymnasium has them: arrays with masks."""
        vector: dict[str, Any] = {}
        if infos is not None:
            for i in which:
                vector = self._add_info(vector, infos[i], i)
        return vector

    def render(self) -> Any:
        """Draw the first copy."""
        return self.arrays.render()

    def close_extras(self, **kwargs: Any) -> None:
        """Close every copy."""
        self.arrays.close()
