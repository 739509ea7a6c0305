"""Action values fitted to transitions, one decision after the other, from the last to the first.

The value of a transition (t, x, a, r, x') is ``r + discount * v(t + 1, x')``, where ``v`` reads the
network of the next decision, which has just been fitted: it is the target network (Mnih et al.
2015), and nothing has to travel back through time by and by.  A stationary game has one network; it
is its own target network, renewed ``sweeps`` times.

A network is ``Q(x, a) = width * value(x) + unit * (preference(x, a) - mean of legal actions)`` (the
dueling architecture of Wang et al. 2016, arXiv 1511.06581): values of states are many times as far
apart as those of actions, and only the latter say what to do.  ``unit`` is the deviation of
rewards, ``width`` what that many rewards in a row would add up to if they were independent.
Rewards are learned without their mean at every time, which no choice depends on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mfg_envs.game import Array, FiniteGame

from ..independent.stacked_networks import Networks
from .timed_networks import TimedNetworks
from .walks import Walks

ROUNDING = 1e-9
"""Deviations of rewards, in shares of the largest, that count as none."""
Ahead = Callable[[int, Array], Array]
"""Values of states (S,) at time t from the action values there (S, A)."""


class Fit(NamedTuple):
    """How networks are fitted.

    Attributes:
        updates: Gradient steps of a network, in a sweep.
        sweeps: Times that the target network is renewed; of use in stationary games only.
        batch: States of a gradient step.
        learning_rate: Of Adam.
    """

    updates: int
    sweeps: int
    batch: int
    learning_rate: float


def units(game: FiniteGame, walks: Walks) -> tuple[float, float]:
    """Return ``unit`` and ``width`` of the networks, from players who act at random."""
    unit = float((walks.reward - walks.reward.mean(1, keepdims=True)).std())
    if unit <= ROUNDING * float(np.abs(walks.reward).max()):
        unit = 1.0  # everybody earns the same
    g = game.discount
    steps = 1 / (1 - g) if game.horizon is None else float((g ** np.arange(game.horizon)).sum())
    return unit, unit * steps**0.5


def fitted_values(
    game: FiniteGame,
    networks: TimedNetworks,
    walks: Walks,
    ahead: Ahead,
    bonus: Array,
    scales: tuple[float, float],
    fit: Fit,
    key: np.uint64,
) -> Array:
    """Fit networks to transitions; return their values of actions in all states, (T or 1, S, A).

    Args:
        game: The game.
        networks: They go on from where they are.
        walks: Transitions of every decision; of a stationary game in any number of steps.
        ahead: What a state is worth when it is reached, from the action values there.
        bonus: Added to the values of transitions by (t, x, a), (T or 1, S, A).
        scales: ``unit`` and ``width``.
        fit: How.
        key: Of the order of states.
    """
    T, S, A = networks.decisions, game.num_states, game.num_actions
    mean = walks.reward.mean(1, keepdims=True)
    parts = (walks.state, walks.action, walks.reward - mean, walks.next)
    x, a, r, y = (part.reshape(T, -1) for part in parts)  # steps of a stationary game are alike
    q = np.zeros((T, S, A))
    generator = torch.Generator().manual_seed(int(key >> np.uint64(1)))
    order = range(T - 1, -1, -1) if game.horizon is not None else [0] * fit.sweeps
    if game.horizon is None:
        q[0] = _table(networks, 0, game.legal_actions, scales)
    for t in order:
        following = t + 1 if game.horizon is not None else 0
        v = np.zeros(S) if following == T else ahead(following, q[following])
        value = r[t] + game.discount * v[y[t]]
        seen, index = np.unique(x[t] * A + a[t], return_inverse=True)
        counts = np.bincount(index)
        target, weight = np.zeros((2, S * A))
        target[seen], weight[seen] = np.bincount(index, value) / counts, counts
        target = target.reshape(S, A) + bonus[t]
        _fit(networks, t, target, weight.reshape(S, A), scales, fit, generator)
        q[t] = _table(networks, t, game.legal_actions, scales)
    return q


def offsets(game: FiniteGame, walks: Walks) -> Array:
    """Return what ``fitted_values`` leaves out of values: discounted means, (T or 1, 1, 1)."""
    mean = walks.reward.mean(1)
    if game.horizon is None:
        return np.full((1, 1, 1), mean.mean() / (1 - game.discount))
    total = np.zeros(len(mean) + 1)
    for t in range(len(mean) - 1, -1, -1):
        total[t] = mean[t] + game.discount * total[t + 1]
    return total[:-1, None, None]


def _fit(
    networks: TimedNetworks,
    t: int,
    target: Array,
    weight: Array,
    scales: tuple[float, float],
    fit: Fit,
    generator: torch.Generator,
) -> None:
    """Fit the network of a decision to targets (S, A) by weighted least squares."""
    visited = np.flatnonzero(weight.sum(-1))
    unit, width = scales[0], scales[1] / scales[0]
    device = networks.device
    wanted, share = (
        torch.from_numpy(part.astype(np.float32)).to(device)
        for part in (target[visited] / unit, weight[visited] / weight.sum())
    )
    seen, legal = networks.rows(visited[None]), networks.legal[torch.from_numpy(visited)]

    def loss(nets: Networks) -> Tensor:
        some: Tensor | slice = slice(None)
        if len(visited) > fit.batch:
            some = torch.randint(len(visited), (fit.batch,), generator=generator).to(device)
        rows, allowed = seen[:, some], legal[some]
        centred = _centred(nets.policy(rows)[0], allowed)
        q = width * nets.value(rows)[0][:, None] + centred
        return (share[some] * (q - wanted[some]) ** 2).sum()

    networks.fit(slice(t, t + 1), loss, fit.updates, fit.learning_rate)


def _centred(preference: Tensor, legal: Tensor) -> Tensor:
    """Return preferences without their mean over legal actions."""
    total = torch.where(legal, preference, 0.0).sum(-1, keepdim=True)
    return preference - total / legal.sum(-1, keepdim=True)


def _table(networks: TimedNetworks, t: int, legal: Array, scales: tuple[float, float]) -> Array:
    """Return the action values of a decision in all states, (S, A)."""
    part = slice(t, t + 1)
    preference = networks.preferences(part)[0]
    mean = np.where(legal, preference, 0).sum(-1, keepdims=True) / legal.sum(-1, keepdims=True)
    return scales[1] * networks.values(part)[0][:, None] + scales[0] * (preference - mean)


def spread(game: FiniteGame, walks: Walks, q: Array) -> float:
    """Return the deviation of the values of legal actions in visited states, from their mean."""
    legal, number = game.legal_actions, game.legal_actions.sum(-1)
    mean = np.where(legal, q, 0).sum(-1) / number
    square = np.where(legal, (q - mean[..., None]) ** 2, 0).sum(-1) / number
    visited = walks.state.reshape(len(q), -1)
    return float(np.take_along_axis(square, visited, 1).mean() ** 0.5)
