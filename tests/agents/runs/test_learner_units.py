"""Parameters that have a unit follow the unit of the rewards."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from toys.complete import Epidemic

import agents
from agents import PolicyMirrorAscent
from agents.runs.learner import facts


@dataclass(frozen=True, kw_only=True)
class Paid(Epidemic):
    """An epidemic in other money."""

    wage: float = 1.0
    horizon: int | None = None

    def reward(self, t, x, a, m):
        return self.wage * super().reward(t, x, a, m)


LEARNERS = [
    agents.FictitiousPlay(),
    agents.FixedPointIteration(step=0.5),
    agents.OnlineMirrorDescent(rate=0.5),
    agents.MunchausenOMD(temperature=0.5, alpha=0.9),
    agents.PriorDescent(eta=0.7, n_inner=2),
    agents.PriorDescent(eta=0.7, operator="relative_entropy"),
    agents.PolicyIteration(temperature=0.3),
    agents.MFOMO(),
    PolicyMirrorAscent(mode="exact", reward_range=(-2.0, 1.0)),
    PolicyMirrorAscent(num_players=5, td_steps=20, reward_range=(-2.0, 1.0)),
    agents.IndependentQ(num_players=5, num_steps=20),
    agents.QMIteration(inner_steps=20, alpha=0.5, heat_growth=0.2),
    agents.SemiSGD(inner_steps=20, alpha=0.5, heat=2.0, q_scale=0.1),
    agents.SampledFixedPointIteration(inner_steps=20, alpha=0.5, heat=2.0, q_scale=0.1),
    agents.DeepMunchausenOMD(num_players=50, updates=3, hidden=(8,)),
    agents.DeepFictitiousPlay(num_players=50, updates=3, hidden=(8,)),
]


@pytest.mark.parametrize("learner", LEARNERS, ids=repr)
def test_rewards_in_another_unit_change_nothing_if_parameters_follow(learner, use):
    # Where all rewards are four times as large, so are values: what is in units of them, times
    # four, what is per unit, by four, and everybody does the same.
    use("numpy")
    learner, units = replace(learner, iterations=3), facts(learner).units
    followed = {}
    for name, unit in units.items():
        factor = 1 / 4 if unit.startswith("per unit of ") else 4
        followed[name] = (factor * np.array(getattr(learner, name))).tolist()
    follower, dear = replace(learner, **followed), Paid(wage=4.0)
    for one, two in zip(learner.learn(Paid()), follower.learn(dear), strict=True):
        np.testing.assert_allclose(two.policy, one.policy, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(two.q, 4 * one.q, rtol=1e-9, atol=1e-9)
    if units:
        *_, other = learner.learn(dear)
        assert not np.allclose(one.policy, other.policy)
