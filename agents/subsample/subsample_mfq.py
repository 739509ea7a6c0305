"""SUBSAMPLE-MFQ: a team of any size learns from a surrogate with k of its locals.

Anand, Karmarkar, Qu, "Mean-Field Sampling for Cooperative Multi-Agent Reinforcement Learning"
(NeurIPS 2025, arXiv 2412.00661), Algorithm 1: T sweeps of value iteration from Q = 0 on the team
of the global agent and k locals, with m sampled next states a backup::

    Q(x_g, z_1..z_k, a_g) <- r_g + (1/k) sum_i r_l(z_i) + (discount/m) sum_j max Q(next_j, .)

Nothing in it depends on the number n of locals that will play.  How they play what was learned is
``SubsampledPolicy``.

Locals are exchangeable, so Q is known from fewer entries than all tuples z_1..z_k of pairs
z = (state, action); with Z pairs and ``N(s, r) = C(s + r - 1, r)`` multisets::

    table          entries                          kept
    "joint"        S_g Z^k A_g                      Q of all k locals one by one
    "mean_field"   S_g Z N(Z, k - 1) A_g            Q of one local and the law of the others
    "state"        S_g N(S, k)                      V = max Q, from S_g N(Z, k) A_g backups

The maximum over the actions runs over all *joint* laws of state and action with the given law of
states: a law of actions beside it would not say who earns what.  All tables sample alike and hold
the same values: bit for bit with samples, to rounding without.

The stable variant, ``Q <- (1 - eta_t) Q + eta_t backup``, averages the noise of the samples away:
``eta_t = 1 / (1 + (1 - discount) t)``, t = 0, 1, ..., forgets the start as fast as the discount
allows (Wainwright, arXiv 1905.06265).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np

from mfg_envs.game import Array, Count, OneOf, TeamGame
from mfg_envs.game.kinds import check_kind
from mfg_envs.numerics import random

from ..runs.iterate import Iterate
from ..runs.learner import Learner
from ..runs.remembered import Remembered
from . import multisets, value_iteration
from .execution import SubsampledPolicy
from .surrogate import TABLES, Surrogate, surrogate
from .value import surrogate_value
from .value_iteration import Rates


class Sweeps(NamedTuple):
    """What sweeps go over.

    Attributes:
        game: The game.
        table: Which table.
        team: The surrogate.
        key: Of what is drawn.
        value: Table -> best value of every state, (S_g, states).
    """

    game: TeamGame
    table: str
    team: Surrogate
    key: Any
    value: Remembered[Array]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the table."""
        if self.table == "state":
            return (self.game.num_global_states, self.team.num_states)
        return self.team.shape


@dataclass(frozen=True, kw_only=True)
class SubsampleMFQ(Learner):
    """Cooperation learned from k of n locals; for team games.

    Attributes:
        k: Locals of the surrogate.
        iterations: Sweeps, T.
        num_samples: Next states drawn a backup, m; None: the exact expectation.
        table: "joint", "mean_field", "state", or "auto": the smallest that will do, which is
            "state", and "mean_field" for the stable variant.
        stable: Average backups over the sweeps.
    """

    learns: ClassVar[tuple[type, ...]] = (TeamGame,)
    k: Count = 5
    iterations: Count = 300
    num_samples: Count | None = None
    table: Annotated[str, OneOf("auto", *TABLES)] = "auto"
    stable: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stable and self.table == "state":
            raise ValueError(
                'table "state" keeps no action values to average: choose "mean_field", "joint" or'
                ' "auto" for the stable variant'
            )

    @property
    def random(self) -> bool:
        """Whether the seed matters: exact expectations need none."""
        return self.num_samples is not None

    def usual_metrics(self, game: TeamGame) -> Mapping[str, Any]:
        """Return the metrics of a run for which none are given."""
        return {"surrogate_value": surrogate_value}

    def policy(self, game: TeamGame, iterate: Iterate, seed: int = 0) -> SubsampledPolicy:
        """Return the policy that an iterate holds, as a team of any size plays it."""
        return SubsampledPolicy(game, iterate.policy)

    def prepare(self, source: TeamGame, seed: int, /) -> Sweeps:
        """Tabulate the surrogate.

        Raises:
            TypeError: If it is no team game.
            ValueError: If the table needs more memory than there is, with the size it needs;
                or if the game ends after more than one decision.
        """
        check_kind(source, "team")
        if source.horizon not in (None, 1):
            raise ValueError(
                f"SUBSAMPLE-MFQ learns for games without an end or of one decision, got horizon ="
                f" {source.horizon}: set it to None"
            )
        table = self.table
        if table == "auto":
            table = "mean_field" if self.stable else "state"
        team = surrogate(source, self.k, table)
        key = random.subkey(random.seed_key(seed), random.LEARNER)
        value = Remembered(
            lambda q: q if table == "state" else value_iteration.best_values(team, q)
        )
        return Sweeps(source, table, team, key, value)

    def begin(self, sweeps: Sweeps, /) -> Iterate:
        """Return a table of zeros; nobody acts yet."""
        game, S = sweeps.game, sweeps.game.num_local_states
        shares = multisets.counts(multisets.members(S, self.k), S) / self.k
        policy = np.zeros((game.num_global_states, len(shares), 1 + self.k), np.int32)
        value = np.zeros(policy.shape[:2])
        return Iterate(0, 0, policy, shares, np.zeros(sweeps.shape), {"value": value})

    def resume(self, sweeps: Sweeps, start: Iterate, /) -> Iterate:
        """Return the iterate to go on from, of this table."""
        if start.q.shape != sweeps.shape:
            raise ValueError(
                f'start.q must have the shape {sweeps.shape} of table "{sweeps.table}", got'
                f" {start.q.shape}: start from an iterate of this learner"
            )
        return start

    def improve(self, sweeps: Sweeps, last: Iterate, /) -> Iterate:
        """Return what is known after one more sweep.

        Its ``policy`` (S_g, F, 1 + k) holds, for every global state and multiset of k local
        states, the global action and the actions of the k locals in ascending order of their
        states.  Row f of its ``mean_field`` (F, S) is the f-th multiset as shares.  Its ``q`` is
        the table: (S_g, configurations, A_g), or (S_g, F) with "state"; ``memory["value"]``
        (S_g, F) is the best value with every table.
        """
        t, team, game = last.iteration, sweeps.team, sweeps.game
        discount = 0.0 if game.horizon == 1 else game.discount
        eta = 1 / (1 + (1 - discount) * t) if self.stable else 1.0
        rates = Rates(self.num_samples or 0, discount, eta)
        q = None if sweeps.table == "state" else last.q.copy()
        key = random.subkey(sweeps.key, t)
        swept = value_iteration.sweep(team, sweeps.value(last.q), q, key, rates)
        table = swept.value if q is None else q
        sweeps.value.note(table, swept.value)
        policy = _policy(team, swept, game.num_local_actions)
        memory = {"value": np.ascontiguousarray(swept.value[:, team.sorted_state])}
        samples = int(np.prod(team.shape)) * rates.num_samples * (t + 1)
        return Iterate(t + 1, samples, policy, last.mean_field, table, memory)


def _policy(team: Surrogate, swept: value_iteration.Swept, num_actions: int) -> Array:
    """Return the best actions of every multiset of local states, int32 (S_g, F, 1 + k)."""
    chosen = swept.configuration[:, team.sorted_state]
    a_g = swept.action[:, team.sorted_state, None]
    return np.concatenate([a_g, team.crowd[chosen] % num_actions], -1, dtype=np.int32)
