"""A VecEnv that relays: what it is told goes up to a model, what the model does can be read off."""

from __future__ import annotations

import copy
from typing import Any

from mfg_envs.game import Array

from .action_masks import MASKS, mask_functions

try:
    from stable_baselines3.common.vec_env import VecEnv
except ImportError as error:
    raise ImportError('models of Stable-Baselines3 need it: pip install "mfg-envs[sb3]"') from error


class RelayVecEnv(VecEnv):
    """Relay observations to a model and its actions back, for whoever plays the game.

    Attributes:
        seen: What the model sees next, (R, ...).
        outcome: Rewards (R,), ends (R,) and infos of the last step.
        acted: What the model did last, (R, ...).
    """

    def __init__(self, num_envs: int, observation_space: Any, action_space: Any) -> None:
        self.render_mode = None
        self.seen: Any = None
        self.outcome: Any = None
        self.acted: Any = None
        super().__init__(num_envs, observation_space, action_space)

    def reset(self) -> Any:
        return copy.copy(self.seen)

    def step_async(self, actions: Array) -> None:
        self.acted = actions

    def step_wait(self) -> Any:
        return copy.copy(self.seen), *self.outcome

    def close(self) -> None:
        """Do nothing: the game belongs to all."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        chosen = self._get_indices(indices)
        if attr_name == MASKS:
            return list(mask_functions(self.observation_space, lambda: self.seen, chosen))
        return [getattr(self, attr_name)] * len(list(chosen))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        setattr(self, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        methods = self.get_attr(method_name, indices)
        return [method(*method_args, **method_kwargs) for method in methods]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * len(list(self._get_indices(indices)))
