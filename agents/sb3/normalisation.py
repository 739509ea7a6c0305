"""The statistics of a ``VecNormalize``, read from its pickle without running what is in it.

A pickle names the classes and functions that it wants called.  Here arrays of numbers are made by
hand, the few other names in a saved ``VecNormalize`` become empty shells that keep what they are
given, and anything else is refused by name.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from mfg_envs.game import Array, as_array, as_float

NUMBERS = ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1")
"""Types of arrays."""
SHELLS = {
    "VecNormalize": "stable_baselines3.common.vec_env.vec_normalize",
    "RunningMeanStd": "stable_baselines3.common.running_mean_std",
    "Box": "gymnasium.spaces.box",
    "Discrete": "gymnasium.spaces.discrete",
    "__generator_ctor": "numpy.random._pickle",
    "__bit_generator_ctor": "numpy.random._pickle",
    "PCG64": "numpy.random._pcg64",
    "__pyx_unpickle_SeedSequence": "numpy.random.bit_generator",
    "SeedSequence": "numpy.random.bit_generator",
}
"""What a ``VecNormalize`` names beside arrays: name -> module."""


class _Shell:
    """Something of which only the attributes are kept."""

    def __init__(self, *given: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            vars(self).update(state)


class _Type:
    """The type of an array, by NumPy's name for it."""

    def __init__(self, name: str, *rest: Any) -> None:
        if name not in NUMBERS:
            raise ValueError(f"it holds arrays of {name!r}, which are no numbers")
        self.name = name

    def __setstate__(self, state: Any) -> None:
        self.name = {">": ">"}.get(state[1], "<") + self.name


class _Array:
    """An array of numbers that is being read."""

    def __init__(self, *given: Any) -> None:
        self.numbers: Array = np.empty(0)

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, by_columns, data = state
        self.numbers = _scalars(kind, data).reshape(shape, order="F" if by_columns else "C")


def _scalars(kind: _Type, data: bytes) -> Array:
    return np.frombuffer(data, kind.name)


def _scalar(kind: _Type, data: bytes) -> Any:
    return _scalars(kind, data)[0]


def _whole(data: bytes, kind: _Type, shape: Any, order: str) -> _Array:
    made = _Array()
    made.numbers = _scalars(kind, data).reshape(shape, order="F" if order == "F" else "C")
    return made


ARRAYS: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): _Type,
    ("numpy", "ndarray"): _Array,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _whole for core in ("core", "_core")},
}
"""What a pickle calls to make arrays -> what is called."""


class _Reader(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) in ARRAYS:
            return ARRAYS[module_name, global_name]
        if SHELLS.get(global_name) == module_name:
            return type(global_name, (_Shell,), {})
        raise ValueError(f"it names {module_name}.{global_name}, which is none of its parts")


def normalised(path: Path, env: VecEnv) -> VecNormalize:
    """Return an environment behind a ``VecNormalize`` with the statistics of a saved one.

    Raises:
        ValueError: If the file is no such pickle, names what no ``VecNormalize`` has, or is of
            other observations.
    """
    try:
        with path.open("rb") as opened:
            saved: Any = _Reader(opened).load()
        if type(saved).__name__ != "VecNormalize":
            raise ValueError("it holds something else")
        clip, least = (as_float(name, getattr(saved, name)) for name in ("clip_obs", "epsilon"))
        if not saved.norm_obs:
            return VecNormalize(env, training=False, norm_obs=False)
        rms = saved.obs_rms
        mean, var = (as_array(name, getattr(rms, name).numbers) for name in ("mean", "var"))
        count = as_float("count", rms.count)
    except FileNotFoundError:
        raise ValueError(f"there is no file {path}") from None
    except Exception as error:  # a broken pickle raises anything
        words = error or type(error).__name__
        raise ValueError(
            f"{path} is no saved VecNormalize of plain observations: {words}"
        ) from error
    made = VecNormalize(env, training=False, clip_obs=clip, epsilon=least)
    set_statistics(made, mean, var, count, str(path))
    return made


def set_statistics(env: VecNormalize, mean: Array, var: Array, count: float, where: str) -> None:
    """Put running statistics of observations into a ``VecNormalize``.

    Raises:
        ValueError: If they are of other observations.
    """
    shape = env.observation_space.shape
    if mean.shape != shape or var.shape != shape:
        raise ValueError(f"{where} has statistics of {mean.shape} numbers, observations {shape}")
    rms: Any = env.obs_rms
    rms.mean, rms.var, rms.count = mean, var, count
