"""Predators and prey: populations chase one another in a cycle, and avoid their own kind.

Several populations are one: the population is a part of the private state that never changes.
Source: Perolat et al., "Scaling up Mean Field Games with Online Mirror Descent"
(arXiv 2103.00623), section 5.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

import numpy as np

from mfg_envs.game import Array, Between, FiniteGame, Layout, NonNegative, OneOf, Probability, at
from mfg_envs.games.grid import MOVES, TORUS, coordinates, landing
from mfg_envs.games.rings import NOBODY

CYCLES = {
    3: ((0.0, -1.0, 1.0), (1.0, 0.0, -1.0), (-1.0, 1.0, 0.0)),
    4: (
        *((0.0, 1.0, 0.0, -1.0), (-1.0, 0.0, 1.0, 0.0)),
        *((0.0, -1.0, 0.0, 1.0), (1.0, 0.0, -1.0, 0.0)),
    ),
}
"""Who chases (1) and who flees (-1) whom, by the number of populations."""


@dataclass(frozen=True, kw_only=True)
class PredatorPrey(FiniteGame):
    """Three or four populations on an n x n torus.

    State: ``n^2 population + n row + column``; the population never changes, and each holds an
    equal share of the players (N players: each player's is drawn).  Action: row + 1, column + 1,
    row - 1, column - 1, stay.  Noise: with probability ``noise`` a move to one of the four cells
    around follows, all alike; the default .8 makes all five outcomes alike.
    Reward: ``-crowd_aversion log(m_i(x) + 1e-25) + sum_j interaction[i][j] m_j(x)`` for a player of
    population i at place x, where ``m_j`` is the law of population j on its own (it sums to one:
    the part of j in the mean field times the number of populations).
    Each population starts in its own corner: (0, 0), (0, n - 1), (n - 1, 0), with four populations
    (0, 0), (n - 1, 0), (n - 1, n - 1), (0, n - 1) as (row, column).  In the mean-field limit the
    game is monotone: the interaction is skew-symmetric.

    Attributes:
        num_cells: Cells a side, n.
        num_populations: Populations on the torus.
        interaction: What a player of population i (row) earns from population j (column);
            None: i chases one neighbour in the cycle and flees the other.
        crowd_aversion: Weight of the logarithm.
        noise: Chance of a random move.
        discount: Weight of the next step.
        horizon: Decisions, T, or None: no end (then ``discount`` < 1).

    Raises:
        ValueError: If a parameter is out of its range.
    """

    name: ClassVar[str] = "predator_prey"
    player_name: ClassVar[str] = "animal"
    num_actions = len(MOVES)

    num_cells: Annotated[int, Between(2, 10**3)] = 5
    num_populations: Annotated[int, OneOf(*CYCLES)] = 3
    interaction: tuple[tuple[float, ...], ...] | None = None
    crowd_aversion: NonNegative = 1.0
    noise: Probability = 0.8
    discount: float = 1.0
    horizon: int | None = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.interaction is not None:
            size = self.num_populations
            if [len(row) for row in self.interaction] != [size] * size:
                raise ValueError(
                    f"interaction must hold {size} rows of {size} numbers, got {self.interaction};"
                    " num_populations sets the size"
                )

    @property
    def num_states(self) -> int:
        return self.num_populations * self.area

    @property
    def area(self) -> int:
        """Cells of the torus."""
        return self.num_cells**2

    @property
    def initial_law(self) -> Array:
        last = self.num_cells - 1
        corners = {
            3: ((0, 0), (0, last), (last, 0)),
            4: ((0, 0), (last, 0), (last, last), (0, last)),
        }
        law = np.zeros((self.num_populations, self.num_cells, self.num_cells))
        for own, corner in zip(law, corners[self.num_populations], strict=True):
            own[corner] = 1 / self.num_populations
        return law.ravel()

    @cached_property
    def pull(self) -> Array:
        """What population i (row) earns from population j (column), (P, P)."""
        return np.array(self.interaction or CYCLES[self.num_populations])

    @cached_property
    def free(self) -> Array:
        """All cells of the torus, bool (n, n)."""
        return np.ones((self.num_cells, self.num_cells), bool)

    @cached_property
    def after(self) -> Array:
        """State reached from every state by every move, int (S, A)."""
        places = landing(self.free, MOVES, wrap=True)
        first = self.area * np.arange(self.num_populations)
        return (first[:, None, None] + places).reshape(-1, len(MOVES))

    @cached_property
    def chances(self) -> Array:
        """Law of the second move after every action, (A, K)."""
        law = np.array([self.noise / 4] * 4 + [1 - self.noise])
        return np.tile(law, (len(MOVES), 1))

    def noise_law(self, t, x, a, m):
        return self.chances[a]

    def step(self, t, x, a, m, w):
        return self.after[self.after[x, a], w]

    def reward(self, t, x, a, m):
        own, place = x // self.area, x % self.area
        r = -self.crowd_aversion * np.log(self.num_populations * at(m, x) + NOBODY)
        for other in range(self.num_populations):
            density = self.num_populations * at(m, other * self.area + place)
            r = r + self.pull[own, other] * density
        return r

    def coordinates(self, x: Array) -> Array:
        """Return column, row and population scaled to [-1, 1], (*inner, 3)."""
        own = 2 * (np.asarray(x) // self.area) / (self.num_populations - 1) - 1
        where = coordinates(self.free)[np.asarray(x) % self.area]
        return np.concatenate([where, own[..., None]], -1)

    def neighbours(self, x: Array) -> Array:
        """Return the five cells around for the own population, then for the next ones."""
        around = np.roll(self.after, 1, -1)[x]
        shift = self.area * np.arange(self.num_populations)
        joint = (around[..., None, :] + shift[:, None]) % self.num_states
        return joint.reshape(*np.shape(x), -1)

    def layout(self) -> Layout | None:
        labels = tuple(f"population {i}" for i in range(self.num_populations))
        plan = Layout("grid", "", np.zeros(self.num_actions), labels=labels, walls=~self.free)
        return plan._replace(place_label=TORUS)
