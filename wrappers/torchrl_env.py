"""A population as a TorchRL environment: one group of agents, tensors on the arrays themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from mfg_envs.game import check_choice

from .population_arrays import as_arrays

try:
    import torch
    from tensordict import TensorDict
    from torchrl.data import Bounded, Categorical, Composite, Unbounded
    from torchrl.envs import EnvBase
except ImportError as error:
    raise ImportError('to_torchrl needs TorchRL: pip install "mfg-envs[torchrl]"') from error


class PopulationTorchEnv(EnvBase):
    """Show B copies of a population to TorchRL, with batch size (B,).

    ``(group, "observation")``, ``(group, "action")`` and ``(group, "reward")`` have the agents on
    their second axis; "done", "terminated" and "truncated" are those of a whole copy.

    Args:
        env: A PettingZoo ``ParallelEnv`` whose agents have the same spaces; ours are stepped as
            arrays.
        copies: Independent copies, B.
        group: What the agents are called; None: the first part of their names.
        leavers: "refuse" or "stay": agents that leave before the others, see ``as_arrays``.
        infos: Keys of numbers in the agents' infos that are handed on as
            ``(group, "info", key)``, float32; NaN where an agent's infos have none.

    Attributes:
        arrays: The population, see ``as_arrays``.
        group_map: Names of the agents of the group.
    """

    def __init__(
        self,
        env: Any,
        copies: int = 1,
        group: str | None = None,
        *,
        leavers: str = "refuse",
        infos: Sequence[str] = (),
    ) -> None:
        check_choice("leavers", leavers, ("refuse", "stay"))
        super().__init__(batch_size=torch.Size([copies]))
        self.arrays, self._keys = as_arrays(env, copies, leavers), tuple(infos)
        agents = self.arrays.agents
        self.group = agents[0].rsplit("_", 1)[0] if group is None else group
        self.group_map = {self.group: agents}
        shape = (copies, len(agents))
        seen = _spec(self.arrays.observation_space, shape)
        played = _spec(self.arrays.action_space, shape)
        reward = Unbounded(shape=torch.Size((*shape, 1)), dtype=torch.float32)

        def grouped(**specs: Any) -> Composite:
            return Composite({self.group: Composite(specs, shape=shape)}, shape=(copies,))

        number = Unbounded(shape=torch.Size(shape), dtype=torch.float32)
        told = {key: number.clone() for key in self._keys}
        parts = {"info": Composite(told, shape=shape)} if told else {}
        self.observation_spec = grouped(observation=seen, **parts)
        self.action_spec = grouped(action=played)
        self.reward_spec = grouped(reward=reward)
        flags = ("done", "terminated", "truncated")
        flag = {
            name: Categorical(2, shape=torch.Size((copies, 1)), dtype=torch.bool) for name in flags
        }
        self.done_spec = Composite(flag, shape=(copies,))
        self._next_seed: int | None = None

    def _reset(self, tensordict: Any = None, **kwargs: Any) -> Any:
        mask = None if tensordict is None else tensordict.get("_reset", None)
        if mask is None:
            rows = self.arrays.reset(self._next_seed, kwargs.get("options"))
            self._next_seed = None
        else:
            rows = self.arrays.restart()
            if rows is None:
                raise RuntimeError(
                    "only episodes that are over restart one by one: reset all copies together"
                )
        over = np.zeros(self.arrays.copies, bool)
        parts = {"observation": self._rows(rows), **self._told(self.arrays.infos)}
        return self._tensors(parts, over, over)

    def _step(self, tensordict: Any) -> Any:
        a = tensordict[self.group, "action"].flatten(0, 1).numpy()
        rows = self.arrays.advance(a)
        shape = (self.arrays.copies, -1)
        reward = torch.from_numpy(rows.reward.astype(np.float32)).reshape(*shape, 1)
        ended = rows.terminated.reshape(shape).all(1)
        cut = (rows.terminated | rows.truncated).reshape(shape).all(1) & ~ended
        parts = {"observation": self._rows(rows.observation), **self._told(rows.infos)}
        return self._tensors({**parts, "reward": reward}, ended, cut)

    def _set_seed(self, seed: int | None) -> None:
        self._next_seed = seed

    def close(self, *args: Any, **kwargs: Any) -> None:
        """Close every copy."""
        self.arrays.close()
        super().close(*args, **kwargs)

    def _rows(self, rows: Any) -> Any:
        """Return rows as tensors (B, N, ...)."""
        return torch.from_numpy(np.ascontiguousarray(rows)).unflatten(
            0, (self.arrays.copies, len(self.arrays.agents))
        )

    def _told(self, infos: Sequence[dict[str, Any]] | None) -> dict[str, Any]:
        """Return the infos that are handed on, (B, N) each."""
        if not self._keys:
            return {}
        shape = (self.arrays.copies, len(self.arrays.agents))
        rows = infos or [{}] * self.arrays.num_rows
        each = {key: [float(info.get(key, np.nan)) for info in rows] for key in self._keys}
        told = {key: torch.tensor(values).reshape(shape) for key, values in each.items()}
        return {"info": TensorDict(told, shape)}

    def _tensors(self, parts: dict[str, Any], ended: Any, cut: Any) -> Any:
        agents = TensorDict(parts, (self.arrays.copies, len(self.arrays.agents)))
        terminated, truncated = (torch.from_numpy(flag)[:, None] for flag in (ended, cut))
        return TensorDict(
            {
                self.group: agents,
                "done": terminated | truncated,
                "terminated": terminated.clone(),
                "truncated": truncated.clone(),
            },
            self.batch_size,
        )


def _spec(space: Any, shape: tuple[int, int]) -> Any:
    """Return the specification of (B, N) elements of a space."""
    if isinstance(space, spaces.Discrete):
        return Categorical(int(space.n), shape=torch.Size(shape), dtype=torch.int64)
    if not isinstance(space, spaces.Box):
        raise ValueError(f"spaces must be Box or Discrete for TorchRL, got {space}")
    full = (*shape, *space.shape)
    low, high = (torch.from_numpy(np.broadcast_to(b, full).copy()) for b in (space.low, space.high))
    return Bounded(low, high, shape=torch.Size(full), dtype=low.dtype)


def to_torchrl(
    env: Any,
    copies: int = 1,
    group: str | None = None,
    *,
    leavers: str = "refuse",
    infos: Sequence[str] = (),
) -> PopulationTorchEnv:
    """Return B copies of a population as a TorchRL environment; see ``PopulationTorchEnv``."""
    return PopulationTorchEnv(env, copies, group, leavers=leavers, infos=infos)
