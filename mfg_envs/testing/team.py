"""The contract of team games: the clauses that ``check_game`` goes through for them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from mfg_envs.exact import team_tables
from mfg_envs.game import Array, TeamGame
from mfg_envs.game.reads import stacked
from mfg_envs.numerics import random
from mfg_envs.numerics.compiler import backend
from mfg_envs.simulate import team_kernels
from mfg_envs.testing.contract import (
    MOST_PAIRS,
    ROUNDING,
    ContractError,
    declaration,
    require,
    require_laws,
)

TEAMS, LOCALS = 3, 16
"""Teams that are tried at once, and the locals of each."""
GLOBAL, LOCAL = ("x_g", "a_g"), ("x", "x_g", "a")
"""What the methods of the global agent and those of a local read, beside noise and crowd."""


def sizes(game: TeamGame, _: np.random.Generator) -> None:
    """There are whole numbers of states and actions of both kinds of agents, at least one."""
    for name in (
        *("num_global_states", "num_global_actions"),
        *("num_local_states", "num_local_actions"),
    ):
        size = getattr(game, name)
        require(type(size) is int and size >= 1, f"{name} must be an int >= 1, got {size!r}")


def beginning(game: TeamGame, _: np.random.Generator) -> None:
    """The first states have laws."""
    for name, size in (
        ("initial_global_law", game.num_global_states),
        ("initial_local_law", game.num_local_states),
    ):
        law = np.asarray(getattr(game, name))
        require(law.shape == (size,), f"{name} must have shape ({size},), got {law.shape}")
        require_laws(name, law[None], lambda _: "")


def coordinates(game: TeamGame, _: np.random.Generator) -> None:
    """Coordinates are finite and in [-1, 1], for every state."""
    for name, size in (
        ("global_coordinates", game.num_global_states),
        ("local_coordinates", game.num_local_states),
    ):
        seen = np.asarray(getattr(game, name)(np.arange(size)))
        right = seen.ndim == 2 and len(seen) == size and seen.size > 0
        require(right, f"{name}(x) must have shape (*x.shape, D), got {seen.shape} for x ({size},)")
        wrong = ~(np.abs(seen) <= 1).all(1)
        s = int(wrong.argmax())
        require(
            not wrong.any(), f"{name}({s}) is {seen[s]}, it must be finite and in [-1, 1]: scale it"
        )


def purity(game: TeamGame, rng: np.random.Generator) -> None:
    """Methods change neither their arguments nor what they give the next time."""
    twin = dataclasses.replace(game)
    for name, names, arguments in calls(game, rng):
        given = [argument.copy() for argument in arguments]
        first = ask(game, name, *given).copy()
        for letter, before, after in zip(names, arguments, given, strict=True):
            same = np.array_equal(before, after)
            require(same, f"{name} changes its argument {letter}: compute a new array instead")
        for again in (ask(game, name, *given), ask(twin, name, *given)):
            require(
                np.array_equal(first, again, equal_nan=True),
                f"{name} gives something else when it is called again: it must depend on its"
                " arguments and the fields alone; chance comes in through the noise",
            )


def noise(game: TeamGame, rng: np.random.Generator) -> None:
    """The laws of the noise are laws."""
    for name, names, arguments in calls(game, rng):
        if name.startswith("noise_law"):
            law = ask(game, name, *arguments)
            where = [v.ravel() for v in np.broadcast_arrays(*arguments)]

            def place(i: int, names: Any = names, where: Any = where) -> str:
                each = zip(names, where, strict=True)
                return f"({', '.join(f'{letter}={v[i]}' for letter, v in each)})"

            require_laws(name, law.reshape(-1, law.shape[-1]), place)


def moves(game: TeamGame, rng: np.random.Generator) -> None:
    """Every outcome leads to a state; so does the global state that is read off the locals."""
    sides = [("local", game.num_local_states, _triples(game, rng))]
    if not game.global_follows:
        sides.append(("global", game.num_global_states, _pairs(game, rng)))
    for side, size, arguments in sides:
        law = ask(game, f"noise_law_{side}", *arguments)
        w = np.arange(law.shape[-1])
        there = ask(game, f"step_{side}", *(v[..., None] for v in arguments), w)
        whole(f"step_{side}", there)
        there = fit(f"step_{side}", there, law.shape)
        wrong = (there < 0) | (there >= size)
        i, k = np.unravel_index(wrong.argmax(), wrong.shape)
        each = zip(LOCAL if side == "local" else GLOBAL, arguments, strict=True)
        place = ", ".join(f"{letter}={v[i]}" for letter, v in each)
        require(
            not wrong.any(),
            f"step_{side}({place}, w={k}) leads to {there[i, k]}, which is not a state in"
            f" [0, {size}): use % or np.clip",
        )
    if game.global_follows:
        shares = np.concatenate([_laws(game, rng).sum(-1), np.eye(game.num_local_states)])
        read = ask(game, "global_from_locals", shares)
        whole("global_from_locals", read)
        read = fit("global_from_locals", read, (len(shares),))
        wrong = (read < 0) | (read >= game.num_global_states)
        require(
            not wrong.any(),
            f"global_from_locals gives {read[wrong.argmax()]}, which is not a state in"
            f" [0, {game.num_global_states})",
        )


def rewards(game: TeamGame, rng: np.random.Generator) -> None:
    """Rewards are finite numbers, one for each team and one for each local."""
    for name, names, arguments in calls(game, rng):
        if not name.startswith("reward"):
            continue
        r = ask(game, name, *arguments)
        require(r.dtype.kind in "biuf", f"{name} returns {r.dtype}, it must be real numbers")
        scalars = [(letter, v) for letter, v in zip(names, arguments, strict=True) if letter != "m"]
        shape = np.broadcast_shapes(*(v.shape for _, v in scalars))
        finite = np.isfinite(fit(name, r, shape)).ravel()
        i = int(finite.argmin())
        place = ", ".join(f"{k}={np.broadcast_to(v, shape).ravel()[i]}" for k, v in scalars)
        value = np.broadcast_to(r, shape).ravel()[i]
        require(finite.all(), f"{name}({place}) is {value}: it must be finite in every crowd")


def exchangeability(game: TeamGame, rng: np.random.Generator) -> None:
    """What a local gets depends on its own x, a, w and on x_g, not on its place or the others."""
    x, x_g, a = _team(game, rng)
    w = rng.integers(ask(game, "noise_law_local", x, x_g, a).shape[-1], size=x.shape)
    order, rows = rng.permutation(LOCALS), np.arange(TEAMS)
    for name, extra in (("noise_law_local", ()), ("step_local", (w,)), ("reward_local", ())):
        entire = fit(name, ask(game, name, x, x_g, a, *extra), x.shape)
        for teams, some, when in (
            (rows, order, "the locals are permuted"),
            (rows, np.arange(5), "other locals leave"),
            *((rows, order[i : i + 1], "all others leave") for i in range(5)),
            (rows[1:2], np.arange(LOCALS), "other teams stand beside its own"),
        ):
            here = np.ix_(teams, some)
            given = (x[here], x_g[teams], a[here], *(v[here] for v in extra))
            got = fit(name, ask(game, name, *given), given[0].shape)
            require(
                np.allclose(got, entire[here], 1e-12, 1e-12),
                f"{name} gives a local something else when {when}: locals are exchangeable and"
                " meet through the global agent; no positions, sums or means over the locals",
            )


def counting(game: TeamGame, rng: np.random.Generator) -> None:
    """Locals make shares when counted, with and without their actions."""
    x, _, a = _team(game, rng)
    for got, shape in (
        (game.mean_field(x), (TEAMS, game.num_local_states)),
        (game.mean_field(x, a), (TEAMS, game.num_local_states, game.num_local_actions)),
    ):
        right = np.shape(got) == shape
        require(right, f"mean_field must have shape {shape}, got {np.shape(got)}")
        require_laws("mean_field", got.reshape(TEAMS, -1), lambda i: f" of team {i}")


def back_ends(game: TeamGame, rng: np.random.Generator) -> None:
    """The step compiled from tables gives what NumPy gives on the rules."""
    if backend() != "numba" or not team_tables.fits(game):
        return
    x, x_g, a = _team(game, rng)
    a_g = rng.integers(game.num_global_actions, size=TEAMS)
    keys = random.seed_key(int(rng.integers(2**32)), np.arange(TEAMS))
    x, x_g, a, a_g = (v.astype(np.int32) for v in (x, x_g[:, 0], a, a_g))
    one = team_kernels.step(game, 0, x_g, x, a_g, a, keys)
    two = team_kernels.compiled_step(game)(0, x_g, x, a_g, a, keys)
    for name, left, right in zip(one._fields, one, two, strict=True):
        require(
            np.allclose(left, right, ROUNDING, ROUNDING),
            f"{name} after a compiled step is not what NumPy gives: methods must be elementwise"
            " and read nothing but their arguments and the fields",
        )


def calls(game: TeamGame, rng: np.random.Generator) -> list[tuple[str, tuple[str, ...], Any]]:
    """Return methods, the names of their arguments, and arguments for many states and actions."""
    pairs, triples, m = _pairs(game, rng), _triples(game, rng), _laws(game, rng)
    few = [v[rng.integers(len(v), size=len(m))] for v in pairs]
    out: list[tuple[str, tuple[str, ...], Any]] = [
        ("noise_law_local", LOCAL, triples),
        ("reward_local", LOCAL, triples),
        ("reward_global", (*GLOBAL, "m"), (*few, m)),
    ]
    law = ask(game, "noise_law_local", *triples)
    w = rng.integers(law.shape[-1], size=len(law))
    out.append(("step_local", (*LOCAL, "w"), (*triples, w)))
    if not game.global_follows:
        law = ask(game, "noise_law_global", *pairs)
        w = rng.integers(law.shape[-1], size=len(law))
        out += [
            ("noise_law_global", GLOBAL, pairs),
            ("step_global", (*GLOBAL, "w_g"), (*pairs, w)),
        ]
    return out


def ask(game: TeamGame, name: str, *arguments: Array) -> Array:
    """Return what a method gives, as an array; a law has its outcomes on the last axis.

    Raises:
        ContractError: If the method fails on arrays of these shapes.
    """
    try:
        result = getattr(game, name)(*arguments)
        if not name.startswith("noise_law"):
            return np.asarray(result)
        return stacked(result, np.broadcast_shapes(*(v.shape for v in arguments)))
    except Exception as error:
        shapes = ", ".join(str(v.shape) for v in arguments)
        raise ContractError(
            f"{name} fails for arguments of shapes {shapes} ({type(error).__name__}: {error}):"
            " write it elementwise, with np.where for choices"
        ) from error


def fit(name: str, result: Array, shape: tuple[int, ...]) -> Array:
    """Return a result broadcast to a shape (a law: with its outcomes behind)."""
    shape = (*shape, result.shape[-1]) if name.startswith("noise_law") else shape
    try:
        return np.broadcast_to(result, shape)
    except ValueError as error:
        raise ContractError(
            f"{name} returns shape {result.shape} where {shape} is needed: give one number for each"
        ) from error


def whole(name: str, there: Array) -> None:
    """Require whole numbers."""
    cure = "states are whole numbers: use //, %, np.where or .astype(int)"
    require(there.dtype.kind in "iu", f"{name} returns {there.dtype}, {cure}")


def _some(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[Array, ...]:
    """Return all places of a table, or many of them, as index arrays (P,)."""
    count = int(np.prod(shape))
    index = np.arange(count) if count <= MOST_PAIRS else rng.integers(count, size=MOST_PAIRS)
    return np.unravel_index(index, shape)


def _pairs(game: TeamGame, rng: np.random.Generator) -> tuple[Array, ...]:
    return _some((game.num_global_states, game.num_global_actions), rng)


def _triples(game: TeamGame, rng: np.random.Generator) -> tuple[Array, ...]:
    shape = (game.num_local_states, game.num_global_states, game.num_local_actions)
    return _some(shape, rng)


def _laws(game: TeamGame, rng: np.random.Generator) -> Array:
    """Return joint laws of state and action: random, sparse, even, all alike; (4, S, A)."""
    shape = (game.num_local_states, game.num_local_actions)
    cells = shape[0] * shape[1]
    one = np.eye(1, cells, int(rng.integers(cells)))[0]
    laws = [rng.dirichlet(np.ones(cells)), rng.dirichlet(np.full(cells, 0.1)), one]
    return np.stack([*laws, np.full(cells, 1 / cells)]).reshape(4, *shape)


def _team(game: TeamGame, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return local states (B, n), global states (B, 1) and local actions (B, n)."""
    x = rng.integers(game.num_local_states, size=(TEAMS, LOCALS))
    x_g = rng.integers(game.num_global_states, size=(TEAMS, 1))
    return x, x_g, rng.integers(game.num_local_actions, size=x.shape)


CLAUSES: tuple[Any, ...] = (
    *(declaration, sizes, beginning, coordinates, purity, noise, moves, rewards),
    *(exchangeability, counting, back_ends),
)
