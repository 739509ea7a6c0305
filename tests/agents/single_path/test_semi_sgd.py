import numpy as np
import pytest

from agents import SemiSGD
from mfg_envs import make_game


def test_mean_field_estimate_stays_a_law_over_many_steps():
    game = make_game("ring_road", num_cells=7, num_speeds=5)
    learner = SemiSGD(iterations=4, inner_steps=2000, beta=0.3)  # the factor underflows often
    for iterate in learner.learn(game, [0, 1]):
        assert (iterate.mean_field >= 0).all()
        np.testing.assert_allclose(iterate.mean_field.sum(-1), 1.0, rtol=1e-12)


def test_a_refresh_that_does_not_divide_the_steps_is_refused():
    with pytest.raises(ValueError, match="refresh must divide inner_steps = 500, got 7"):
        SemiSGD(refresh=7)
