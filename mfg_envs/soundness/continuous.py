"""The first look at a continuous game; see ``soundness``."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfg_envs.game import Array, ContinuousGame, Normal, Uniform, density
from mfg_envs.game.kinds import check_kind
from mfg_envs.soundness.initial_laws import initial_law
from mfg_envs.soundness.looks import (
    METHODS,
    ask,
    company,
    look_once,
    numbers,
    require_same,
    steady,
)

PLAYERS = 32
"""Players whose moves and rewards are looked at, spread over the boxes."""
WIDEST = 3.0
"""What stands in for an infinite bound of an action."""
MASS = 1e-6
"""How far from one the mass of a density of players may be."""


def check_sound_continuous(game: ContinuousGame) -> None:
    """Look at a continuous game before its first use; raise as ``soundness.check_sound`` does."""
    check_kind(game, "continuous")
    look_once(game, _look)


def _look(game: ContinuousGame) -> None:
    for kind in ("state", "action"):
        low, high = getattr(game, f"{kind}_low"), getattr(game, f"{kind}_high")
        right = isinstance(low, tuple) and isinstance(high, tuple) and len(low) == len(high) > 0
        if not right or not all(u < v for u, v in zip(low, high, strict=True)):
            raise ValueError(
                f"{kind}_low and {kind}_high must be tuples of one length, low below high, got"
                f" {low} and {high}"
            )
    if not np.isfinite([*game.state_low, *game.state_high]).all():
        raise ValueError("state_low and state_high must be finite: a box for nearly all players")
    initial_law(game)  # raises unless it is a law
    if game.mean_field_kind == "density":
        _grid(game)
    _methods(game)


def _grid(game: ContinuousGame) -> None:
    room = game.room
    if len(game.axes) != game.state_dim or not game.blur > 0:
        raise ValueError(
            f"a density needs an axis for each of {game.state_dim} components and blur > 0, got"
            f" {game.axes} and {game.blur}"
        )
    inside = room.shape == game.mean_field_shape and room.min() >= 0 and room.max() <= 1
    if not (inside and room.any()):
        raise ValueError(f"room must be in [0, 1], not 0 everywhere, {game.mean_field_shape}")


def _methods(game: ContinuousGame) -> None:
    """Look at moves and rewards of some players, spread over the boxes."""
    low = np.maximum(game.action_low, -WIDEST)
    high = np.maximum(np.minimum(game.action_high, WIDEST), low)
    share = (np.arange(PLAYERS) + 0.5) / PLAYERS
    x = _spread(share, game.state_low, game.state_high)
    a = _spread((share * 7) % 1, low, high)
    m = np.asarray(game.mean_field(x, a))
    if m.shape != game.mean_field_shape or not np.isfinite(m).all():
        raise ValueError(f"mean_field must be finite, {game.mean_field_shape}, got {m.shape}")
    if game.mean_field_kind == "density":
        counted = density.of_players(game, x)
        if not np.allclose(m, counted, MASS, MASS):
            raise ValueError(
                f"mean_field is not the density of the players: mass {m.sum() / counted.sum():.6g}"
                " of theirs"
            )
    first = steady(game, lambda t: _moment(game, t, x, a, m))
    half = company(PLAYERS)
    xs, as_ = (tuple(v[half][None] for v in part) for part in (x, a))
    again = _moment(game, 0, xs, as_, m[None])
    for name, one, two in zip(METHODS, first, again, strict=True):
        require_same(name, one[..., half], two[..., 0, :])


def _spread(share: Array, low: Any, high: Any) -> tuple[Array, ...]:
    """Return points of a box, a component each: different shares, so that no line is followed."""
    each = zip(low, high, strict=True)
    return tuple(u + (v - u) * (share * (2 * j + 1) % 1) for j, (u, v) in enumerate(each))


def _moment(game: ContinuousGame, t: int, x: Any, a: Any, m: Array) -> tuple[Array, ...]:
    """Return law (2, P), next states (d, P) and rewards (P,) of players, looked at."""
    shape = x[0].shape
    given = [v.copy() for v in (*x, *a, m)]
    law = ask(game, "noise_law", t, x, a, m)
    if not isinstance(law, Normal | Uniform):
        raise TypeError(f"noise_law must return a Normal or a Uniform, got {type(law).__name__}")
    ends = np.stack([numbers("noise_law", v, shape) for v in law])
    width = ends[1] if isinstance(law, Normal) else ends[1] - ends[0]
    if not (np.isfinite(ends).all() and (width >= 0).all()):
        raise ValueError(f"noise_law must be finite and have a width >= 0, got {law!r:.100}")
    w = tuple(ends[0] + width * 0.5 for _ in range(game.noise_dim))
    there = ask(game, "step", t, x, a, m, w)
    if not isinstance(there, tuple) or len(there) != game.state_dim:
        raise TypeError(
            f"step must return a tuple of {game.state_dim} components, got {there!r:.60}"
        )
    x2 = np.stack([numbers("step", v, shape) for v in there])
    r = numbers("reward", ask(game, "reward", t, x, a, m), shape)
    for name, value in (("step", x2), ("reward", r)):
        if not np.isfinite(value).all():
            raise ValueError(
                f"{name}(t={t}) gives {value[~np.isfinite(value)][0]} to a player in"
                " the box of states: it must give finite numbers"
            )
    if not all(map(np.array_equal, given, (*x, *a, m))):
        raise ValueError("a method changes its arguments: compute new arrays instead")
    return ends, x2, r
