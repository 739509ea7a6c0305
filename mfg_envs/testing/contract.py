"""What contracts are checked with: an error that names the fault, and ways to ask a game.

The methods of a game are asked for every state and action (in large games for a random part), at
several times, in mean fields that are random, sparse, even, and concentrated on one place.
"""

from __future__ import annotations

import dataclasses
import functools
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mfg_envs import exact
from mfg_envs.game import Array, FiniteGame, Game, TeamGame
from mfg_envs.game.kinds import is_game
from mfg_envs.game.reads import law_table
from mfg_envs.numerics.compiler import constants, methods

METHODS = ("noise_law", "step", "reward")
MOST_PAIRS = 100_000
"""Most (state, action) pairs that are looked at."""
ROUNDING = 1e-9
"""How far from one probabilities may sum, and two exact ways to one number may part."""


class ContractError(AssertionError):
    """Raised when a game or an environment breaks its contract: the fault, the place, the cure."""


def require(condition: Any, fault: str) -> None:
    """Raise a ContractError with this sentence unless the condition holds."""
    if not condition:
        raise ContractError(fault)


def declaration(game: Game | TeamGame, _: np.random.Generator) -> None:
    """A game is a game, a frozen keyword dataclass; equal fields make equal games."""
    cls: Any = type(game)
    name = cls.__name__
    right = is_game(game)
    kinds = "mfg_envs.game.FiniteGame, ContinuousGame or TeamGame"
    require(right, f"{name} must derive from {kinds}")
    frozen = dataclasses.is_dataclass(game) and cls.__dataclass_params__.frozen
    keyword = frozen and all(field.kw_only for field in dataclasses.fields(game))
    require(keyword, f"{name} must be declared with @dataclass(frozen=True, kw_only=True)")
    own = {} if "__dataclass_fields__" in vars(cls) else vars(cls).get("__annotations__", {})
    lost = [field for field, kind in own.items() if "ClassVar" not in str(kind)]
    require(not lost, f"{name} declares {', '.join(lost)} but is no @dataclass itself: decorate it")
    try:
        hash(game)
    except TypeError as error:
        raise ContractError(f"{name} cannot be hashed ({error}): use tuples, no lists") from error
    same = dataclasses.replace(game) == game
    require(same, f"{name} must equal dataclasses.replace(it): leave the dataclass its __eq__")
    try:
        pickle.loads(pickle.dumps(game))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        cure = "define the class at the top of a module"
        raise ContractError(f"{name} cannot be pickled ({error}): {cure}") from error
    endless, cure = game.horizon is None, "call super().__post_init__()"
    whole = endless or (type(game.horizon) is int and game.horizon >= 1)
    require(whole, f"horizon must be an int >= 1 or None, got {game.horizon!r}: {cure}")
    right = 0 < game.discount < 1 or (game.discount == 1 and not endless)
    limit = f"in (0, 1], below 1 without a horizon, got {game.discount!r}"
    require(right, f"discount must be {limit}: {cure}")


def require_laws(name: str, laws: Array, place: Callable[[int], str]) -> None:
    """Require that every row of (rows, K) is a law; ``place`` words the number of a row."""
    i = int((laws >= 0).all(1).argmin())
    least = laws[i].min()  # NaN if there is one
    require(least >= 0, f"{name}{place(i)} holds {least}: probabilities must be at least 0")
    sums = laws.sum(1)
    i = int(np.abs(sums - 1).argmax())
    require(
        abs(sums[i] - 1) <= ROUNDING,
        f"{name}{place(i)} sums to {sums[i]:.12g}: it must sum to one, or mass is lost or made",
    )


def ask(game: FiniteGame, name: str, t: int, x: Array, a: Array, m: Array, w: Any = None) -> Array:
    """Return what a method gives, as an array; a law has its outcomes on the last axis.

    Raises:
        ContractError: If the method fails on arrays of these shapes.
    """
    try:
        if name == "noise_law":
            return law_table(game, t, x, a, m)
        return np.asarray(game.step(t, x, a, m, w) if name == "step" else game.reward(t, x, a, m))
    except Exception as error:
        raise ContractError(
            f"{name} fails for x {x.shape}, a {a.shape}, m {m.shape} ({type(error).__name__}:"
            f" {error}): write it elementwise, with np.where for choices and at(m, x) for the crowd"
        ) from error


