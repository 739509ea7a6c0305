"""Weights and optimisers of a saved model: read, compared with the model, then put into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.save_util import load_from_zip_file, recursive_getattr


def read(model: BaseAlgorithm, opened: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the weights in a model's file, opened, and its other trained variables.

    Raises:
        ValueError: If they are not those of such a model.
    """
    _, weights, variables = load_from_zip_file(opened, load_data=False, device=model.device)
    own = model.get_parameters()
    _same_keys("parameters", weights, own)
    for name, wanted in own.items():
        if isinstance(recursive_getattr(model, name), torch.optim.Optimizer):
            _check_optimiser(name, weights[name], recursive_getattr(model, name))
        else:
            _same_tensors(name, weights[name], wanted)
    trained = {name: recursive_getattr(model, name) for name in variable_names(model)}
    _same_tensors("variables", variables or {}, trained)
    return weights, variables or {}


def read_policy(model: BaseAlgorithm, opened: Any) -> dict[str, Any]:
    """Return the weights of the policy in a model's file, opened, and nothing else of it.

    Raises:
        ValueError: If they are not those of such a policy.
    """
    _, weights, _ = load_from_zip_file(opened, load_data=False, device=model.device)
    own = model.policy.state_dict()
    given: Any = weights.get("policy")
    _same_tensors("policy", given, own)
    return {key: given[key] for key in own}


def write(model: BaseAlgorithm, parts: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Put what ``read`` has returned into a model."""
    weights, variables = parts
    model.set_parameters(weights, device=model.device)
    for name, tensor in variables.items():
        recursive_getattr(model, name).data = tensor.data


def variable_names(model: BaseAlgorithm) -> list[str]:
    """Return the names of what a model trains beside its networks."""
    return model._get_torch_save_params()[1]


def _same_keys(what: str, given: Any, wanted: Mapping[str, Any]) -> None:
    if not isinstance(given, Mapping) or given.keys() != wanted.keys():
        found = sorted(map(str, given)) if isinstance(given, Mapping) else given
        raise ValueError(f"{what} must be those of {sorted(wanted)}, got {found!r}")


def _same_tensors(what: str, given: Any, wanted: Mapping[str, Any]) -> None:
    _same_keys(what, given, wanted)
    for key, tensor in wanted.items():
        _same_tensor(f"{what}.{key}", given[key], tensor)


def _same_tensor(name: str, given: Any, wanted: Any) -> None:
    if not isinstance(wanted, torch.Tensor):  # extra state of a module: PyTorch checks it
        return
    if not isinstance(given, torch.Tensor):
        raise ValueError(f"{name} must be a tensor, got {type(given).__name__}")
    if given.shape != wanted.shape or given.dtype != wanted.dtype:
        raise ValueError(
            f"{name} must be {wanted.dtype} {tuple(wanted.shape)}, got {given.dtype}"
            f" {tuple(given.shape)}: make it with the factories it was saved with"
        )


def _check_optimiser(name: str, given: Any, optimiser: torch.optim.Optimizer) -> None:
    """Refuse the state of an optimiser of other parameters, or of another kind."""
    wanted = optimiser.state_dict()
    _same_keys(name, given, wanted)
    groups = given["param_groups"]
    if not isinstance(groups, list) or len(groups) != len(wanted["param_groups"]):
        raise ValueError(f"{name} must have {len(wanted['param_groups'])} groups, got {groups!r}")
    for one, two in zip(groups, wanted["param_groups"], strict=True):
        _same_keys(f"{name}.param_groups", one, two)
        if one["params"] != two["params"]:
            raise ValueError(f"{name} must be of {two['params']}, got {one['params']!r}")
        for key in two:
            if key != "params" and not _alike(one[key], two[key]):
                raise ValueError(f"{name}.{key} must be like {two[key]!r}, got {one[key]!r}")
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    if not isinstance(given["state"], Mapping) or not given["state"].keys() <= set(
        range(len(parameters))
    ):
        raise ValueError(f"{name} must be of {len(parameters)} parameters")
    kept = kept_by(optimiser)
    for i, state in given["state"].items():
        _same_keys(f"{name}.state", state, kept[i])
        for key, value in kept[i].items():
            _same_tensor(f"{name}.state.{key}", state[key], value)


def _alike(one: Any, two: Any) -> bool:
    """Return whether a setting is of the same type; numbers may differ in theirs."""
    if isinstance(two, tuple | list):
        return type(one) is type(two) and len(one) == len(two) and all(map(_alike, one, two))
    numbers = type(one) in (int, float) and type(two) in (int, float)
    return numbers or type(one) is type(two)


def kept_by(optimiser: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """Return what an optimiser keeps of every parameter, found by a step of its twin."""
    groups = [
        {**group, "params": [torch.zeros_like(p, requires_grad=True) for p in group["params"]]}
        for group in optimiser.param_groups
    ]
    kind: Any = type(optimiser)
    twin = kind(groups)
    copies = [p for group in twin.param_groups for p in group["params"]]
    for p in copies:
        p.grad = torch.zeros_like(p)
    twin.step()
    return [twin.state[p] for p in copies]
