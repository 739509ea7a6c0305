"""Continuous games as environments of other libraries, and what players observe."""

from __future__ import annotations

import importlib

import gymnasium
import numpy as np
import pytest
from covering import covering
from gymnasium.utils.env_checker import check_env as check_gymnasium
from gymnasium.wrappers import RescaleAction
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test
from toys.continuous import CONTINUOUS, some_actions

from mfg_envs import (
    CONTINUOUS_GAMES,
    BatchEnv,
    RepresentativeEnv,
    RepresentativeVectorEnv,
    check_env,
    make_game,
)
from mfg_envs.game import (
    density,
)

MODES = ("n_agent", "mean_field")


@pytest.fixture(scope="module", params=CONTINUOUS)
def game(request):
    return CONTINUOUS[request.param]


def test_observations_by_hand():
    game = make_game("beach_bar", bins=10, blur_width=0.1)
    parts = ("mean_field", "density", "log_density", "state", "time")
    env = BatchEnv(game, 1, 4, 0, observe=parts)
    env.reset()
    step = env.step(np.zeros((1, 4, 1)))
    x, m = step.state[0, :, 0], step.mean_field[0]
    place = (10 * x).astype(int)
    near = np.stack([place, np.maximum(place - 2, 0), np.minimum(place + 2, 9)], -1)
    peak = density.peak(game)  # in units of an even spread, since the beach has length 1
    logs = np.log(1 + m[near]) / np.log(1 + peak)
    wanted = np.column_stack(
        [np.tile(m / peak, (4, 1)), m[near], logs, 2 * x - 1, np.full(4, 1 / 11)]
    )
    assert step.observation.dtype == np.float32
    assert np.allclose(step.observation[0], wanted, atol=1e-6)
    assert env.observer.space.contains(step.observation[0, 0])


def test_a_mean_is_observed_like_a_state_or_an_action():
    for name, width in (("line", 1.0), ("price_impact", 1.0), ("plane", 5.0)):
        game = CONTINUOUS[name]
        env = BatchEnv(game, 2, 3, 0, observe=("mean_field",))
        env.reset()
        step = env.step(some_actions(game, np.random.default_rng(0), 2, 3))
        assert np.allclose(step.observation, step.mean_field[:, None] / width, atol=1e-7)


def test_the_plain_state_is_what_arrays_observe_by_default(game):
    env = BatchEnv(game, 2, 3, 0)
    step = env.reset()
    assert np.array_equal(step.observation, step.state)
    assert step.state.shape == (2, 3, game.state_dim)
    step.observation[:] = 0
    assert env.state.any()


@pytest.mark.parametrize(
    ("name", "parts", "message"),
    [
        ("line", ("density",), "the mean field is a mean_state: use 'mean_field'"),
        ("line", ("log_density",), "the mean field is a mean_state: use 'mean_field'"),
        ("line", ("point", "time"), "'point' stands alone"),
        ("line", ("index",), "observe must be one of 'point', 'state'"),
        ("line", ("time", "time"), "names a part twice"),
        ("plane", ("time",), "'time' needs a finite horizon"),
    ],
)
def test_wrong_parts(name, parts, message):
    with pytest.raises(ValueError, match=message):
        BatchEnv(CONTINUOUS[name], observe=parts)


@covering(name=list(CONTINUOUS_GAMES), mode=MODES)
def test_pettingzoo_tests_and_our_own(name, mode):
    module = importlib.import_module(f"mfg_envs.{name}_v0")

    def make():
        return module.parallel_env(num_agents=3, mode=mode)

    parallel_api_test(make(), num_cycles=30)
    parallel_seed_test(make, num_cycles=30)
    check_env(make(), 5)


@pytest.mark.parametrize("name", CONTINUOUS_GAMES)
def test_turn_based_twins(name):
    module = importlib.import_module(f"mfg_envs.{name}_v0")
    api_test(module.env(num_agents=3, max_cycles=10), num_cycles=8)


@pytest.mark.parametrize("name", CONTINUOUS_GAMES)
def test_gymnasium_and_stable_baselines(name):
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    env = RepresentativeEnv(make_game(name))
    check_gymnasium(env, skip_render_check=True)
    checker.check_env(RescaleAction(env, np.float32(-1), np.float32(1)))
    ident = f"mfg_envs/{name.title().replace('_', '')}-v0"
    assert gymnasium.make(ident).unwrapped.game == env.game


def test_many_representatives_are_single_ones(game):
    vector = RepresentativeVectorEnv(game, 3, observe=("state",))
    vector.reset(seed=5)
    single = RepresentativeEnv(game, observe=("state",))
    a = some_actions(game, np.random.default_rng(1), 3)
    seen, rewards, *_ = vector.step(a)
    for b in range(3):
        single.reset(seed=5 + b)
        one, reward, *_ = single.step(a[b])
        assert np.array_equal(one, seen[b])
        assert reward == rewards[b]
    with pytest.raises(ValueError, match="actions must have shape"):
        vector.step(np.zeros((2, game.action_dim)))
