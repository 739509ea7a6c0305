"""One sweep of value iteration on the surrogate: compiled, and its NumPy oracle.

For every global state x_g, configuration c of the k locals and global action a_g::

    b = r_g + (1/k) sum_i r_l + discount E V(next)          Q <- (1 - eta) Q + eta b

The expectation is the mean of m samples, or exact.  Sample j of (x_g, c, a_g) draws the local in
place i of its crowd with counter (i + 1) L + l and the global agent with counter l, where
l = a_g m + j and L = A_g m, under a key of (sweep, x_g, crowd): the same for every table.

The exact expectation is taken local by local: V is a function of k states, and each local in turn
replaces its argument by the mean over where it goes.  Configurations that begin alike share that
work, for they follow each other; unordered locals of the last pair, at the end of their row, go
together, by the law of a multiset of draws.  With one outcome everywhere a single sample is exact.

The best action of a state is the first whose value no later one exceeds by more than ``TIES``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array
from mfg_envs.numerics import compiler, random

from . import multisets
from .compiled import TIES, kernels
from .surrogate import Surrogate

BLOCK = 256
"""Configurations that the oracle draws for at once."""


class Rates(NamedTuple):
    """What a sweep weighs.

    Attributes:
        num_samples: Samples a backup, m; 0: the exact expectation.
        discount: Weight of the next value.
        eta: Weight of the new backup; 1: the old value is forgotten.
    """

    num_samples: int
    discount: float
    eta: float


class Swept(NamedTuple):
    """What a sweep gives.

    Attributes:
        value: Best value of every state, (S_g, states).
        action: Global action that reaches it, int32 (S_g, states).
        configuration: What the locals do then, int64 (S_g, states).
    """

    value: Array
    action: Array
    configuration: Array


def sweep(team: Surrogate, v: Array, q: Array | None, key: Any, rates: Rates) -> Swept:
    """Run one sweep.

    Args:
        team: The surrogate.
        v: Values of the states before the sweep, (S_g, states).
        q: Action values (S_g, C, A_g), replaced by the new ones; None: they are not kept.
        key: Of the sweep.
        rates: Samples and weights.
    """
    out = Swept(np.full(v.shape, -np.inf), np.empty(v.shape, np.int32), np.empty(v.shape, np.int64))
    table = np.empty((0, 0, 0)) if q is None else q
    exactly = rates.num_samples == 0 and not team.settled
    if compiler.backend() == "numpy":
        means = _exact_means(team, v) if exactly else _sampled_means(team, v, key, rates)
        _keep(team, means, table, rates, out)
        return out
    layout = (team.ordered, team.num_kinds, team.num_rests, *team.joins)
    crowds = (team.crowd, team.place, team.number, team.state)
    laws = (team.moves, team.chance, team.global_moves, team.global_chance, team.follow)
    gains = (team.reward, team.global_reward, rates.discount, rates.eta)
    if exactly:
        kernels().exact(layout, crowds, laws, gains, v, table, *out)
    else:
        laws = (laws[0], _bounds(laws[1]), laws[2], _bounds(laws[3]), laws[4])
        draws = (key, max(rates.num_samples, 1))
        kernels().sampled(layout, crowds, laws, gains, draws, v, table, *out)
    return out


def best_values(team: Surrogate, q: Array) -> Array:
    """Return the best action value of every state, (S_g, states)."""
    v = np.full((len(q), team.num_states), -np.inf)
    for x_g in range(len(q)):
        np.maximum.at(v[x_g], team.state, q[x_g].max(-1))
    return v


def _bounds(chance: Array) -> Array:
    """Return the thresholds of chances as signed numbers, like the draws beside them."""
    return random.thresholds(chance).astype(np.int64)


# --- the oracles: E V of every configuration and global action, (C, A_g) for each x_g ---


def _sampled_means(team: Surrogate, v: Array, key: Any, rates: Rates) -> Iterator[Array]:
    (_, C, A_g), k, m = team.shape, team.crowd.shape[1], max(rates.num_samples, 1)
    chosen, limits = np.arange(A_g).repeat(m), _bounds(team.chance)
    for x_g in range(len(v)):
        own_key, means = random.subkey(key, x_g), np.empty((C, A_g))
        for low in range(0, C, BLOCK):
            crowd = team.crowd[low : low + BLOCK]
            places = np.broadcast_to(team.place, team.crowd.shape)[low : low + BLOCK]
            every = np.arange(len(crowd))
            keys = random.fold(own_key, team.number[low : low + BLOCK])
            z = (random.counter_bits(keys, (k + 1) * A_g * m) >> random.S11).astype(np.int64)
            z = z.reshape(len(crowd), k + 1, A_g * m)
            first, rest = np.zeros((2, len(crowd), A_g * m), np.int64)
            for i in range(k):
                pair = crowd[every, places[:, i], None]
                draw = z[every, places[:, i] + 1]
                w = (draw[..., None] >= limits[x_g, pair]).sum(-1)
                y = team.moves[x_g, pair, w].astype(np.int64)
                if i < team.ordered:
                    first = first * team.num_kinds + y
                else:
                    rest = team.joins.of(i - team.ordered, team.num_kinds)[y, rest].astype(np.int64)
            after = first * team.num_rests + rest
            if team.follow.size:
                after_g = team.follow[after]
            else:
                bound = _bounds(team.global_chance[x_g, chosen])
                w = (z[:, 0, :, None] >= bound).sum(-1)
                after_g = team.global_moves[x_g, chosen, w]
            seen, total = v[after_g, after].reshape(len(crowd), A_g, m), 0.0
            for j in range(m):
                total = total + seen[..., j]
            means[low : low + BLOCK] = total / m
        yield means


def _exact_means(team: Surrogate, v: Array) -> Iterator[Array]:
    (_, C, A_g), k, S = team.shape, team.crowd.shape[1], team.num_kinds
    own = np.take_along_axis(team.crowd, np.broadcast_to(team.place, team.crowd.shape), 1)
    last_pair = team.moves.shape[1] - 1
    for x_g in range(len(v)):
        levels, means = [_seen_by_global(team, v, x_g)], np.empty((C, A_g))
        law = np.bincount(team.moves[x_g, -1], team.chance[x_g, -1], minlength=S)
        together = [multisets.chances(law, r) for r in range(k - team.ordered + 1)]
        for c in range(C):
            i = 0 if c == 0 else int((own[c] != own[c - 1]).argmax())
            del levels[i + 1 :]
            while i < k and (i < team.ordered or own[c, i] < last_pair):
                value, after = levels[-1], np.zeros(())
                there, chance = team.moves[x_g, own[c, i]], team.chance[x_g, own[c, i]]
                for y, p in zip(there, chance, strict=True):
                    if i < team.ordered:
                        after = after + p * value.reshape(A_g, S, -1)[:, y]
                    else:
                        after = after + p * value[:, team.joins.of(k - i - 1, S)[y]]
                levels.append(after)
                i += 1
            means[c] = (levels[-1] * together[k - i]).cumsum(-1)[:, -1]
        yield means


def _seen_by_global(team: Surrogate, v: Array, x_g: int) -> Array:
    """Return values of the locals' states after each global action, (A_g, states)."""
    states, A_g = np.arange(team.num_states), team.shape[2]
    if team.follow.size:
        return np.tile(v[team.follow, states], (A_g, 1))
    value = np.zeros((A_g, team.num_states))
    for w in range(team.global_moves.shape[-1]):
        value = value + team.global_chance[x_g, :, w, None] * v[team.global_moves[x_g, :, w]]
    return value


def _keep(team: Surrogate, means: Iterator[Array], q: Array, rates: Rates, out: Swept) -> None:
    """Turn expected values into new values and best actions."""
    k = team.crowd.shape[1]
    for x_g, mean in enumerate(means):
        r = np.zeros(len(team.crowd))
        for i in range(k):
            r = r + team.reward[x_g, team.crowd[:, i]]
        b = (r / k)[:, None] + team.global_reward[x_g] + rates.discount * mean
        if q.size:
            b = (1 - rates.eta) * q[x_g] + rates.eta * b
            q[x_g] = b
        held = np.full(team.num_states, -np.inf)
        for (c, a_g), value in np.ndenumerate(b):
            s = team.state[c]
            out.value[x_g, s] = max(out.value[x_g, s], value)
            if value > held[s] + TIES:
                held[s], out.action[x_g, s], out.configuration[x_g, s] = value, a_g, c
