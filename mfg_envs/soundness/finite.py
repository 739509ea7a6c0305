"""The first look at a game: what would crash a compiled loop, or give nonsense, is named here.

It takes about a millisecond, once for every game.  Sizes, laws, legal actions, places and observed
states are looked at wholly, the methods at some states and actions, at the first and the last
decision, in the mean field of the first states: what they give must be of the right kind and in
range, and must be the same for a player wherever it stands among the others.  ``check_game`` looks
much further.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from mfg_envs.game import Array, FiniteGame
from mfg_envs.game.kinds import check_finite
from mfg_envs.game.probabilities import TOLERANCE, check_laws
from mfg_envs.game.reads import law_table
from mfg_envs.soundness.initial_laws import initial_law
from mfg_envs.soundness.next_states import check_next
from mfg_envs.soundness.rewards import check_rewards

PAIRS = 256
"""Most (state, action) pairs whose moves and rewards are looked at."""
FAR = 10**9
"""A time that no game without an end may know of."""
ROUNDING = 1e-9
"""How far the numbers of one player may part when others leave, by rounding."""

known: WeakValueDictionary[int, Any] = WeakValueDictionary()
"""Games that were looked at, by ``id``."""


def check_sound(game: FiniteGame) -> None:
    """Look at a finite game before its first use.

    Raises:
        TypeError: If it is no finite game, cannot be hashed, or a method fails on arrays.
        ValueError: If something is of a wrong shape or kind, or out of its range.
    """
    check_finite(game)
    if known.get(id(game)) is game:
        return
    check_hash(game)
    sizes(game, ("num_states", "num_actions", "num_observations", "num_places"))
    _beginning(game)
    for name, end in (("observe", game.num_observations), ("place", game.num_places)):
        _index(game, name, end)
    _methods(game)
    known[id(game)] = game


def check_hash(game: Any) -> None:
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


def ask(game: Any, name: str, *arguments: Any) -> Any:
    """Return what a method gives for arrays, without warnings.

    Raises:
        TypeError: If it fails on them.
    """
    try:
        with np.errstate(all="ignore"):
            if name == "noise_law" and game.kind == "finite":
                return law_table(game, *arguments)
            return getattr(game, name)(*arguments)
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


def coordinates(game: Any, name: str, num_states: int) -> Array:
    """Return the coordinates of every state, float (S, D), looked at."""
    seen = np.asarray(ask(game, name, np.arange(num_states)))
    if seen.dtype.kind not in "biuf" or seen.ndim != 2 or len(seen) != num_states or not seen.size:
        raise ValueError(f"{name}(x) must have shape {(num_states, 'D')}, got {seen.shape}")
    wrong = ~(np.abs(seen) <= 1).all(1)
    if wrong.any():
        x = int(wrong.argmax())
        raise ValueError(f"{name}({x}) is {seen[x]}, it must be finite and in [-1, 1]: scale it")
    return seen


def neighbours(game: FiniteGame) -> Array:
    """Return the observed states near every state, int (S, L), looked at."""
    near, cells = (
        np.asarray(ask(game, "neighbours", np.arange(game.num_states))),
        game.num_observations,
    )
    if near.dtype.kind not in "iu" or near.ndim != 2 or len(near) != game.num_states:
        raise ValueError(
            f"neighbours(x) must be whole numbers of shape {(game.num_states, 'L')}, got"
            f" {near.dtype} of shape {near.shape}"
        )
    wrong = ((near < 0) | (near >= cells)).any(1)
    if wrong.any():
        x = int(wrong.argmax())
        raise ValueError(f"neighbours({x}) is {near[x]}, observed states are in [0, {cells})")
    return near.astype(np.intp)


def _beginning(game: FiniteGame) -> None:
    """Look at the initial law and the legal actions."""
    S, A = game.num_states, game.num_actions
    initial_law(game)  # raises unless it is a law
    legal = np.asarray(game.legal_actions)
    if legal.shape != (S, A) or legal.dtype != bool:
        raise ValueError(f"legal_actions must be bool {(S, A)}, got {legal.dtype} {legal.shape}")
    able = legal.any(1)
    if not able.all():
        raise ValueError(f"state {able.argmin()} has no legal action: allow one, such as staying")


def _index(game: FiniteGame, name: str, end: int) -> None:
    """Look at the observed state, or the place, of every state."""
    index = numbers(name, ask(game, name, np.arange(game.num_states)), (game.num_states,))
    what = "observed state" if name == "observe" else "place"
    if index.dtype.kind not in "iu":
        raise ValueError(f"{name} returns {index.dtype}, {what}s are whole numbers")
    if index.min() < 0 or index.max() >= end:
        x = int(((index < 0) | (index >= end)).argmax())
        raise ValueError(f"{name}({x}) is {index[x]}, which is no {what} in [0, {end})")


def _methods(game: FiniteGame) -> None:
    """Look at moves and rewards of some pairs."""
    x, a = some(game.num_states, game.num_actions)
    law, legal = initial_law(game), game.legal_actions
    rule = legal / legal.sum(1, keepdims=True)
    m = np.asarray(game.crowd(law[:, None] * rule if game.mean_field_of_controls else law))
    counted = np.asarray(
        game.mean_field(x, a) if game.mean_field_of_controls else game.mean_field(x)
    )
    histogram = type(game).mean_field_shape is FiniteGame.mean_field_shape
    for how, field in (("crowd", m), ("mean_field", counted)):
        if field.shape != game.mean_field_shape or not np.isfinite(field).all():
            raise ValueError(
                f"{how} must give finite numbers of shape {game.mean_field_shape}, got"
                f" {field!r:.60}"
            )
        if histogram:
            check_laws(how, field.ravel(), "")
    met = law[x] > 0  # where nobody is a reward need not be finite
    first = _moment(game, 0, x, a, m, met)
    last = FAR if game.horizon is None else game.horizon - 1
    later = _moment(game, last, x, a, m, met) if last else first
    for name, now, then in zip(("noise_law", "step", "reward"), first, later, strict=True):
        if game.horizon is None and not np.array_equal(now, then, equal_nan=True):
            raise ValueError(f"{name} reads t, but horizon is None: give the game a horizon")
    half = company(len(x))  # other company, another order, a population among others
    w = np.arange(first[0].shape[-1])
    xs, as_, ms = x[half][None], a[half][None], m[None]
    again = (
        ask(game, "noise_law", 0, xs, as_, ms),
        ask(game, "step", 0, xs[..., None], as_[..., None], ms, w),
        ask(game, "reward", 0, xs, as_, ms),
    )
    for name, one, two in zip(("noise_law", "step", "reward"), first, again, strict=True):
        shape = (1, *one[half].shape)
        require_same(name, one[half], numbers(name, two, shape)[0])


def _moment(
    game: FiniteGame, t: int, x: Array, a: Array, m: Array, met: Array
) -> tuple[Array, Array, Array]:
    """Return law (P, K), next states (P, K) and rewards (P,) of pairs, looked at."""

    def called(name: str, *arguments: Array) -> Any:
        def call(x: Array, a: Array, m: Array, *w: Array) -> Any:
            return ask(game, name, t, x, a, m, *w)

        return untouched(name, call, arguments)

    law = called("noise_law", x, a, m)
    if law.ndim != 2 or len(law) != len(x):
        raise ValueError(f"noise_law gives shape {law.shape} for players {x.shape}: return a tuple")
    check_rows("noise_law", law, lambda i: f"t={t}, x={x[i]}, a={a[i]}")
    w = np.arange(law.shape[1])
    there = called("step", x[:, None], a[:, None], m, w)
    there = numbers("step", there, law.shape)
    can_be = game.legal_actions[x, a][:, None] & (law > 0)

    def place(i: tuple[int, ...]) -> str:
        return f"t={t}, x={x[i[0]]}, a={a[i[0]]}, w={i[1]}"

    check_next("step", np.where(can_be, there, x[:, None]), game.num_states, place)
    r = numbers("reward", called("reward", x, a, m), x.shape)
    check_rewards("reward", np.where(met, r, 0), lambda i: f"t={t}, x={x[i]}, a={a[i]}")
    return law, there, r
