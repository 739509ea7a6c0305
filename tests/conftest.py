"""What every test can have: each toy in turn, a back end, a random policy."""

from __future__ import annotations

import os

import numpy as np
import pytest
import toys as every_toy
from hypothesis import settings
from toys.complete import EVERY, FINITE, STATIONARY, TWICE

os.environ.setdefault("OMP_NUM_THREADS", "1")  # each worker has a core; small networks need no more

settings.register_profile("fixed", derandomize=True, deadline=None, database=None, max_examples=40)
settings.load_profile("fixed")


@pytest.fixture(scope="session", params=FINITE)
def finite_game(request):
    """Return each toy with a horizon in turn."""
    return FINITE[request.param]


@pytest.fixture(scope="session", params=STATIONARY)
def stationary_game(request):
    """Return each toy without an end in turn."""
    return STATIONARY[request.param]


@pytest.fixture(
    scope="session",
    params=[pytest.param(n, marks=pytest.mark.slow if n in TWICE else ()) for n in EVERY],
)
def any_game(request):
    """Return each toy in turn, with and without a horizon; fast tests see each ring once."""
    return EVERY[request.param]


@pytest.fixture(scope="session")
def toys():
    """Return the toy classes, to be built with other parameters."""
    return every_toy


@pytest.fixture
def use(monkeypatch):
    """Return a function that picks the back end: ``use("numpy")``, ``use("numba")``."""
    return lambda name: monkeypatch.setenv("MFG_ENVS_BACKEND", name)


@pytest.fixture(params=["numpy", "numba"])
def back_end(request, use):
    """Set each back end in turn."""
    if request.param == "numba":
        pytest.importorskip("numba")
    use(request.param)
    return request.param


@pytest.fixture(scope="session")
def random_policy():
    """Return a function: a policy with mass on every legal action, drawn from a seed."""

    def draw(game, seed=0):
        clock = () if game.horizon is None else (game.horizon,)
        shape = (*clock, game.num_states, game.num_actions)
        weights = np.random.default_rng(seed).exponential(size=shape) * game.legal_actions
        return weights / weights.sum(-1, keepdims=True)

    return draw
