"""The contract of games: ``check_game`` goes through it, one small function for each clause.

The methods are asked for every (state, action) pair (in large games for a random part of them),
at several times, in mean fields that are even, random, sparse and concentrated on one state.
"""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np

from mfg_envs import exact
from mfg_envs.batch import BatchEnv
from mfg_envs.compiled import backend, constants
from mfg_envs.dependence import law_table
from mfg_envs.game import FiniteGame

MOST_PAIRS = 100_000
"""Most (state, action) pairs that are looked at."""
ROUNDING = 1e-9
"""How far from one probabilities may sum, and how far two exact ways to one number may part."""
BITS = 1e-12
"""How far the back ends may part: they round differently, and do nothing else differently."""
POPULATIONS, PLAYERS, STEPS = 32, 128, 20
"""What is played to compare returns with their exact value: B, N and most steps."""
ERRORS = 4.5
"""Standard errors by which B mean returns may miss: one game in ten thousand misses by chance."""


class ContractError(AssertionError):
    """Raised when a game or an environment breaks its contract: the fault, the place, the cure."""


def check_game(game: FiniteGame, seed: int = 0) -> None:
    """Raise a ContractError that names the first fault of a game, if it has one.

    Args:
        game: Any finite game, a user's own included.
        seed: Of the mean fields, players and policies that are tried.

    Raises:
        ContractError: If the game breaks its contract; an AssertionError that says where and how,
            and what to do about it.
    """
    for clause in CLAUSES:
        clause(game, np.random.default_rng(seed))


def declaration(game: FiniteGame, _: np.random.Generator) -> None:
    """A game is a finite game, a frozen keyword dataclass; equal fields make equal games."""
    cls = type(game)
    require(
        isinstance(game, FiniteGame), f"{cls.__name__} must derive from mfg_envs.game.FiniteGame"
    )
    frozen = dataclasses.is_dataclass(cls) and cls.__dataclass_params__.frozen
    keyword = frozen and all(field.kw_only for field in dataclasses.fields(game) if field.init)
    require(keyword, f"{cls.__name__} must be declared with @dataclass(frozen=True, kw_only=True)")
    try:
        hash(game)
    except TypeError as error:
        raise ContractError(f"{cls.__name__} cannot be hashed ({error}): use tuples") from error
    require(dataclasses.replace(game) == game, "dataclasses.replace(game) must equal the game")
    try:
        twin = pickle.loads(pickle.dumps(game))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ContractError(
            f"{cls.__name__} cannot be pickled ({error}): define the class at module level"
        ) from error
    require(twin == game, f"a pickled {cls.__name__} must equal the game")
    endless = game.horizon is None
    whole = endless or (type(game.horizon) is int and game.horizon >= 1)
    require(whole, f"horizon must be an int >= 1 or None, got {game.horizon!r}")
    right = 0 < game.discount <= 1 and not (endless and game.discount == 1)
    require(right, f"discount must be in (0, 1], below 1 if stationary, got {game.discount!r}")


def sizes(game: FiniteGame, _: np.random.Generator) -> None:
    """There are whole numbers of states, actions and observed states, at least one of each."""
    for name in ("num_states", "num_actions", "num_observations"):
        size = getattr(game, name)
        require(type(size) is int and size >= 1, f"{name} must be an int >= 1, got {size!r}")


def beginning(game: FiniteGame, _: np.random.Generator) -> None:
    """The first state has a law, and every state has a legal action."""
    S, A = game.num_states, game.num_actions
    law, legal = np.asarray(game.initial_law), np.asarray(game.legal_actions)
    require(law.shape == (S,), f"initial_law must have shape (S,) = {(S,)}, got {law.shape}")
    _check_laws("initial_law", law[None], lambda _: "")
    right = legal.shape == (S, A) and legal.dtype == bool
    require(right, f"legal_actions must be bool {(S, A)}, got {legal.dtype} {legal.shape}")
    able = legal.any(1)
    require(able.all(), f"state {able.argmin()} has no legal action: allow one, such as staying")


