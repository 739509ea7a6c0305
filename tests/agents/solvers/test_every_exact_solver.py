"""Every exact solver: policies with their own mean field, and the same bits from any iterate on."""

import numpy as np
import pytest
from covering import covering
from toys.complete import EVERY

from agents import (
    FictitiousPlay,
    FixedPointIteration,
    MunchausenOMD,
    OnlineMirrorDescent,
    PolicyIteration,
    PriorDescent,
)
from mfg_envs import exact, make_game, policies

LEARNERS = [
    FictitiousPlay(iterations=6),
    FictitiousPlay(iterations=6, delta=1.0),
    FixedPointIteration(iterations=6, step=0.5),
    OnlineMirrorDescent(iterations=6, rate=0.5),
    PolicyIteration(iterations=6),
    PolicyIteration(iterations=6, temperature=0.3, step=0.5, crowd_step=2.0, crowd_decay=1.0),
    MunchausenOMD(iterations=6, alpha=0.9),
    PriorDescent(iterations=6),
    PriorDescent(iterations=6, n_inner=2, operator="relative_entropy", eta_growth=1.5),
]
GAMES = {
    "crowd_modelling": {},
    "ring_road": {"reward": "additive", "num_cells": 9, "num_speeds": 5},
    "predator_prey": {},
    "lasry_lions_chain": {},
}


@covering(learner=LEARNERS, name=list(GAMES))
def test_iterates_are_policies_with_their_own_mean_field(learner, name):
    game = make_game(name, **GAMES[name])
    for k, iterate in enumerate(learner.learn(game), 1):
        assert iterate.iteration == k
        policy = policies.policy_table(game, iterate.policy)
        met = game.crowd(exact.law_met(game, policy))
        # The moves of these games do not depend on the crowd: an average of flows is the flow
        # of the average policy, too.
        np.testing.assert_allclose(iterate.mean_field, met, atol=1e-12)


@covering(learner=LEARNERS, any_game=EVERY)
def test_going_on_from_any_iterate_gives_the_same_bits(learner, any_game, use):
    use("numpy")  # what goes on is the learner, whose sweeps are tested elsewhere
    whole = list(learner.learn(any_game))
    for one, two in zip(learner.learn(any_game, start=whole[2]), whole[3:], strict=True):
        assert np.array_equal(one.policy, two.policy)
        assert np.array_equal(one.mean_field, two.mean_field)
        assert np.array_equal(one.q, two.q)


@pytest.mark.parametrize("learner", LEARNERS, ids=repr)
def test_a_mean_field_of_controls_is_averaged_as_a_joint_law(learner, toys):
    game = toys.Market()
    for iterate in learner.learn(game):
        assert iterate.mean_field.shape == (game.horizon, 3, 3)
        np.testing.assert_allclose(iterate.mean_field.sum((1, 2)), 1.0, rtol=1e-12)
        assert exact.exploitability(game, iterate.policy) >= 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FictitiousPlay(iterations=0), "iterations must be at least 1, got 0"),
        (lambda: FictitiousPlay(delta=-1.0), "delta must be at least 0, got -1.0"),
        (lambda: OnlineMirrorDescent(rate=0.0), "rate must be positive, got 0.0"),
        (lambda: FixedPointIteration(step=-1.0), "step must be positive, got -1.0"),
    ],
)
def test_bad_parameters_name_value_and_bound(make, message):
    with pytest.raises(ValueError, match=message):
        make()
