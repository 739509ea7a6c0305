"""A population as a TorchRL environment: groups of agents, tensors on the arrays themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from mfg_envs.game import check_choice

from .action_masks import MASK, has_mask
from .population_groups import Infos, as_groups

try:
    import torch
    from tensordict import TensorDict
    from torchrl.data import Bounded, Categorical, Composite, Unbounded
    from torchrl.envs import EnvBase, MarlGroupMapType
except ImportError as error:
    raise ImportError('to_torchrl needs TorchRL: pip install "mfg-envs[torchrl]"') from error


class PopulationTorchEnv(EnvBase):
    """Show B copies of a population to TorchRL, with batch size (B,).

    ``(group, "observation")``, ``(group, "action")`` and ``(group, "reward")`` have the agents on
    their second axis; "done", "terminated" and "truncated" are those of a whole copy.

    Where observations are dicts, ``(group, "observation", key)`` are their parts; an "action_mask"
    among them becomes ``(group, "action_mask")``, bool (B, n, A), and random actions obey it: all
    as TorchRL's own ``PettingZooWrapper`` has it.

    Args:
        env: A PettingZoo ``ParallelEnv``; ours whose agents have the same spaces are stepped as
            arrays.
        copies: Independent copies, B.
        group: Name of one group of all agents, instead of ``group_map``.
        group_map: Names of the agents of every group, or TorchRL's ``MarlGroupMapType``; agents of
            a group have the same spaces.  None: agents called ``<group>_<number>`` by their group,
            any other in a group of its own.
        leavers: "refuse" or "stay": agents that leave before the others, see ``as_arrays``.
        infos: Keys of numbers in the agents' infos that are handed on as
            ``(group, "info", key)``, float32; NaN where an agent's infos have none.

    Attributes:
        population: The copies, see ``wrappers.population_groups``.
        group_map: Names of the agents of every group.
        group: The first group.
    """

    def __init__(
        self,
        env: Any,
        copies: int = 1,
        group: str | None = None,
        group_map: Mapping[str, Sequence[Any]] | MarlGroupMapType | None = None,
        *,
        leavers: str = "refuse",
        infos: Sequence[str] = (),
    ) -> None:
        check_choice("leavers", leavers, ("refuse", "stay"))
        super().__init__(batch_size=torch.Size([copies]))
        self.group_map = _group_map(list(env.possible_agents), group, group_map)
        self.population = as_groups(env, copies, self.group_map, leavers)
        self.group, self._keys = next(iter(self.group_map)), tuple(infos)
        seen, played, earned = {}, {}, {}
        for name, agents in self.group_map.items():
            shape = (copies, len(agents))
            space = self.population.observation_spaces[name]
            number = Unbounded(shape=torch.Size(shape), dtype=torch.float32)
            told = {key: number.clone() for key in self._keys}
            parts = {"info": Composite(told, shape=shape)} if told else {}
            seen[name] = Composite({**_seen_specs(space, shape), **parts}, shape=shape)
            action = _spec(self.population.action_spaces[name], shape)
            played[name] = Composite(action=action, shape=shape)
            reward = Unbounded(shape=torch.Size((*shape, 1)), dtype=torch.float32)
            earned[name] = Composite(reward=reward, shape=shape)
        self.observation_spec = Composite(seen, shape=(copies,))
        self.action_spec = Composite(played, shape=(copies,))
        self.reward_spec = Composite(earned, shape=(copies,))
        flags = ("done", "terminated", "truncated")
        flag = {
            name: Categorical(2, shape=torch.Size((copies, 1)), dtype=torch.bool) for name in flags
        }
        self.done_spec = Composite(flag, shape=(copies,))
        self._next_seed: int | None = None

    def _reset(self, tensordict: Any = None, **kwargs: Any) -> Any:
        mask = None if tensordict is None else tensordict.get("_reset", None)
        if mask is None:
            seen = self.population.reset(self._next_seed, kwargs.get("options"))
            self._next_seed = None
        else:
            seen = self.population.restart()
            if seen is None:
                raise RuntimeError(
                    "only episodes that are over restart one by one: reset all copies together"
                )
        over = np.zeros(self.batch_size, bool)
        return self._tensors(self._shown(seen, self.population.infos), over, over)

    def _step(self, tensordict: Any) -> Any:
        actions = {name: tensordict[name, "action"].numpy() for name in self.group_map}
        step = self.population.advance(actions)
        ended = step.terminated.all(-1)
        cut = (step.terminated | step.truncated).all(-1) & ~ended
        parts = self._shown(step.observation, step.infos)
        for name, reward in step.reward.items():
            parts[name]["reward"] = torch.from_numpy(reward.astype(np.float32))[..., None]
        return self._tensors(parts, ended, cut)

    def _set_seed(self, seed: int | None) -> None:
        self._next_seed = seed

    def close(self, *args: Any, **kwargs: Any) -> None:
        """Close every copy."""
        self.population.close()
        super().close(*args, **kwargs)

    def _shown(self, seen: dict[str, Any], infos: Infos) -> dict[str, dict[str, Any]]:
        """Return what groups see and are told, as tensors; their next actions are to be legal."""
        return {name: {**self._seen(name, seen[name]), **self._told(name, infos)} for name in seen}

    def _seen(self, name: str, seen: Any) -> dict[str, Any]:
        if not has_mask(self.population.observation_spaces[name]):
            return {"observation": _tensor(seen)}
        legal = torch.from_numpy(seen[MASK].astype(bool))
        inputs: Any = self.input_spec
        inputs["full_action_spec", name, "action"].update_mask(legal.clone())
        rest = {key: part for key, part in seen.items() if key != MASK}
        return {"observation": _tensor(rest), MASK: legal}

    def _told(self, name: str, infos: Infos) -> dict[str, Any]:
        """Return the infos of a group that are handed on, (B, n) each."""
        if not self._keys:
            return {}
        who, shape = self.population.groups[name], (*self.batch_size, len(self.group_map[name]))
        rows = [[{}] * (1 + max(who))] * shape[0] if infos is None else infos
        told = {
            key: torch.tensor([[float(row[i].get(key, np.nan)) for i in who] for row in rows])
            for key in self._keys
        }
        return {"info": TensorDict(told, shape)}

    def _tensors(self, parts: dict[str, Any], ended: Any, cut: Any) -> Any:
        terminated, truncated = (torch.from_numpy(flag)[:, None] for flag in (ended, cut))
        groups = {
            name: TensorDict(part, (*self.batch_size, len(self.group_map[name])))
            for name, part in parts.items()
        }
        return TensorDict(
            {
                **groups,
                "done": terminated | truncated,
                "terminated": terminated.clone(),
                "truncated": truncated.clone(),
            },
            self.batch_size,
        )


def _group_map(agents: list[Any], group: str | None, given: Any) -> dict[str, list[Any]]:
    """Return the names of the agents of every group."""
    if group is not None and given is not None:
        raise ValueError(f"give group or group_map, got both: {group!r} and {given!r}")
    if group is not None:
        return {group: agents}
    if isinstance(given, MarlGroupMapType):
        given = given.get_group_map(agents)
    if given is not None:
        return {name: list(members) for name, members in given.items()}
    found: dict[str, list[Any]] = {}
    for agent in agents:
        name, _, number = str(agent).rpartition("_")
        found.setdefault(name if name and number.isdecimal() else str(agent), []).append(agent)
    return found


def _seen_specs(space: Any, shape: tuple[int, int]) -> dict[str, Any]:
    """Return the specifications of what (B, n) agents are shown."""
    if not has_mask(space):
        return {"observation": _spec(space, shape)}
    legal = torch.Size((*shape, *space[MASK].shape))
    rest = spaces.Dict({key: part for key, part in space.items() if key != MASK})
    mask = Categorical(2, shape=legal, dtype=torch.bool)
    return {"observation": _spec(rest, shape), MASK: mask}


def _spec(space: Any, shape: tuple[int, int]) -> Any:
    """Return the specification of (B, n) elements of a space."""
    if isinstance(space, spaces.Dict):
        parts = {key: _spec(part, shape) for key, part in space.items()}
        return Composite(parts, shape=shape)
    if isinstance(space, spaces.Discrete):
        return Categorical(int(space.n), shape=torch.Size(shape), dtype=torch.int64)
    if not isinstance(space, spaces.Box):
        raise ValueError(f"spaces must be Box, Discrete or Dict for TorchRL, got {space}")
    full = (*shape, *space.shape)
    low, high = (torch.from_numpy(np.broadcast_to(b, full).copy()) for b in (space.low, space.high))
    return Bounded(low, high, shape=torch.Size(full), dtype=low.dtype)


def _tensor(seen: Any) -> Any:
    if isinstance(seen, dict):
        return {key: _tensor(part) for key, part in seen.items()}
    return torch.from_numpy(np.ascontiguousarray(seen))


def to_torchrl(
    env: Any,
    copies: int = 1,
    group: str | None = None,
    group_map: Mapping[str, Sequence[Any]] | MarlGroupMapType | None = None,
    *,
    leavers: str = "refuse",
    infos: Sequence[str] = (),
) -> PopulationTorchEnv:
    """Return B copies of a population as a TorchRL environment; see ``PopulationTorchEnv``."""
    return PopulationTorchEnv(env, copies, group, group_map, leavers=leavers, infos=infos)
