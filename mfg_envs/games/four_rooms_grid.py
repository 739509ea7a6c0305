"""Four rooms: players spread out from a corner through narrow doors, or settle evenly.

``r = -crowd_aversion log(m(x) + e)``: everybody wants to be where nobody is.  The entropy of the
crowd is a potential of the game, and the game is monotone: the equilibrium is the crowd that
explores the plan as fast as doors and noise allow.

Sources: layout "13x13", the benchmark of crowd exploration: Geist et al., "Concave Utility
Reinforcement Learning: the Mean-field Game Viewpoint" (arXiv 2106.03787); layout "11x11":
Magnino et al., "Bench-MFG" (arXiv 2602.12517).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from mfg_envs.game import (
    Array,
    FiniteGame,
    Layout,
    NonNegative,
    Positive,
    Probability,
    as_int,
    as_parameter,
    as_sequence,
    at,
    check_choice,
)
from mfg_envs.games.grid import MOVES, STAY, TORUS, coordinates, landing

ROOMS = (
    "#############",
    "#     #     #",
    "#     #     #",
    "#           #",
    "#     #     #",
    "#     #     #",
    "### ##### ###",
    "#     #     #",
    "#     #     #",
    "#           #",
    "#     #     #",
    "#     #     #",
    "#############",
)
MAZE = (
    "#####################",
    "# #     #     #     #",
    "# ### ### # ####### #",
    "#         #         #",
    "# ##### #############",
    "#     #     #       #",
    "# ######### # ### ###",
    "#     #     # #   # #",
    "### # # # # # # ### #",
    "# # # # # #   # #   #",
    "# # ######### # # # #",
    "#   #   #       #   #",
    "# ### # # ##### # ###",
    "# #   # #     # #   #",
    "# # ### # ######### #",
    "#       #       # # #",
    "# # # ### ### # # # #",
    "# # # #   #       # #",
    "# # # # ### ### # # #",
    "# # #     #   #     #",
    "#####################",
)


OPEN = (" " * 10,) * 10
ENTRIES = "(row, column, number) entries"


@dataclass(frozen=True, kw_only=True)
class FourRoomsGrid(FiniteGame, layout="13x13"):
    """Layout "13x13": spread out from the top-left cell of four 5x5 rooms in 40 steps.

    State: the free cell; free cells are numbered as a page is read, the rooms have 104.  Action:
    row + 1 (down), column + 1 (right), row - 1 (up), column - 1 (left), stay; a move into a wall
    is not legal.  Noise: with probability ``noise`` a second move follows, uniform over the moves
    that are legal at the *new* cell.
    Reward: ``-crowd_aversion log(m(x) + floor)``, plus the cell's own reward, if it has one.

    Attributes:
        plan: Rows of the plan, "#" a wall, anything else a free cell; borders without a wall are
            glued to the opposite ones.
        noise: Chance of a second move.
        crowd_aversion: Weight of the logarithm.
        floor: Added to the mean field: an empty cell is not worth infinity.
        start: Where players start: "corner" (the first free cell), "anywhere" (all free cells
            alike), or cells with weights, ((row, column, weight), ...).
        place_rewards: Rewards of cells, ((row, column, reward), ...).
        discount: Weight of the next step.
        horizon: Decisions, T, or None: no end (then ``discount`` < 1).

    Raises:
        ValueError: If a parameter is out of its range, or a cell is not free.
    """

    name: ClassVar[str] = "four_rooms_grid"
    solution: ClassVar[str] = (
        "The game is monotone, and the entropy of the crowd a potential: in the one "
        "equilibrium the crowd explores the plan as fast as doors and noise allow."
    )
    player_name: ClassVar[str] = "walker"
    num_actions = len(MOVES)

    plan: tuple[str, ...] = ROOMS
    noise: Probability = 1.0
    crowd_aversion: NonNegative = 1.0
    floor: Positive = 1e-25
    start: str | tuple[tuple[int, int, float], ...] = "corner"
    place_rewards: tuple[tuple[int, int, float], ...] = ()
    discount: float = 1.0
    horizon: int | None = 40

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("start", "place_rewards"):
            if name == "start" and isinstance(self.start, str):
                check_choice("start", self.start, ("corner", "anywhere"))
            else:
                object.__setattr__(self, name, _entries(name, getattr(self, name)))
        if len({len(row) for row in self.plan}) != 1 or not self.free.any():
            raise ValueError(f"plan must have rows of one length and a free cell, got {self.plan}")
        start: Any = self.start
        if not isinstance(start, str) and (not start or min(entry[2] for entry in start) <= 0):
            raise ValueError(f"start must hold (row, column, weight > 0) entries, got {start}")
        _ = self.initial_law, self.bonus  # they check their cells

    @property
    def num_states(self) -> int:
        return int(self.free.sum())

    @cached_property
    def free(self) -> Array:
        """Cells that are no wall, bool (rows, columns)."""
        return np.array([[mark != "#" for mark in row] for row in self.plan])

    @property
    def initial_law(self) -> Array:
        if self.start == "anywhere":
            return np.full(self.num_states, 1 / self.num_states)
        if self.start == "corner":
            return np.eye(1, self.num_states)[0]
        weights = self._on_cells("start", self.start)
        return weights / weights.sum()

    @cached_property
    def after(self) -> Array:
        """State reached from every state by every move, int (S, A); walls stop."""
        return landing(self.free, MOVES, wrap=True)

    @cached_property
    def way(self) -> Array:
        """Whether a move leads anywhere; staying always does, bool (S, A)."""
        return (self.after != np.arange(self.num_states)[:, None]) | (np.arange(len(MOVES)) == STAY)

    @cached_property
    def legal_actions(self) -> Array:
        return self.way

    @cached_property
    def end(self) -> Array:
        """State reached from every state by every action and second move, int (S, A, K)."""
        return self.after[self.after]

    @cached_property
    def chances(self) -> Array:
        """Law of the second move, (S, A, K)."""
        second = self.noise * self.way / self.way.sum(-1, keepdims=True)
        second[:, STAY] += 1 - self.noise
        return second[self.after]

    @cached_property
    def bonus(self) -> Array:
        """Reward of being in a state, (S,)."""
        return self._on_cells("place_rewards", self.place_rewards)

    def noise_law(self, t, x, a, m):
        return self.chances[x, a]

    def step(self, t, x, a, m, w):
        return self.end[x, a, w]

    def reward(self, t, x, a, m):
        return self.bonus[x] - self.crowd_aversion * np.log(at(m, x) + self.floor)

    def coordinates(self, x: Array) -> Array:
        return (coordinates(self.free) * np.array([1, -1]))[x]  # row 0 on top

    def neighbours(self, x: Array) -> Array:
        return np.roll(self.after, 1, -1)[x]  # staying comes first

    def layout(self) -> Layout | None:
        moves = ("down", "right", "up", "left", "stay")
        glued = TORUS if self.free[0].any() or self.free[:, 0].any() else ""
        plan = Layout("grid", "last move", np.arange(5), moves, walls=~self.free)
        return plan._replace(place_label=glued)

    def _on_cells(self, name: str, entries: Any) -> Array:
        """Return the numbers of ((row, column, number), ...) as an array, (S,)."""
        rows, columns = len(self.plan), len(self.plan[0])
        board = np.zeros((rows, columns))
        for row, column, number in entries:
            inside = 0 <= row < rows and 0 <= column < columns
            if not (inside and self.free[row, column]):
                raise ValueError(f"{name} names ({row}, {column}), which is no free cell")
            board[row, column] += number
        return board[self.free]


def _entries(name: str, value: Any) -> tuple[tuple[int, int, float], ...]:
    """Return (row, column, number) entries, checked."""
    entries = []
    for entry in as_sequence(name, value, ENTRIES):
        if len(triple := as_sequence(name, entry, "a row, a column and a number")) != 3:
            raise ValueError(f"{name} must hold {ENTRIES}, got {entry!r}")
        row, column, number = triple
        entries.append((as_int(name, row), as_int(name, column), as_parameter(name, number)))
    return tuple(entries)


@dataclass(frozen=True, kw_only=True)
class LeapingFourRooms(FourRoomsGrid, layout="11x11"):
    """Layout "11x11": the same four rooms for ever, and moves are added up before they happen.

    All actions are legal.  Noise: one of the five moves, all alike (each with probability ``noise
    / 5``), is *added* to the action, and the player goes straight to where the sum leads; if that
    is a wall, the player stays.  So two moves the same way pass over a wall, as in the source.
    Free cells are those of layout "13x13", whose outer wall the source does not count: its
    11x11 cells are (row - 1, column - 1).
    """

    solution: ClassVar[str] = (
        "All actions alike everywhere.  Moves are then as likely as their reversals, the "
        "players settle evenly, and every cell is worth the same."
    )
    floor: float = 1e-12
    start: str | tuple[tuple[int, int, float], ...] = "anywhere"
    discount: float = 0.9
    horizon: int | None = None

    @cached_property
    def legal_actions(self) -> Array:
        return np.ones((self.num_states, self.num_actions), bool)

    @cached_property
    def end(self) -> Array:
        """State reached from every state by every action and push, int (S, A, K)."""
        return landing(self.free, MOVES[:, None] + MOVES, wrap=True)

    @cached_property
    def chances(self) -> Array:
        """Law of the push, (S, A, K)."""
        law = self.noise / len(MOVES) + (1 - self.noise) * (np.arange(len(MOVES)) == STAY)
        return np.tile(law, (self.num_states, self.num_actions, 1))


@dataclass(frozen=True, kw_only=True)
class MazeGrid(FourRoomsGrid, layout="maze"):
    """Layout "maze": spread out from the top-left cell of a 21x21 maze in 100 steps.

    The farthest cell is 60 moves away.  Rules as in layout "13x13".
    """

    plan: tuple[str, ...] = MAZE
    horizon: int | None = 100


@dataclass(frozen=True, kw_only=True)
class TorusGrid(FourRoomsGrid, layout="torus"):
    """Layout "torus": spread out on an open torus, by default of 10x10 cells.

    ``plan=(" " * columns,) * rows`` sets its size.  Rules as in layout "13x13".
    """

    plan: tuple[str, ...] = OPEN
