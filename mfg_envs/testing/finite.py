"""What finite games promise beside what ``every_kind`` does, and how they are asked."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import numpy as np

from mfg_envs import exact
from mfg_envs.game import Array, FiniteGame
from mfg_envs.numerics.compiler import backend, constants, methods
from mfg_envs.numerics.estimates import standard_error
from mfg_envs.simulate.batch import BatchEnv
from mfg_envs.testing import every_kind
from mfg_envs.testing.contract import ROUNDING, Clause, ContractError, require, require_laws
from mfg_envs.testing.every_kind import BITS, require_elementwise
from mfg_envs.testing.subject import DiscreteSubject, Scene, Side, crowds, places, times

POPULATIONS, PLAYERS, STEPS = 32, 512, 20  # B, N, most steps that are played for a mean return
ERRORS = 5  # standard errors by which the mean of B returns may miss: a chance of 2e-5
COMPANY = (3, 16)
"""Populations and players of each that are asked together."""
SIDE = Side(("t", "x", "a", "m"), "w", "noise_law", "step", "reward")


def beginning(subject: FiniteSubject, rng: np.random.Generator) -> None:
    """The first state has a law, and every state has a legal action."""
    every_kind.beginning(subject, rng)
    size = subject.game.num_states, subject.game.num_actions
    legal = np.asarray(subject.game.legal_actions)
    right = legal.shape == size and legal.dtype == bool
    require(right, f"legal_actions must be bool {size}, got {legal.dtype} {legal.shape}")
    able = legal.any(1)
    require(able.all(), f"state {able.argmin()} has no legal action: allow one, such as staying")


def observation(subject: FiniteSubject, rng: np.random.Generator) -> None:
    """Observed states, places, neighbours and coordinates are in range, state by state."""
    game = subject.game
    x, cells = np.arange(game.num_states), game.num_observations
    for name, shape, end, kind in (
        ("observe", "", cells, "observed states"),
        ("place", "", game.num_places, "places"),
        ("neighbours", ", L", cells, "observed states"),
    ):
        look = getattr(game, name)
        seen = np.asarray(look(x))
        right = seen.ndim == 1 + bool(shape) and len(seen) == len(x) and seen.size > 0
        require(right, f"{name}(x) must have shape (*x.shape{shape}), got {seen.shape} for x (S,)")
        whole = seen.dtype.kind in "iu"
        require(whole, f"{name}(x) must be whole numbers, got {seen.dtype}")
        wrong = (seen < 0) | (seen >= end)
        s = int(wrong.reshape(len(x), -1).any(1).argmax())
        require(not wrong.any(), f"{name}({s}) is {seen[s]}, it must be {kind} in [0, {end})")
        require_elementwise(name, look, seen, rng)
    every_kind.coordinates(subject, rng)
    for name, many in (("observe", cells), ("place", game.num_places)):
        plain = many != len(x) or np.array_equal(getattr(game, name)(x), x)
        require(plain, f"{name}(x) must be x where all states are observed, or places, apart")
    own = np.asarray(game.neighbours(x))[:, 0] == game.observe(x)
    require(own.all(), f"neighbours({own.argmin()}) must begin with the observed state itself")


def back_ends(subject: FiniteSubject, rng: np.random.Generator) -> None:
    """The methods compiled for scalars give what NumPy gives on arrays."""
    if backend() != "numba" or not subject.game.compiles:
        return
    for scene in subject.scenes(rng):
        wide = subject.outcomes(scene, rng)
        law, r = (subject.ask(scene, name) for name in ("noise_law", "reward"))
        law2, there2, r2 = _compiled(subject.game, scene, law.shape[-1])
        moved = (there2 == subject.ask(wide, "step")) | ~subject.legal(wide)
        for name, right in (
            ("noise_law", np.isclose(law2, law, 0, BITS)),
            ("step", moved),
            ("reward", np.isclose(r2, r, BITS, BITS)),
        ):
            i = right.reshape(len(law), -1).all(1).argmin()
            require(
                right.all(),
                f"{name}{scene.place((i,))} compiled by numba is not what NumPy gives:"
                " write plain arithmetic on t, x, a, w, with np.where and at(m, x)",
            )


def _compiled(game: FiniteGame, scene: Scene, num_outcomes: int) -> tuple[Array, Array, Array]:
    """Return law (P, K), next state (P, K) and reward (P,) of pairs as numba's scalars give them.

    Raises:
        ContractError: If the game cannot be compiled.
    """
    t, x, a, m = scene.values.values()
    out = np.empty((len(x), num_outcomes)), np.empty((len(x), num_outcomes), np.int64)
    r = np.empty(len(x))
    try:
        values, loop = constants(game), _loop(type(game))
        legal = game.legal_actions[x, a]
        loop(values, t, x.astype(np.int64), a.astype(np.int64), m, legal, *out, r)
    except TypeError as error:  # one sentence: what, where, and the cure
        raise ContractError(str(error)) from error
    return *out, r


@functools.cache
def _loop(game_class: type[FiniteGame]) -> Callable[..., None]:
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


def mass(subject: FiniteSubject, rng: np.random.Generator) -> None:
    """A population that moves keeps its mass."""
    game = subject.game
    for t in times(game):
        start = rng.dirichlet(np.ones(game.num_states))
        moved = exact.push_forward(game, t, start, _random_rule(game, rng))
        require_laws("exact.push_forward", moved[None], lambda _, t=t: f" at t = {t}")


def value(subject: FiniteSubject, rng: np.random.Generator) -> None:
    """Players of an infinite population earn on average what the exact flow says."""
    game = subject.game
    num_steps = min(game.horizon or STEPS, STEPS)
    rules = np.stack([_random_rule(game, rng) for _ in range(game.horizon or 1)])
    policy = rules[0] if game.horizon is None else rules
    expected = _forward_return(game, rules, num_steps)
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


def _random_rule(game: FiniteGame, rng: np.random.Generator) -> Array:
    """Return a random rule over legal actions, (S, A)."""
    weights = (0.01 + rng.random(game.legal_actions.shape)) * game.legal_actions
    return weights / weights.sum(1, keepdims=True)


def _forward_return(game: FiniteGame, rules: Array, num_steps: int) -> float:
    """Return what a player earns on average when all play rules (T, S, A), or (1, S, A)."""
    law, total = np.asarray(game.initial_law, float), 0.0
    for t in range(num_steps):
        rule = rules[min(t, len(rules) - 1)]
        earned = exact.rewards(game, t, exact.crowd(game, law, rule))
        total += game.discount**t * float((law[:, None] * rule * earned).sum())
        law = exact.push_forward(game, t, law, rule)
    return total


class FiniteSubject(DiscreteSubject):
    """A finite game under check."""

    sizes = (
        *(("num_states", ""), ("num_actions", "")),
        *(("num_observations", "num_states"), ("num_places", "")),
    )
    laws = (("initial_law", "num_states"),)
    coordinates = (("coordinates", "num_states"),)
    clauses = (
        Clause(every_kind.declaration),
        Clause(every_kind.sizes),
        Clause(beginning),
        Clause(observation),
        Clause(every_kind.purity),
        Clause(every_kind.noise),
        Clause(every_kind.moves),
        Clause(every_kind.rewards),
        Clause(every_kind.exchangeability),
        Clause(every_kind.stationarity),
        Clause(
            every_kind.counting,
            "Players make a mean field when counted, that of a crowd with their law.",
        ),
        Clause(back_ends),
        Clause(mass),
        Clause(value),
    )
    stay = "use % or np.clip, or make the action illegal there"

    def scenes(self, rng: np.random.Generator) -> Iterator[Scene]:
        x, a = places((self.game.num_states, self.game.num_actions), rng)
        for t in times(self.game):
            for m in crowds(self.game.mean_field_shape, rng):
                yield Scene(SIDE, {"t": t, "x": x, "a": a, "m": m})

    def company(self, rng: np.random.Generator) -> Scene:
        m = np.stack(list(crowds(self.game.mean_field_shape, rng))[: COMPANY[0]])
        x = rng.integers(self.game.num_states, size=COMPANY, dtype=np.int32)
        a = rng.integers(self.game.num_actions, size=COMPANY, dtype=np.int32)
        return self.drawn(Scene(SIDE, {"t": 0, "x": x, "a": a, "m": m}), rng)

    def states(self, side: Side) -> int:
        return self.game.num_states

    def legal(self, scene: Scene) -> Array:
        return self.game.legal_actions[scene.values["x"], scene.values["a"]]

    def counted(self) -> tuple[tuple[tuple[str, ...], tuple[int, ...]], ...]:
        letters = ("x", "a") if self.game.mean_field_of_controls else ("x",)
        return ((letters, self.game.mean_field_shape),)

    def require_counts(self, m: Array, scene: Scene) -> None:
        super().require_counts(m, scene)
        game, (x, a) = self.game, (scene.values[letter] for letter in "xa")
        law = np.zeros((len(x), game.num_states, game.num_actions))
        np.add.at(law, (np.arange(len(x))[:, None], x, a), 1 / x.shape[1])
        crowd = game.crowd(law if game.mean_field_of_controls else law.sum(-1))
        same = crowd.shape == m.shape and np.allclose(crowd, m, 0, ROUNDING)
        require(same, "crowd(law) must equal mean_field(players) if the players have that law")