def observation(game: FiniteGame, rng: np.random.Generator) -> None:
    """Observed states, neighbours and coordinates are in range, state by state."""
    x, cells = np.arange(game.num_states), game.num_observations
    for name in ("observe", "neighbours", "coordinates"):
        look, inner = getattr(game, name), 0 if name == "observe" else 1
        seen = np.asarray(look(x))
        require(
            seen.ndim == 1 + inner and len(seen) == len(x) and seen.size > 0,
            f"{name}(x) must have shape {'(*x.shape, width)' if inner else 'x.shape'}, got"
            f" {seen.shape} for x {x.shape}",
        )
        if name == "coordinates":
            wrong, bound = ~(np.abs(seen) <= 1), "finite and in [-1, 1]: divide by the largest"
        else:
            whole = seen.dtype.kind in "iu"
            require(whole, f"{name}(x) must be whole numbers, got {seen.dtype}")
            wrong, bound = (seen < 0) | (seen >= cells), f"observed states in [0, {cells})"
        s = int(wrong.reshape(len(x), -1).any(1).argmax())
        require(not wrong.any(), f"{name}({s}) is {seen[s]}, it must be {bound}")
        some = rng.integers(game.num_states, size=(2, 3))
        again = np.asarray(look(some))
        same = again.shape == seen[some].shape and np.allclose(again, seen[some], 0, BITS)
        require(
            same, f"{name} must be elementwise: x (2, 3) gives another result than each x alone"
        )
    first = np.asarray(game.neighbours(x))[:, 0] == game.observe(x)
    require(first.all(), f"neighbours({first.argmin()}) must begin with the observed state itself")


def purity(game: FiniteGame, rng: np.random.Generator) -> None:
    """Methods change neither their arguments nor anything that they read later."""
    for t, m in _scenes(game, rng):
        x, a = _pairs(game, rng)
        twin = dataclasses.replace(game)  # has not met any other mean field
        for name in METHODS:
            given = (x.copy(), a.copy(), m.copy(), np.zeros_like(x))
            kept = [argument.copy() for argument in given]
            first = _call(game, name, t, *given)
            for letter, before, after in zip("xamw", kept, given, strict=True):
                kind = f"{name} changes its argument {letter}: compute a new array instead"
                require(
                    np.array_equal(before, after),
                    f"{kind} (no {letter} += ..., no {letter}[...] = ...)",
                )
            for again in (_call(game, name, t, *given), _call(twin, name, t, *given)):
                same = first.shape == again.shape and np.array_equal(first, again, equal_nan=True)
                require(
                    same,
                    f"{name}(t={t}) gives another result when it is called again: it must depend on"
                    " nothing but its arguments and the fields; noise comes in through w",
                )


def noise(game: FiniteGame, rng: np.random.Generator) -> None:
    """The law of the noise is a law, over the same outcomes everywhere."""
    outcomes = set()
    x, a = _pairs(game, rng)
    for t, m in _scenes(game, rng):
        law = _call(game, "noise_law", t, x, a, m)
        _check_laws("noise_law", law, lambda i, t=t: f"(t={t}, x={x[i]}, a={a[i]})")
        outcomes.add(law.shape[-1])
    require(len(outcomes) == 1, f"noise_law must have one number of outcomes, got {outcomes}")