def ask_compiled(
    game: FiniteGame, t: int, x: Array, a: Array, m: Array, num_outcomes: int
) -> tuple[Array, Array, Array]:
    """Return law (P, K), next state (P, K) and reward (P,) of pairs as numba's scalars give them.

    Raises:
        ContractError: If the game cannot be compiled.
    """
    shape = (len(x), num_outcomes)
    out = np.empty(shape), np.empty(shape, np.int64), np.empty(len(x))
    try:
        values, loop = constants(game), _compiled(type(game))
        loop(values, t, x.astype(np.int64), a.astype(np.int64), m, game.legal_actions[x, a], *out)
    except TypeError as error:  # one sentence: what, where, and the cure
        raise ContractError(str(error)) from error
    return out


@functools.cache
def _compiled(game_class: type[FiniteGame]) -> Callable[..., None]:
    """Compile a loop that asks all methods for every pair and outcome."""
    view, noise_law, step, reward, jit = methods(game_class)

    @jit
    def tabulate(values, t, x, a, m, legal, law, there, r):
        game = view(*values)
        for i in range(x.size):
            chances = noise_law(game, t, x[i], a[i], m)
            for w in range(len(chances)):
                law[i, w] = chances[w]
                there[i, w] = step(game, t, x[i], a[i], m, w) if legal[i] else x[i]
            r[i] = reward(game, t, x[i], a[i], m)

    return tabulate


def fit(name: str, result: Array, shape: tuple[int, ...]) -> Array:
    """Return a result broadcast to the players' shape (a law: with its outcomes behind).

    Raises:
        ContractError: If it does not fit.
    """
    shape = (*shape, *result.shape[-1:]) if name == "noise_law" else shape
    try:
        return np.broadcast_to(result, shape)
    except ValueError as error:
        raise ContractError(
            f"{name} returns shape {result.shape} for players {shape}: it must give one number for"
            " each player, elementwise in x and a"
        ) from error


def times(game: Game) -> list[int]:
    """Return the first, the middle and the last decision; of a stationary game the first."""
    last = (game.horizon or 1) - 1
    return sorted({0, last // 2, last})


def scenes(game: FiniteGame, rng: np.random.Generator) -> Iterator[tuple[int, Array]]:
    """Yield times and mean fields: random, sparse, even, everybody in one place."""
    shape = game.mean_field_shape
    cells = int(np.prod(shape))
    for t in times(game):
        for m in (
            rng.dirichlet(np.ones(cells)),
            rng.dirichlet(np.full(cells, 0.1)),
            np.full(cells, 1 / cells),
            np.eye(1, cells, int(rng.integers(cells)))[0],
        ):
            yield t, m.reshape(shape)


def pairs(game: FiniteGame, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return all states and actions, int32 (P,), or some of them where there are too many."""
    sizes = (game.num_states, game.num_actions)
    count = sizes[0] * sizes[1]
    index = np.arange(count) if count <= MOST_PAIRS else rng.integers(count, size=MOST_PAIRS)
    x, a = np.unravel_index(index, sizes)
    return x.astype(np.int32), a.astype(np.int32)


def outcomes(
    game: FiniteGame, t: int, x: Array, a: Array, m: Array, rng: np.random.Generator
) -> Array:
    """Return some outcome of the noise for every player, int of x's shape."""
    law = ask(game, "noise_law", t, x.copy(), a.copy(), m.copy())
    return rng.integers(law.shape[-1], size=x.shape)


def random_rule(game: FiniteGame, rng: np.random.Generator) -> Array:
    """Return a random rule over legal actions, (S, A)."""
    weights = (0.01 + rng.random(game.legal_actions.shape)) * game.legal_actions
    return weights / weights.sum(1, keepdims=True)


def forward_return(game: FiniteGame, rules: Array, num_steps: int) -> float:
    """Return what a player earns on average when all play rules (T, S, A), or (1, S, A)."""
    law, total = np.asarray(game.initial_law, float), 0.0
    for t in range(num_steps):
        rule = rules[min(t, len(rules) - 1)]
        earned = exact.rewards(game, t, exact.crowd(game, law, rule))
        total += game.discount**t * float((law[:, None] * rule * earned).sum())
        law = exact.push_forward(game, t, law, rule)
    return total
