"""Exact solvers on games with one state, action, outcome or decision, or several of these ones.

A player in state x that plays a goes to x + a + w (modulo S) and earns ``-m(x) - a / 4``.  With one
state the crowd is always there: every action 0 earns -1, every action 1 a quarter less.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest
from covering import covering

from agents import (
    MFOMO,
    FictitiousPlay,
    FixedPointIteration,
    MunchausenOMD,
    OnlineMirrorDescent,
    PolicyIteration,
    PolicyMirrorAscent,
    PriorDescent,
    QMIteration,
    SemiSGD,
)
from mfg_envs import exact, policies
from mfg_envs.exact import sensitivity
from mfg_envs.game import FiniteGame, at
from mfg_envs.metrics import regularised
from mfg_envs.metrics.gap_of_n_players import nash_gap
from mfg_envs.metrics.social_optimum import welfare


@dataclass(frozen=True, kw_only=True)
class Smallest(FiniteGame):
    """As few states, actions, outcomes and decisions as one likes; moves are fixed."""

    states: int = 1
    actions: int = 1
    outcomes: int = 1
    discount: float = 0.5
    horizon: int | None = None

    @property
    def num_states(self):
        return self.states

    @property
    def num_actions(self):
        return self.actions

    @property
    def initial_law(self):
        return np.full(self.states, 1 / self.states)

    @cached_property
    def chances(self):
        return np.full((self.states, self.outcomes), 1 / self.outcomes)

    def noise_law(self, t, x, a, m):
        return self.chances[x]

    def step(self, t, x, a, m, w):
        return (x + a + w) % self.states

    def reward(self, t, x, a, m):
        return -at(m, x) - 0.25 * a


@dataclass(frozen=True, kw_only=True)
class Jammed(Smallest):
    """The same for players who move by themselves only as far as there is room."""

    def noise_law(self, t, x, a, m):
        free = 1 - 0.5 * at(m, x)
        return free, 1 - free

    def step(self, t, x, a, m, w):
        return (x + a * (1 - w)) % self.states


LEARNERS = {
    "FictitiousPlay": FictitiousPlay(iterations=3),
    "FixedPointIteration": FixedPointIteration(iterations=3),
    "OnlineMirrorDescent": OnlineMirrorDescent(iterations=3),
    "MunchausenOMD": MunchausenOMD(iterations=3),
    "PolicyIteration": PolicyIteration(iterations=3),
    "PriorDescent": PriorDescent(iterations=3),
    "MFOMO": MFOMO(iterations=3),
    "free MFOMO": MFOMO(iterations=3, free=True),
    "exact PMA": PolicyMirrorAscent(iterations=3, mode="exact"),
    "QMIteration": QMIteration(iterations=3, inner_steps=10),
    "SemiSGD": SemiSGD(iterations=3, inner_steps=10),
}
ENDLESS = ("exact PMA", "QMIteration", "SemiSGD")
SAMPLED = ("QMIteration", "SemiSGD")


def smallest(cls, T, S, A, K):
    """Return whether there is such a game, and something in it is there once only."""
    return 1 in (T, S, A, K) and (cls is Smallest or K == 2)


each_size = covering(
    strength=2,
    where=smallest,
    cls={"Smallest": Smallest, "Jammed": Jammed},
    T=(None, 1, 2),
    S=(1, 2),
    A=(1, 2),
    K=(1, 2),
)


def numbers(game):
    """Return all that is known exactly of a game, by name."""
    policy = policies.uniform(game)
    met = exact.law_met(game, policy)
    q = exact.action_values(game, met, policy)
    nash = [nash_gap(game, policy, 2, num_episodes=3, sees=sees) for sees in ("crowd", "state")]
    rule = policy if game.horizon is None else policy[0]
    return {
        "law": met,
        "next law": exact.push_forward(game, 0, game.initial_law, rule),
        "q": q,
        "best q": exact.action_values(game, met),
        "ascent": np.stack(exact.ascend(game, met, policy, np.zeros(q.shape), 0.5)),
        "best response": exact.best_response(game, met),
        "value": exact.value(game, met, policy),
        "exploitability": exact.exploitability(game, policy),
        "soft": regularised.regularised_exploitability(game, policy, 0.5),
        "soft response": regularised.soft_best_response(game, met, 0.5),
        "welfare": welfare(game, policy),
        "gap": [each.gap for each in nash],
        "reads": len(sensitivity.reads(game).reward),
    }


@each_size
def test_what_is_exact_is_the_same_on_both_back_ends(use, cls, T, S, A, K):
    game = cls(horizon=T, states=S, actions=A, outcomes=K)
    use("numpy")
    expected = numbers(game)
    use("numba")
    got = numbers(game)
    for name in expected:
        assert np.allclose(got[name], expected[name], rtol=0, atol=1e-12), name
    steps = {None: 2.0, 1: 1.0, 2: 1.5}[T]  # sums of 1/2^t
    if S == 1:  # half of the others earn a quarter less for every step
        assert got["value"] == pytest.approx(-steps * (1 + 0.125 * (A - 1)))
        assert got["exploitability"] == pytest.approx(steps * 0.125 * (A - 1))
    if A == 1:
        assert got["exploitability"] == pytest.approx(0, abs=1e-12)
        assert got["soft"] == pytest.approx(0, abs=1e-12)


@each_size
def test_every_solver_learns(use, cls, T, S, A, K):
    game = cls(horizon=T, states=S, actions=A, outcomes=K)
    for name, learner in LEARNERS.items():
        if T is not None and name in ENDLESS:
            continue
        learned = []
        for backend in ("numpy", "numba"):
            use(backend)
            last = list(learner.learn(game))[-1]
            learned.append(np.asarray(last.policy, np.float64))
            assert exact.exploitability(game, learned[-1]) >= 0, name
            if S == 1 and A == 2 and name not in SAMPLED:  # action 0 is better
                assert (learned[-1][..., 0] >= 0.5 - 1e-6).all(), name
        assert np.allclose(*learned, rtol=0, atol=1e-9), name