def moves(game: FiniteGame, rng: np.random.Generator) -> None:
    """Every outcome of a legal action leads to a state."""
    x, a = _pairs(game, rng)
    legal = game.legal_actions[x, a][:, None]
    for t, m in _scenes(game, rng):
        w = np.arange(_call(game, "noise_law", t, x, a, m).shape[-1])
        there = _call(game, "step", t, x[:, None], a[:, None], m, w)
        require(
            there.dtype.kind in "iu",
            f"step returns {there.dtype}, states are whole numbers: use //, %, np.where or .astype",
        )
        there = _fit("step", there, (len(x), len(w)))
        wrong = legal & ((there < 0) | (there >= game.num_states))
        i, k = np.argwhere(wrong)[0] if wrong.any() else (0, 0)
        require(
            not wrong.any(),
            f"step(t={t}, x={x[i]}, a={a[i]}, w={k}) leads to {there[i, k]}, which is not a state"
            f" in [0, {game.num_states}): use % or np.clip, or make the action illegal",
        )


def rewards(game: FiniteGame, rng: np.random.Generator) -> None:
    """A reward is one finite number for each player."""
    x, a = _pairs(game, rng)
    for t, m in _scenes(game, rng):
        r = _call(game, "reward", t, x, a, m)
        require(r.dtype.kind in "biuf", f"reward returns {r.dtype}, it must be real numbers")
        r = _fit("reward", r, x.shape)
        i = int(np.isfinite(r).argmin())
        require(
            np.isfinite(r).all(),
            f"reward(t={t}, x={x[i]}, a={a[i]}) is {r[i]} where m lies in [{m.min():.3g},"
            f" {m.max():.3g}]: it must be finite in every mean field, empty states included",
        )


def exchangeability(game: FiniteGame, rng: np.random.Generator) -> None:
    """A player's results depend on its own x, a, w and on m, not on its place or on the others."""
    fields = [m for _, m in _scenes(game, rng)]
    outcomes = law_table(game, 0, np.zeros(1, int), np.zeros(1, int), fields[0]).shape[-1]
    m = np.stack(fields[:3])
    x = rng.integers(game.num_states, size=(3, 16), dtype=np.int32)
    a = rng.integers(game.num_actions, size=x.shape, dtype=np.int32)
    w, order, few = rng.integers(outcomes, size=x.shape), rng.permutation(16), slice(0, 5)
    for name in METHODS:
        whole = _fit(name, _call(game, name, 0, x, a, m, w), x.shape)
        moved = _call(game, name, 0, x[:, order], a[:, order], m, w[:, order])
        fewer = _call(game, name, 0, x[:, few], a[:, few], m, w[:, few])
        alone = [_call(game, name, 0, *each) for each in zip(x, a, m, w, strict=True)]
        for got, want, when, cure in (
            (moved, whole[:, order], "the players are permuted", "positions, np.arange(N)"),
            (fewer, whole[:, few], "other players leave", "sums or means over the players, x.size"),
            (
                np.stack(np.broadcast_arrays(*alone)),
                whole,
                "other populations stand beside it",
                "m[x]",
            ),
        ):
            got = _fit(name, got, want.shape[:2])
            require(
                np.allclose(got, want, BITS, BITS),
                f"{name} gives a player another result when {when}: players are exchangeable and"
                f" meet through the mean field only; use at(m, x), not {cure}",
            )


def stationarity(game: FiniteGame, rng: np.random.Generator) -> None:
    """A stationary game does not read the time."""
    x, a = _pairs(game, rng)
    m = next(_scenes(game, rng))[1]
    for name in METHODS if game.horizon is None else ():
        now, later = (_call(game, name, t, x, a, m, np.zeros_like(x)) for t in (0, 7))
        require(
            np.array_equal(now, later),
            f"{name} depends on the time, but horizon is None: give the game a horizon or drop t",
        )


