"""The algorithms of Stable-Baselines3 and sb3-contrib that are known by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from mfg_envs.registry import close_names

PACKAGES = {
    "PPO": "stable_baselines3",
    "A2C": "stable_baselines3",
    "DQN": "stable_baselines3",
    "SAC": "stable_baselines3",
    "TD3": "stable_baselines3",
    "QRDQN": "sb3_contrib",
    "TRPO": "sb3_contrib",
}
"""Name -> the package that has it."""
NAMES = tuple(PACKAGES)


def algorithm_class(name: str) -> Any:
    """Return the class of an algorithm.

    Raises:
        ImportError: If its package is missing; it says what to install.
    """
    package = PACKAGES[name]
    try:
        return getattr(import_module(package), name)
    except ImportError as error:
        words = "sb3-contrib" if package == "sb3_contrib" else '"mfg-envs[sb3]"'
        raise ImportError(f"{name} needs {package}: pip install {words}") from error


def check_parameters(name: str, given: Mapping[str, Any]) -> None:
    """Refuse parameters that an algorithm does not have.

    Raises:
        ValueError: If there is one.
    """
    known = list(inspect.signature(algorithm_class(name)).parameters)
    for parameter in given:
        if parameter not in known:
            raise ValueError(
                f"{name} has no parameter {parameter!r}; {close_names(parameter, known)}"
            )
