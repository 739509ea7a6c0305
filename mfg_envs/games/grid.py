"""Cells of a grid and the five moves between them; a game is played on the free cells.

Free cells are numbered as a page is read: row by row, row 0 first.
"""

from __future__ import annotations

import numpy as np

from mfg_envs.game import Array

MOVES = np.array([[1, 0], [0, 1], [-1, 0], [0, -1], [0, 0]])
"""Rows and columns gained by the five moves: row + 1, column + 1, row - 1, column - 1, stay."""
STAY = 4
TORUS = "opposite edges meet"
"""What a picture says of a grid that wraps."""


def landing(free: Array, moves: Array, *, wrap: bool = False) -> Array:
    """Return where moves lead; one that would end in a wall or outside does not happen.

    Args:
        free: Cells that are no wall, bool (rows, columns).
        moves: Rows and columns gained, int (*shape, 2).
        wrap: Whether opposite borders are glued together (a torus).

    Returns:
        Free cell reached from every free cell, int (S, *shape).
    """
    size = np.array(free.shape)
    here = np.argwhere(free)
    there = here.reshape(-1, *[1] * (moves.ndim - 1), 2) + moves
    row, column = np.moveaxis(there % size, -1, 0)
    inside = wrap | ((there >= 0) & (there < size)).all(-1)
    number = np.cumsum(free).reshape(free.shape) - 1
    own = np.arange(len(here)).reshape(-1, *[1] * (moves.ndim - 1))
    return np.where(inside & free[row, column], number[row, column], own)


def coordinates(free: Array) -> Array:
    """Return column and row of every free cell scaled to [-1, 1], (S, 2)."""
    return (2 * np.argwhere(free) / np.maximum(np.array(free.shape) - 1, 1) - 1)[:, ::-1]
