"""Crowds on rings and tori: a place everybody likes, and too many who like it.

Players move on a ring of n cells; a random push follows every move: ``x' = x + a + w mod n``.

``crowd_modelling`` and ``beach_bar_grid`` like to be near one place, ``- log m(x)`` keeps them
apart: both games are monotone, so that fictitious play and mirror descent converge to the one
equilibrium (Perrin et al. 2020, arXiv 2007.03458; Perolat et al. 2021, arXiv 2103.00623).
``crowd_lq`` is a linear-quadratic game on cells, after Carmona, Fouque, Sun (2015).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mfg_envs.game import Array, FiniteGame, Layout, at, check_choice, check_range
from mfg_envs.games.grid import MOVES, coordinates, landing

if TYPE_CHECKING:
    from typing_extensions import Self

NOBODY = 1e-25
"""Added to the mean field under the logarithm: an empty cell is worth 57.6, not infinity."""


@dataclass(frozen=True, kw_only=True)
class Ring(FiniteGame):
    """Players on a ring of cells; a subclass says how they are pushed and what they earn.

    State: the cell.  Action: a move of ``-reach``, ..., ``reach`` cells.  Noise: a push, likewise.

    Attributes:
        num_cells: Cells, n >= 3.
        discount: In (0, 1].
        horizon: Decisions, T, or None: no end (then ``discount`` < 1).

    Raises:
        ValueError: If a parameter is out of its range.
    """

    player_name: ClassVar[str] = "walker"
    reach: ClassVar[int] = 1

    num_cells: int = 10
    discount: float = 1.0
    horizon: int | None = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("num_cells", self.num_cells, 3, 10**6)

    @property
    def num_states(self) -> int:
        return self.num_cells

    @property
    def num_actions(self) -> int:
        return len(self.moves)

    @property
    def initial_law(self) -> Array:
        return np.full(self.num_states, 1 / self.num_states)

    @cached_property
    def moves(self) -> Array:
        """Cells gained by every action and by every push, int (A,)."""
        return np.arange(-self.reach, self.reach + 1)

    @property
    @abstractmethod
    def push_law(self) -> Array:
        """Law of the push, (K,)."""

    @cached_property
    def chances(self) -> Array:
        """Law of the push after every action, (A, K)."""
        return np.tile(self.push_law, (self.num_actions, 1))

    def noise_law(self, t: Any, x: Any, a: Any, m: Any) -> Any:
        return self.chances[a]

    def step(self, t: Any, x: Any, a: Any, m: Any, w: Any) -> Any:
        return (x + self.moves[a] + self.moves[w]) % self.num_cells

    def coordinates(self, x: Array) -> Array:
        angle = 2 * np.pi * np.asarray(x) / self.num_cells
        return np.stack([np.cos(angle), np.sin(angle)], -1)

    def neighbours(self, x: Array) -> Array:
        return (np.asarray(x)[..., None] + np.array([0, -1, 1])) % self.num_cells

    def layout(self) -> Layout | None:
        return Layout("ring", "move (cells)", self.moves)


@dataclass(frozen=True, kw_only=True)
class CrowdModelling(Ring):
    """Near the middle of the ring, and away from the others.

    Noise: with probability ``noise`` a push of -1, 0 or 1, all alike.
    Reward: ``1 - |x - h| / h - |a| / n - log(m(x) + 1e-25)`` with ``h = n // 2``; with
    ``with_congestion`` the cost ``|a| / n`` of a move is multiplied by ``m(x)``.
    Players start anywhere.  In the mean-field limit they settle around cell h.

    Attributes:
        noise: Chance of a random push; in [0, 1].
        crowd_aversion: Weight of ``log m``; >= 0.
        with_congestion: Whether moving costs more in a crowd.
    """

    name: ClassVar[str] = "crowd_modelling"

    noise: float = 1.0
    crowd_aversion: float = 1.0
    with_congestion: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("noise", self.noise, 0, 1)
        check_range("crowd_aversion", self.crowd_aversion, 0)
        check_choice("with_congestion", self.with_congestion, (False, True))

    @classmethod
    def variants(cls) -> Mapping[str, Mapping[str, Any]]:
        return {"geometry": {"ring": CrowdModelling, "torus": TorusCrowdModelling}}

    @classmethod
    def make(cls, *, geometry: str = "ring", **parameters: Any) -> Self:
        choices = cls.variants()["geometry"]
        check_choice("geometry", geometry, choices)
        return choices[geometry](**parameters)

    @property
    def push_law(self) -> Array:
        alike = np.full(self.num_actions, self.noise / self.num_actions)
        return alike + (1 - self.noise) * (self.effort == 0)

    @cached_property
    def attraction(self) -> Array:
        """Reward of being in a cell, (S,)."""
        half = self.num_cells // 2
        return 1 - np.abs(np.arange(self.num_cells) - half) / half

    @cached_property
    def effort(self) -> Array:
        """Cost of every action, (A,)."""
        return np.abs(self.moves) / self.num_cells

    def reward(self, t: Any, x: Any, a: Any, m: Any) -> Any:
        here = at(m, x)
        effort = self.effort[a] * np.where(self.with_congestion, here, 1.0)
        return self.attraction[x] - effort - self.crowd_aversion * np.log(here + NOBODY)


@dataclass(frozen=True, kw_only=True)
class TorusCrowdModelling(CrowdModelling):
    """Near the middle of an n x n torus, and away from the others.

    State: ``n row + column``.  Action: row + 1, column + 1, row - 1, column - 1, stay; the random
    push is one of the same five.  Reward: ``2 - 2 (|row - h| + |column - h|) / n - |a| / n -
    log(m(x) + 1e-25)``, ``h = n // 2``, ``|a|`` = 1 for a move; else as on the ring.
    """

    @property
    def num_states(self) -> int:
        return self.num_cells**2

    @cached_property
    def free(self) -> Array:
        """All cells, bool (n, n)."""
        return np.ones((self.num_cells, self.num_cells), bool)

    @cached_property
    def moves(self) -> Array:
        """Rows and columns gained by every action and by every push, int (A, 2)."""
        return MOVES

    @cached_property
    def after(self) -> Array:
        """Cell reached from every cell by every move, int (S, A)."""
        return landing(self.free, MOVES, wrap=True)

    @cached_property
    def attraction(self) -> Array:
        """Reward of being in a cell, (S,)."""
        gap = np.abs(np.argwhere(self.free) - self.num_cells // 2).sum(-1)
        return 2 - 2 / self.num_cells * gap

    @cached_property
    def effort(self) -> Array:
        """Cost of every action, (A,)."""
        return np.abs(self.moves).sum(-1) / self.num_cells

    def step(self, t: Any, x: Any, a: Any, m: Any, w: Any) -> Any:
        return self.after[self.after[x, a], w]

    def coordinates(self, x: Array) -> Array:
        return coordinates(self.free)[x]

    def neighbours(self, x: Array) -> Array:
        return np.roll(self.after, 1, -1)[x]

    def layout(self) -> Layout | None:
        return None


@dataclass(frozen=True, kw_only=True)
class BeachBarGrid(Ring):
    """A beach around a lake with one bar: near the bar, and away from the others.

    Noise: with probability ``noise`` a push of one cell to either side, both alike.
    Reward: ``-d(x, bar) - |a| / n - log(m(x) + 1e-25)``, d the distance along the ring, in cells.
    Players start anywhere.  In the mean-field limit they settle around the bar, at a density
    that falls with the distance.

    Attributes:
        bar: Cell of the bar.
        noise: Chance of a push; in [0, 1].
    """

    name: ClassVar[str] = "beach_bar_grid"

    num_cells: int = 20
    bar: int = 10
    noise: float = 0.1
    horizon: int | None = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("bar", self.bar, 0, self.num_cells - 1)
        check_range("noise", self.noise, 0, 1)

    @property
    def push_law(self) -> Array:
        return np.array([self.noise / 2, 1 - self.noise, self.noise / 2])

    @cached_property
    def distance(self) -> Array:
        """Cells to the bar, (S,)."""
        ahead = (np.arange(self.num_cells) - self.bar) % self.num_cells
        return np.minimum(ahead, self.num_cells - ahead)

    def reward(self, t: Any, x: Any, a: Any, m: Any) -> Any:
        effort = np.abs(self.moves[a]) / self.num_cells
        return -self.distance[x] - effort - np.log(at(m, x) + NOBODY)


@dataclass(frozen=True, kw_only=True)
class CrowdLQ(Ring):
    """Stay near the mean of all; moving costs its square, and pays a little towards the mean.

    Action: a move of -3, ..., 3 cells.  Noise: a push of -3, ..., 3 cells, N(0, volatility^2)
    rounded to cells, the tails folded in.
    Reward: ``time_step / 2 (-a^2 + 2 q a (mean - x) - kappa (mean - x)^2)`` with ``mean = sum_y y
    m(y)``; cells count from 0 and the difference does not wrap.
    Players start anywhere.

    Attributes:
        q: Weight of moving towards the mean.
        kappa: Weight of the squared distance to the mean; at least ``q^2``.
        volatility: Standard deviation of the push before rounding, in cells; > 0.
        time_step: Factor of all rewards; > 0.
    """

    name: ClassVar[str] = "crowd_lq"
    reach: ClassVar[int] = 3

    q: float = 0.01
    kappa: float = 0.5
    volatility: float = 1.0
    time_step: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("kappa", self.kappa, self.q**2)
        for name in ("volatility", "time_step"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")

    @property
    def push_law(self) -> Array:
        edges = np.arange(-self.reach, self.reach) + 0.5
        below = [0.5 * (1 + math.erf(e / self.volatility / math.sqrt(2))) for e in edges]
        return np.diff([0.0, *below, 1.0])

    def reward(self, t: Any, x: Any, a: Any, m: Any) -> Any:
        mean = 0.0
        for y in range(self.num_cells):
            mean = mean + y * at(m, x * 0 + y)
        gap, move = mean - x, self.moves[a]
        cost = move * move - 2 * self.q * move * gap + self.kappa * gap * gap
        return -0.5 * self.time_step * cost
