"""The best response of one player to a frozen crowd of a continuous game, by a grid of states.

Backwards over the decisions, with the mean fields m_t as given, the grid's points x and actions a,
K values of the noise, and v interpolated linearly between the points around::

    v_t(x) = max_a reward(t, x, a, m_t) + g / K sum_w v_{t+1}(step(t, x, a, m_t, w))

The crowd need not move on the grid.  Where there are walls, points that are not free of them stand
for the nearest free point; the steps of the grid should be less than half as wide as the walls, or
values would leak through.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mfg_envs.exact.discretise import GridGame, GridGameOfControls, GridPolicy
from mfg_envs.game import Array, ContinuousGame, Normal, as_int, check_range
from mfg_envs.game.horizons import decisions
from mfg_envs.game.reads import Probe, TouchedError
from mfg_envs.numerics.memory import check_memory
from mfg_envs.soundness.initial_laws import initial_law

ENTRIES = 1_000_000
"""Landings that are computed at once."""
KEPT = 30_000_000
"""Landings, 12 bytes each, that are kept for all decisions if they are the same for all."""
RESOLUTION = {1: (401, 41, 20), 2: (51, 9, 4)}
"""Points of every state component, of every action component, values of the noise: defaults."""


class GridResponse(NamedTuple):
    """A best response on a grid.

    Attributes:
        value: What it earns from the initial law by the grid's own account; steps of width h are
            off by about h^2 where values are smooth, in either direction.
        policy: The response, to be played in the continuous game.
    """

    value: float
    policy: GridPolicy


def grid_response(
    game: ContinuousGame,
    mean_fields: Array,
    *,
    num_states: int | None = None,
    num_actions: int | None = None,
    num_noise: int | None = None,
) -> GridResponse:
    """Find what one player does best against a crowd that is given for every time.

    Args:
        game: A game with a horizon, one or two state components and bounded actions.  States are
            looked for in its box (``state_low`` to ``state_high``): a player beyond is seen at the
            border.
        mean_fields: Mean fields met, (T, *mean_field_shape).
        num_states: Points of each state component; None: 401 in one dimension, 51 in two.
        num_actions: Points of each action component; None: 41, and 9.
        num_noise: Values of each noise component; None: 20, and 4.

    Raises:
        ValueError: If the game or an argument is invalid, or memory does not suffice.
    """
    grid = grid_of(game, num_states, num_actions, num_noise)
    m, wanted = np.asarray(mean_fields, np.float64), (grid.horizon, *game.mean_field_shape)
    if m.shape != wanted or not np.isfinite(m).all():
        raise ValueError(f"mean_fields must be finite numbers of shape {wanted}, got {m.shape}")
    check_memory(len(m) * grid.num_states * grid.num_actions, 8, "decisions * states * actions")
    stand_in = grid.stand_ins
    free = np.flatnonzero(stand_in == np.arange(grid.num_states))
    entries = free.size * grid.num_actions * len(grid.noise[0]) * 2**game.state_dim
    chunks = np.array_split(free, -(-entries // ENTRIES))
    kept: list[Landings] = []
    if entries <= KEPT and _moves_are_fixed(grid):
        kept = [_everywhere(grid, 0, x, m[0]) for x in chunks]
    v, policy = np.zeros(grid.num_states), np.zeros((len(m), grid.num_states, grid.num_actions))
    for t in reversed(range(len(m))):
        best = np.zeros(grid.num_states)
        for i, x in enumerate(chunks):
            there = kept[i] if kept else _everywhere(grid, t, x, m[t])
            q = _rewards(grid, t, x, m[t]) + game.discount * there.mean(v)
            best[x] = q.max(-1)
            policy[t, x, q.argmax(-1)] = 1
        v, policy[t] = best[stand_in], policy[t, stand_in]
    return GridResponse(float(initial_law(grid) @ v), GridPolicy(grid, policy))


def grid_of(
    game: ContinuousGame,
    num_states: int | None = None,
    num_actions: int | None = None,
    num_noise: int | None = None,
) -> GridGame:
    """Return the grid of ``grid_response``, which has the arguments."""
    decisions(game, "a best response on a grid")
    if game.state_dim not in RESOLUTION:
        raise ValueError(
            f"a grid can have at most {max(RESOLUTION)} state components, {game.name} has"
            f" {game.state_dim}: train a best response and give it to metrics.simulated_gain"
        )
    if not np.isfinite([*game.action_low, *game.action_high]).all():
        raise ValueError(
            "actions must be bounded to be put on a grid: give the game bounds that are wide enough"
        )
    given = {"num_states": num_states, "num_actions": num_actions, "num_noise": num_noise}
    sizes = dict(zip(given, RESOLUTION[game.state_dim], strict=True))
    for name, size in given.items():
        sizes[name] = sizes[name] if size is None else as_int(name, size)
        check_range(name, sizes[name], 2, 10**6)
    kind = GridGameOfControls if game.mean_field_of_controls else GridGame
    return kind(
        game=game,
        points=(sizes["num_states"],) * game.state_dim,
        levels=(sizes["num_actions"],) * game.action_dim,
        num_noise=sizes["num_noise"],
        horizon=game.horizon,
        discount=game.discount,
    )


class Landings(NamedTuple):
    """Near which points players land, from states x by actions a, and with which weight."""

    near: Array
    weight: Array

    def mean(self, v: Array) -> Array:
        return np.einsum("xak,xak->xa", v[self.near], self.weight)


def landings(
    grid: GridGame, t: int, state: tuple[Array, ...], action: tuple[Array, ...], m: Array
) -> Landings:
    """Return where players land on a grid.

    Args:
        grid: The grid.
        t: Time.
        state: Components of the states, (X, 1) each.
        action: Components of the actions, (X, L) or (L,) each.
        m: The mean field met.

    Returns:
        Near points and weights (X, L, K); K counts noise and corners.
    """
    state, action = (tuple(v[..., None] for v in point) for point in (state, action))
    law = grid.game.noise_law(t, state, action, m)
    width = law.std if isinstance(law, Normal) else law.high - law.low
    noise = tuple(law[0] + width * values for values in grid.noise)
    there = np.broadcast_arrays(*grid.game.step(t, state, action, m, noise))
    near, weight = grid.around(tuple(there))
    rows = (*near.shape[:2], -1)
    weight = weight.reshape(rows) / len(grid.noise[0])
    return Landings(near.astype(np.int32).reshape(rows), weight)


def _everywhere(grid: GridGame, t: int, x: Array, m: Array) -> Landings:
    """Return landings (X, A, K) from points x (X,) by all actions."""
    return landings(grid, t, tuple(v[x, None] for v in grid.states), grid.actions, m)


def _rewards(grid: GridGame, t: int, x: Array, m: Array) -> Array:
    state = tuple(v[x, None] for v in grid.states)
    r = np.asarray(grid.game.reward(t, state, grid.actions, m), np.float64)
    return np.broadcast_to(r, (len(x), grid.num_actions))


def _moves_are_fixed(grid: GridGame) -> bool:
    """Return whether noise and moves read neither the time nor the mean field."""
    game, probe = grid.game, Probe()
    point = tuple(v[:1] for v in grid.states), tuple(v[:1] for v in grid.actions)
    try:
        game.noise_law(probe, *point, probe)
        game.step(probe, *point, probe, tuple(v[:1] for v in grid.noise))
    except TouchedError:
        return False
    return True
