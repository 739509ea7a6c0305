"""All that a model needs to go on, as plain arrays: what an iterate of a run can hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.save_util import recursive_getattr

from mfg_envs.game import Array

from ..independent import arrays, weights
from ..independent.saved_set import COUNTERS, generator_of

HALF = 2**64 - 1
"""Lower half of the 128 bits of a generator's state."""


def snapshot(name: Any, model: BaseAlgorithm) -> dict[str, Array]:
    """Return what the model of a player is now, as new arrays.

    Weights and the states of optimisers are one row of numbers each, beside it which parameters an
    optimiser has moved yet.
    """
    trained = {}
    for key, state in model.get_parameters().items():
        if _is_optimiser(model, key):
            moved = sorted(state["state"])
            trained[f"moved/{key}"] = np.array(moved, np.int64)
            trained[f"trained/{key}"] = _row(v for i in moved for v in state["state"][i].values())
        else:
            trained[f"trained/{key}"] = _row(state.values())
    variables = _row(recursive_getattr(model, key) for key in weights.variable_names(model))
    return {
        **trained,
        "variables": variables,
        "counters": np.array([float(getattr(model, key, 0)) for key in COUNTERS]),
        "generator": _words(generator_of(model).state),
        **{key: np.array(part) for key, part in arrays.arrays(name, model).items()},
    }


def restore(model: BaseAlgorithm, kept: Mapping[str, Array]) -> None:
    """Put a model where its like was when ``snapshot`` was taken.

    Raises:
        ValueError: If it was taken of another kind of model.
    """
    kept, own = dict(kept), snapshot("a player", model)
    if odd := sorted(kept.keys() ^ own.keys()):
        raise ValueError(f"{odd[0]!r} is {'unknown' if odd[0] in kept else 'missing'}")
    trained = {}
    for key, own in model.get_parameters().items():
        row, moved = kept.pop(f"trained/{key}"), kept.pop(f"moved/{key}", None)
        if moved is None:
            trained[key] = dict(zip(own, _cut(key, row, list(own.values())), strict=True))
        else:
            trained[key] = {**own, "state": _optimiser(model, key, moved.tolist(), row)}
    names = weights.variable_names(model)
    like = [recursive_getattr(model, key) for key in names]
    variables = dict(zip(names, _cut("variables", kept.pop("variables"), like), strict=True))
    counters, words = kept.pop("counters"), kept.pop("generator")
    checked = arrays.checked(model, kept)
    weights.write(model, (trained, variables))
    arrays.set_arrays(model, checked)
    for key, value in zip(COUNTERS, counters.tolist(), strict=True):
        if hasattr(model, key):
            setattr(model, key, value if key == "exploration_rate" else int(value))
    generator_of(model).state = _state(words)


def policy_row(model: BaseAlgorithm) -> Array:
    """Return the weights of a model's policy, float32 (P,)."""
    return _row(model.policy.state_dict().values()).astype(np.float32)


def set_policy(model: BaseAlgorithm, row: Array) -> None:
    """Put the weights that ``policy_row`` gave into a model; what is behind them is padding."""
    own = model.policy.state_dict()
    size = sum(tensor.numel() for tensor in own.values())
    parts = _cut("policy", row[:size], list(own.values()))
    model.policy.load_state_dict(dict(zip(own, parts, strict=True)))


def _is_optimiser(model: BaseAlgorithm, key: str) -> bool:
    return isinstance(recursive_getattr(model, key), torch.optim.Optimizer)


def _optimiser(model: BaseAlgorithm, key: str, moved: Sequence[int], row: Array) -> Any:
    """Return the state of an optimiser that has moved some of its parameters."""
    like = weights.kept_by(recursive_getattr(model, key))
    if not set(moved) <= set(range(len(like))):
        raise ValueError(f"{key} has moved {moved}, it has {len(like)} parameters")
    wanted = [value for i in moved for value in like[i].values()]
    numbers = iter(_cut(key, row, wanted))
    return {i: {name: next(numbers) for name in like[i]} for i in moved}


def _row(entries: Iterable[Any]) -> Array:
    """Return tensors and numbers as one row of doubles, which hold them exactly."""
    parts = [torch.as_tensor(one).detach().cpu().to(torch.float64).reshape(-1) for one in entries]
    return torch.cat(parts).numpy().copy() if parts else np.empty(0)


def _cut(name: str, row: Array, like: Sequence[Any]) -> list[Any]:
    """Return the tensors and numbers of which ``_row`` made a row.

    Raises:
        ValueError: If there are more of them, or fewer.
    """
    sizes = [torch.as_tensor(one).numel() for one in like]
    if row.shape != (sum(sizes),):
        raise ValueError(
            f"{name} must have {sum(sizes)} numbers, got {row.shape}: it is of another model"
        )
    parts = torch.from_numpy(np.array(row)).split(sizes)
    return [
        part.reshape(one.shape).to(one.dtype) if isinstance(one, torch.Tensor) else type(one)(part)
        for part, one in zip(parts, like, strict=True)
    ]


def _words(state: Any) -> Array:
    """Return the state of NumPy's default generator in words of 64 bits."""
    both = state["state"]
    halves = [both["state"] >> 64, both["state"] & HALF, both["inc"] >> 64, both["inc"] & HALF]
    return np.array([*halves, state["has_uint32"], state["uinteger"]], np.uint64)


def _state(words: Array) -> dict[str, Any]:
    high, low, step_high, step_low, has, kept = map(int, words)
    both = {"state": (high << 64) + low, "inc": (step_high << 64) + step_low}
    return {"bit_generator": "PCG64", "state": both, "has_uint32": has, "uinteger": kept}
