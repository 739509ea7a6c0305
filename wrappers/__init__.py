"""From one environment to another: one wrapper, one file.

Wrappers are imported when they are first asked for, so that those which need a library of their
own (Stable-Baselines3, TorchRL, RLlib) cost nothing until then.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .batched_bootstrap import BatchedBootstrap
    from .benchmarl_task import to_benchmarl
    from .discretise_actions import DiscretiseActions
    from .normalise_reward import NormaliseReward
    from .observe_action_mask import ObserveActionMask
    from .observe_local_density import ObserveLocalDensity
    from .observe_mean_field import ObserveMeanField
    from .observe_time import ObserveTime
    from .one_hot_state import OneHotState
    from .player_env import PlayerEnv
    from .population_arrays import as_arrays
    from .population_columns import as_columns
    from .population_vector_env import PopulationVectorEnv
    from .rllib_env import to_rllib
    from .shared_policy_vec_env import SharedPolicyVecEnv
    from .subsample_neighbours import SubsampleNeighbours
    from .torchrl_env import to_torchrl
    from .tuple_env import to_tuple_gym

__all__ = [
    "BatchedBootstrap",
    "DiscretiseActions",
    "NormaliseReward",
    "ObserveActionMask",
    "ObserveLocalDensity",
    "ObserveMeanField",
    "ObserveTime",
    "OneHotState",
    "PlayerEnv",
    "PopulationVectorEnv",
    "SharedPolicyVecEnv",
    "SubsampleNeighbours",
    "as_arrays",
    "as_columns",
    "to_benchmarl",
    "to_rllib",
    "to_torchrl",
    "to_tuple_gym",
]

FILES = {
    "BatchedBootstrap": "batched_bootstrap",
    "DiscretiseActions": "discretise_actions",
    "NormaliseReward": "normalise_reward",
    "ObserveActionMask": "observe_action_mask",
    "ObserveLocalDensity": "observe_local_density",
    "ObserveMeanField": "observe_mean_field",
    "ObserveTime": "observe_time",
    "OneHotState": "one_hot_state",
    "PlayerEnv": "player_env",
    "PopulationVectorEnv": "population_vector_env",
    "SharedPolicyVecEnv": "shared_policy_vec_env",
    "SubsampleNeighbours": "subsample_neighbours",
    "as_arrays": "population_arrays",
    "as_columns": "population_columns",
    "to_benchmarl": "benchmarl_task",
    "to_rllib": "rllib_env",
    "to_torchrl": "torchrl_env",
    "to_tuple_gym": "tuple_env",
}
"""What is imported when it is first asked for: name -> file."""

_NEEDS = {
    "BatchedBootstrap": "stable_baselines3",
    "SharedPolicyVecEnv": "stable_baselines3",
    "to_benchmarl": "benchmarl",
    "to_rllib": "ray",
    "to_torchrl": "torchrl",
}
# ``import *`` takes what there is.
__all__[:] = [name for name in __all__ if name not in _NEEDS or find_spec(_NEEDS[name]) is not None]


def __getattr__(name: str) -> Any:
    if name not in FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{FILES[name]}", __name__), name)
