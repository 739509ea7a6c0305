"""Histograms of finitely many players."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def shares(index: NDArray[Any], num_cells: int) -> NDArray[Any]:
    """Return the share of players in each cell, float (*batch, num_cells); zeros without players.

    Args:
        index: Cell of every player, int (*batch, N).
        num_cells: Cells there are.
    """
    *batch, num = index.shape
    rows = int(np.prod(batch))
    flat = np.arange(rows)[:, None] * num_cells + index.reshape(rows, num)
    counts = np.bincount(flat.ravel(), minlength=rows * num_cells)
    return counts.reshape(*batch, num_cells) / max(num, 1)
