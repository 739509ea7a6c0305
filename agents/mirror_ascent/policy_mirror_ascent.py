"""Policy mirror ascent: N players learn the regularised equilibrium from one path, without resets.

Yardim, Cayci, Geist, He, "Policy Mirror Ascent for Efficient and Independent Learning in Mean
Field Games" (ICML 2023, arXiv 2212.14449).  With the bonus ``h(u) = -entropy sum_a u_a log u_a``::

    v_h(x) = <pi(x), q_h(x)> + h(pi(x))        q_h(x, a) = r(x, a, m) + discount E v_h(x')

    pi_{k+1}(x) = argmax_u  <u, q_h(x)> + h(u) - |u - pi_k(x)|_2^2 / (2 eta)       (mirror step)

Fixed points are ``pi = softmax(q_h / entropy)``, whatever eta is; ``mirror_step`` finds u.  Where q
comes from is the ``mode``: the exact model, or conditional TD learning of one player for all
(centralised) or of every player for itself (independent).  From one transition
``s, a, r, s', a'`` in ``mixing + 1`` of a path on which everybody plays ``pi_k``, beginning at an
upper bound (``conditional_td`` has the loop)::

    q(s, a) <- q(s, a) + beta_m [ r + h(pi_k(s)) + discount q(s', a') - q(s, a) ]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from pettingzoo import ParallelEnv

from mfg_envs.exact import policies
from mfg_envs.game import (
    Array,
    Between,
    Count,
    FiniteGame,
    NonNegative,
    OneOf,
    Positive,
)
from mfg_envs.metrics import soft_action_values

from ..runs.iterate import Iterate
from ..runs.learner import Learner
from ..solvers.exact_solver import Model
from .communication import Communication
from .conditional_td import Rules, bonuses
from .mirror_step import mirror_step
from .starts import Paths, environment_paths, game_paths, uniform_policies

NUMBERS = 1 << 15
"""Numbers that mirror steps look at together: they stay in the cache."""


@dataclass(frozen=True, kw_only=True)
class PolicyMirrorAscent(Learner):
    """Ascend by mirror steps, on the exact model or from a path of N players.

    Rewards count as ``(r - low) / (high - low)``: theory asks for [0, 1], and so settings carry
    over between games.  In the game's own units the temperature is ``temperature``.

    Attributes:
        mode: "centralised": the first player's values are everybody's; "independent": every
            player has a table of its own and hears nothing of the others; "exact": no path.
        num_players: Players N of a game; an environment brings its own.
        iterations: Mirror steps K.
        eta: Length of a step.
        entropy: Weight of the entropy in rescaled rewards.
        td_steps: Transitions learned from between two mirror steps, M_td.
        mixing: Steps of the path before each of them, M_mix.
        rate: Step sizes are ``rate / ((1 - discount) (delay + m - 1))``, at most 1, m = 0, 1, ...
            2 is the theory's; the error falls like ``M_td^-1/2`` only if ``rate`` is well above
            ``(1 - discount) / 2`` divided by the share of the rarest pair (state, action) that
            matters.
        delay: The theory's t_0 > 1; large values keep the optimism of the first values long.
        reward_range: Lowest and highest reward; the first values are optimistic if no reward is
            higher.
        replay_size: Transitions stored per learner and learned from, shuffled, at the end of the
            path; 0: learn from each at once.
        replay_passes: How often the stored transitions are gone through.
        communication: Who passes on policies to whom (independent players of a game).
        discount: None: the game's.
    """

    learns: ClassVar[tuple[type, ...]] = (FiniteGame, ParallelEnv)
    units: ClassVar[dict[str, str]] = {"reward_range": "units of reward"}
    mode: Annotated[str, OneOf("centralised", "independent", "exact")] = "centralised"
    num_players: Count = 100
    iterations: Count = 20
    eta: Positive = 1.0
    entropy: NonNegative = 0.2
    td_steps: Count = 10_000
    mixing: Annotated[int, Between(0)] = 4
    rate: Positive = 2.0
    delay: Annotated[float, Between(1, ends="(]")] = 200.0
    reward_range: tuple[float, float] = (0.0, 1.0)
    replay_size: Annotated[int, Between(0)] = 0
    replay_passes: Count = 1
    communication: Communication | None = None
    discount: Annotated[float, Between(0, 1, "()")] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = self.reward_range
        if not low < high:
            raise ValueError(f"reward_range must be (low, high) with low < high, got {low, high}")
        if self.communication is not None and self.mode != "independent":
            raise ValueError(f'communication needs mode "independent", got {self.mode!r}')

    @property
    def random(self) -> bool:
        """Whether the seed matters: there is no path on the exact model."""
        return self.mode != "exact"

    @property
    def side_by_side(self) -> bool:
        """Whether seeds run at once: where there are any."""
        return self.random

    @property
    def temperature(self) -> float:
        """Weight of the entropy in the game's own rewards: fixed points are softmax(q / this)."""
        return self.entropy * self._span

    @property
    def _span(self) -> float:
        return self.reward_range[1] - self.reward_range[0]

    def rules(self, discount: float, num_actions: int) -> Rules:
        """Return how values are learned in a game with this discount and so many actions."""
        stored = min(self.replay_size, self.td_steps)
        m = np.arange(stored * self.replay_passes if stored else self.td_steps)
        betas = np.minimum(1, self.rate / ((1 - discount) * (self.delay + m - 1)))
        best = (1 + self.entropy * np.log(num_actions)) / (1 - discount)
        return Rules(
            self.td_steps, self.mixing, betas.astype(np.float32), discount, self.reward_range[0],
            1 / self._span, self.entropy, best, self.replay_size, self.replay_passes,
        )  # fmt: skip

    def prepare(self, source: Any, seed: Any, /) -> Model | Paths:
        """Return the model of a game, or populations on their paths.

        Args:
            source: A stationary ``FiniteGame`` (compiled, any number of seeds), or a PettingZoo
                parallel environment with ``Discrete`` spaces (step by step, one seed).
            seed: One a population; "exact": not used.
        """
        if self.mode == "exact":
            if not isinstance(source, FiniteGame):
                raise TypeError(f'mode "exact" needs a FiniteGame, got {source!r}')
            return Model(source)
        if isinstance(source, ParallelEnv):
            if self.communication is not None:
                raise ValueError("through an environment: from the start, without communication")
            paths = environment_paths(source, seed)
        else:
            stored = 12 * min(self.replay_size, self.td_steps)
            own_bytes = stored if self.mode == "independent" else None
            paths = game_paths(source, seed, self.num_players, own_bytes)
        self._discount(paths)
        return paths

    def begin(self, prepared: Model | Paths, /) -> Iterate:
        """Return uniform policies, and on paths where everybody begins."""
        if isinstance(prepared, Model):
            policy = policies.uniform(prepared.game)
            return prepared.iterate(0, policy, np.zeros(policy.shape))
        x, shape = prepared.first(), (prepared.shape[0], *prepared.legal.shape)
        policy = uniform_policies(self._tables(prepared), prepared.legal)
        memory = {"x": x, "policy": policy}
        return Iterate(0, 0, policy[:, 0], np.zeros(shape[:2]), np.zeros(shape), memory)

    def resume(self, prepared: Model | Paths, start: Iterate, /) -> Iterate:
        """Return the iterate to go on from, of this learner and these seeds."""
        if isinstance(prepared, Model):
            return start
        if isinstance(prepared.source, ParallelEnv):
            raise ValueError("through an environment: from the start, without communication")
        shape, wanted = start.memory["policy"].shape, self._tables(prepared)
        if shape != wanted:
            raise ValueError(
                f"start has tables {shape[1:]}, this learner needs {wanted[1:]}, for each of"
                f" {wanted[0]} seeds: go on with the learner, the game and the seeds that made it"
            )
        return start

    def improve(self, prepared: Model | Paths, last: Iterate, /) -> Iterate:
        """Return what there is after one more mirror step.

        Its ``policy`` (O, A) is the population's average rule; every player's own is in
        ``memory["policy"]``, float32 (N, O, A), or (1, O, A) for all.  ``q`` (O, A) is the mean of
        the learners' q_h before the step, in the game's own rewards; ``mean_field`` (O,) the
        average over the path; ``samples`` counts its steps.  "exact": all as exact learners have
        them.
        """
        if isinstance(prepared, Model):
            game, k, old = prepared.game, last.iteration + 1, last.policy
            q = soft_action_values(game, prepared.law(old), self.temperature, old)
            policy = self._step(q / self._span, old, game.legal_actions)
            return prepared.iterate(k, policy, q)
        talk, t, before = self.communication, last.samples, last.memory["policy"]
        discount, legal = self._discount(prepared), prepared.legal
        rules = self.rules(discount, legal.shape[1])
        walks = prepared.at(t, last.memory["x"])
        policy, q, m = np.empty(before.shape, np.float32), [], []
        for walk, old, new in zip(walks, before, policy, strict=True):
            values, seen = self._ascend(walk, t, old, rules, legal, new)
            q.append(values * self._span + rules.low / (1 - discount))
            m.append(seen)
            if talk is not None:
                scores = walk.returns(t + rules.steps, new, talk.steps, rules)
                new[:] = new[talk.adopt(prepared.source, walk.x, scores)]
        t += rules.steps + (0 if talk is None else talk.steps)
        rule = policy.mean(1, dtype=np.float64)
        rule /= rule.sum(-1, keepdims=True)
        memory = {"x": np.array([walk.x for walk in walks]), "policy": policy}
        return Iterate(last.iteration + 1, t, rule, np.array(m), np.array(q), memory)

    def _discount(self, paths: Paths) -> float:
        """Return the discount, the learner's or else the game's."""
        discount = self.discount or paths.discount
        if discount is None:
            raise ValueError("an environment that is no game of ours needs a discount, got None")
        return discount

    def _tables(self, paths: Paths) -> tuple[int, int, int, int]:
        """Return the shape of policies: seeds, tables of each, observed states, actions."""
        seeds, players = paths.shape
        return (seeds, players if self.mode == "independent" else 1, *paths.legal.shape)

    def _ascend(
        self, walk: Any, t: int, policy: Array, rules: Rules, legal: Array, out: Array
    ) -> tuple[Array, Array]:
        """Learn the values of policies (L, O, A) and store their mirror steps.

        Returns:
            The mean of the learners' q_h, (O, A), and of the mean fields met, (O,).
        """
        estimate = walk.conditional_td(t, policy, rules)
        total, some = np.zeros(legal.shape), max(1, NUMBERS // legal.size)
        for i in range(0, len(policy), some):
            q, old = estimate.q[i : i + some].astype(np.float64), policy[i : i + some]
            if not np.isfinite(q).all():
                player, s, a = np.argwhere(~np.isfinite(q))[0] + [i, 0, 0]
                raise ValueError(
                    f"player {player} has learned the value {q[player - i, s, a]} of action {a} in"
                    f" observed state {s}: rewards must be finite numbers"
                )
            out[i : i + some] = self._step(q, old.astype(np.float64), legal)
            total += (q - bonuses(old, self.entropy)[..., None]).sum(0)
        return total / len(policy), estimate.visits / estimate.visits.sum()

    def _step(self, q: Array, policy: Array, legal: Array) -> Array:
        """Return the mirror step; illegal actions are never played."""
        return mirror_step(np.where(legal, q, -np.inf), policy, eta=self.eta, entropy=self.entropy)


def distance(policy: Array, other: Array) -> Array:
    """Return the paper's distance of policies (..., O, A): L1, in the state where it is largest."""
    return np.abs(policy - other).sum(-1).max(-1)


def disagreement(game: FiniteGame, iterate: Iterate) -> float:
    """Return how far the players of an iterate are from their average rule, on average."""
    return float(distance(iterate.memory["policy"], iterate.policy).mean())
