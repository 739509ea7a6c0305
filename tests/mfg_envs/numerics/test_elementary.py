"""Functions that give the same bits on every back end."""

import numpy as np
import pytest

from mfg_envs.numerics import elementary, random
from mfg_envs.numerics.compiler import scalar


def test_exp_is_exact_to_rounding_and_the_same_bits_compiled():
    numba = pytest.importorskip("numba")
    x = np.concatenate([-750 * random.uniform(random.seed_key(0), 50_000), [0, -708, -1e300]])
    exp = scalar(elementary.exp)

    @numba.njit
    def fill(x, out):
        for i in range(x.size):
            out[i] = exp(x[i])

    out = np.empty_like(x)
    fill(x, out)
    ours = elementary.exp(x)
    assert np.array_equal(out, ours)
    normal = x >= -708
    np.testing.assert_allclose(ours[normal], np.exp(x[normal]), rtol=4 * np.finfo(float).eps)
    assert (ours[~normal] == 0).all()
