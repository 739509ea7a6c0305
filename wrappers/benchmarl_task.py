"""A population as a BenchMARL task, on its arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gymnasium import spaces
from gymnasium.vector.utils import CloudpickleWrapper

try:
    import torch

    # Installed in an environment of its own: make interop-benchmarl.
    from benchmarl.environments import TaskClass  # pyright: ignore[reportMissingImports]
except ImportError as error:
    raise ImportError("to_benchmarl needs BenchMARL: pip install benchmarl") from error

from .action_masks import MASK
from .torchrl_env import PopulationTorchEnv, to_torchrl


class PopulationTask(TaskClass):
    """Describe a population to BenchMARL, in the groups of ``PopulationTorchEnv``.

    Args:
        make: What makes a PettingZoo ``ParallelEnv`` with an attribute ``max_cycles``, called
            with the items of ``config`` as keywords.
        config: Parameters of the environment.
        name: What BenchMARL's logs call it.
    """

    def __init__(self, make: Callable[..., Any], config: dict[str, Any], name: str) -> None:
        super().__init__(name, config)
        self._make = CloudpickleWrapper(make)  # an experiment stores its task, by pickle
        self._action_spaces = list(to_torchrl(self.make()).population.action_spaces.values())

    def make(self) -> Any:
        """Return a new PettingZoo environment."""
        return self._make.fn(**self.config)

    def get_env_fun(
        self, num_envs: int, continuous_actions: bool, seed: int | None, device: Any
    ) -> Callable[[], PopulationTorchEnv]:
        if torch.device(device).type != "cpu":
            raise ValueError(
                f"populations are played on the CPU, got sampling_device={str(device)!r}: set"
                ' sampling_device="cpu"; train_device may be any'
            )

        def env() -> PopulationTorchEnv:
            made = to_torchrl(self.make(), num_envs)
            if seed is not None:
                made.set_seed(seed)
            return made

        return env

    def supports_continuous_actions(self) -> bool:
        return all(isinstance(space, spaces.Box) for space in self._action_spaces)

    def supports_discrete_actions(self) -> bool:
        return all(isinstance(space, spaces.Discrete) for space in self._action_spaces)

    def max_steps(self, env: Any) -> int:
        return env.population.env.unwrapped.max_cycles

    def has_render(self, env: Any) -> bool:
        return getattr(env.population.env, "render_mode", None) == "rgb_array"

    @staticmethod
    def render_callback(experiment: Any, env: Any, data: Any) -> Any:
        return env.population.render()

    def group_map(self, env: Any) -> dict[str, list[str]]:
        return env.group_map

    def observation_spec(self, env: Any) -> Any:
        return self._seen(env, masks=False)

    def action_spec(self, env: Any) -> Any:
        return env.full_action_spec_unbatched

    def state_spec(self, env: Any) -> None:
        return None

    def info_spec(self, env: Any) -> None:
        return None

    def action_mask_spec(self, env: Any) -> Any:
        spec = self._seen(env, masks=True)
        return None if spec.is_empty() else spec

    def _seen(self, env: Any, *, masks: bool) -> Any:
        """Return the specification of the masks alone, or of all but the masks."""
        spec = env.full_observation_spec_unbatched.clone()
        for group in self.group_map(env):
            for key in list(spec[group].keys()):
                if (key == MASK) != masks:
                    del spec[group, key]
            if spec[group].is_empty():
                del spec[group]
        return spec

    @staticmethod
    def env_name() -> str:
        return "mfg_envs"


def to_benchmarl(make: Callable[..., Any], name: str, **config: Any) -> PopulationTask:
    """Return ``make(**config)`` as a BenchMARL task; see ``PopulationTask``."""
    return PopulationTask(make, config, name)
