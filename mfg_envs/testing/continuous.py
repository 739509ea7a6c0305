"""The contract of continuous games: the clauses that ``check_game`` goes through for them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from mfg_envs.game import Array, ContinuousGame, Normal, Uniform, density
from mfg_envs.numerics import random
from mfg_envs.numerics.compiler import backend
from mfg_envs.simulate import continuous_kernels
from mfg_envs.testing.contract import ROUNDING, ContractError, declaration, require, times

PLAYERS = 200
"""Players of each population that is tried; there are three populations."""
STRAY = 0.05
"""Most of the players that may leave the grid of a density in a step."""
WIDEST = 3.0
"""What stands in for an infinite bound of an action."""


def bounds(game: ContinuousGame, _: np.random.Generator) -> None:
    """States and actions have boxes, the first state has a law."""
    for kind in ("state", "action"):
        low, high = getattr(game, f"{kind}_low"), getattr(game, f"{kind}_high")
        right = isinstance(low, tuple) and isinstance(high, tuple) and len(low) == len(high) > 0
        require(right, f"{kind}_low and {kind}_high must be tuples of one length, {low} and {high}")
        require(
            all(a < b for a, b in zip(low, high, strict=True)), f"{kind}_low must be below high"
        )
    finite = np.isfinite([*game.state_low, *game.state_high]).all()
    require(
        finite, "state_low and state_high must be finite: a box that nearly all players stay in"
    )
    laws = game.initial_law
    right = isinstance(laws, tuple) and all(isinstance(law, Normal | Uniform) for law in laws)
    cure = f"a Normal or Uniform for each of {game.state_dim} components"
    require(right and len(laws) == game.state_dim, f"initial_law must be {cure}, got {laws!r}")
    if game.mean_field_kind == "density":
        room, shape = game.room, game.mean_field_shape
        right = len(game.axes) == game.state_dim and room.shape == shape and game.blur > 0
        require(right, f"a density needs an axis a component, blur > 0 and room of shape {shape}")
        inside = (room >= 0).all() and (room <= 1).all() and room.any()
        require(inside, "room must be in [0, 1], and not 0 everywhere")


def forms(game: ContinuousGame, rng: np.random.Generator) -> None:
    """Methods give tuples and numbers of the right shape, all of them finite."""
    for t, x, a, m in scenes(game, rng):
        law = call(game, "noise_law", t, x, a, m)
        right = isinstance(law, Normal | Uniform)
        require(right, f"noise_law must return a Normal or a Uniform, got {type(law).__name__}")
        spread = law[1] if isinstance(law, Normal) else law[1] - law[0]
        require(np.all(np.asarray(spread) >= 0), "noise_law must have a width >= 0")
        there = call(game, "step", t, x, a, m, draw(game, law, rng))
        right = isinstance(there, tuple) and len(there) == game.state_dim
        require(
            right, f"step must return a tuple of {game.state_dim} components, got {there!r:.50}"
        )
        for value in there:
            fits("step", value)
        if game.mean_field_kind == "density":
            axes = zip(there, game.axes, strict=True)
            away = [(v < axis.low - ROUNDING) | (v > axis.high + ROUNDING) for v, axis in axes]
            share = float(np.mean(np.logical_or.reduce(away)))
            require(
                share <= STRAY,
                f"step(t={t}) leads {share:.0%} of the players out of the grid of the density:"
                " bounce or clip them, or widen the axes",
            )
        fits("reward", call(game, "reward", t, x, a, m))


def purity(game: ContinuousGame, rng: np.random.Generator) -> None:
    """Methods change neither their arguments nor what they give the next time."""
    twin = dataclasses.replace(game)
    for t, x, a, m in scenes(game, rng):
        w = draw(game, call(game, "noise_law", t, x, a, m), rng)
        before = [v.copy() for v in (*x, *a, *w, m)]
        for name in ("noise_law", "step", "reward"):
            extra = (w,) if name == "step" else ()
            first = stack(call(game, name, t, x, a, m, *extra)).copy()
            same = all(map(np.array_equal, before, (*x, *a, *w, m)))
            require(same, f"{name} changes its arguments: compute new arrays instead")
            for other in (game, twin):
                again = stack(call(other, name, t, x, a, m, *extra))
                cure = "it must depend on its arguments and the fields alone"
                require(np.array_equal(first, again), f"{name} gives something else again: {cure}")


def exchangeability(game: ContinuousGame, rng: np.random.Generator) -> None:
    """What a player gets depends on its own x, a, w and on m, not on its place or the others."""
    t, x, a, m = next(scenes(game, rng))
    w = draw(game, call(game, "noise_law", t, x, a, m), rng)
    order = rng.permutation(PLAYERS)
    for name in ("step", "reward"):
        extra = (w,) if name == "step" else ()
        whole = stack(call(game, name, t, x, a, m, *extra))
        whole = np.broadcast_to(whole, (*whole.shape[:-2], 3, PLAYERS))
        for b, some in ((b, some) for b in range(3) for some in (order, *order[:5, None])):
            one = [tuple(v[b, some] for v in part) for part in (x, a, *extra)]
            alone = stack(call(game, name, t, one[0], one[1], m[b], *one[2:]))
            require(
                np.allclose(alone, whole[..., b, some], 1e-12, 1e-12),
                f"{name} gives a player something else when others are permuted or leave: players"
                " meet through the mean field alone; use spread(m, x) or at(m, *cell(...))",
            )


def stationarity(game: ContinuousGame, rng: np.random.Generator) -> None:
    """A stationary game does not read the time."""
    _, x, a, m = next(scenes(game, rng))
    if game.horizon is None:
        w = draw(game, call(game, "noise_law", 0, x, a, m), rng)
        for name in ("noise_law", "step", "reward"):
            extra = (w,) if name == "step" else ()
            now, later = (stack(call(game, name, t, x, a, m, *extra)) for t in (0, 7))
            require(np.array_equal(now, later), f"{name} reads t, but horizon is None")


def counting(game: ContinuousGame, rng: np.random.Generator) -> None:
    """Players make a mean field, whatever their order, and a density has mass one."""
    _, x, a, m = next(scenes(game, rng))
    shape = (3, *game.mean_field_shape)
    require(m.shape == shape, f"mean_field must have shape {shape}, got {m.shape}")
    order = rng.permutation(PLAYERS)
    x, a = (tuple(v[:, order] for v in part) for part in (x, a))
    require(np.allclose(game.mean_field(x, a), m, ROUNDING, ROUNDING), "mean_field reads an order")
    if game.mean_field_kind == "density":
        mass = (m * game.room).reshape(3, -1).sum(1) * density.smoother(game).volume
        cure = "first states must be outside of walls, room must say where they are"
        require(np.allclose(mass, 1, 0, ROUNDING), f"the density has mass {mass}: {cure}")


def back_ends(game: ContinuousGame, rng: np.random.Generator) -> None:
    """The compiled step gives what NumPy gives on arrays."""
    if backend() != "numba":
        return
    keys = random.seed_key(int(rng.integers(2**32)), np.arange(3))
    for t, x, a, m in scenes(game, rng):
        rows, acts = np.stack(x), np.stack(a)
        x2, r = np.empty((len(x), 3 * PLAYERS)), np.empty(3 * PLAYERS)
        args = (t, rows.reshape(len(x), -1), acts.reshape(len(a), -1), m, keys, x2, r, m[:0])
        try:
            continuous_kernels.simulator(game)(*continuous_kernels.arguments(game), *args)
        except TypeError as error:  # one sentence: what, where, and the cure
            raise ContractError(str(error)) from error
        there, earned = continuous_kernels.step(game, t, rows, acts, m, keys)
        for name, one, two in (
            ("step", there.reshape(x2.shape), x2),
            ("reward", earned.ravel(), r),
        ):
            require(
                np.allclose(one, two, 1e-9, 1e-9),
                f"{name} compiled by numba is not what NumPy gives: write plain arithmetic on"
                " components, with np.where for choices",
            )


def scenes(game: ContinuousGame, rng: np.random.Generator) -> Any:
    """Yield times, states, actions and mean fields of three populations."""
    for t in times(game):
        keys = random.seed_key(int(rng.integers(2**32)), np.arange(3))
        x = tuple(continuous_kernels.first_states(game, keys, PLAYERS))
        low = np.maximum(game.action_low, -WIDEST)
        high = np.minimum(game.action_high, WIDEST)
        each = zip(low, high, strict=True)
        a = tuple(rng.uniform(*bound, size=(3, PLAYERS)) for bound in each)
        yield t, x, a, game.mean_field(x, a)


def call(game: ContinuousGame, name: str, *arguments: Any) -> Any:
    """Return what a method gives.

    Raises:
        ContractError: If it fails.
    """
    try:
        return getattr(game, name)(*arguments)
    except Exception as error:
        raise ContractError(
            f"{name} fails ({type(error).__name__}: {error}): x, a and w are tuples of"
            " components, (x,) = x in one dimension; use spread(m, x) and at(m, *cell(...))"
        ) from error


def draw(game: ContinuousGame, law: Any, rng: np.random.Generator) -> tuple[Array, ...]:
    """Return noise under a law."""
    size = (game.noise_dim, 3, PLAYERS)
    if isinstance(law, Normal):
        return tuple(law.mean + law.std * rng.standard_normal(size))
    return tuple(law.low + (law.high - law.low) * rng.random(size))


def fits(name: str, value: Any) -> None:
    """Require one finite number for each player."""
    value = np.asarray(value)
    shape = np.broadcast_shapes(value.shape, (3, PLAYERS))
    require(shape == (3, PLAYERS), f"{name} gives shape {value.shape} for players {3, PLAYERS}")
    require(np.isfinite(value).all(), f"{name} must give finite numbers, got {value.min()}")


def stack(result: Any) -> Array:
    """Return a tuple of components, or a law, as one array."""
    parts = result if isinstance(result, tuple) else (result,)
    return np.stack(np.broadcast_arrays(*map(np.asarray, parts)))


CLAUSES: tuple[Any, ...] = (
    declaration,
    bounds,
    forms,
    purity,
    exchangeability,
    stationarity,
    counting,
    back_ends,
)
