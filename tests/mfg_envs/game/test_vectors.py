"""Components of vectors, means and logarithms of continuous games, by hand."""

from __future__ import annotations

import numpy as np

from mfg_envs.game import (
    Axis,
    add,
    cell,
    clip,
    dot,
    each,
    linear,
    spread,
    subtract,
)
from mfg_envs.game.continuous import lane_mean
from mfg_envs.numerics.elementary import log


def test_components_by_hand():
    x, y = (1.0, 2.0, 3.0), (4.0, 5.0, 6.0)
    assert add(x, y) == (5, 7, 9)
    assert subtract(y, x) == (3, 3, 3)
    assert dot(x, y) == 32
    assert each(max, x, (2, 2, 2)) == (2, 2, 3)
    assert linear(((1, 0, 1), (0, 2, 0), (1, 1, 1)), x) == (4, 4, 6)
    assert linear(2, x) == (2, 4, 6)
    assert clip(x, (0, 0, 0), (9, 1, 2)) == (1, 1, 2)
    axes = (Axis(0.0, 1.0, 10), Axis(-1.0, 1.0, 4))
    x = (np.array([0.05, 0.999, 2.0, np.nan]), np.array([-2.0, 0.1, 1.0, -0.6]))
    assert np.array_equal(cell(axes, x), [[0, 9, 9, 9], [0, 2, 3, 0]])
    one = spread(np.array([[1.0, 2.0], [3.0, 4.0]]), (np.zeros((2, 5)),) * 2)
    assert [v.tolist() for v in one] == [[[1], [3]], [[2], [4]]]


def test_means_and_logarithms():
    v = np.random.default_rng(0).normal(size=(3, 1001))
    assert np.allclose(lane_mean(v), v.mean(-1), atol=1e-15)
    x = np.exp(np.random.default_rng(1).uniform(-700, 700, 10_000))
    assert np.allclose(log(x), np.log(x), rtol=4e-16, atol=4e-16)
    assert log(np.float64(1)) == 0
