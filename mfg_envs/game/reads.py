"""What a game's methods read, found out by running them: no declaration can go stale."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from mfg_envs.game.finite import Array, FiniteGame


class TouchedError(Exception):
    """Raised when a method reads the argument that stands in for t or m."""


class Probe:
    """An argument that raises as soon as anything is done with it."""

    def __getattr__(self, name: str) -> Any:
        raise TouchedError


def _touch(*args: Any, **kwargs: Any) -> Any:
    raise TouchedError


_BINARY = "add sub mul matmul truediv floordiv mod divmod pow and or xor lshift rshift"
_OTHER = (
    "lt le gt ge eq ne hash neg pos abs invert round trunc floor ceil getitem len iter int float"
    " complex bool index str format array array_ufunc array_function"
)
for _name in (*_BINARY.split(), *(f"r{n}" for n in _BINARY.split()), *_OTHER.split()):
    setattr(Probe, f"__{_name}__", _touch)


@functools.lru_cache(maxsize=64)
def moves_are_fixed(game: FiniteGame) -> bool:
    """Return whether the law of motion reads neither the time nor the mean field.

    Found out by running the methods with arguments that raise when touched.
    """
    x, a = np.indices((game.num_states, game.num_actions), np.int64)
    probe = Probe()
    try:
        law = game.noise_law(probe, x, a, probe)
        outcomes = len(law) if isinstance(law, tuple) else np.shape(law)[-1]
        game.step(probe, x[..., None], a[..., None], probe, np.arange(outcomes))
    except TouchedError:
        return False
    return True


def reads_crowd(reward: Any, x: Array, a: Array) -> bool:
    """Return whether ``reward(x, a, m)`` reads ``m``; found out by running it."""
    try:
        reward(x, a, Probe())
    except TouchedError:
        return True
    return False


def stacked(law: Any, shape: tuple[int, ...]) -> Array:
    """Return a noise law as one array (*shape, K), whether it is a tuple or an array."""
    if isinstance(law, tuple):
        return np.stack([np.broadcast_to(np.asarray(p, np.float64), shape) for p in law], -1)
    return np.broadcast_to(np.asarray(law, np.float64), (*shape, np.shape(law)[-1]))


def law_table(game: FiniteGame, t: int, x: Array, a: Array, m: Array | None) -> Array:
    """Return ``noise_law`` as one array (*inner, K), whether it is a tuple or an array."""
    return stacked(game.noise_law(t, x, a, m), np.broadcast_shapes(np.shape(x), np.shape(a)))
