"""How rewards and moves change with the mean field: what they read of it, and their derivatives.

Which entries of the mean field the reward or the moves of a pair (x, a) read is found out by
running the methods on a mean field that notes what ``at`` asks it for.  Most games read one entry a
pair, the own place; then one pair of calls differentiates all rewards at once, each with respect to
the entry it reads.  A method that looks at the mean field in another way may read all of it.

Derivatives are central differences in the *logarithm* of an entry p, ``m_p (1 +- h)``::

    (f(m_p (1 + h)) - f(m_p (1 - h))) / 2h  =  df / d log m_p  +  error,
    |error|  <=  h^2 / 6 sup |d^3 f / d (log m_p)^3|  +  e |f| / h,

e the rounding unit; both are about 1e-10 of the scale of f with ``h = 2^-17``, the cube root of e.
A step that is relative to the mass serves the logarithm of an almost empty place as well as a
linear reward, an entry never becomes negative, and what is wanted is mass times slope anyway: an
empty place has neither.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array, FiniteGame
from mfg_envs.game.reads import Probe, TouchedError, law_table
from mfg_envs.numerics.memory import check_memory

STEP = 2.0**-17
"""Step h of the differences, relative to the mass."""


class Reads(NamedTuple):
    """What a game reads of the mean field, as indices into ``m.ravel()``; -1: nothing more.

    No pair reads an index twice.

    Attributes:
        reward: Of the reward of every pair, int32 (K, S, A).
        moves: Of its moves, int32 (L, S, A).
    """

    reward: Array
    moves: Array


@functools.lru_cache(maxsize=16)
def reads(game: FiniteGame) -> Reads:
    """Return what rewards and moves read of the mean field, at any time.

    Raises:
        ValueError: If the indices do not fit into memory.
    """

    def reward(t: int, x: Array, a: Array, m: Any) -> None:
        game.reward(t, x, a, m)

    def moves(t: int, x: Array, a: Array, m: Any) -> None:
        w = np.arange(law_table(game, t, x, a, m).shape[-1])
        game.step(t, x[..., None], a[..., None], m, w)

    return Reads(_noted(game, reward), _noted(game, moves))


def log_slopes(
    function: Callable[[Any], Array], m: Array, indices: Iterable[Array]
) -> Iterator[tuple[Array, Array]]:
    """Yield indices and the derivatives of a function of m by the logarithms of what is there.

    Args:
        function: Mean field -> a number for each pair, (S, A); reads m through ``at``.
        m: Mean field.
        indices: The indices each pair is differentiated by, (K, S, A); see ``Reads``.
    """
    for index in indices:
        up, down = (function(_scaled(m, index, 1 + h)) for h in (STEP, -STEP))
        yield index, (up - down) / (2 * STEP)


def _scaled(m: Array, index: Array, factor: float) -> Any:
    """Return a mean field in which every pair finds its own index multiplied by a factor."""
    if (index == index.flat[0]).all():
        whole = m.copy()
        whole.flat[index.flat[0]] *= factor
        return whole
    return _Scaled(m, index, factor)


class _Scaled:
    """A mean field in which every pair finds its own index multiplied by a factor; for ``at``."""

    def __init__(self, m: Array, index: Array, factor: float) -> None:
        self._m, self._index, self._factor = m, index, factor
        self.ndim = m.ndim

    def __getitem__(self, asked: Any) -> Array:
        flat = _flat(asked, self._m.shape)
        own = self._index.reshape(self._index.shape + (1,) * max(flat.ndim - 2, 0))
        here = self._m.ravel()[flat]
        return np.where(flat == own, here * self._factor, here)


class _Noting(Probe):
    """A mean field that notes what ``at`` reads of it, and raises if it is used otherwise."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.ndim, self._shape, self._notes = len(shape), shape, []

    def __getitem__(self, asked: Any) -> Array:
        flat = _flat(asked, self._shape)
        self._notes.append(flat)
        return np.full(flat.shape, 1 / np.prod(self._shape))


def _flat(asked: Any, shape: tuple[int, ...]) -> Array:
    """Return what is asked of an array of this shape as an index into ``ravel``."""
    parts = asked if isinstance(asked, tuple) else (asked,)
    if len(parts) != len(shape) or any(np.asarray(p).dtype.kind not in "iu" for p in parts):
        raise TouchedError
    flat = np.int64(0)
    for part, size in zip(parts, shape, strict=True):
        flat = flat * size + np.asarray(part) % size
    return np.asarray(flat)


def _noted(game: FiniteGame, run: Callable[[int, Array, Array, Any], None]) -> Array:
    """Return what a method reads, int32 (K, S, A)."""
    S, A = game.num_states, game.num_actions
    x, a = np.indices((S, A), np.int64)
    size = int(np.prod(game.mean_field_shape))
    found: dict[bytes, Array] = {}
    try:
        for t in range(game.horizon or 1):
            noting = _Noting(game.mean_field_shape)
            run(t, x, a, noting)
            for flat in noting._notes:
                wide = np.broadcast_to(flat, (S, A, *flat.shape[2:])).reshape(S, A, -1)
                for column in np.moveaxis(wide.astype(np.int32), -1, 0):
                    found[column.tobytes()] = column
        count = min(len(found), size)
    except (TouchedError, TypeError, ValueError):  # m is not read through ``at`` alone
        count = size
    check_memory(count * S * A, 8, "mean-field entries read")
    if count == size:
        return np.tile(np.arange(size, dtype=np.int32)[:, None, None], (1, S, A))
    table = np.array(list(found.values()), np.int32).reshape(-1, S, A)
    table = np.sort(table, axis=0)[::-1]
    table[1:][table[1:] == table[:-1]] = -1
    table = np.sort(table, axis=0)[::-1]
    return np.ascontiguousarray(table[(table >= 0).any((1, 2))])
