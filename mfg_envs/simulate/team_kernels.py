"""One step of B teams of n locals: compiled from tables, and its NumPy oracle from the rules.

The global agent draws with counter 0, local i with counter i + 1: what the first locals draw does
not depend on how many others there are.  What reads the crowd itself (a global state that follows
the locals, a reward of their joint law) is computed by the game's own methods on either back end,
once for a team.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.exact import team_tables
from mfg_envs.game import Array, TeamGame
from mfg_envs.game.probabilities import check_laws
from mfg_envs.game.reads import stacked
from mfg_envs.numerics import compiler, random
from mfg_envs.soundness.next_states import check_next

BLOCK = 1024
"""Locals a block: its scratch arrays stay in the first-level cache."""


class Moved(NamedTuple):
    """What one step gives.

    Attributes:
        global_state: int32 (B,).
        state: int32 (B, n).
        reward: float64 (B,).
        mean_field: Share of the locals in each of their states after the step, (B, S).
    """

    global_state: Array
    state: Array
    reward: Array
    mean_field: Array


def step(game: TeamGame, t: int, x_g: Array, x: Array, a_g: Array, a: Array, keys: Array) -> Moved:
    """Move B teams by one step in NumPy: the oracle of the compiled step.

    Args:
        game: The game.
        t: Time.
        x_g: Global states, (B,).
        x: Local states, (B, n).
        a_g: Global actions, (B,).
        a: Local actions, (B, n).
        keys: Keys of the episodes, (B,).
    """
    x_g, x, a_g, a = (v.astype(np.int64) for v in (x_g, x, a_g, a))
    u = random.uniform(random.subkey(keys, random.NOISE, t), x.shape[1] + 1)
    w = _outcome("noise_law_local", game.noise_law_local(x, x_g[:, None], a), u[:, 1:])
    x2 = _moved("step_local", game.step_local(x, x_g[:, None], a, w), x, game.num_local_states)
    m2 = game.mean_field(x2)
    earned = np.broadcast_to(np.asarray(game.reward_local(x, x_g[:, None], a), float), x.shape)
    if game.global_follows:
        x_g2 = read_off(game, m2)
    else:
        w_g = _outcome("noise_law_global", game.noise_law_global(x_g, a_g), u[:, 0])
        x_g2 = game.step_global(x_g, a_g, w_g)
        x_g2 = _moved("step_global", x_g2, x_g, game.num_global_states)
    r_g = game.reward_global(x_g, a_g, game.mean_field(x, a) if game.reward_reads_crowd else None)
    return Moved(x_g2, x2, _team_reward(r_g, earned), m2)


def read_off(game: TeamGame, m: Array) -> Array:
    """Return the global states that go with shares of the locals, int32 (B,)."""
    states = np.asarray(game.global_from_locals(m))
    return _moved("global_from_locals", states, m[:, 0], game.num_global_states)


def _moved(name: str, there: Any, like: Array, num_states: int) -> Array:
    """Return next states that a method gave, checked, int32 of a shape."""
    states = np.broadcast_to(np.asarray(there), like.shape)
    check_next(name, states, num_states, _whose)
    return states.astype(np.int32)


def _whose(index: tuple[int, ...]) -> str:
    return f"team {index[0]}" + "".join(f", local {i}" for i in index[1:])


def compiled_step(game: TeamGame) -> Callable[..., Moved]:
    """Return ``step`` for one game in compiled code, without its first argument."""
    tables, kernel = team_tables.tables(game), _kernel()
    local_moves = _simulation(tables.local_moves)
    global_moves = (np.empty(0, np.uint32), np.empty(0, np.uint64), 0)
    if tables.global_moves is not None:
        global_moves = _simulation(tables.global_moves)
    table_g = np.empty(0) if tables.global_reward is None else tables.global_reward.ravel()
    table = tables.local_reward.ravel()
    num_states = game.num_local_states
    sizes = (game.num_global_states, game.num_global_actions, game.num_local_actions)
    bound: Callable[..., None] | None = None

    def run(t, x_g, x, a_g, a, keys):
        x_g2, x2, m2 = np.empty_like(x_g), np.empty_like(x), np.empty((len(x), num_states))
        r_g, earned = np.empty(len(x)), np.empty(x.shape)
        rules = (*local_moves, *global_moves, table, table_g, *sizes)
        nonlocal bound
        args = (rules, t, x_g, x, a_g, a, keys, x_g2, x2, r_g, earned, m2)
        bound = bound or compiler.bind(kernel, args)
        bound(*args)
        if game.global_follows:
            x_g2 = read_off(game, m2)
        if game.reward_reads_crowd:
            wide = x_g.astype(np.int64), a_g.astype(np.int64)  # as in the oracle
            r_g = game.reward_global(*wide, game.mean_field(x, a))
        return Moved(x_g2, x2, _team_reward(r_g, earned), m2)

    return run


def _outcome(name: str, law: Any, u: Array) -> Array:
    """Return the outcome each uniform number falls into."""
    chances = stacked(law, u.shape)
    check_laws(name, chances, "bi"[: u.ndim])
    return random.categorical(chances, u)


def _team_reward(r_g: Any, earned: Array) -> Array:
    """Return what every member of a team earned, checked, (B,)."""
    r = r_g + earned.sum(-1) / earned.shape[1]
    if r.shape != earned.shape[:1] or not np.isfinite(r).all():
        wanted = f"one finite number for each of {len(earned)} teams"
        raise ValueError(f"reward_global + reward_local must give {wanted}, got {r!r:.100}")
    return r


def _simulation(moves: Any) -> tuple[Array, Array, int]:
    """Return next states, the thresholds of the chances, and K, for the kernel."""
    chance = random.thresholds(moves.prob)
    return moves.next.astype(np.uint32).ravel(), chance.ravel(), moves.prob.shape[-1]


@functools.cache
def _kernel() -> Callable[..., None]:
    """Compile the step; one version serves every game."""
    bits, fold = map(compiler.scalar, (random.bits, random.fold))
    u64, u32, noise = np.uint64, np.uint32, random.NOISE

    def step(rules, t, x_g, x, a_g, a, keys, x_g2, x2, r_g, earned, m2):
        nxt, chance, K, nxt_g, chance_g, K_g, table, table_g, S_g, A_g, A = rules
        last, num_actions, n = u32(K - 1), u32(A), x.shape[1]
        x, a, x2 = x.reshape(x.size), a.reshape(a.size), x2.reshape(x.size)
        r = earned.reshape(earned.size)
        row, draw = np.empty(min(n, BLOCK), np.uint32), np.empty(min(n, BLOCK), np.uint64)
        counts = np.empty((4, m2.shape[1]), np.int32)
        for b in range(keys.size):
            key = fold(fold(keys[b], noise), t)
            pair = x_g[b] * A_g + a_g[b]
            if table_g.size:
                r_g[b] = table_g[pair]
            if nxt_g.size:
                z = bits(key, u64(0)) >> u64(11)
                w = 0
                for k in range(K_g - 1):
                    w += z >= chance_g[pair * (K_g - 1) + k]
                x_g2[b] = nxt_g[pair * K_g + w]
            counts[:] = 0
            here = u32(x_g[b])
            for low in range(0, n, BLOCK):
                first, size = u64(b * n + low), min(BLOCK, n - low)
                for i in range(size):
                    own = u32(x[first + u64(i)]) * u32(S_g) + here
                    row[i] = own * num_actions + u32(a[first + u64(i)])
                for i in range(size):
                    r[first + u64(i)] = table[row[i]]
                if last == 0:
                    for i in range(size):
                        x2[first + u64(i)] = nxt[row[i]]
                else:
                    for i in range(size):
                        draw[i] = bits(key, u64(low + i + 1)) >> u64(11)
                    for i in range(size):
                        w = u32(0)
                        for k in range(last):
                            w += u32(draw[i] >= chance[row[i] * last + u32(k)])
                        x2[first + u64(i)] = nxt[row[i] * (last + u32(1)) + w]
                for i in range(size):
                    counts[i & 3, u32(x2[first + u64(i)])] += 1
            for s in range(m2.shape[1]):
                m2[b, s] = (counts[0, s] + counts[1, s] + counts[2, s] + counts[3, s]) / n

    return compiler.compile_kernel(step)
