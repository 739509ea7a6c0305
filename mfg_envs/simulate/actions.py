"""Reading the dict of actions that PettingZoo's parallel API hands over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mfg_envs.game import Array, as_entries

INT32 = np.dtype(np.int32)


def read_actions(actions: Mapping[str, Any], agents: Sequence[str], sizes: Array) -> Array:
    """Return discrete actions in the order of the agents, int32 (N,).

    An action may be any whole number, or an array of one.

    Args:
        actions: One action per agent, in any order.
        agents: Names of the agents that are alive.
        sizes: Number of actions of every agent, (N,).

    Raises:
        ValueError: If an action is missing, of an unknown agent or out of its range; the message
            names the agent and the bound.
    """
    values = in_order(actions, agents)
    try:
        a = np.array(values)
        right = a.dtype.kind in "biu" and a.size == len(agents)
        right = right and not (a.ndim > 1 and _hidden(values))
    except (ValueError, np.ma.MaskError):  # a mix of numbers and arrays; masked ones
        right, a = False, np.empty(0)
    if not right:
        a = np.array([_one(*item) for item in zip(agents, values, sizes, strict=True)])
    a = a.reshape(-1)
    wrong = (a < 0) | (a >= sizes)
    if wrong.any():
        i = int(wrong.argmax())
        _one(agents[i], values[i], sizes[i])
    return a.astype(np.int32)


def whole_actions(actions: Any, shape: tuple[int, int], num_actions: int) -> Array:
    """Return discrete actions of all players as int32 (B, N); kernels look at their range.

    Raises:
        ValueError: If the shape is wrong, they are no whole numbers, or do not fit into int32.
    """
    plain = type(actions) is np.ndarray and actions.dtype is INT32 and actions.shape == shape
    if plain and actions.flags.c_contiguous:  # nothing to look at: a step of few players is quick
        return actions
    a = as_entries("actions", actions)
    if a.shape != shape:
        raise ValueError(f"actions must have shape (B, N) = {shape}, got {a.shape}")
    if a.dtype.kind not in "iu":
        raise ValueError(f"actions must be whole numbers, got {a.dtype}: {a.ravel()[:3]}")
    narrow = a.dtype.itemsize < 4 or a.dtype == np.int32  # else a cast could wrap it
    if not narrow and not -1 < np.bitwise_or.reduce(a, None) < 2**31:
        refuse(a, num_actions)
    return np.ascontiguousarray(a, np.int32)


def read_points(
    actions: Mapping[str, Any], agents: Sequence[str], low: Array, high: Array
) -> Array:
    """Return continuous actions in the order of the agents, float64 (N, d).

    Args:
        actions: One action per agent, an array (d,) of real numbers; a number if d is 1.
        agents: Names of the agents that are alive.
        low: Least values, (d,).
        high: Greatest values, (d,).

    Raises:
        ValueError: If an action is missing, of an unknown agent, of another shape or out of its
            range; the message names the agent and the bound.
    """
    values = in_order(actions, agents)
    try:
        a = np.array(values)
        a = a[:, None] if len(low) == 1 and a.ndim == 1 else a
        right = a.dtype.kind in "iuf" and a.shape == (len(agents), len(low))
        right = right and not _hidden(values)
    except ValueError:  # of several shapes
        right, a = False, np.empty(0)
    if not right:
        rows = []
        for agent, value in zip(agents, values, strict=True):
            try:
                one = as_entries("action", value)
            except (ValueError, TypeError):
                one = np.empty(0)
            one = one[None] if len(low) == 1 and one.ndim == 0 else one
            if one.dtype.kind not in "iuf" or one.shape != low.shape:
                raise ValueError(
                    f"action of {agent!r} must be {len(low)} real numbers in an array of shape"
                    f" {low.shape}, got {value!r}"
                )
            rows.append(one)
        a = np.array(rows)
    wrong = ~((a >= low) & (a <= high))  # NaN is wrong, too
    if wrong.any():
        i, j = np.argwhere(wrong)[0]
        raise ValueError(
            f"action of {agents[i]!r} must be in [{low[j]:.6g}, {high[j]:.6g}], got {values[i]!r}"
        )
    return a.astype(np.float64)


def refuse(a: Array, num_actions: int) -> None:
    """Raise a ValueError that names the first invalid action (B, N)."""
    b, i = np.argwhere((a < 0) | (a >= num_actions))[0]
    raise ValueError(
        f"action of population {b}, player {i} must be in [0, {num_actions}), got {a[b, i]}"
    )


def in_order(actions: Mapping[str, Any], agents: Sequence[str]) -> list[Any]:
    """Return the actions in the order of the agents.

    Raises:
        ValueError: If an action is missing, or of an unknown agent.
    """
    if list(actions) == agents:
        return list(actions.values())
    known = set(agents)
    unknown = [agent for agent in actions if agent not in known]
    missing = [agent for agent in agents if agent not in actions]
    if unknown or missing:
        what, who = ("unknown agent", unknown) if unknown else ("no action for", missing)
        raise ValueError(f"{what} {who[0]!r} ({len(who)} in all): give one action per agent")
    return [actions[agent] for agent in agents]


def _hidden(values: Sequence[Any]) -> bool:
    """Return whether some of the arrays are masked, which stacking them forgets."""
    return np.ma.MaskedArray in set(map(type, values))


def _one(agent: str, value: Any, num_actions: int) -> int:
    """Return one action that may be a 0-d or one-element array, or raise a ValueError."""
    try:
        array = as_entries("action", value)
    except (ValueError, TypeError):
        array = np.empty(0)
    whole = array.size == 1 and array.dtype.kind in "biu"
    if not whole or not 0 <= array.item() < num_actions:
        raise ValueError(
            f"action of {agent!r} must be a whole number in [0, {num_actions}), got {value!r}"
        )
    return int(array.item())
