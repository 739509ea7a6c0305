import importlib
import math
import sys

import numpy as np
import pytest
import torch
from zuko.transforms import MonotonicRQSTransform

from agents.deep_play.cube_flow import BoxSpline, CubeFlow
from mfg_envs.numerics import random


def raw(*shape, spread=2.0, seed=0):
    u = random.uniform(random.seed_key(seed), math.prod(shape)).reshape(shape)
    return torch.from_numpy(spread * (2 * u - 1))


def test_the_spline_is_zukos_but_for_the_slopes_at_its_ends():
    bins, x = 8, torch.linspace(-0.999, 0.999, 501, dtype=torch.float64)
    free = raw(25)
    free[16] = free[24] = 0.0  # slopes of 1, zuko's
    ours = BoxSpline(free, bins)
    theirs = MonotonicRQSTransform(free[:8], free[8:16], free[17:24], bound=1.0)
    theirs.horizontal, theirs.vertical = ours.horizontal, ours.vertical
    for a, b in zip(ours.call_and_ladj(x), theirs.call_and_ladj(x), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_the_spline_maps_the_interval_onto_itself_and_back():
    free, x = raw(40, 1, 25), torch.linspace(-1, 1, 401, dtype=torch.float64).expand(40, 401)
    spline = BoxSpline(free, 8)
    x = x.clone().requires_grad_()
    y, log_slope = spline.call_and_ladj(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(slope.log(), log_slope, rtol=0, atol=1e-9)
    torch.testing.assert_close(spline._inverse(y), x, rtol=0, atol=1e-9)
    torch.testing.assert_close(y[:, [0, -1]], x[:, [0, -1]], rtol=0, atol=1e-12)
    ends = slope[:, [0, -1]]
    wanted = torch.exp(free[:, 0, [16, 24]] / (1 + free[:, 0, [16, 24]].abs() / math.log(1e3)))
    torch.testing.assert_close(ends, wanted)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_law_is_that_of_what_even_points_become(dim):
    """The density is 1 / (2^d |det dx/dy|), with the determinant from autograd."""
    flow = CubeFlow(dim, 2, 3, 4, (5, 6))
    weights, clock = raw(flow.size, spread=1.0), raw(2, 2, seed=1)
    even = raw(2, 7, dim, spread=0.99, seed=2)
    x = flow.from_even(weights, clock, even)
    log_p = flow.log_density(weights, clock, x)
    for i, j in np.ndindex(2, 7):

        def one(y, i=i):
            return flow.from_even(weights, clock[i : i + 1], y[None, None])[0, 0]

        jacobian = torch.autograd.functional.jacobian(one, even[i, j])
        _, log_det = np.linalg.slogdet(jacobian.numpy())
        assert log_p[i, j].item() == pytest.approx(-log_det - dim * math.log(2), abs=1e-9)


def test_at_first_the_law_is_even():
    flow = CubeFlow(2, 4, 3, 16, (64, 64))
    weights = torch.tensor(flow.first(5), dtype=torch.float32)
    log_p = flow.log_density(weights, torch.ones(1, 4), raw(1, 999, 2, spread=1.0).float())
    np.testing.assert_allclose(log_p, -2 * math.log(2), atol=2e-5)
    assert weights.shape == (flow.size,)
    assert len(np.unique(flow.first(5))) > flow.size / 2


def test_a_missing_zuko_is_named(monkeypatch):
    for name in ("agents.deep_play.density_flow", "agents.deep_play.cube_flow"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "zuko.transforms", None)
    with pytest.raises(ImportError, match=r"mfg-envs\[deep\]"):
        importlib.import_module("agents.deep_play.density_flow")
