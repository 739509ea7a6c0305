"""The loop of online learners: one player, one trajectory, no resets, no model.

The player keeps action values Q (O, A) and an estimate M (O,) of the population's mean field,
and updates both from the same transitions ``(s, a, r, s', a')``::

    Q(s, a) <- Q(s, a) - alpha_t [ Q(s, a) - r(s, a, M) - discount * target(s', a') ]
    M       <- (1 - beta_t) M + beta_t onehot(s')

M is kept as ``factor * weights``, so that its decay is one multiplication.  The loop exists
twice: compiled on the game's methods, several seeds side by side, each as if alone; and step by
step through ``RepresentativeEnv``.  Both take the same draws and give the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.environments.representative import RepresentativeEnv
from mfg_envs.exact import policies
from mfg_envs.game import Array, FiniteGame
from mfg_envs.numerics import elementary, random
from mfg_envs.numerics.compiler import backend
from mfg_envs.simulate import finite_kernels
from mfg_envs.soundness.initial_laws import initial_law

from .compiled import NEGLIGIBLE, compiled_loop


class Rules(NamedTuple):
    """What distinguishes the online learners.

    Attributes:
        fresh_policy: Act on the current Q, not on the one at the start of the outer iteration.
        fresh_field: Earn rewards in the current M, not in the one at the start.
        sarsa: Target Q(s', a'), not max_a' Q(s', a').
    """

    fresh_policy: bool
    fresh_field: bool
    sarsa: bool


class Schedule(NamedTuple):
    """Step sizes of one outer iteration, (T,) each.

    Attributes:
        alpha: Of the action values, in (0, 1].
        beta: Of the mean field, in [0, 1].
        heat: Inverse temperature of the behaviour, per unit of Q.
    """

    alpha: Array
    beta: Array
    heat: Array


class Memory(NamedTuple):
    """Where E learners stand; arrays are updated in place.

    Attributes:
        t: Transitions so far.
        x: Private states, int32 (E,).
        a: Actions drawn for them, int32 (E,); -1: not yet.
        q: Action values, (E, O, A).
        m: Mean fields, (E, O).
    """

    t: int
    x: Array
    a: Array
    q: Array
    m: Array


def check_source(source: Any, game: Any, seeds: list[int]) -> None:
    """Refuse what the loop cannot run, before anything starts."""
    if not isinstance(game, FiniteGame):
        raise TypeError(
            f"learn(game or env, seed) needs a FiniteGame or a RepresentativeEnv, got {source!r}"
        )
    if game.horizon is not None:
        raise ValueError(f"online learners need a game without end, horizon is {game.horizon}")
    if game.mean_field_of_controls:
        raise ValueError("online learners estimate a mean field of states, not of controls")
    if not game.counts_what_is_observed:
        raise ValueError("online learners count what they observe: place(x) must be observe(x)")
    if source is not game:
        if source.batch.observer.parts != ("index",):
            raise ValueError('step by step, the environment needs observe=("index",)')
        if len(seeds) > 1:
            raise ValueError("step by step through an environment: one seed, from the start")


def first_memory(game: FiniteGame, keys: Array, q_scale: float) -> Memory:
    """Return the start: Q uniform in [0, q_scale), M proportional to |N(0, 1)|."""
    shape = (game.num_observations, game.num_actions)
    own = random.subkey(keys, random.LEARNER)
    weights = np.abs(random.normals(random.counter_bits(random.subkey(own, 0), shape[0]))[0])
    weights = weights.astype(np.float64)
    q = q_scale * random.uniform(random.subkey(own, 1), shape[0] * shape[1])
    u = random.uniform(random.subkey(keys, random.INITIAL), 1)[:, 0]
    x = random.categorical(initial_law(game), u).astype(np.int32)
    m = weights / weights.sum(-1, keepdims=True)
    return Memory(0, x, np.full_like(x, -1), q.reshape(-1, *shape), m)


def episode_keys(seeds: Sequence[int]) -> Array:
    """Return the keys of the first episode of each seed, (E,)."""
    return random.subkey(np.array([random.seed_key(seed) for seed in seeds]), 0)


def advance(
    source: FiniteGame | RepresentativeEnv,
    keys: Array,
    memory: Memory,
    schedule: Schedule,
    rules: Rules,
    discount: float,
) -> Memory:
    """Run one outer iteration, compiled for a game, step by step for an environment."""
    if isinstance(source, RepresentativeEnv):
        return _advance_env(source, keys, memory, schedule, rules, discount)
    if backend() == "numpy" or not source.compiles:
        return _advance_games(source, keys, memory, schedule, rules, discount)
    loop = compiled_loop(type(source))
    values, moves, sizes, private_legal, _ = finite_kernels.arguments(source)
    x, a, q, m = (array.copy() for array in memory[1:])
    legal = policies.observed_legal(source)
    q[:, ~legal] = -np.inf  # never the best, never drawn
    flat = q.reshape(len(q), -1)
    flags = (rules.fresh_policy, rules.fresh_field, rules.sarsa)
    done = loop(
        values, moves, sizes, private_legal, source.observed, flags, discount, memory.t, keys,
        tuple(schedule), flat.copy(), memory.m, x, a, flat, m,
    )  # fmt: skip
    if not (done and np.isfinite(q[:, legal]).all()):  # NumPy says what is wrong
        return _advance_games(source, keys, memory, schedule, rules, discount)
    q[:, ~legal] = memory.q[:, ~legal]
    return Memory(memory.t + schedule.alpha.size, x, a, q, m)


def draw(row: Array, legal: Array, heat: float, u: float) -> int:
    """Draw an action of the softmax of ``heat * row`` over legal actions (the oracle's way)."""
    best = row[legal].max()
    z = heat * (row - best)
    weights = np.where(legal & (z > NEGLIGIBLE), elementary.exp(z), 0.0)
    sums = np.cumsum(weights)
    return int(np.searchsorted(sums, u * sums[-1], side="right"))


def _rows(keys: Array, memory: Memory) -> list[tuple[Array, Memory]]:
    """Split the learners of several seeds."""
    return [
        (keys[[e]], Memory(memory.t, *(array[[e]] for array in memory[1:])))
        for e in range(keys.size)
    ]


def _advance_games(
    game: FiniteGame, keys: Array, memory: Memory, schedule: Schedule, rules: Rules, discount: float
) -> Memory:
    """Run the learners of several seeds step by step, one after the other."""
    alone = _rows(keys, memory)
    rows = [_advance_game(game, *row, schedule, rules, discount)[1:] for row in alone]
    stacked = (np.concatenate(column) for column in zip(*rows, strict=True))
    return Memory(memory.t + schedule.alpha.size, *stacked)


def _advance_game(
    game: FiniteGame, keys: Array, memory: Memory, schedule: Schedule, rules: Rules, discount: float
) -> Memory:
    """Run step by step from the middle of a trajectory, through an environment of its own."""
    env = RepresentativeEnv(game, observe=("index",))
    env.set_mean_field(memory.m[0])
    env.batch.stand(memory.t, memory.x[None], keys=keys)
    return _advance_env(env, keys, memory, schedule, rules, discount)


def _advance_env(
    env: RepresentativeEnv,
    keys: Array,
    memory: Memory,
    schedule: Schedule,
    rules: Rules,
    discount: float,
) -> Memory:
    """Run one outer iteration through the environment's public methods."""
    game, legal = env.game, policies.observed_legal(env.game)
    q, weights, factor = memory.q[0].copy(), memory.m[0].copy(), 1.0
    behaviour = q if rules.fresh_policy else q.copy()
    env.set_mean_field(memory.m[0])
    a, t = int(memory.a[0]), memory.t
    s = int(game.observe(env.batch.state[0, 0]))
    acting = random.subkey(keys[0], random.ACTION)

    def act(s: int, t: int, heat: float) -> int:
        u = float(random.uniform(random.subkey(acting, t), 1)[0])
        return draw(behaviour[s], legal[s], heat, u)

    for alpha, beta, heat in zip(*schedule, strict=True):
        if rules.fresh_field:
            env.set_mean_field(factor * weights)
        if a < 0 or not rules.sarsa:
            a = act(s, t, heat)
        after, r, *_ = env.step(a)
        after, t = int(after), t + 1
        a2 = act(after, t, heat) if rules.sarsa else -1
        target = q[after, a2] if rules.sarsa else q[after][legal[after]].max()
        q[s, a] -= alpha * (q[s, a] - r - discount * target)
        if beta == 1:
            weights[:] = 0
            factor = 1.0
            weights[after] = 1.0
        else:
            factor *= 1 - beta
            weights[after] += beta / factor
            if factor < 1e-200:
                weights *= factor
                factor = 1.0
        s, a = after, a2
    x = env.batch.state[0].copy()
    return Memory(t, x, np.array([a], np.int32), q[None], (factor * weights)[None])
