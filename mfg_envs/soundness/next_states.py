"""Next states as a game's methods give them: whole numbers in range, or an error that says which.

Compiled loops use a next state as an index without looking again, so that nothing else may pass.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mfg_envs.game import Array


def check_next(
    name: str, there: Array, num_states: int, place: Callable[[tuple[int, ...]], str]
) -> None:
    """Raise a ValueError unless next states are states.

    Args:
        name: Of the method that gave them.
        there: What it gave.
        num_states: States there are.
        place: Words the arguments that led to an index of ``there``.
    """
    if there.dtype.kind not in "iu":
        raise ValueError(
            f"{name} returns {there.dtype}, states are whole numbers: use //, %, np.where or"
            " .astype(int)"
        )
    wrong = ~((there >= 0) & (there < num_states))
    if wrong.any():
        index = tuple(np.argwhere(wrong)[0].tolist())
        raise ValueError(
            f"{name}({place(index)}) leads to {there[index]}, which is not a state in"
            f" [0, {num_states})"
        )
