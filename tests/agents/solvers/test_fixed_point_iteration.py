import numpy as np

from agents import FixedPointIteration, run
from mfg_envs import exact, make_game


def test_harmonic_fixed_point_iteration_solves_the_ring_road_exactly():
    game = make_game("ring_road")
    learner = FixedPointIteration(iterations=600, step=2, decay=1)
    result = run(learner, game, every=600, progress=False)
    assert result.metrics["exploitability"][-1] < 1e-7


def test_fixed_point_iteration_with_a_horizon_goes_on_from_any_iterate():
    crowded = {"num_cells": 8, "num_speeds": 8, "jam_density": 1.2}
    game = make_game("ring_road", reward="additive", horizon=30, **crowded)
    learner = FixedPointIteration(iterations=60, step=2, decay=1)
    whole = list(learner.learn(game))
    plain = list(FixedPointIteration(iterations=60).learn(game))  # cycles here
    averaged, cycling = (exact.exploitability(game, its[-1].policy) for its in (whole, plain))
    assert averaged < 0.01 * cycling
    for one, two in zip(learner.learn(game, start=whole[2]), whole[3:], strict=True):
        assert np.array_equal(one.policy, two.policy)
        assert np.array_equal(one.mean_field, two.mean_field)
