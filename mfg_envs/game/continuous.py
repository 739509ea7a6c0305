"""Continuous games: private states and actions in R^d, one mean field for all.

The methods of a continuous game are elementwise like those of a finite one, but ``x``, ``a`` and
``w`` are always tuples of components, also in one dimension (``(x,) = x``)::

    x, a, w      tuple of arrays (*batch, *inner); compiled: tuple of numbers
    m            (*batch, *mean_field_shape)
    step         the tuple of the next state             reward      an array, or a number

``mfg_envs.game.vectors`` has the arithmetic of such tuples.  The mean field is one of three things:

==============  ===========================  ====================================================
kind            shape                        meaning
==============  ===========================  ====================================================
"mean_state"    (state_dim,)                 mean private state
"mean_action"   (action_dim,)                mean action (a mean field of controls)
"density"       bins of ``grid``             players per unit of volume: the histogram on a fixed
                                             grid, smoothed by a Gaussian; see ``density``
==============  ===========================  ====================================================

A method reads means by ``spread(m, x)``, a density by ``at(m, *cell(self.axes, x))``.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from mfg_envs.game import density
from mfg_envs.game.finite import REQUIRED, Array, Game
from mfg_envs.game.laws import Axis, Normal, Uniform
from mfg_envs.game.ranges import check_choice
from mfg_envs.game.vectors import cell

KINDS = ("mean_state", "mean_action", "density")
LANES = 64
"""Players are summed by so many sums in turn: every back end adds in the same order."""


class ContinuousGame(Game):
    """A game whose private states and actions are points of R^d.

    ``noise_law`` returns a ``Normal`` or ``Uniform``, always the same one of the two: the law of
    each of the ``noise_dim`` components of ``w``, which are independent.
    """

    kind: ClassVar[str] = "continuous"
    mean_field_kind: ClassVar[str] = "mean_state"
    """What the mean field is: "mean_state", "mean_action" or "density"."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        check_choice("mean_field_kind", cls.mean_field_kind, KINDS)
        cls.mean_field_of_controls = cls.mean_field_kind == "mean_action"

    state_low: tuple[float, ...] | Any = REQUIRED
    """Least value of each state component.

    In a game without borders: of a box that nearly all players stay in.  It is what the
    observation "state" is scaled by, and cut off at.
    """
    state_high: tuple[float, ...] | Any = REQUIRED
    """Greatest value of each state component; see ``state_low``."""
    action_low: tuple[float, ...] | Any = REQUIRED
    """Least value of each action component; may be minus infinity."""
    action_high: tuple[float, ...] | Any = REQUIRED
    """Greatest value of each action component; may be infinity."""
    initial_law: tuple[Normal | Uniform, ...] | Any = REQUIRED
    """Law of each component of the first private state, independent of each other."""

    @property
    def state_dim(self) -> int:
        """Number of state components."""
        return len(self.state_low)

    @property
    def action_dim(self) -> int:
        """Number of action components."""
        return len(self.action_low)

    @property
    def noise_dim(self) -> int:
        """Number of noise components."""
        return self.state_dim

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Grid of a density, an axis for each state component."""
        raise TypeError(f"{type(self).__name__} has no density: its mean field is a mean")

    @property
    def blur(self) -> float:
        """Standard deviation of the Gaussian that smooths a density, in units of the state."""
        raise TypeError(f"{type(self).__name__} has no density: its mean field is a mean")

    @cached_property
    def room(self) -> Array:
        """Share of each cell of the grid that players can be in (walls take the rest)."""
        return np.ones(self.mean_field_shape)

    @property
    def mean_field_shape(self) -> tuple[int, ...]:
        """Shape of one mean field."""
        if self.mean_field_kind == "density":
            return tuple(axis.bins for axis in self.axes)
        return (self.action_dim if self.mean_field_of_controls else self.state_dim,)

    def place(self, x: Any) -> Any:
        """Return the cell in which each player is counted, an index for each axis."""
        return cell(self.axes, x)

    def mean_field(self, x: Any, a: Any = None) -> Array:
        """Return the mean field of players.

        Args:
            x: Private states, a tuple of arrays (*batch, N).
            a: Actions, likewise; needed for a mean action only.

        Returns:
            float64 (*batch, *mean_field_shape).
        """
        if self.mean_field_kind == "density":
            return density.of_players(self, x)
        if self.mean_field_of_controls and a is None:
            raise ValueError("a mean field of controls needs the actions: mean_field(x, a)")
        return np.stack([lane_mean(v) for v in (a if self.mean_field_of_controls else x)], -1)

    def coordinates(self, x: Any) -> Array:
        """Return private states scaled to [-1, 1] and cut off there, (*inner, state_dim)."""
        out = np.empty((*np.shape(x[0]), self.state_dim))
        for j, (low, high) in enumerate(zip(self.state_low, self.state_high, strict=True)):
            scaled = x[j] * (2 / (high - low))
            scaled -= (high + low) / (high - low)
            np.clip(scaled, -1, 1, out=out[..., j])
        return out

    def neighbours(self, place: Any) -> Array:
        """Return the cells a player sees the crowd of, itself first: flat indices (*inner, L).

        They are its own cell, and those two blurs lower and higher along each axis; at the border
        of the grid the last ones.

        Args:
            place: Cells, an index array (*inner,) for each axis.
        """
        near = [place]
        for j, axis in enumerate(self.axes):
            reach = max(1, round(2 * self.blur * axis.bins / (axis.high - axis.low)))
            for side in (-reach, reach):
                moved = np.clip(place[j] + side, 0, axis.bins - 1)
                near.append((*place[:j], moved, *place[j + 1 :]))
        return np.stack([np.ravel_multi_index(c, self.mean_field_shape) for c in near], -1)


def lane_mean(v: Array) -> Array:
    """Return the mean over the last axis, (*batch, N) -> (*batch,).

    ``LANES`` running sums take the players in turn and are added up one after the other.
    """
    num = v.shape[-1]
    rows = -(-num // LANES)
    padded = np.zeros((*v.shape[:-1], rows * LANES))
    padded[..., :num] = v
    lanes = padded.reshape(*v.shape[:-1], rows, LANES).cumsum(-2)[..., -1, :]
    return lanes.cumsum(-1)[..., -1] / num


def components(points: Any) -> tuple[Array, ...]:
    """Return points (*inner, d) as a tuple of d arrays (*inner,)."""
    return tuple(np.moveaxis(np.asarray(points), -1, 0))
