"""One Stable-Baselines3 model for all players: every player is a sub-environment of a VecEnv."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector.utils import batch_space, iterate

from mfg_envs.game import Array, check_choice

from .action_masks import MASKS, mask_functions
from .population_arrays import as_arrays

try:
    from stable_baselines3.common.vec_env import VecEnv
except ImportError as error:
    raise ImportError(
        'SharedPolicyVecEnv needs Stable-Baselines3: pip install "mfg-envs[sb3]"'
    ) from error


class Info(dict[str, Any]):
    """An empty info that says when something is written into it, so that it is not used again."""

    __slots__ = ("_written",)

    def __init__(self, written: list[bool]) -> None:
        super().__init__()
        self._written = written

    def __setitem__(self, key: str, value: Any) -> None:
        self._written.append(True)
        super().__setitem__(key, value)

    def update(self, *args: Any, **kwargs: Any) -> None:
        self._written.append(True)
        super().update(*args, **kwargs)

    def setdefault(self, key: str, default: Any = None) -> Any:
        self._written.append(True)
        return super().setdefault(key, default)

    def __ior__(self, other: Any) -> Any:
        self.update(other)
        return self

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


class SharedPolicyVecEnv(VecEnv):
    """Show a population to Stable-Baselines3 as a VecEnv with one sub-environment a player.

    ``PPO("MlpPolicy", SharedPolicyVecEnv(env))`` trains one policy that all players share.  Our
    environments are stepped as arrays, other ones through their dicts.  A horizon *terminates*,
    ``max_cycles`` *truncates*: ``TimeLimit.truncated`` says which, ``terminal_observation`` is
    the last observation.  Attributes and methods are those of the environment, infos and options
    those of its agents.

    Stable-Baselines3 trains on every row of every step, so that agents that leave before the
    others are refused, where the first of them leaves, or stay (``leavers``).

    Args:
        env: A PettingZoo ``ParallelEnv`` whose agents have the same spaces.
        copies: Independent copies, B; sub-environment ``b * N + i`` is agent i of copy b.
        leavers: "refuse" or "stay", see ``as_arrays``.

    Attributes:
        arrays: The population, see ``as_arrays``.
    """

    def __init__(self, env: Any, copies: int = 1, *, leavers: str = "refuse") -> None:
        check_choice("leavers", leavers, ("refuse", "stay"))
        self.arrays = as_arrays(env, copies, leavers)
        self._actions: Any = None
        self._seen: Any = None
        super().__init__(
            self.arrays.num_rows, self.arrays.observation_space, self.arrays.action_space
        )
        self._rows: Any = batch_space(self.observation_space, self.num_envs)
        self._no = np.zeros(self.num_envs, bool)
        self._blank()

    @property
    def observed_parts(self) -> tuple[str, ...] | None:
        """Parts of what a player sees, see ``Observer``; None: the environment is not ours."""
        return getattr(self.arrays.env, "observed_parts", None)

    def reset(self) -> Any:
        """Start an episode; after ``seed(s)`` copy b has the seed s + b.

        Raises:
            ValueError: If agents of one copy have different options.
        """
        copies = self._options[:: len(self.arrays.agents)]
        for i, own in enumerate(self._options):
            whole = copies[i // len(self.arrays.agents)]
            if own is not whole and own != whole:
                raise ValueError(f"a copy has one set of options, got {whole} and {own}")
        observation = self._seen = self.arrays.reset(self._seeds[0], copies)
        self.reset_infos = [dict(info) for info in self.arrays.infos or self._infos]
        self._reset_seeds()
        self._reset_options()
        return observation

    def step_async(self, actions: Array) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[Any, Array, Array, list[dict[str, Any]]]:
        rows = self.arrays.step(self._actions)
        self._seen = rows.observation
        reward = rows.reward.astype(np.float32)  # new: learners add to it
        if self._written:
            self._blank()
        done, infos = self._no.copy(), list(self._infos)
        if rows.infos is not None and any(rows.infos):
            infos = [dict(info) for info in rows.infos]
        if rows.ended:
            done |= rows.terminated
            done |= rows.truncated
            last = rows.observation if rows.final is None else rows.final
            each = list(iterate(self._rows, last))
            cuts = (rows.truncated & ~rows.terminated).tolist()
            for i in np.flatnonzero(done).tolist():
                end = {"terminal_observation": each[i], "TimeLimit.truncated": cuts[i]}
                infos[i] = {**infos[i], **end}
            if (first := self.arrays.infos) is not None:
                for i in np.flatnonzero(done).tolist():
                    self.reset_infos[i] = dict(first[i])
        return rows.observation, reward, done, infos

    def _blank(self) -> None:
        """Make an empty info for every player; they serve until somebody writes into one."""
        self._written: list[bool] = []
        self._infos: list[dict[str, Any]] = [Info(self._written) for _ in range(self.num_envs)]

    def render(self, mode: str | None = None) -> Any:
        """Draw the first copy."""
        return self.arrays.render()

    def close(self) -> None:
        self.arrays.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        if attr_name == MASKS:
            chosen = self._get_indices(indices)
            return list(mask_functions(self.observation_space, lambda: self._seen, chosen))
        return [getattr(self.arrays.owner(i), attr_name) for i in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        for i in self._get_indices(indices):
            setattr(self.arrays.owner(i), attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of the environment, once for each copy; its result, for each index.

        ``action_masks``, which ``MaskablePPO`` calls, gives the legal actions of every player.
        """
        if method_name == MASKS:
            return [legal() for legal in self.get_attr(MASKS, indices)]
        chosen = [self.arrays.owner(i) for i in self._get_indices(indices)]
        results = {
            id(env): getattr(env, method_name)(*method_args, **method_kwargs)
            for env in {id(env): env for env in chosen}.values()
        }
        return [results[id(env)] for env in chosen]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [isinstance(self.arrays.owner(i), wrapper_class) for i in self._get_indices(indices)]
