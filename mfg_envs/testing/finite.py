"""The contract of finite games: the clauses that ``check_game`` goes through for them."""

from __future__ import annotations

import dataclasses

import numpy as np

from mfg_envs import exact
from mfg_envs.game import FiniteGame
from mfg_envs.numerics.compiler import backend
from mfg_envs.numerics.estimates import standard_error
from mfg_envs.simulate.batch import BatchEnv
from mfg_envs.testing.contract import (
    METHODS,
    ROUNDING,
    ask,
    ask_compiled,
    declaration,
    fit,
    forward_return,
    outcomes,
    pairs,
    random_rule,
    require,
    require_laws,
    scenes,
    times,
)

BITS = 1e-12  # how far the back ends may part, by rounding
POPULATIONS, PLAYERS, STEPS = 32, 512, 20  # B, N, most steps that are played for a mean return
ERRORS = 5  # standard errors by which the mean of B returns may miss: a chance of 2e-5


def sizes(game: FiniteGame, _: np.random.Generator) -> None:
    """There are whole numbers of states, actions, observed states and places, at least one."""
    for name in ("num_states", "num_actions", "num_observations", "num_places"):
        size = getattr(game, name)
        require(type(size) is int and size >= 1, f"{name} must be an int >= 1, got {size!r}")
    few = game.num_observations <= game.num_states
    require(few, f"num_observations must be at most num_states, got {game.num_observations}")


def beginning(game: FiniteGame, _: np.random.Generator) -> None:
    """The first state has a law, and every state has a legal action."""
    S, A = game.num_states, game.num_actions
    law, legal = np.asarray(game.initial_law), np.asarray(game.legal_actions)
    require(law.shape == (S,), f"initial_law must have shape (S,) = ({S},), got {law.shape}")
    require_laws("initial_law", law[None], lambda _: "")
    right = legal.shape == (S, A) and legal.dtype == bool
    require(right, f"legal_actions must be bool {(S, A)}, got {legal.dtype} {legal.shape}")
    able = legal.any(1)
    require(able.all(), f"state {able.argmin()} has no legal action: allow one, such as staying")


def observation(game: FiniteGame, rng: np.random.Generator) -> None:
    """Observed states, places, neighbours and coordinates are in range, state by state."""
    x, cells = np.arange(game.num_states), game.num_observations
    looks = (("observe", ""), ("place", ""), ("neighbours", ", L"), ("coordinates", ", D"))
    for name, shape in looks:
        look = getattr(game, name)
        seen = np.asarray(look(x))
        right = seen.ndim == 1 + bool(shape) and len(seen) == len(x) and seen.size > 0
        require(right, f"{name}(x) must have shape (*x.shape{shape}), got {seen.shape} for x (S,)")
        if name == "coordinates":
            wrong, bound = ~(np.abs(seen) <= 1), "finite and in [-1, 1]: divide by the largest"
        else:
            whole = seen.dtype.kind in "iu"
            require(whole, f"{name}(x) must be whole numbers, got {seen.dtype}")
            end = game.num_places if name == "place" else cells
            kind = "places" if name == "place" else "observed states"
            wrong, bound = (seen < 0) | (seen >= end), f"{kind} in [0, {end})"
        s = int(wrong.reshape(len(x), -1).any(1).argmax())
        require(not wrong.any(), f"{name}({s}) is {seen[s]}, it must be {bound}")
        some = rng.integers(game.num_states, size=(2, 3))
        again = np.asarray(look(some))
        same = again.shape == seen[some].shape and np.allclose(again, seen[some], 0, BITS)
        require(same, f"{name} must be elementwise: x (2, 3) does not give what each x gives alone")
    for name, many in (("observe", cells), ("place", game.num_places)):
        plain = many != len(x) or np.array_equal(getattr(game, name)(x), x)
        require(plain, f"{name}(x) must be x where all states are observed, or places, apart")
    own = np.asarray(game.neighbours(x))[:, 0] == game.observe(x)
    require(own.all(), f"neighbours({own.argmin()}) must begin with the observed state itself")


