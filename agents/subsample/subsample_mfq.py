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

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from mfg_envs.game import Array, Count, OneOf, TeamGame, check_parameters
from mfg_envs.numerics import random

from ..runs.iterate import Iterate
from . import multisets, value_iteration
from .surrogate import TABLES, Surrogate, surrogate
from .value import surrogate_value
from .value_iteration import Rates


@dataclass(frozen=True, kw_only=True)
class SubsampleMFQ:
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
    side_by_side: ClassVar[bool] = False
    k: Count = 5
    iterations: Count = 300
    num_samples: Count | None = None
    table: Annotated[str, OneOf("auto", *TABLES)] = "auto"
    stable: bool = False

    def __post_init__(self) -> None:
        check_parameters(self)
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

    def learn(
        self, source: TeamGame, seed: int = 0, start: Iterate | None = None
    ) -> Iterator[Iterate]:
        """Yield an iterate per sweep.

        Its ``policy`` (S_g, F, 1 + k) holds, for every global state and multiset of k local
        states, the global action and the actions of the k locals in ascending order of their
        states.  Row f of its ``mean_field`` (F, S) is the f-th multiset as shares.  Its ``q`` is
        the table: (S_g, configurations, A_g), or (S_g, F) with "state"; ``memory["value"]``
        (S_g, F) is the best value with every table.

        Raises:
            ValueError: If the table needs more memory than there is, with the size it needs;
                or if the game ends after more than one decision.
        """
        if source.horizon not in (None, 1):
            raise ValueError(
                f"SUBSAMPLE-MFQ learns for games without an end or of one decision, got horizon ="
                f" {source.horizon}: set it to None"
            )
        table = self.table
        if table == "auto":
            table = "mean_field" if self.stable else "state"
        team, key = surrogate(source, self.k, table), random.seed_key(seed)
        key = random.subkey(key, random.LEARNER)
        S, S_g = source.num_local_states, source.num_global_states
        discount = 0.0 if source.horizon == 1 else source.discount
        shares = multisets.counts(multisets.members(S, self.k), S) / self.k
        q = None if table == "state" else np.zeros(team.shape)
        v = np.zeros((S_g, team.num_states))
        if start is not None:
            if start.q.shape != (v if q is None else q).shape:
                raise ValueError(
                    f"start.q must have the shape {(v if q is None else q).shape} of table"
                    f' "{table}", got {start.q.shape}: start from an iterate of this learner'
                )
            q = None if table == "state" else start.q.copy()
            v = start.q if q is None else value_iteration.best_values(team, q)
        drawn = int(np.prod(team.shape)) * (self.num_samples or 0)
        for t in range(0 if start is None else start.iteration, self.iterations):
            eta = 1 / (1 + (1 - discount) * t) if self.stable else 1.0
            rates = Rates(self.num_samples or 0, discount, eta)
            swept = value_iteration.sweep(team, v, q, random.subkey(key, t), rates)
            v = swept.value
            policy = _policy(team, swept, source.num_local_actions)
            memory = {"value": np.ascontiguousarray(v[:, team.sorted_state])}
            held = v if q is None else q.copy()
            yield Iterate(t + 1, drawn * (t + 1), policy, shares, held, memory)


def _policy(team: Surrogate, swept: value_iteration.Swept, num_actions: int) -> Array:
    """Return the best actions of every multiset of local states, int32 (S_g, F, 1 + k)."""
    chosen = swept.configuration[:, team.sorted_state]
    a_g = swept.action[:, team.sorted_state, None]
    return np.concatenate([a_g, team.crowd[chosen] % num_actions], -1, dtype=np.int32)