def counting(game: FiniteGame, rng: np.random.Generator) -> None:
    """Players counted make a mean field, the same as a population with their law."""
    S, A, N = game.num_states, game.num_actions, 50
    x, a = rng.integers(S, size=(2, N)), rng.integers(A, size=(2, N))
    given = (x, a) if game.mean_field_of_controls else (x,)
    m = game.mean_field(*given)
    wanted = (2, *game.mean_field_shape)
    require(
        m.shape == wanted, f"mean_field(x) must have shape {wanted} for x (2, N), got {m.shape}"
    )
    _check_laws("mean_field", m.reshape(2, -1), lambda i: f" of population {i}")
    joint = np.zeros((2, S, A))
    np.add.at(joint, (np.arange(2)[:, None], x, a), 1 / N)
    crowd = game.crowd(joint if game.mean_field_of_controls else joint.sum(-1))
    same = crowd.shape == m.shape and np.allclose(crowd, m, 0, ROUNDING)
    require(same, "crowd(law of the players) must equal mean_field(players)")


def back_ends(game: FiniteGame, rng: np.random.Generator) -> None:
    """The methods compiled for scalars give what NumPy gives on arrays."""
    if backend() != "numba":
        return
    x, a = _pairs(game, rng)
    legal = game.legal_actions[x, a]
    try:
        values, compiled = constants(game), _compiled(type(game))
        for t, m in _scenes(game, rng):
            law = _call(game, "noise_law", t, x, a, m)
            each = (x[:, None], a[:, None], m, np.arange(law.shape[-1]))
            there = _fit("step", _call(game, "step", t, *each), law.shape)
            r = _fit("reward", _call(game, "reward", t, x, a, m), x.shape)
            got = np.empty(law.shape), np.empty(law.shape, np.int64), np.empty(r.shape)
            compiled(values, t, x.astype(np.int64), a.astype(np.int64), m, legal, *got)
            same = (
                np.abs(got[0] - law) <= BITS,
                (got[1] == there) | ~legal[:, None],
                np.abs(got[2] - r) <= BITS * (1 + np.abs(r)),
            )
            for name, right in zip(METHODS, same, strict=True):
                i = int(right.reshape(len(x), -1).all(1).argmin())
                require(
                    bool(right.all()),
                    f"{name}(t={t}, x={x[i]}, a={a[i]}) compiled by numba differs from NumPy's:"
                    " write plain arithmetic on x, a, t, w, np.where and at(m, x)",
                )
    except ContractError:
        raise
    except Exception as error:
        raise ContractError(
            f"{type(game).__name__} cannot be compiled ({type(error).__name__}: {error}): methods"
            " read numbers and arrays of self, and use NumPy functions and at(m, x)"
        ) from error


def mass(game: FiniteGame, rng: np.random.Generator) -> None:
    """A population that moves keeps its mass."""
    for t in _times(game):
        law = rng.dirichlet(np.ones(game.num_states))
        moved = exact.push_forward(game, t, law, _rule(game, rng))
        _check_laws("exact.push_forward", moved[None], lambda _, t=t: f" at t = {t}")


def value_of_play(game: FiniteGame, rng: np.random.Generator) -> None:
    """Players of an infinite population earn on average what the exact flow says."""
    num_steps = min(game.horizon or STEPS, STEPS)
    policy = _rule(game, rng)
    if game.horizon is not None:
        policy = np.stack([policy, *(_rule(game, rng) for _ in range(game.horizon - 1))])
    law, expected = np.asarray(game.initial_law, float), 0.0
    for t in range(num_steps):
        rule = policy if game.horizon is None else policy[t]
        earned = exact.rewards(game, t, exact.crowd(game, law, rule))
        expected += game.discount**t * float((law[:, None] * rule * earned).sum())
        law = exact.push_forward(game, t, law, rule)
    if num_steps == game.horizon:
        value = exact.value(game, exact.flow(game, policy), policy)
        require(
            abs(value - expected) <= ROUNDING * (1 + abs(value)),
            f"exact.value of a policy is {value}, the flow summed forward gives {expected}",
        )
    env = BatchEnv(game, POPULATIONS, PLAYERS, int(rng.integers(2**32)), mode="mean_field")
    env.set_population_policy(policy)
    env.reset()
    played = env.rollout(policy, num_steps).reward
    returns = game.discount ** np.arange(num_steps) @ played
    error = returns.std(ddof=1) / np.sqrt(POPULATIONS)
    require(
        abs(returns.mean() - expected) <= ERRORS * error + ROUNDING * (1 + abs(expected)),
        f"players of an infinite population earn {returns.mean():.6g} on average, give or take"
        f" {error:.2g}, the exact flow says {expected:.6g}: mean_field, crowd and observe disagree",
    )


