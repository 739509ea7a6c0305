"""What is held between two steps: given out so that nobody can change it, checked when set."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfg_envs.game import Array


def sealed(array: Array) -> Array:
    """Return a view of an array that is never written to again; it cannot be made writeable.

    That takes an array which owns its memory: else it is copied.
    """
    owner = array if array.base is None else array.copy("K")
    owner.setflags(write=False)
    return owner.view()  # quicker than a slice: few players notice


def checked_states(name: str, states: Any, shape: tuple[int, ...], num_states: int) -> Array:
    """Return a sealed copy of states, int32 of this shape, or raise a ValueError."""
    x = np.asarray(states)
    if x.shape != shape or x.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be whole numbers of shape {shape}, got {x.dtype} of shape {x.shape}"
        )
    wrong = ~((x >= 0) & (x < num_states))
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0].tolist())
        raise ValueError(f"{name}{list(place)} must be in [0, {num_states}), got {x[place]}")
    return sealed(x.astype(np.int32))


def checked_fields(mean_fields: Any, num_envs: int, shape: tuple[int, ...]) -> Array:
    """Return a sealed copy of mean fields (B, *shape), or (1, *shape), or raise a ValueError."""
    m, wanted = np.array(mean_fields, np.float64), (num_envs, *shape)
    if m.shape not in (wanted, (1, *shape)) or not np.isfinite(m).all():
        raise ValueError(
            f"mean_field must be finite numbers of shape {wanted}, got shape {m.shape}, numbers in"
            f" [{m.min():.4g}, {m.max():.4g}]"
        )
    return sealed(m)
