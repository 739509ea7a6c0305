"""The array twin of the one-player environment is many single ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from mfg_envs import (
    RepresentativeEnv,
    RepresentativeVectorEnv,
    policies,
)
from mfg_envs.games.ring_road import RingRoad

GAME = RingRoad(num_cells=6, num_speeds=3)
FINITE = replace(GAME, horizon=4)
EVEN = np.full(6, 1 / 6)


def singles(count, game, **arguments):
    make = [lambda: RepresentativeEnv(game, **arguments)] * count
    return SyncVectorEnv(make, autoreset_mode=AutoresetMode.NEXT_STEP)


# --- Gymnasium ---


@pytest.mark.parametrize("observe", [None, ("index",)])
@pytest.mark.parametrize(("horizon", "max_cycles"), [(4, None), (4, 3), (None, 5)])
@pytest.mark.parametrize("crowd", ["policy", "frozen", "flow"])
def test_vector_env_is_many_single_ones(observe, horizon, max_cycles, crowd):
    game = replace(GAME, horizon=horizon)
    arguments = {"max_cycles": max_cycles, "observe": observe}
    arrays, single = RepresentativeVectorEnv(game, 3, **arguments), singles(3, game, **arguments)
    rng = np.random.default_rng(0)
    fields = rng.dirichlet(np.ones(6), horizon) if crowd == "flow" and horizon else EVEN[::-1]
    for env in (arrays, *(sub.unwrapped for sub in single.envs)):
        if crowd == "policy":
            env.set_population_policy(policies.uniform(game) * [0, 1, 2])
        else:
            env.set_mean_field(fields)
    assert arrays.observation_space == single.observation_space
    assert arrays.action_space == single.action_space
    for seed in (7, None):
        got, want = arrays.reset(seed=seed), single.reset(seed=seed)
        assert np.array_equal(got[0], want[0])
        assert got[1] == want[1] == {}
        ends = 0
        for _ in range(17):  # several episodes
            actions = rng.integers(3, size=3)
            got, want = arrays.step(actions), single.step(actions)
            for one, two in zip(got[:4], want[:4], strict=True):
                assert one.dtype == two.dtype
                assert np.array_equal(one, two)
            assert got[4] == want[4] == {}
            assert got[0] in arrays.observation_space
            ends += (got[2] | got[3]).any()
        assert ends >= 2


def test_vector_env_resets_at_the_step_after_the_end():
    env = RepresentativeVectorEnv(FINITE, 2)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    env.reset(seed=0)
    for _ in range(4):
        last = env.step([1, 1])
    assert last[2].all()
    first = env.step([1, 1])
    assert not (first[2] | first[3]).any()
    assert first[1].tolist() == [0, 0]
    assert env.batch.t == 0
    for _ in range(4):
        last = env.step([1, 1])
    assert last[2].all()
    env.reset()  # by hand, in place of the automatic one
    assert not env.step([1, 1])[2].any()
    assert env.batch.t == 1


def test_vector_env_returns_new_arrays():
    env = RepresentativeVectorEnv(FINITE, 2)
    first = env.reset(seed=0)[0]
    kept = first.copy()
    steps = [env.step([1, 2]) for _ in range(3)]
    copies = [[part.copy() for part in step[:4]] for step in steps]
    env.step([0, 0])
    assert np.array_equal(first, kept)
    for step, copied in zip(steps, copies, strict=True):
        assert all(map(np.array_equal, step[:4], copied))
        assert step[2] is not step[3]
