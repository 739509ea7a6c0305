"""The first look at a game: what would crash a compiled loop, or give nonsense, is named here.

It takes about a millisecond, once for every game.  Sizes, laws, legal actions, places and observed
states are looked at wholly, the methods at some states and actions, at the first and the last
decision, in the mean field of the first states: what they give must be of the right kind and in
range, and must be the same for a player wherever it stands among the others.  ``check_game`` looks
much further.
"""

from __future__ import annotations

import numpy as np

from mfg_envs.game import Array, FiniteGame, TeamGame
from mfg_envs.game.kinds import check_finite
from mfg_envs.game.probabilities import check_laws
from mfg_envs.soundness.initial_laws import initial_law
from mfg_envs.soundness.looks import (
    METHODS,
    ask,
    company,
    look_once,
    moves,
    numbers,
    require_same,
    sizes,
    some,
    steady,
    untouched,
)
from mfg_envs.soundness.rewards import check_rewards


def check_sound(game: FiniteGame) -> None:
    """Look at a finite game before its first use.

    Raises:
        TypeError: If it is no finite game, cannot be hashed, or a method fails on arrays.
        ValueError: If something is of a wrong shape or kind, or out of its range.
    """
    check_finite(game)
    look_once(game, _look)


def _look(game: FiniteGame) -> None:
    sizes(game, ("num_states", "num_actions", "num_observations", "num_places"))
    _beginning(game)
    for name, end in (("observe", game.num_observations), ("place", game.num_places)):
        _index(game, name, end)
    _methods(game)


def coordinates(game: FiniteGame | TeamGame, name: str, num_states: int) -> Array:
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
    first = steady(game, lambda t: _moment(game, t, x, a, m, met))
    half = company(len(x))  # other company, another order, a population among others
    w = np.arange(first[0].shape[-1])
    xs, as_, ms = x[half][None], a[half][None], m[None]
    again = (
        ask(game, "noise_law", 0, xs, as_, ms, law_of=xs.shape),
        ask(game, "step", 0, xs[..., None], as_[..., None], ms, w),
        ask(game, "reward", 0, xs, as_, ms),
    )
    for name, one, two in zip(METHODS, first, again, strict=True):
        shape = (1, *one[half].shape)
        require_same(name, one[half], numbers(name, two, shape)[0])


def _moment(
    game: FiniteGame, t: int, x: Array, a: Array, m: Array, met: Array
) -> tuple[Array, Array, Array]:
    """Return law (P, K), next states (P, K) and rewards (P,) of pairs, looked at."""
    legal = game.legal_actions[x, a]
    law, there = moves(game, "", {"x": x, "a": a}, game.num_states, (t,), (m,), legal)
    r = untouched("reward", lambda x, a, m: ask(game, "reward", t, x, a, m), (x, a, m))
    r = numbers("reward", r, x.shape)
    check_rewards("reward", np.where(met, r, 0), lambda i: f"t={t}, x={x[i]}, a={a[i]}")
    return law, there, r
