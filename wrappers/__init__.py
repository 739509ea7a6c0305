"""From one environment to another: one wrapper, one file.

Wrappers are imported when they are first asked for, so that those which need a library of their
own (Stable-Baselines3, TorchRL, RLlib) cost nothing until then.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .batched_bootstrap import BatchedBootstrap
    from .player_env import PlayerEnv
    from .population_arrays import as_arrays
    from .population_columns import as_columns
    from .population_vector_env import PopulationVectorEnv
    from .shared_policy_vec_env import SharedPolicyVecEnv

__all__ = [
    "BatchedBootstrap",
    "PlayerEnv",
    "PopulationVectorEnv",
    "SharedPolicyVecEnv",
    "as_arrays",
    "as_columns",
]

_FILES = {
    "BatchedBootstrap": "batched_bootstrap",
    "PlayerEnv": "player_env",
    "PopulationVectorEnv": "population_vector_env",
    "SharedPolicyVecEnv": "shared_policy_vec_env",
    "as_arrays": "population_arrays",
    "as_columns": "population_columns",
}


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_FILES[name]}", __name__), name)
