"""What a policy of a team is worth: exactly for few locals, by sampled episodes for many.

Locals are exchangeable, so a team of n with the policy ``sampling="fresh"`` is a Markov chain on
(x_g, F), F the multiset of the n local states.  In it the locals of one state differ only by how
many of them have smaller numbers.  The i-th of c locals in state x meets a group with shares H,
in which l of those before it are, with chance

    C(i, l) C(c - 1 - i, H_x - 1 - l) prod_{y != x} C(F_y, H_y) / C(n - 1, k - 1),

and plays the l-th action that the learned row H has for state x.  The values solve
``v = r + discount M v``.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np

from mfg_envs.exact import team_tables
from mfg_envs.game import Array, TeamGame, as_int, check_range
from mfg_envs.numerics.estimates import interval, standard_error
from mfg_envs.numerics.memory import check_memory
from mfg_envs.simulate.team import TeamBatchEnv
from mfg_envs.soundness.initial_laws import initial_global_law, initial_local_law

from ..runs.iterate import Iterate
from . import multisets
from .execution import SubsampledPolicy

NEGLIGIBLE = 1e-6
"""Weight of the first step that sampled episodes leave out."""
BLOCK = 1 << 20
"""Locals that are simulated at once."""


class TeamPolicy(Protocol):
    """Anything that plays a team game."""

    @property
    def game(self) -> TeamGame:
        """The game."""
        ...

    def actions(self, batch: TeamBatchEnv) -> tuple[Array, Array]:
        """Return the actions of every team now: int32 (B,) and (B, n)."""
        ...


class TeamValue(NamedTuple):
    """The value of a policy, estimated from independent episodes.

    Attributes:
        mean: Estimate.
        error: Its standard error.
        returns: Of every episode, (B,).
    """

    mean: float
    error: float
    returns: Array

    @property
    def interval(self) -> tuple[float, float]:
        """Confidence interval of the value, 95 %."""
        return interval(self.mean, self.error, self.returns.size)


def team_value(
    policy: TeamPolicy,
    num_locals: int,
    *,
    num_envs: int = 1000,
    seed: int = 0,
    num_steps: int | None = None,
) -> TeamValue:
    """Estimate the value of a policy for a team of n from episodes in compiled code.

    Args:
        policy: A policy.
        num_locals: Locals, n.
        num_envs: Episodes, B >= 2; episode b has the seed ``seed + b``.
        seed: Seed of the first.
        num_steps: Steps an episode; None: the horizon, or until ``discount^t`` is 1e-6.
    """
    game = policy.game
    check_range("num_envs", as_int("num_envs", num_envs), 2)
    if num_steps is None:
        num_steps = game.horizon or math.ceil(math.log(NEGLIGIBLE) / math.log(game.discount))
    block = max(BLOCK // num_locals, 1)
    returns = np.zeros(num_envs)
    for low in range(0, num_envs, block):
        batch = TeamBatchEnv(game, min(block, num_envs - low), num_locals, seed + low)
        batch.reset()
        for t in range(num_steps):
            step = batch.step(*policy.actions(batch))
            returns[low : low + block] += game.discount**t * step.reward
    return TeamValue(float(returns.mean()), float(standard_error(returns)), returns)


def initial_value(game: TeamGame, v: Array, num_locals: int) -> float:
    """Return the mean of values (S_g, F) of n locals under the first states' law."""
    chance = multisets.chances(initial_local_law(game), num_locals)
    if game.global_follows:
        return float(v[_followed(game, num_locals), np.arange(len(chance))] @ chance)
    return float(initial_global_law(game) @ v @ chance)


def surrogate_value(game: TeamGame, iterate: Iterate) -> float:
    """Return what k locals alone would earn, as an iterate of ``SubsampleMFQ`` has it."""
    return initial_value(game, iterate.memory["value"], iterate.policy.shape[-1] - 1)