def purity(game: FiniteGame, rng: np.random.Generator) -> None:
    """Methods change neither their arguments nor what they give the next time."""
    x, a = pairs(game, rng)
    for t, m in scenes(game, rng):
        arguments = (x, a, m, outcomes(game, t, x, a, m, rng))
        twin = dataclasses.replace(game)  # has not met any other mean field
        for name in METHODS:
            given = [argument.copy() for argument in arguments]
            first = ask(game, name, t, *given).copy()
            for letter, before, after in zip("xamw", arguments, given, strict=True):
                same = np.array_equal(before, after)
                require(same, f"{name} changes its argument {letter}: compute a new array instead")
            for again in (ask(game, name, t, *given), ask(twin, name, t, *given)):
                require(
                    np.array_equal(first, again, equal_nan=True),
                    f"{name}(t={t}) gives something else when it is called again: it must depend"
                    " on its arguments and the fields alone; chance comes in through w",
                )


def noise(game: FiniteGame, rng: np.random.Generator) -> None:
    """The law of the noise is a law, over the same outcomes everywhere."""
    counts = set()
    x, a = pairs(game, rng)
    for t, m in scenes(game, rng):
        law = fit("noise_law", ask(game, "noise_law", t, x, a, m), x.shape)
        require_laws("noise_law", law, lambda i, t=t: f"(t={t}, x={x[i]}, a={a[i]})")
        counts.add(law.shape[-1])
    require(len(counts) == 1, f"noise_law must have one number of outcomes, got {counts}")


def moves(game: FiniteGame, rng: np.random.Generator) -> None:
    """Every outcome of a legal action leads to a state."""
    x, a = pairs(game, rng)
    legal = game.legal_actions[x, a][:, None]
    for t, m in scenes(game, rng):
        w = np.arange(ask(game, "noise_law", t, x, a, m).shape[-1])
        there = ask(game, "step", t, x[:, None], a[:, None], m, w)
        cure = "states are whole numbers: use //, %, np.where or .astype(int)"
        require(there.dtype.kind in "iu", f"step returns {there.dtype}, {cure}")
        there = fit("step", there, (len(x), len(w)))
        wrong = legal & ((there < 0) | (there >= game.num_states))
        i, k = np.unravel_index(wrong.argmax(), wrong.shape)
        require(
            not wrong.any(),
            f"step(t={t}, x={x[i]}, a={a[i]}, w={k}) leads to {there[i, k]}, which is not a state"
            f" in [0, {game.num_states}): use % or np.clip, or make the action illegal there",
        )


def rewards(game: FiniteGame, rng: np.random.Generator) -> None:
    """A reward is one finite number for each player."""
    x, a = pairs(game, rng)
    for t, m in scenes(game, rng):
        r = ask(game, "reward", t, x, a, m)
        require(r.dtype.kind in "biuf", f"reward returns {r.dtype}, it must be real numbers")
        finite = np.isfinite(fit("reward", r, x.shape))
        i = int(finite.argmin())
        require(
            finite.all(),
            f"reward(t={t}, x={x[i]}, a={a[i]}) is {r if r.ndim == 0 else r[i]}, m in"
            f" [{m.min():.3g}, {m.max():.3g}]: it must be finite in every m, empty states included",
        )


def exchangeability(game: FiniteGame, rng: np.random.Generator) -> None:
    """What a player gets depends on its own x, a, w and on m, not on its place or the others."""
    m = np.stack([m for _, m in scenes(game, rng)][:3])
    x = rng.integers(game.num_states, size=(3, 16), dtype=np.int32)
    a = rng.integers(game.num_actions, size=x.shape, dtype=np.int32)
    w = outcomes(game, 0, x, a, m, rng)
    order, every = rng.permutation(16), slice(None)
    for name in METHODS:
        each = zip(x, a, m, w, strict=True)
        alone = np.stack([fit(name, ask(game, name, 0, *one), (16,)) for one in each])
        for row, some, when, culprit in (
            (0, order, "the players are permuted", "positions such as np.arange(N)"),
            (0, slice(0, 5), "other players leave", "sums or means over the players"),
            *((0, [i], "all others leave", "sums or extremes over the players") for i in order[:5]),
            (every, every, "other populations stand beside its own", "m[x]"),
        ):
            given = (x[row, some], a[row, some], m[row], w[row, some])
            got = fit(name, ask(game, name, 0, *given), given[0].shape)
            require(
                np.allclose(got, alone[row, some], BITS, BITS),
                f"{name} gives a player something else when {when}: players are exchangeable and"
                f" meet through the mean field alone; use at(m, x), no {culprit}",
            )


