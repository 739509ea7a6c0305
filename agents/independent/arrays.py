"""What a model keeps beside its weights, as arrays: replay buffer, statistics, generators."""

from __future__ import annotations

import random as python_random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm

WORDS = 624
"""Length of the state of a Mersenne twister, which Python's and NumPy's global generators are."""


def arrays(name: Any, model: BaseAlgorithm) -> dict[str, Any]:
    """Return a model's replay buffer and running statistics as arrays.

    Raises:
        ValueError: If the buffer is of a kind that arrays cannot hold.
    """
    from stable_baselines3 import HerReplayBuffer

    buffer, found, used = _buffer(model)
    if isinstance(buffer, HerReplayBuffer):
        raise ValueError(f"the model of {name} has a HerReplayBuffer, which cannot be saved")
    kept = {f"buffer/{key}": value[:used] for key, value in found.items()}
    if buffer is not None:
        kept["buffer_at"] = np.array([buffer.pos, buffer.full])
    for key, (owner, part) in _statistics(model).items():
        kept[key] = np.asarray(getattr(owner, part))
    return kept


def checked(model: BaseAlgorithm, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return arrays that ``arrays`` made of such a model.

    Raises:
        ValueError: If one is missing, unknown, or of another shape or type.
    """
    buffer, found, _ = _buffer(model)
    own = arrays("a player", model)
    if given.keys() != own.keys():
        odd = sorted(given.keys() ^ own.keys())[0]
        raise ValueError(f"{odd!r} is {'unknown' if odd in given else 'missing'}")
    used = 0
    if buffer is not None:
        at = _like("buffer_at", given["buffer_at"], own["buffer_at"])
        used = buffer.buffer_size if at[1] else int(at[0])
        if not (0 <= at[0] < buffer.buffer_size and at[1] in (0, 1)):
            raise ValueError(f"buffer_at is {at.tolist()}, the buffer holds {buffer.buffer_size}")
    for key, value in own.items():
        if key.startswith("buffer/"):
            whole = found[key.removeprefix("buffer/")]
            _like(key, given[key], whole, (used, *whole.shape[1:]))
        elif key != "buffer_at":
            _like(key, given[key], value)
    return given


def set_arrays(model: BaseAlgorithm, kept: Mapping[str, Any]) -> None:
    """Put checked arrays into a model."""
    buffer, found, _ = _buffer(model)
    for key, value in found.items():
        rows = kept[f"buffer/{key}"]
        value[: len(rows)] = rows
    if buffer is not None:
        buffer.pos, buffer.full = int(kept["buffer_at"][0]), bool(kept["buffer_at"][1])
    for key, (owner, part) in _statistics(model).items():
        setattr(owner, part, kept[key])


def numbers(state: Any) -> dict[str, Any]:
    """Return the states of the three global generators as arrays."""
    (_, python, gauss), numpy, pytorch = state
    return {
        "python": np.array(python, np.uint64),
        "python_gauss": np.array([np.nan if gauss is None else gauss]),
        "numpy": numpy[1],
        "numpy_at": np.array(numpy[2:4]),
        "numpy_gauss": np.array(numpy[4]),
        "torch": pytorch.numpy(),
    }


def states(given: Mapping[str, Any]) -> Any:
    """Return what ``numbers`` was given; each is tried on a generator of its own.

    Raises:
        ValueError: If they are not the states of such generators.
    """
    wanted = numbers((python_random.getstate(), np.random.get_state(), torch.get_rng_state()))  # noqa: NPY002
    if given.keys() != wanted.keys():
        raise ValueError(f"states must be those of {sorted(wanted)}, got {sorted(given)}")
    for key, value in wanted.items():
        _like(key, given[key], value)
    gauss = float(given["python_gauss"][0])
    python = (3, tuple(map(int, given["python"])), None if np.isnan(gauss) else gauss)
    at, has = map(int, given["numpy_at"])
    if not (0 <= at <= WORDS and has in (0, 1)):
        raise ValueError(f"numpy_at must be a place up to {WORDS} and a flag, got {[at, has]}")
    numpy = ("MT19937", given["numpy"], at, has, float(given["numpy_gauss"]))
    pytorch = torch.from_numpy(given["torch"].copy())
    python_random.Random().setstate(python)
    np.random.RandomState().set_state(numpy)
    torch.Generator().set_state(pytorch)
    return python, numpy, pytorch


def _buffer(model: BaseAlgorithm) -> tuple[Any, dict[str, Any], int]:
    """Return the replay buffer, its arrays by name and how many of their rows are in use."""
    buffer = getattr(model, "replay_buffer", None)
    found: dict[str, Any] = {}
    for name, value in vars(buffer).items() if buffer is not None else ():
        if isinstance(value, np.ndarray):
            found[name] = value
        elif isinstance(value, dict):
            found |= {f"{name}/{k}": v for k, v in value.items() if isinstance(v, np.ndarray)}
    used = 0 if buffer is None else buffer.buffer_size if buffer.full else buffer.pos
    return buffer, found, used


def _statistics(model: BaseAlgorithm) -> dict[str, tuple[Any, str]]:
    """Return the running statistics of a model that normalises: name -> owner, attribute."""
    normaliser: Any = model.get_vec_normalize_env()
    if normaliser is None:
        return {}
    seen = getattr(normaliser, "obs_rms", None)  # VecNormalize(norm_obs=False) has none
    seen = seen if isinstance(seen, dict) else {"observation": seen}
    kept = {"return": normaliser.ret_rms, **{k: v for k, v in seen.items() if v is not None}}
    return {
        f"statistics/{key}/{part}": (owner, part)
        for key, owner in kept.items()
        for part in ("mean", "var", "count")
    }


def _like(key: str, given: Any, wanted: Any, shape: tuple[int, ...] | None = None) -> Any:
    """Return an array if it has the shape and type of another one."""
    shape = wanted.shape if shape is None else shape
    if given.shape != shape or given.dtype != wanted.dtype:
        raise ValueError(f"{key!r} must be {wanted.dtype} {shape}, got {given.dtype} {given.shape}")
    return given