def require(condition: Any, fault: str) -> None:
    """Raise a ContractError with this sentence unless the condition holds."""
    if not condition:
        raise ContractError(fault)


def _check_laws(name: str, laws: Array, place: Callable[[int], str]) -> None:
    """Require that every row (rows, K) is a law; ``place`` words the row."""
    i = int((laws >= 0).all(1).argmin())
    least = laws[i].min()  # NaN if there is one
    require(least >= 0, f"{name}{place(i)} holds {least}: probabilities must be at least 0")
    sums = laws.sum(1)
    i = int(np.abs(sums - 1).argmax())
    require(
        abs(sums[i] - 1) <= ROUNDING,
        f"{name}{place(i)} sums to {sums[i]:.12g}: mass is lost or made, it must sum to one",
    )


def _call(
    game: FiniteGame, name: str, t: int, x: Array, a: Array, m: Array, w: Any = None
) -> Array:
    """Return what a method gives, as an array; a law has its outcomes on the last axis."""
    try:
        if name == "noise_law":
            return law_table(game, t, x, a, m)
        return np.asarray(game.step(t, x, a, m, w) if name == "step" else game.reward(t, x, a, m))
    except Exception as error:
        raise ContractError(
            f"{name} fails for x {x.shape}, a {a.shape}, m {m.shape} ({type(error).__name__}:"
            f" {error}): write it elementwise, with np.where for choices and at(m, x) for the crowd"
        ) from error


def _fit(name: str, result: Array, shape: tuple[int, ...]) -> Array:
    """Return a result broadcast to the players' shape (a law: with its outcomes behind)."""
    shape = (*shape, *result.shape[-1:]) if name == "noise_law" else shape
    try:
        return np.broadcast_to(result, shape)
    except ValueError as error:
        raise ContractError(
            f"{name} returns shape {result.shape} for players {shape}: it must be one number for"
            " each player, elementwise in x and a"
        ) from error


def _times(game: FiniteGame) -> list[int]:
    last = (game.horizon or 1) - 1
    return sorted({0, last // 2, last})


def _scenes(game: FiniteGame, rng: np.random.Generator) -> Iterator[tuple[int, Array]]:
    """Yield times and mean fields: even, random, sparse, and everybody in one place."""
    shape = game.mean_field_shape
    cells = int(np.prod(shape))
    for t in _times(game):
        for m in (
            rng.dirichlet(np.ones(cells)),
            rng.dirichlet(np.full(cells, 0.1)),
            np.full(cells, 1 / cells),
            np.eye(1, cells, int(rng.integers(cells)))[0],
        ):
            yield t, m.reshape(shape)


def _pairs(game: FiniteGame, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return all states and actions (P,), or some where there are too many."""
    sizes = (game.num_states, game.num_actions)
    count = sizes[0] * sizes[1]
    index = np.arange(count) if count <= MOST_PAIRS else rng.integers(count, size=MOST_PAIRS)
    x, a = np.unravel_index(index, sizes)
    return x.astype(np.int32), a.astype(np.int32)


def _rule(game: FiniteGame, rng: np.random.Generator) -> Array:
    """Return a random rule over legal actions, (S, A)."""
    weights = rng.random(game.legal_actions.shape) * game.legal_actions
    return weights / weights.sum(1, keepdims=True)


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


METHODS = ("noise_law", "step", "reward")
CLAUSES = (
    *(declaration, sizes, beginning, observation, purity, noise, moves, rewards),
    *(exchangeability, stationarity, counting, back_ends, mass, value_of_play),
)
