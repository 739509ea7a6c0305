"""A continuous game on a grid, as a finite game: the exact reference for continuous games.

States and actions are the points of even grids that include the ends.  A player lands between
grid points and is put on one of the 2^d around it, with linear weights: its mean is kept, its
variance grows by at most a quarter of a squared step of the grid.  The noise takes ``num_noise``
values in every component, all with the same probability, and has its mean and variance.

The mean field is that of the continuous game itself: ``grid.crowd(law)`` is the mean state, the
mean action, or the density of a crowd that is spread evenly around each grid point.

Where there are walls, nobody is at a point that a wall touches: the nearest free point stands for
it.  Two steps of the grid must fit into the thinnest wall, so that nobody gets through.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mfg_envs import exact
from mfg_envs.exact.even_grids import (
    check_walls,
    grid_points,
    grid_sizes,
    has_walls,
    linear_weights,
    stand_ins,
)
from mfg_envs.game import (
    Array,
    ContinuousGame,
    FiniteGame,
    Normal,
    check_range,
    density,
)
from mfg_envs.game.histograms import shares
from mfg_envs.soundness import continuous
from mfg_envs.soundness.initial_laws import initial_law


def discretise(
    game: ContinuousGame,
    *,
    num_states: int | tuple[int, ...] = 101,
    num_actions: int | tuple[int, ...] = 21,
    num_noise: int = 15,
) -> GridGame:
    """Put a continuous game on a grid.

    Args:
        game: The game; its state and action boxes must be finite.
        num_states: Grid points, for all state components or for each, at least 2.
        num_actions: Grid points, for all action components or for each, at least 2.
        num_noise: Values of each noise component, at least 2.

    Raises:
        ValueError: If a number is out of its range, the actions are unbounded, or walls are so
            thin that players would mix through them.
    """
    continuous.check_sound_continuous(game)
    if not np.isfinite([*game.action_low, *game.action_high]).all():
        raise ValueError("actions must be bounded to be put on a grid: give the game bounds")
    points = grid_sizes("num_states", num_states, game.state_dim)
    if has_walls(game):
        check_walls(game, points)
    cls = GridGameOfControls if game.mean_field_of_controls else GridGame
    return cls(
        game=game,
        points=points,
        levels=grid_sizes("num_actions", num_actions, game.action_dim),
        num_noise=num_noise,
        horizon=game.horizon,
        discount=game.discount,
    )


class GridPolicy(NamedTuple):
    """A policy for a continuous game that is written on a grid.

    Attributes:
        grid: The game on the grid.
        policy: (T, S, A), or (S, A) in a stationary game.
    """

    grid: GridGame
    policy: Array

    def mean_fields(self) -> Array:
        """Return the mean fields when all follow the policy: (T, *shape), stationary *shape."""
        return self.grid.crowd(exact.law_met(self.grid, self.policy))

    def act(self, t: int, state: Array, u: Array) -> Array:
        """Return actions (*inner, action_dim).

        Args:
            t: Time.
            state: Private states, (*inner, state_dim).
            u: Uniform numbers in [0, 1), (*inner, 2): for the grid point, then for the action.
        """
        x = tuple(np.moveaxis(np.asarray(state), -1, 0))
        index, weight = self.grid.around(x)
        corner = (u[..., :1] >= weight.cumsum(-1)[..., :-1]).sum(-1)
        at_point = np.take_along_axis(index, corner[..., None], -1)[..., 0]
        rule = self.policy if self.policy.ndim == 2 else self.policy[t]
        a = (u[..., 1:] >= rule.cumsum(-1)[at_point, :-1]).sum(-1)
        return np.stack(self.grid.actions, -1)[a]


@dataclass(frozen=True, kw_only=True)
class GridGame(FiniteGame):
    """A continuous game on a grid; made by ``discretise``.

    State: a grid point.  Action: a grid point.  Noise: a value of the noise and a corner.

    Attributes:
        game: The continuous game.
        points: Grid points of each state component.
        levels: Grid points of each action component.
        num_noise: Values of each noise component.
    """

    compiles: ClassVar[bool] = False

    game: ContinuousGame
    points: tuple[int, ...]
    levels: tuple[int, ...]
    num_noise: int
    horizon: int | None
    discount: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("num_noise", self.num_noise, 2, 10**4)

    @property
    def num_states(self) -> int:
        return int(np.prod(self.points))

    @property
    def num_actions(self) -> int:
        return int(np.prod(self.levels))

    @property
    def mean_field_shape(self) -> tuple[int, ...]:
        return self.game.mean_field_shape

    @cached_property
    def states(self) -> tuple[Array, ...]:
        """Components of every grid point, d arrays (S,)."""
        return grid_points(self.game.state_low, self.game.state_high, self.points)

    @cached_property
    def stand_ins(self) -> Array:
        """Which point stands for each: itself, or the nearest that no wall touches, (S,)."""
        return stand_ins(self.game, self.states)

    @cached_property
    def actions(self) -> tuple[Array, ...]:
        """Components of every action, arrays (A,)."""
        return grid_points(self.game.action_low, self.game.action_high, self.levels)

    @cached_property
    def noise(self) -> tuple[Array, ...]:
        """Components of every value of the noise: as shares of a uniform, or standard normal."""
        half = (np.arange(self.num_noise) + 0.5) / self.num_noise
        if self._normal:
            one = np.array([NormalDist().inv_cdf(share) for share in half])
            one /= one.std()
        else:
            one = 0.5 + (half - 0.5) / np.sqrt(1 - 1 / self.num_noise**2)
        mesh = np.meshgrid(*[one] * self.game.noise_dim, indexing="ij")
        return tuple(values.ravel() for values in mesh)

    @cached_property
    def _normal(self) -> bool:
        x, a = (tuple(v[:1] for v in point) for point in (self.states, self.actions))
        return isinstance(self.game.noise_law(0, x, a, np.zeros(self.mean_field_shape)), Normal)

    @property
    def initial_law(self) -> Array:
        return self._first

    @cached_property
    def _first(self) -> Array:
        law, first = np.ones(1), initial_law(self.game)
        for axis, low, high, size in self._axes:
            law = (law[:, None] * linear_weights(first[axis], low, high, size)).ravel()
        return np.bincount(self.stand_ins, law, minlength=law.size)

    @property
    def _axes(self) -> Any:
        return zip(
            range(len(self.points)), self.game.state_low, self.game.state_high, self.points,
            strict=True,
        )  # fmt: skip

    def around(self, x: tuple[Array, ...]) -> tuple[Array, Array]:
        """Return the grid points around states and their weights, int and float (*inner, 2^d)."""
        corner = np.arange(2 ** len(self.points))
        x = tuple(np.asarray(v)[..., None] for v in x)
        return self._corner(x, corner), self._weight(x, corner)

    def _corner(self, x: tuple[Array, ...], corner: Array) -> Array:
        """Return the grid point on one corner of the cell of the grid in which a state is."""
        index: Any = 0
        for (axis, low, high, size), bit in zip(self._axes, self._bits(corner), strict=True):
            raw = np.clip((x[axis] - low) * ((size - 1) / (high - low)), 0, size - 1)
            index = index * size + np.minimum(raw.astype(np.int64), size - 2) + bit
        return self.stand_ins[index]

    def _weight(self, x: tuple[Array, ...], corner: Array) -> Array:
        """Return the linear weight of one corner of the cell of the grid in which a state is."""
        weight: Any = 1.0
        for (axis, low, high, size), bit in zip(self._axes, self._bits(corner), strict=True):
            raw = np.clip((x[axis] - low) * ((size - 1) / (high - low)), 0, size - 1)
            part = raw - np.minimum(raw.astype(np.int64), size - 2)
            weight = weight * np.where(bit, part, 1 - part)
        return weight

    def _bits(self, corner: Array) -> list[Array]:
        return [corner >> j & 1 for j in reversed(range(len(self.points)))]

    def noise_law(self, t: Any, x: Any, a: Any, m: Any) -> Any:
        corners, values = 2 ** len(self.points), len(self.noise[0])
        x, a = np.asarray(x)[..., None], np.asarray(a)[..., None]
        there = tuple(v[..., None] for v in self._there(t, x, a, m, np.arange(values)))
        weight = self._weight(there, np.arange(corners)) / values
        return weight.reshape(*weight.shape[:-2], values * corners)

    def step(self, t: Any, x: Any, a: Any, m: Any, w: Any) -> Any:
        corners = 2 ** len(self.points)
        return self._corner(self._there(t, x, a, m, w // corners), w % corners)

    def _there(self, t: Any, x: Any, a: Any, m: Any, value: Any) -> tuple[Array, ...]:
        """Return the state of the continuous game after a value of the noise."""
        x_, a_ = self._points(x, a)
        law = self.game.noise_law(t, x_, a_, m)
        width = law.std if self._normal else law.high - law.low
        w = tuple(law[0] + width * values[value] for values in self.noise)
        return tuple(np.broadcast_arrays(*self.game.step(t, x_, a_, m, w)))

    def reward(self, t: Any, x: Any, a: Any, m: Any) -> Any:
        return self.game.reward(t, *self._points(x, a), m)

    def _points(self, x: Any, a: Any) -> tuple[Any, Any]:
        return tuple(v[x] for v in self.states), tuple(v[a] for v in self.actions)

    def coordinates(self, x: Array) -> Array:
        return self.game.coordinates(tuple(v[x] for v in self.states))

    def crowd(self, law: Array) -> Array:
        """Return the mean field of an infinite population, see ``FiniteGame.crowd``."""
        if self.game.mean_field_kind == "density":
            return density.of_histogram(self.game, law @ self._cells)
        values = self.actions if self.mean_field_of_controls else self.states
        law = law.sum(-2) if self.mean_field_of_controls else law
        return np.stack([law @ v for v in values], -1)

    def mean_field(self, x: Array, a: Array | None = None) -> Array:
        sizes = (
            (self.num_states, self.num_actions)
            if self.mean_field_of_controls
            else (self.num_states,)
        )
        index = np.asarray(x)
        if self.mean_field_of_controls:
            if a is None:
                raise ValueError("a mean field of controls needs the actions: mean_field(x, a)")
            index = index * self.num_actions + a
        one = shares(index, int(np.prod(sizes)))
        return self.crowd(one.reshape(*index.shape[:-1], *sizes))

    @cached_property
    def _cells(self) -> Array:
        """Share of each cell of the density's grid in what is open around a point, (S, cells)."""
        share = np.ones((1, 1))
        for (_, low, high, size), axis in zip(self._axes, self.game.axes, strict=True):
            points, half = np.linspace(low, high, size), (high - low) / (size - 1) / 2
            left, right = np.maximum(points - half, low), np.minimum(points + half, high)
            edges = np.linspace(axis.low, axis.high, axis.bins + 1)
            edges[0], edges[-1] = -np.inf, np.inf
            overlap = np.minimum(right[:, None], edges[1:]) - np.maximum(left[:, None], edges[:-1])
            share = np.kron(share, np.maximum(overlap, 0) / (right - left)[:, None])
        if not has_walls(self.game):
            return share
        share *= self.game.room.ravel()
        total = share.sum(1, keepdims=True)
        return share / np.where(total > 0, total, 1)  # nobody is where all is closed


@dataclass(frozen=True, kw_only=True)
class GridGameOfControls(GridGame):
    """A game on a grid whose mean field is the mean action."""

    mean_field_of_controls: ClassVar[bool] = True
