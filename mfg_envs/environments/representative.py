"""One player against a mean field, as Gymnasium environments: single, and many as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from mfg_envs.game import Array, as_entries, as_int, check_range
from mfg_envs.simulate.batch import BatchEnv


class RepresentativeEnv(gymnasium.Env[Any, Any]):
    """Play one player of an infinite population.

    The player meets a frozen mean field or flow (``set_mean_field``) or a population that follows
    a policy by the exact flow (``set_population_policy``; at first the uniform one).

    Args:
        game: The game.
        max_cycles: Steps after which an episode is truncated; None: never.
        observe: Parts of an observation, see ``mfg_envs.players.observers.Observer``.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  as Gymnasium declares it

    def __init__(
        self,
        game: Any,
        *,
        max_cycles: int | None = None,
        observe: Sequence[str] | None = None,
    ) -> None:
        self.game, self.max_cycles = game, _cycles(max_cycles)
        self.batch = BatchEnv(game, 1, 1, mode="mean_field", observe=observe)
        self.observation_space = self.batch.observer.space
        self.action_space = self.batch.action_space

    @property
    def observed_parts(self) -> tuple[str, ...]:
        """Parts of what a player sees, see ``Observer``."""
        return self.batch.observer.parts

    @property
    def mean_field(self) -> Array:
        """Current mean field, of shape ``game.mean_field_shape``."""
        return self.batch.mean_field[0]

    def set_mean_field(self, mean_field: Array) -> None:
        """Freeze the crowd: a mean field, or a flow with one for every decision."""
        self.batch.set_mean_field(mean_field)

    def set_population_policy(self, policy: Any) -> None:
        """Let the crowd follow a policy by the exact flow."""
        self.batch.set_population_policy(policy)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode; without a seed, the next one of the same stream."""
        super().reset(seed=seed)
        return _one(self.batch.reset(seed).observation), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Play one action."""
        step = self.batch.step(_shaped(self.action_space, action, 1))
        cut = _cut(self.batch, self.max_cycles)
        return _one(step.observation), float(step.reward[0, 0]), self.batch.over, cut, {}


class RepresentativeVectorEnv(VectorEnv[Any, Any, Any]):
    """Play ``num_envs`` independent representatives as arrays.

    Sub-environment b is bit for bit ``RepresentativeEnv`` with seed ``seed + b``; all meet the
    same mean field.  After the end of an episode the next step resets (Gymnasium's NEXT_STEP).
    """

    metadata: dict[str, Any] = {  # noqa: RUF012  as Gymnasium declares it
        "render_modes": [],
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        game: Any,
        num_envs: int = 1,
        *,
        max_cycles: int | None = None,
        observe: Sequence[str] | None = None,
    ) -> None:
        self.game, self.max_cycles = game, _cycles(max_cycles)
        self.batch = BatchEnv(game, num_envs, 1, mode="mean_field", observe=observe)
        self.num_envs = self.batch.num_envs
        self.single_observation_space = self.batch.observer.space
        self.single_action_space = self.batch.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._ended = False

    @property
    def mean_field(self) -> Array:
        """Current mean field, of shape ``game.mean_field_shape``."""
        return self.batch.mean_field[0]

    def set_mean_field(self, mean_field: Array) -> None:
        """Freeze the crowd: a mean field, or a flow with one for every decision."""
        self.batch.set_mean_field(mean_field)

    def set_population_policy(self, policy: Any) -> None:
        """Let the crowd follow a policy by the exact flow."""
        self.batch.set_population_policy(policy)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode of every sub-environment."""
        super().reset(seed=seed)
        self._ended = False
        return self._each(self.batch.reset(seed).observation), {}

    def step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Play one action per sub-environment, (num_envs, ...); resets after an end."""
        no = np.zeros(self.num_envs, bool)
        if self._ended:
            first, infos = self.reset()
            return first, np.zeros(self.num_envs), no, no.copy(), infos
        step = self.batch.step(_shaped(self.single_action_space, actions, self.num_envs))
        cut = _cut(self.batch, self.max_cycles)
        self._ended = self.batch.over or cut
        flags = no | self.batch.over, no | cut
        return self._each(step.observation), step.reward[:, 0], *flags, {}

    def _each(self, observation: Array) -> Array:
        return observation[:, 0].astype(self.observation_space.dtype, copy=False)


def _shaped(space: spaces.Space[Any], actions: Any, num_envs: int) -> Array:
    """Return the actions of the only players, (num_envs, 1, ...)."""
    a, shape = as_entries("actions", actions), (num_envs, 1, *(space.shape or ()))
    if a.size != int(np.prod(shape)):
        raise ValueError(f"actions must have shape {shape[:1] + shape[2:]}, got {a.shape}")
    return a.reshape(shape)


def _one(observation: Array) -> Any:
    """Return the observation of the only player; an index as Python's int."""
    row = observation[0, 0]
    return row if row.ndim else int(row)


def _cycles(max_cycles: int | None) -> int | None:
    if max_cycles is not None:
        check_range("max_cycles", as_int("max_cycles", max_cycles), 1)
    return max_cycles


def _cut(batch: BatchEnv, max_cycles: int | None) -> bool:
    """Return whether the episode is truncated now."""
    return not batch.over and max_cycles is not None and batch.t >= max_cycles