def exact_team_value(policy: SubsampledPolicy, num_locals: int) -> Array:
    """Return the exact values of a policy for a team of n, (S_g, F); see ``initial_value``.

    Raises:
        ValueError: If the policy does not sample afresh, the reward reads the crowd, the
            game has a horizon, or there are more states than memory for their equations.
    """
    game, n, k = policy.game, num_locals, policy.k
    tables = team_tables.tables(game)
    global_law, global_reward = tables.global_law, tables.global_reward
    if policy.sampling != "fresh" or global_reward is None or game.horizon is not None:
        raise ValueError(
            'exact values need sampling = "fresh", a game without a horizon and a reward that does'
            " not read the crowd: use team_value"
        )
    check_range("num_locals", as_int("num_locals", n), k)
    S_g, S = game.num_global_states, game.num_local_states
    num_teams = multisets.count(S, n)
    check_memory((S_g * num_teams) ** 2, 40, f"squared number of states of {n} locals")
    check_memory(num_teams * multisets.count(S, k), 16 * S + 48, f"teams of {n}, groups of {k}")
    local_law, local_reward = tables.local_law, tables.local_reward
    moves, r = np.empty((S_g, num_teams, S_g, num_teams)), np.empty((S_g, num_teams))
    teams, joins = multisets.members(S, n), multisets.insertion(S, n)
    laws = _Laws(policy, teams)
    for x_g in range(S_g):
        a_g = laws.of_global(x_g)
        r[x_g] = a_g @ global_reward[x_g]
        after = np.ones((num_teams, 1))
        for i in range(n):
            a, x = laws.of_local(x_g, i), teams[:, i]
            r[x_g] += (a * local_reward[x, x_g]).sum(-1) / n
            y = (a[..., None] * local_law[x, x_g]).sum(1)
            old, into = after, joins.of(i, S)
            after = np.zeros((num_teams, multisets.count(S, i + 1)))
            for s in range(S):
                after[:, into[s]] += old * y[:, s, None]
        if global_law is None:
            there = np.eye(S_g)[_followed(game, n)].T
            moves[x_g] = after[:, None] * there
        else:
            moves[x_g] = (a_g @ global_law[x_g])[..., None] * after[:, None]
    moves = moves.reshape(r.size, r.size)
    return np.linalg.solve(np.eye(r.size) - game.discount * moves, r.ravel()).reshape(r.shape)


def _followed(game: TeamGame, num_locals: int) -> Array:
    """Return the global state that follows each multiset of local states, (F,)."""
    rows = multisets.members(game.num_local_states, num_locals)
    shares = multisets.counts(rows, game.num_local_states) / num_locals
    return np.asarray(game.global_from_locals(shares), np.int64)


class _Laws:
    """Laws of everybody's action in every team, with fresh samples."""

    def __init__(self, policy: SubsampledPolicy, teams: Array) -> None:
        S, n = policy.game.num_local_states, teams.shape[1]
        self.policy, self.teams = policy, teams
        self.counts = multisets.counts(teams, S)
        self.group_counts = multisets.counts(multisets.members(S, policy.k), S)
        table = [[math.comb(c, chosen) for chosen in range(n + 1)] for c in range(n + 1)]
        self.choose = np.array(table, np.float64)
        # Ways to take from each state of a team what a group has of it.
        self.ways = self.choose[self.counts[:, None], self.group_counts]  # (teams, groups, S)

    def of_global(self, x_g: int) -> Array:
        """Return the law of the global action in every team, (teams, A_g)."""
        chance = self.ways.prod(-1) / math.comb(self.teams.shape[1], self.policy.k)
        return chance @ np.eye(self.policy.game.num_global_actions)[self.policy.rows[x_g, :, 0]]

    def of_local(self, x_g: int, place: int) -> Array:
        """Return the law of the action of the local in a place of every team, (teams, A)."""
        rows, k, n = self.policy.rows[x_g], self.policy.k, self.teams.shape[1]
        x, every = self.teams[:, place], np.arange(len(self.teams))
        law = np.zeros((len(every), self.policy.game.num_local_actions))
        before = place - (self.teams < x[:, None]).sum(-1)  # in the same state
        behind = self.counts[every, x] - 1 - before
        others = np.where(np.arange(self.ways.shape[-1]) == x[:, None, None], 1, self.ways)
        others = others.prod(-1) / math.comb(n - 1, k - 1)
        same = self.group_counts.T[x]  # of its state in each group, (teams, groups)
        first = (np.cumsum(self.group_counts, -1) - self.group_counts).T[x]
        for earlier in range(k):
            later = same - 1 - earlier
            chance = others * np.where(later < 0, 0, self.choose[behind[:, None], later])
            chance *= self.choose[before, earlier][:, None]
            played = rows[np.arange(len(rows)), np.minimum(first + earlier, k - 1) + 1]
            for a in range(law.shape[1]):
                law[:, a] += (chance * (played == a)).sum(-1)
        return law
