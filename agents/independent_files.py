"""A set of Stable-Baselines3 models on disk, with all it takes to go on bit for bit.

::

    set.json              who is in it; written last, so that it always names a complete folder
    1/vehicle_0.zip       a model as ``model.save`` writes it, for everybody's use
    1/vehicle_0.npz       its replay buffer and running statistics
    1/randomness.npz      the generators of NumPy, PyTorch and Python

Loading reads numbers only: the parts of a model's file that could hold code are not opened.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.save_util import load_from_zip_file, recursive_setattr

from .atomic_files import write_atomically, write_json, write_npz
from .global_randomness import GlobalRandomness

FORMAT = 1
COUNTERS = ("num_timesteps", "_n_updates", "_n_calls", "_episode_num", "exploration_rate")
"""What a model counts, beside its weights."""


def save(
    folder: Path, models: Mapping[str, BaseAlgorithm], randomness: GlobalRandomness, calls: int
) -> None:
    """Write a set of models; the set that was there stays whole until the new one is."""
    arrays = {name: _arrays(name, model) for name, model in models.items()}
    before = _header(folder)["generation"] if (folder / "set.json").exists() else 0
    new = folder / str(before + 1)
    shutil.rmtree(new, ignore_errors=True)  # what a killed save left behind
    new.mkdir(parents=True)
    for name, model in models.items():
        write_atomically(new / f"{name}.zip", model.save)
        write_npz(new / f"{name}.npz", arrays[name])
    write_npz(new / "randomness.npz", _numbers(randomness.state))
    players = {
        name: {
            "kind": type(model).__name__,
            "counters": {c: getattr(model, c) for c in COUNTERS if hasattr(model, c)},
            "action_space": _generator(model).state,
        }
        for name, model in models.items()
    }
    header = {"format": FORMAT, "generation": before + 1, "calls": calls, "players": players}
    write_json(folder / "set.json", header)
    shutil.rmtree(folder / str(before), ignore_errors=True)


def load(folder: Path, models: Mapping[str, BaseAlgorithm], randomness: GlobalRandomness) -> int:
    """Read a set into models of the same kinds; return how often they had learned.

    Raises:
        ValueError: If the set is of other players or other kinds; nothing has changed then.
    """
    header = _header(folder)
    kinds = {name: type(model).__name__ for name, model in models.items()}
    saved = {name: player["kind"] for name, player in header["players"].items()}
    if saved != kinds:
        odd = sorted(name for name in {**saved, **kinds} if saved.get(name) != kinds.get(name))[0]
        raise ValueError(
            f"{folder} holds {saved.get(odd, 'nothing')} for {odd}, this set has"
            f" {kinds.get(odd, 'no such player')}: make it with the factories it was saved with"
        )
    parts = {}
    for name, model in models.items():
        here = folder / str(header["generation"]) / name
        zipped = here.with_name(f"{name}.zip")
        _, weights, variables = load_from_zip_file(zipped, load_data=False, device=model.device)
        with np.load(here.with_name(f"{name}.npz"), allow_pickle=False) as file:
            parts[name] = weights, variables or {}, dict(file)
    for name, model in models.items():
        weights, variables, arrays = parts[name]
        model.set_parameters(weights, device=model.device)
        for attribute, value in variables.items():
            recursive_setattr(model, f"{attribute}.data", value.data)
        player = header["players"][name]
        for counter, value in player["counters"].items():
            setattr(model, counter, value)
        _generator(model).state = player["action_space"]
        _set_arrays(model, arrays)
    with np.load(folder / str(header["generation"]) / "randomness.npz", allow_pickle=False) as file:
        randomness.state = _states(dict(file))
    return int(header["calls"])


def _header(folder: Path) -> dict[str, Any]:
    try:
        header = json.loads((folder / "set.json").read_text())
    except FileNotFoundError as error:
        raise ValueError(f"{folder} holds no set of models: set.json is missing") from error
    if header.get("format") != FORMAT:
        raise ValueError(f"{folder} has format {header.get('format')}, this version reads {FORMAT}")
    return header


def _generator(model: BaseAlgorithm) -> Any:
    """Return the generator of random actions."""
    return model.action_space.np_random.bit_generator


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


def _statistics(model: BaseAlgorithm) -> dict[str, Any]:
    """Return the running statistics of a model that normalises, by name."""
    normaliser: Any = model.get_vec_normalize_env()
    if normaliser is None:
        return {}
    seen = normaliser.obs_rms
    seen = seen if isinstance(seen, dict) else {"observation": seen}
    return {"return": normaliser.ret_rms, **{k: v for k, v in seen.items() if v is not None}}


def _arrays(name: str, model: BaseAlgorithm) -> dict[str, Any]:
    from stable_baselines3 import HerReplayBuffer

    buffer, found, used = _buffer(model)
    if isinstance(buffer, HerReplayBuffer):
        raise ValueError(f"the model of {name} has a HerReplayBuffer, which cannot be saved")
    arrays = {f"buffer/{key}": value[:used] for key, value in found.items()}
    if buffer is not None:
        arrays["buffer_at"] = np.array([buffer.pos, buffer.full])
    for key, kept in _statistics(model).items():
        for part in ("mean", "var", "count"):
            arrays[f"statistics/{key}/{part}"] = np.asarray(getattr(kept, part))
    return arrays


def _set_arrays(model: BaseAlgorithm, arrays: Mapping[str, Any]) -> None:
    buffer, found, _ = _buffer(model)
    for key, value in found.items():
        kept = arrays[f"buffer/{key}"]
        value[: len(kept)] = kept
    if buffer is not None:
        buffer.pos, buffer.full = int(arrays["buffer_at"][0]), bool(arrays["buffer_at"][1])
    for key, kept in _statistics(model).items():
        for part in ("mean", "var", "count"):
            setattr(kept, part, arrays[f"statistics/{key}/{part}"])


def _numbers(state: Any) -> dict[str, Any]:
    """Return the states of the three generators as arrays."""
    (_, python, gauss), numpy, pytorch = state
    return {
        "python": np.array(python, np.uint64),
        "python_gauss": np.array([np.nan if gauss is None else gauss]),
        "numpy": numpy[1],
        "numpy_at": np.array(numpy[2:4]),
        "numpy_gauss": np.array(numpy[4]),
        "torch": pytorch.numpy(),
    }


def _states(arrays: Mapping[str, Any]) -> Any:
    """Return what ``_numbers`` was given."""
    gauss = float(arrays["python_gauss"][0])
    python = (3, tuple(map(int, arrays["python"])), None if np.isnan(gauss) else gauss)
    at, has = map(int, arrays["numpy_at"])
    numpy = ("MT19937", arrays["numpy"], at, has, float(arrays["numpy_gauss"]))
    return python, numpy, torch.from_numpy(arrays["torch"].copy())
