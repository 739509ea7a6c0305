"""How games of every kind are looked at before their first use: once, and briefly.

What a look asks for: whole sizes, laws that are laws, next states that are states, numbers that are
finite, and the same for a player wherever it stands among the others.  ``finite``, ``continuous``
and ``team`` say what is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from mfg_envs.game import Array
from mfg_envs.game.probabilities import TOLERANCE, check_laws
from mfg_envs.game.reads import stacked
from mfg_envs.soundness.next_states import check_next

METHODS = ("noise_law", "step", "reward")
PAIRS = 256
"""Most (state, action) pairs whose moves and rewards are looked at."""
FAR = 10**9
"""A time that no game without an end may know of."""
ROUNDING = 1e-9
"""How far the numbers of one player may part when others leave, by rounding."""

known: WeakValueDictionary[int, Any] = WeakValueDictionary()
"""Games that were looked at, by ``id``."""


def look_once(game: Any, look: Callable[[Any], None]) -> None:
    """Look at a game, unless it was looked at; raise what ``look`` raises.

    Raises:
        TypeError: If the game cannot be hashed.
    """
    if known.get(id(game)) is game:
        return
    _check_hash(game)
    look(game)
    known[id(game)] = game


def _check_hash(game: Any) -> None:
    """Raise a TypeError if a game cannot be hashed: tables are kept by game."""
    try:
        hash(game)
    except TypeError as error:
        raise TypeError(
            f"{type(game).__name__} cannot be hashed ({error}): declare it with"
            " @dataclass(frozen=True, kw_only=True), its fields numbers, words and tuples"
        ) from error


def sizes(game: Any, names: tuple[str, ...]) -> None:
    """Raise a ValueError unless these are whole numbers of at least one."""
    for name in names:
        size = getattr(game, name)
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
            raise ValueError(f"{type(game).__name__}.{name} must be an int >= 1, got {size!r}")


def ask(game: Any, name: str, *arguments: Any, law_of: tuple[int, ...] | None = None) -> Any:
    """Return what a method gives for arrays, without warnings.

    Args:
        game: The game.
        name: Of the method.
        arguments: Of the method.
        law_of: The shape of players whose law it gives, as probabilities (*law_of, K).

    Raises:
        TypeError: If it fails on them.
    """
    try:
        with np.errstate(all="ignore"):
            result = getattr(game, name)(*arguments)
            return result if law_of is None else stacked(result, law_of)
    except Exception as error:
        shapes = ", ".join(f"{np.shape(v)}" for v in arguments)
        raise TypeError(
            f"{type(game).__name__}.{name} fails for arguments of shapes {shapes}"
            f" ({type(error).__name__}: {error}): write it elementwise, with np.where for choices"
            " and at(m, x) for the crowd"
        ) from error


def numbers(name: str, value: Any, shape: tuple[int, ...]) -> Array:
    """Return real numbers broadcast to the players' shape, or raise a ValueError."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} returns {array.dtype}, it must be real numbers")
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise ValueError(
            f"{name} returns shape {array.shape} for players {shape}: it must give one number for"
            " each player, elementwise"
        ) from None


def check_rows(name: str, laws: Array, place: Callable[[int], str]) -> None:
    """Raise a ValueError unless every row of (P, K) is a law; ``place`` words a row."""
    fair = (laws >= -TOLERANCE).all(1)
    fair &= np.abs(laws.sum(1) - 1) <= TOLERANCE
    if not fair.all():
        i = int(fair.argmin())
        check_laws(f"{name}({place(i)})", laws[i], "")


def require_same(name: str, alone: Array, among: Array) -> None:
    """Raise a ValueError unless players get the same in other company, or when asked again."""
    if not np.allclose(alone, among, ROUNDING, ROUNDING, equal_nan=True):
        raise ValueError(
            f"{name} gives a player something else when it is asked again, without some of the"
            " others: it must depend on its arguments alone, player by player; the crowd comes in"
            " through m, chance through the noise"
        )


def moves(
    game: Any,
    side: str,
    players: Mapping[str, Array],
    num_states: int,
    t: tuple[int, ...] = (),
    m: tuple[Array, ...] = (),
    legal: Array | None = None,
) -> tuple[Array, Array]:
    """Return law (P, K) and next states (P, K) of players, looked at.

    Args:
        game: A game of finitely many states.
        side: What stands behind the names of its methods: "", "_local" or "_global".
        players: States and actions by letter, (P,) each.
        num_states: States there are.
        t: The time, if methods read it.
        m: The mean field, if methods read it.
        legal: Whether a player's action is legal, (P,): others need not lead to states, nor need
            outcomes of no chance.  None: all must.
    """
    law_name, step = f"noise_law{side}", f"step{side}"
    own = tuple(players.values())

    def place(i: int) -> str:
        each = (f"{letter}={v[i]}" for letter, v in players.items())
        return ", ".join([*(f"t={v}" for v in t), *each])

    law = untouched(
        law_name, lambda *v: ask(game, law_name, *t, *v, law_of=own[0].shape), (*own, *m)
    )
    check_rows(law_name, law, place)
    wide = (*(v[:, None] for v in own), *m, np.arange(law.shape[1]))
    there = numbers(step, untouched(step, lambda *v: ask(game, step, *t, *v), wide), law.shape)
    led = there if legal is None else np.where(legal[:, None] & (law > 0), there, wide[0])
    check_next(step, led, num_states, lambda i: f"{place(i[0])}, w={i[1]}")
    return law, there


def steady(game: Any, moment: Callable[[int], tuple[Array, ...]]) -> tuple[Array, ...]:
    """Return what ``moment`` gives at the first decision, after a look at the last one.

    Raises:
        ValueError: If a stationary game reads the time.
    """
    first, last = moment(0), FAR if game.horizon is None else game.horizon - 1
    later = moment(last) if last else first
    for name, now, then in zip(METHODS, first, later, strict=True):
        if game.horizon is None and not np.array_equal(now, then, equal_nan=True):
            raise ValueError(f"{name} reads t, but horizon is None: give the game a horizon")
    return first


def untouched(name: str, call: Callable[..., Any], arguments: tuple[Array, ...]) -> Any:
    """Return ``call(*arguments)``; raise a ValueError if it writes to one of them."""
    given = tuple(v.copy() for v in arguments)
    result = np.array(call(*given))
    if not all(map(np.array_equal, arguments, given)):
        raise ValueError(f"{name} changes its arguments: compute a new array instead")
    return result


def company(count: int) -> Array:
    """Return some of ``count`` players in another order; first, last and mean are others."""
    index = np.arange(count)[count - 1 - count // 5 : count // 3 : -1]
    return index if index.size else np.arange(count)


def some(*shape: int) -> tuple[Array, ...]:
    """Return at most ``PAIRS`` places of a table, first and last among them, int64 (P,) each."""
    count = int(np.prod(shape))
    index = np.unique(np.linspace(0, count - 1, min(count, PAIRS)).astype(np.int64))
    return tuple(np.asarray(v, np.int64) for v in np.unravel_index(index, shape))
