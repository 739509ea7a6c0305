"""Four rooms: a crowd that starts in one corner spreads through the doors.

The continuous crowd exploration of Magnino et al., "Solving Continuous Mean Field Games" (arXiv
2510.22158).  READ there: the domain [0, .5]^2, walls .05 thick with four doors .05 wide, the start
on [0, .025] x [.475, .5], 21 decisions, the reward.  Ours: velocities, their time step and noise,
that a move which would touch a wall or leave is not made, and the constants of the reward.

The rooms have an area of .2125.  In an even crowd the density is 4.7059 and the crowd term of the
reward -1.5488 a step; at the start the density is 1600 before smoothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np

from mfg_envs.game import (
    Array,
    Axis,
    Between,
    ContinuousGame,
    Layout,
    NonNegative,
    Normal,
    Positive,
    Uniform,
    at,
    cell,
)
from mfg_envs.numerics.elementary import log

SIDE = 0.5
MARGIN = 1e-12
"""Walls are that much thicker for moves, so that rounding lets nobody through a corner."""


class Wall(NamedTuple):
    """A rectangle: its middle, and half of its extent along both axes."""

    x: float
    y: float
    half_x: float
    half_y: float


WALLS = (
    Wall(0.25, 0.0625, 0.025, 0.0625), Wall(0.25, 0.25, 0.025, 0.075),
    Wall(0.25, 0.4375, 0.025, 0.0625), Wall(0.0625, 0.25, 0.0625, 0.025),
    Wall(0.25, 0.25, 0.075, 0.025), Wall(0.4375, 0.25, 0.0625, 0.025),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FourRooms(ContinuousGame):
    """Walkers who spread out over four rooms.

    State: a point of [0, .5]^2 outside of the walls.  Action: a velocity in [-speed, speed]^2.
    ``x' = x + time_step v + w``, w normal; a move that touches a wall or the border is not made.
    Reward: ``-action_cost |v|^2 - crowd_cost log(m(x) + epsilon)`` with the density m, smoothed by
    a Gaussian of standard deviation ``blur_width`` on ``bins`` x ``bins`` cells.

    Attributes:
        action_cost: Of a squared velocity of one.
        crowd_cost: Weight of the logarithm.
        epsilon: Density that is added.
        speed: Highest velocity along each axis.
        time_step: Time of a step.
        noise_scale: Standard deviation of the noise.
        bins: Cells of the density along each axis; a multiple of 20 keeps walls and cells apart.
        blur_width: Standard deviation of the smoothing.

    Raises:
        ValueError: If a parameter is out of its range.
    """

    name: ClassVar[str] = "four_rooms"
    player_name: ClassVar[str] = "walker"
    mean_field_kind: ClassVar[str] = "density"
    state_low, state_high = (0.0, 0.0), (SIDE, SIDE)
    initial_law = (Uniform(0.0, 0.025), Uniform(0.475, 0.5))

    action_cost: NonNegative = 0.1
    crowd_cost: NonNegative = 1.0
    epsilon: Annotated[float, Between(1e-300, 1)] = 1e-6
    speed: Positive = 0.4
    time_step: Positive = 0.2
    noise_scale: Positive = 0.01
    bins: Annotated[int, Between(20, 4000)] = 80
    blur_width: Annotated[float, Between(1e-9, 1)] = 0.01
    discount: float = 1.0
    horizon: int | None = 21

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bins % 20:
            raise ValueError(f"bins must be a multiple of 20, got {self.bins}")

    @property
    def action_low(self) -> tuple[float, ...]:
        return (-self.speed, -self.speed)

    @property
    def action_high(self) -> tuple[float, ...]:
        return (self.speed, self.speed)

    @property
    def axes(self) -> tuple[Axis, ...]:
        return (Axis(0.0, SIDE, self.bins), Axis(0.0, SIDE, self.bins))

    @property
    def blur(self) -> float:
        return self.blur_width

    @cached_property
    def room(self) -> Array:
        x, y = np.indices((self.bins, self.bins)) * (SIDE / self.bins) + SIDE / self.bins / 2
        inside = [(abs(x - w.x) < w.half_x) & (abs(y - w.y) < w.half_y) for w in WALLS]
        return 1.0 - np.any(inside, axis=0)

    def noise_law(self, t, x, a, m):
        return Normal(0.0, self.noise_scale)

    def step(self, t, x, a, m, w):
        x0, y0 = x
        x1 = x0 + self.time_step * a[0] + w[0]
        y1 = y0 + self.time_step * a[1] + w[1]
        out = (x1 < 0.0) | (x1 > SIDE) | (y1 < 0.0) | (y1 > SIDE)
        stop = out | blocked(x0, y0, x1, y1)
        return np.where(stop, x0, x1), np.where(stop, y0, y1)

    def reward(self, t, x, a, m):
        crowd = at(m, *cell(self.axes, x)) + self.epsilon
        return -(self.action_cost * (a[0] * a[0] + a[1] * a[1]) + self.crowd_cost * log(crowd))

    def layout(self) -> Layout:
        return Layout("plane", "speed", np.array([0, 2**0.5 * self.speed]))


def blocked(x0: Any, y0: Any, x1: Any, y1: Any) -> Any:
    """Return whether the segment from (x0, y0) to (x1, y1) touches a wall."""
    middle_x, middle_y = (x0 + x1) * 0.5, (y0 + y1) * 0.5
    half_x, half_y = (x1 - x0) * 0.5, (y1 - y0) * 0.5
    return (
        _touches(WALLS[0], middle_x, middle_y, half_x, half_y)
        | _touches(WALLS[1], middle_x, middle_y, half_x, half_y)
        | _touches(WALLS[2], middle_x, middle_y, half_x, half_y)
        | _touches(WALLS[3], middle_x, middle_y, half_x, half_y)
        | _touches(WALLS[4], middle_x, middle_y, half_x, half_y)
        | _touches(WALLS[5], middle_x, middle_y, half_x, half_y)
    )


def _touches(wall: Any, middle_x: Any, middle_y: Any, half_x: Any, half_y: Any) -> Any:
    """Return whether a segment touches a wall: no axis, nor the segment's normal, parts them."""
    dx, dy, wide, tall = middle_x - wall.x, middle_y - wall.y, np.abs(half_x), np.abs(half_y)
    reach_x, reach_y = wall.half_x + MARGIN, wall.half_y + MARGIN
    return (
        (np.abs(dx) <= reach_x + wide)
        & (np.abs(dy) <= reach_y + tall)
        & (np.abs(half_x * dy - half_y * dx) <= reach_x * tall + reach_y * wide)
    )