def stationarity(game: FiniteGame, rng: np.random.Generator) -> None:
    """A stationary game does not read the time."""
    x, a = pairs(game, rng)
    m = next(scenes(game, rng))[1]
    w = outcomes(game, 0, x, a, m, rng)
    for name in METHODS if game.horizon is None else ():
        now, later = (ask(game, name, t, x, a, m, w) for t in (0, 7))
        cure = "give the game a horizon, or let it be the same at all times"
        require(np.array_equal(now, later), f"{name} reads t, but horizon is None: {cure}")


def counting(game: FiniteGame, rng: np.random.Generator) -> None:
    """Players make a mean field when counted, that of a crowd with their law."""
    x, a = (rng.integers(n, size=(2, 50)) for n in (game.num_states, game.num_actions))
    m = game.mean_field(x, a) if game.mean_field_of_controls else game.mean_field(x)
    shape = (2, *game.mean_field_shape)
    require(m.shape == shape, f"mean_field must have shape {shape} for x (2, 50), got {m.shape}")
    require_laws("mean_field", m.reshape(2, -1), lambda i: f" of population {i}")
    law = np.zeros((2, game.num_states, game.num_actions))
    np.add.at(law, (np.arange(2)[:, None], x, a), 1 / 50)
    crowd = game.crowd(law if game.mean_field_of_controls else law.sum(-1))
    same = crowd.shape == m.shape and np.allclose(crowd, m, 0, ROUNDING)
    require(same, "crowd(law) must equal mean_field(players) if the players have that law")


def back_ends(game: FiniteGame, rng: np.random.Generator) -> None:
    """The methods compiled for scalars give what NumPy gives on arrays."""
    if backend() != "numba" or not game.compiles:
        return
    x, a = pairs(game, rng)
    legal = game.legal_actions[x, a][:, None]
    for t, m in scenes(game, rng):
        law = ask(game, "noise_law", t, x, a, m)
        there = ask(game, "step", t, x[:, None], a[:, None], m, np.arange(law.shape[-1]))
        r = ask(game, "reward", t, x, a, m)
        law2, there2, r2 = ask_compiled(game, t, x, a, m, law.shape[-1])
        moved = (there2 == there) | ~legal
        same = (np.isclose(law2, law, 0, BITS), moved, np.isclose(r2, r, BITS, BITS))
        for name, right in zip(METHODS, same, strict=True):
            i = int(right.reshape(len(x), -1).all(1).argmin())
            require(
                right.all(),
                f"{name}(t={t}, x={x[i]}, a={a[i]}) compiled by numba is not what NumPy gives:"
                " write plain arithmetic on t, x, a, w, with np.where and at(m, x)",
            )


def mass(game: FiniteGame, rng: np.random.Generator) -> None:
    """A population that moves keeps its mass."""
    for t in times(game):
        start = rng.dirichlet(np.ones(game.num_states))
        moved = exact.push_forward(game, t, start, random_rule(game, rng))
        require_laws("exact.push_forward", moved[None], lambda _, t=t: f" at t = {t}")


def value(game: FiniteGame, rng: np.random.Generator) -> None:
    """Players of an infinite population earn on average what the exact flow says."""
    num_steps = min(game.horizon or STEPS, STEPS)
    rules = np.stack([random_rule(game, rng) for _ in range(game.horizon or 1)])
    policy = rules[0] if game.horizon is None else rules
    expected = forward_return(game, rules, num_steps)
    slack = ROUNDING * (1 + abs(expected))
    if num_steps == game.horizon:
        back = exact.value(game, exact.flow(game, policy), policy)
        fault = f"exact.value is {back}, its flow summed forward gives {expected}"
        require(abs(back - expected) <= slack, fault)
    env = BatchEnv(game, POPULATIONS, PLAYERS, int(rng.integers(2**32)), mode="mean_field")
    env.set_population_policy(policy)
    env.reset()
    returns = game.discount ** np.arange(num_steps) @ env.rollout(policy, num_steps).reward
    error = standard_error(returns)
    require(
        abs(returns.mean() - expected) <= ERRORS * error + slack,
        f"players of an infinite population earn {returns.mean():.6g} on average (standard error"
        f" {error:.2g}), the exact flow says {expected:.6g}: mean_field, crowd, observe disagree",
    )


CLAUSES = (
    *(declaration, sizes, beginning, observation, purity, noise, moves, rewards),
    *(exchangeability, stationarity, counting, back_ends, mass, value),
)
