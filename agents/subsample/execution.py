"""How a team plays what it learned from k of its n locals (arXiv 2412.00661, Algorithm 2).

In every step the global agent draws k locals and plays its part of the best joint action for
them; every local draws k - 1 others and plays its own part of the best joint action for itself
and them.  Nobody sees more than k locals.

Of k locals in one state some may have to act unlike the others.  Who does what is settled by
their numbers: in a group the locals are ordered by state, then by number, and the i-th plays the
i-th action of the learned row.  With k = n all groups are the whole team, so that everybody plays
its part of one joint action, and the value is the best one.

Two ways with less chance: "vote" splits the team into groups of k by their numbers, each names a
global action, and the majority decides (the smallest action among equals); "groups" also lets
the locals act in these groups.  If k does not divide n, the last group is the last k locals.

Agent j (the global one: 0, local i: i + 1) draws its s-th number of a step with counter j k + s
under a key of the episode and the step: a choice without replacement by Floyd's method.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from mfg_envs.environments.team import TeamEnv
from mfg_envs.game import Array, TeamGame, check_choice
from mfg_envs.numerics import compiler, random
from mfg_envs.simulate.acting import Draws, Policy
from mfg_envs.simulate.team import TeamBatchEnv

from . import multisets

SAMPLING = ("fresh", "vote", "groups")


@dataclass(frozen=True, eq=False)
class SubsampledPolicy(Policy):
    """A policy of a whole team, in which nobody looks at more than k locals.

    Attributes:
        game: The game.
        rows: The ``policy`` of an iterate of ``SubsampleMFQ``, (S_g, F, 1 + k).
        sampling: "fresh": everybody draws locals anew in every step; "vote", "groups": see above.

    Raises:
        ValueError: If ``rows`` is not of this game.
    """

    game: TeamGame
    rows: Array
    sampling: str = "fresh"

    def __post_init__(self) -> None:
        check_choice("sampling", self.sampling, SAMPLING)
        (S_g, S), limits = _num_states(self.game), self._num_actions
        if self.rows.ndim != 3 or self.rows.shape[:2] != (S_g, multisets.count(S, self.k)):
            raise ValueError(
                f"rows must have shape (S_g, F, 1 + k) = ({S_g}, multisets of k of {S} states,"
                f" 1 + k), got {self.rows.shape}: give the policy of an iterate for this game"
            )
        if self.rows.dtype != np.int32 or ((self.rows < 0) | (self.rows >= limits)).any():
            raise ValueError(
                f"rows must be int32 actions, the first below {limits[0]}, the others below"
                f" {limits[1]}: give the policy of an iterate for this game"
            )

    @property
    def k(self) -> int:
        """Locals that anybody looks at."""
        return self.rows.shape[-1] - 1

    @property
    def _num_actions(self) -> Array:
        """Number of actions in each column of ``rows``, (1 + k,)."""
        return np.array([self.game.num_global_actions, *[self.game.num_local_actions] * self.k])

    def actions(self, batch: TeamBatchEnv) -> tuple[Array, Array]:
        """Return the actions of every team now: int32 (B,) and (B, n).

        Raises:
            ValueError: If there are fewer than k locals, or their game has other states.
            RuntimeError: If the first episode has not begun.
        """
        if batch.num_locals < self.k:
            raise ValueError(
                f"the policy looks at k = {self.k} locals, there are {batch.num_locals}: learn"
                f" with k <= {batch.num_locals}"
            )
        if _num_states(batch.game) != _num_states(self.game):
            raise ValueError(
                f"the policy is for (S_g, S) = {_num_states(self.game)} states, the team has"
                f" {_num_states(batch.game)}: learn it for this game"
            )
        if not hasattr(batch, "state"):
            raise RuntimeError("call reset() before the first action")
        return self.act(batch.t, (batch.global_state, batch.state), Draws.of(batch))

    @overload
    def act(self, t: TeamEnv) -> dict[str, int]: ...

    @overload
    def act(
        self, t: int, x: tuple[Array, Array], draws: Draws, m: Array | None = None
    ) -> tuple[Array, Array]: ...

    def act(self, t: Any, x: Any = None, draws: Any = None, m: Array | None = None) -> Any:
        """Return the actions of teams, (B,) and (B, n); for ``act(env)`` by name.

        Args:
            t: Time; or the PettingZoo team, alone.
            x: Global states (B,) and those of the locals (B, n).
            draws: Who is looked at.
            m: Not looked at.
        """
        if isinstance(t, TeamEnv):
            a_g, a = self.actions(t.batch)
            return dict(zip(t.possible_agents, [int(a_g[0]), *a[0].tolist()], strict=True))
        x_g, x = x[0], np.ascontiguousarray(x[1])
        keys = random.subkey(draws.keys, random.ACTION, t)
        if compiler.backend() == "numpy":
            return self._choose(x_g, x, keys)
        game, a_g, a = self.game, np.zeros(len(x), np.int32), np.zeros(x.shape, np.int32)
        sizes = (game.num_global_actions, game.num_local_actions, game.num_local_states)
        joins = tuple(multisets.insertion(game.num_local_states, self.k))
        way, rows = SAMPLING.index(self.sampling), np.ascontiguousarray(self.rows)
        _kernel()(sizes, way, rows, joins, x_g, x, keys, a_g, a)
        return a_g, a

    def _choose(self, x_g: Array, x: Array, keys: Array) -> tuple[Array, Array]:
        """Choose in NumPy: the oracle of the compiled choice."""
        (B, n), k, S = x.shape, self.k, self.game.num_local_states
        teams = np.arange(B)
        if self.sampling == "fresh":
            seen = picks(keys, np.zeros(1, np.uint64), n, k)
        else:
            begins = np.minimum(np.arange(0, n, k), n - k)
            seen = np.broadcast_to(begins[:, None] + np.arange(k), (B, len(begins), k))
        number = multisets.number_of(x[teams[:, None, None], seen], S)
        votes = self.rows[x_g[:, None], number, 0]
        counted = (votes[..., None] == np.arange(self.game.num_global_actions)).sum(1)
        a_g = counted.argmax(-1).astype(np.int32)
        if self.game.num_local_actions == 1:
            return a_g, np.zeros((B, n), np.int32)
        i = np.arange(n)
        if self.sampling == "groups":
            seen = seen[:, np.minimum(i // k, seen.shape[1] - 1)]
        else:
            others = picks(keys, np.arange(1, n + 1, dtype=np.uint64) * np.uint64(k), n - 1, k - 1)
            others = others + (others >= i[:, None])
            seen = np.concatenate([np.broadcast_to(i[:, None], (B, n, 1)), others], -1)
        states = x[teams[:, None, None], seen]
        number = multisets.number_of(states, S)
        order = states * n + seen < (x * n + i)[..., None]
        return a_g, self.rows[x_g[:, None], number, 1 + order.sum(-1)]


def _num_states(game: TeamGame) -> tuple[int, int]:
    return game.num_global_states, game.num_local_states


def picks(keys: Array, first: Array, population: int, size: int) -> Array:
    """Draw from 0..population-1 without replacement; every subset is as likely.

    Args:
        keys: One for each team, (B,).
        first: Counter of the first draw of every agent, uint64 (J,).
        population: Things to choose from.
        size: Things to choose.

    Returns:
        Numbers in the order of the draws, int64 (B, J, size).
    """
    counters = first[:, None] + np.arange(size, dtype=np.uint64)
    z = random.bits(keys[:, None, None], counters)
    out = np.empty(z.shape, np.int64)
    for s in range(size):
        last = population - size + s
        drawn = random.below(z[..., s], last + 1).astype(np.int64)
        taken = (out[..., :s] == drawn[..., None]).any(-1)
        out[..., s] = np.where(taken, last, drawn)
    return out


@functools.cache
def _kernel() -> Callable[..., None]:
    """Compile the choice of actions; one version serves every game."""
    bits, below, jit = *map(compiler.scalar, (random.bits, random.below)), compiler.compile_kernel
    u64, i64 = np.uint64, np.int64
    fresh, groups = SAMPLING.index("fresh"), SAMPLING.index("groups")

    @jit
    def pick(key, agent, population, size, k, mark, marked, out):
        """Draw without replacement; ``marked`` says who is drawn already."""
        for s in range(size):
            last = population - size + s
            who = i64(below(bits(key, u64(agent * k + s)), u64(last + 1)))
            if marked[who] == mark:
                who = last
            marked[who] = mark
            out[s] = who

    @jit
    def number_of(x, group, S, table, start):
        """Return the number of the multiset of a group's states."""
        number = i64(0)
        for s in range(group.size):
            low, high = start[s], start[s + 1]
            number = i64(table[low + x[group[s]] * ((high - low) // S) + number])
        return number

    @jit
    def choose(sizes, way, rows, joins, x_g, x, keys, a_g, a):
        (A_g, A, S), (table, start), (B, n), k = sizes, joins, x.shape, rows.shape[2] - 1
        mark, marked, last = 0, np.full(n, -1), n - k
        group, votes = np.empty(k, np.int64), np.zeros(A_g, np.int64)
        for b in range(B):
            if A_g > 1:
                votes[:] = 0
                for first in range(0, 1 if way == fresh else n, k):
                    if way == fresh:
                        pick(keys[b], 0, n, k, k, mark, marked, group)
                        mark += 1
                    else:
                        group[:] = min(first, last) + np.arange(k)
                    votes[rows[x_g[b], number_of(x[b], group, S, table, start), 0]] += 1
                a_g[b] = votes.argmax()
            for i in range(n if A > 1 else 0):
                if way == groups:
                    group[:] = min(i // k * k, last) + np.arange(k)
                else:
                    pick(keys[b], i + 1, n - 1, k - 1, k, mark, marked, group[1:])
                    mark += 1
                    group[0] = i
                    for s in range(1, k):
                        group[s] += group[s] >= i
                before = 0
                for s in range(k):
                    y = x[b, group[s]]
                    before += y < x[b, i] or (y == x[b, i] and group[s] < i)
                a[b, i] = rows[x_g[b], number_of(x[b], group, S, table, start), 1 + before]

    return choose
