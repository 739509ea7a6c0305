"""Linear-quadratic game: players steer towards a target and towards the mean of the others.

    x' = A x + B a + C m + w        m = mean state
    reward = - (x - target)' Q (x - target) - a' R a - (x - m)' P (x - m)

The default is the bounded game of Magnino et al., "Solving Continuous Mean Field Games" (arXiv
2510.22158): one dimension, X = [-1, 1], 21 decisions, A = B = 1, C = .06, Q = 5, R = .1, P = 1,
target .6, w uniform on [-.1, .1], everybody starts evenly on X; that players stop at the border
is our choice.  Without bounds (``bound=None, action_bound=None``) the equilibrium has a closed
form in R^d: ``mfg_envs.exact.riccati``.

"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from mfg_envs.game import (
    Between,
    ContinuousGame,
    Layout,
    Normal,
    Positive,
    Uniform,
    add,
    as_parameter,
    as_sequence,
    clip,
    dot,
    linear,
    spread,
    subtract,
)

Matrix = float | tuple[tuple[float, ...], ...]
"""A number (times the identity) or rows."""


@dataclass(frozen=True, kw_only=True)
class LinearQuadratic(ContinuousGame, noise="uniform"):
    """Linear moves and quadratic costs around the mean, with uniform noise.

    State: a point of R^dim.  Action: a push, in R^dim.  Noise: uniform, half a width
    ``noise_scale`` each way.  Mean field: the mean state.  ``make(noise="normal")`` gives the
    Gaussian twin.  A matrix is a number or a sequence of ``dim`` rows.

    Attributes:
        dim: Dimension d.
        drift: Matrix A.
        control: Matrix B.
        coupling: Matrix C, how the mean state moves everybody.
        state_cost: Matrix Q.
        action_cost: Matrix R; positive, or the best action is not finite.
        crowd_cost: Matrix P.
        target: A number for all components, or one for each.
        noise_scale: Half the width of the noise; its standard deviation if it is normal.
        start: Middle of the first states, one number for all components or one for each.
        start_scale: Half the width of the first states; their standard deviation if normal.
        bound: Players stay in [-bound, bound]^d; None: no border.
        action_bound: Actions lie in [-action_bound, action_bound]^d; None: no bound.
        scale: What observed states are divided by where there is no border.

    Raises:
        ValueError: If a parameter is out of its range or a matrix has another shape.
    """

    name: ClassVar[str] = "linear_quadratic"
    solution: ClassVar[str] = (
        "Without bounds (``bound=None, action_bound=None``) the equilibrium has a closed form "
        "in R^d, ``mfg_envs.riccati``.  That of the default (grid of 801 points): means 0, "
        ".0509, .1060, .1648, .2263, ..., .6047 at t = 20, value -16.827; the uniformly random "
        "policy has exploitability 59.55."
    )

    dim: Annotated[int, Between(1, 64)] = 1
    drift: Matrix = 1.0
    control: Matrix = 1.0
    coupling: Matrix = 0.06
    state_cost: Matrix = 5.0
    action_cost: Matrix = 0.1
    crowd_cost: Matrix = 1.0
    target: float | tuple[float, ...] = 0.6
    noise_scale: Positive = 0.1
    start: float | tuple[float, ...] = 0.0
    start_scale: Positive = 1.0
    bound: Positive | None = 1.0
    action_bound: Positive | None = 0.1
    scale: Positive = 5.0
    discount: float = 1.0
    horizon: int | None = 21

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("drift", "control", "coupling", "state_cost", "action_cost", "crowd_cost"):
            object.__setattr__(self, name, _matrix(name, getattr(self, name), self.dim))
        for name in ("target", "start"):
            object.__setattr__(self, name, _vector(name, getattr(self, name), self.dim))

    @property
    def state_high(self) -> tuple[float, ...]:
        return (self.scale if self.bound is None else self.bound,) * self.dim

    @property
    def state_low(self) -> tuple[float, ...]:
        return tuple(-v for v in self.state_high)

    @property
    def action_high(self) -> tuple[float, ...]:
        return (np.inf if self.action_bound is None else self.action_bound,) * self.dim

    @property
    def action_low(self) -> tuple[float, ...]:
        return tuple(-v for v in self.action_high)

    @property
    def border(self) -> tuple[float, ...]:
        """Where players stop, on every axis; infinity without a border."""
        return (np.inf if self.bound is None else self.bound,) * self.dim

    @property
    def other_border(self) -> tuple[float, ...]:
        """The lower border."""
        return tuple(-v for v in self.border)

    @property
    def initial_law(self) -> tuple[Normal | Uniform, ...]:
        half = self.start_scale
        return tuple(Uniform(v - half, v + half) for v in _vector("start", self.start, self.dim))

    def noise_law(self, t, x, a, m) -> Normal | Uniform:
        return Uniform(-self.noise_scale, self.noise_scale)

    def step(self, t, x, a, m, w):
        moved = add(linear(self.drift, x), linear(self.control, a))
        drawn = add(linear(self.coupling, spread(m, x)), w)
        return clip(add(moved, drawn), self.other_border, self.border)

    def reward(self, t, x, a, m):
        gap, away = subtract(x, self.target), subtract(x, spread(m, x))
        cost = dot(gap, linear(self.state_cost, gap)) + dot(a, linear(self.action_cost, a))
        return -(cost + dot(away, linear(self.crowd_cost, away)))

    def layout(self) -> Layout | None:
        if self.dim > 1:
            return None
        reach = self.scale if self.action_bound is None else self.action_bound
        marks = (("target", float(np.ravel(self.target)[0])),)
        return Layout(
            "interval", "push", np.array([-reach, reach]), place_label="state", marks=marks
        )


@dataclass(frozen=True, kw_only=True)
class GaussianLinearQuadratic(LinearQuadratic, noise="normal"):
    """The linear-quadratic game with normal noise and normal first states."""

    @property
    def initial_law(self) -> tuple[Normal | Uniform, ...]:
        first = _vector("start", self.start, self.dim)
        return tuple(Normal(v, self.start_scale) for v in first)

    def noise_law(self, t, x, a, m):
        return Normal(0.0, self.noise_scale)


def _vector(name: str, value: Any, dim: int) -> tuple[float, ...]:
    """Return a parameter as ``dim`` floats."""
    values = as_sequence(name, value) if np.iterable(value) else (value,) * dim
    if len(values) != dim:
        raise ValueError(f"{name} must be a number or {dim} numbers, got {value!r}")
    return tuple(as_parameter(name, v) for v in values)


def _matrix(name: str, value: Any, dim: int) -> Matrix:
    """Return a parameter as a float, or as ``dim`` rows of floats."""
    if not np.iterable(value):
        return as_parameter(name, value)
    rows = as_sequence(name, value, "rows")
    if len(rows) != dim or not all(np.iterable(row) for row in rows):
        raise ValueError(f"{name} must be a number or {dim} rows, got {value!r}")
    return tuple(_vector(name, row, dim) for row in rows)
