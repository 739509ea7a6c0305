"""The algorithms of Stable-Baselines3 and sb3-contrib that are known by name."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from gymnasium import spaces

from mfg_envs.registry import close_names

PACKAGES = {
    "PPO": "stable_baselines3",
    "A2C": "stable_baselines3",
    "DQN": "stable_baselines3",
    "SAC": "stable_baselines3",
    "TD3": "stable_baselines3",
    "QRDQN": "sb3_contrib",
    "TRPO": "sb3_contrib",
    "MaskablePPO": "sb3_contrib",
}
"""Name -> the package that has it."""
NAMES = tuple(name for name in PACKAGES if name != "MaskablePPO")
"""Those that learn from an environment as it is; MaskablePPO asks it for masks."""
ACTIONS = {"DQN": "Discrete", "QRDQN": "Discrete", "SAC": "Box", "TD3": "Box"}
"""Name -> the only kind of actions it has."""
ALIKE = {"Discrete": "PPO, A2C, DQN, QRDQN, TRPO", "Box": "PPO, A2C, SAC, TD3, TRPO"}
"""Kind of actions -> who has it."""


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


def checked_class(name: str, actions: spaces.Space[Any], parameters: Iterable[str] = ()) -> Any:
    """Return the class of an algorithm that has such actions and such parameters.

    Raises:
        ValueError: If it has not.
        ImportError: If its package is missing.
    """
    kind = type(actions).__name__
    if ACTIONS.get(name, kind) != kind:
        raise ValueError(f"{name} does not choose from {actions}: {ALIKE.get(kind, 'PPO')} do")
    cls = algorithm_class(name)
    known = list(inspect.signature(cls).parameters)
    for parameter in parameters:
        if parameter not in known:
            hint = close_names(parameter, known)
            raise ValueError(f"{name} has no parameter {parameter!r}; {hint}")
    return cls
