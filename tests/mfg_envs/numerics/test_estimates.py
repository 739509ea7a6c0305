"""Errors of means and their intervals, against scipy's."""

import numpy as np
import pytest
from scipy import stats

from mfg_envs.numerics import estimates


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 10, 99])
def test_students_law_is_scipys(freedom):
    assert estimates.student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-12)
    assert estimates.student(freedom, 0.5) == pytest.approx(stats.t.ppf(0.75, freedom), rel=1e-12)


def test_errors_of_means_are_scipys_along_any_axis():
    values = np.random.default_rng(0).normal(size=(5, 7))
    for axis in (None, 0, 1, -1):
        wanted = stats.sem(values, axis)
        np.testing.assert_allclose(estimates.standard_error(values, axis), wanted, rtol=1e-13)


def test_a_single_value_has_no_error_and_no_interval():
    assert np.isnan(estimates.standard_error(np.array([3.0])))
    assert np.isnan(estimates.standard_error(np.ones((1, 4)), 0)).all()
    assert estimates.standard_error(np.ones((1, 4)), 0).shape == (4,)
    assert np.isnan(estimates.interval(1.0, 0.5, 1)).all()


@pytest.mark.parametrize("num", [2, 3, 50])
def test_intervals_widen_as_the_values_become_few(num):
    values = np.random.default_rng(1).normal(size=num)
    error = float(estimates.standard_error(values))
    wanted = stats.t.interval(0.95, num - 1, values.mean(), error)
    assert estimates.interval(values.mean(), error, num) == pytest.approx(wanted, rel=1e-10)


def test_many_values_have_a_normal_interval():
    wanted = stats.norm.interval(0.95)
    assert estimates.interval(0.0, 1.0, None) == pytest.approx(wanted, rel=1e-7)
    assert estimates.half_width(1.0, 10**6) == pytest.approx(wanted[1], rel=1e-5)
