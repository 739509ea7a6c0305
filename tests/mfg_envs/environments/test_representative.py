"""One player against a mean field: Gymnasium's conventions, and arrays equal to single players."""

from __future__ import annotations

import pickle
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from mfg_envs import (
    PopulationEnv,
    RepresentativeEnv,
    RepresentativeVectorEnv,
    exact,
    make_game,
    policies,
)
from mfg_envs.games.ring_road import RingRoad

GAME = RingRoad(num_cells=6, num_speeds=3)
FINITE = replace(GAME, horizon=4)
EVEN = np.full(6, 1 / 6)


@pytest.mark.parametrize("observe", [None, ("index",), ("mean_field", "mask")])
@pytest.mark.parametrize("game", [GAME, FINITE])
def test_gymnasium_checker(game, observe):
    check_env(RepresentativeEnv(game, max_cycles=20, observe=observe), skip_render_check=True)


@pytest.mark.parametrize("game", [GAME, FINITE])
def test_stable_baselines_checker(game):
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    checker.check_env(RepresentativeEnv(game, max_cycles=20))


def test_types_of_a_step():
    env = RepresentativeEnv(FINITE)
    first, infos = env.reset(seed=0)
    assert infos == {}
    step = env.step(np.int64(1))
    assert [type(part) for part in step] == [np.ndarray, float, bool, bool, dict]
    assert first in env.observation_space
    assert step[0] in env.observation_space
    assert first is not env.reset(seed=0)[0]


@pytest.mark.parametrize("form", [int, np.int32, np.array, lambda a: np.array([a])])
def test_forms_of_actions(form):
    env, twin = RepresentativeEnv(FINITE), RepresentativeEnv(FINITE)
    env.reset(seed=0)
    twin.reset(seed=0)
    got, want = env.step(form(2)), twin.step(2)
    assert np.array_equal(got[0], want[0])
    assert got[1:] == want[1:]


@pytest.mark.parametrize("make", [RepresentativeEnv, RepresentativeVectorEnv])
@pytest.mark.parametrize(
    ("action", "message"),
    [
        (3, r"must be in \[0, 3\), got 3"),
        (-1, r"must be in \[0, 3\), got -1"),
        (1.0, "must be whole numbers"),
        (np.nan, "must be whole numbers"),
        ([0, 1], r"must have shape|cannot reshape"),
    ],
)
def test_bad_actions_change_nothing(make, action, message):
    env, twin = make(FINITE), make(FINITE)
    env.reset(seed=0)
    twin.reset(seed=0)
    with pytest.raises(ValueError, match=message):
        env.step(action)
    assert np.array_equal(env.step([1])[0], twin.step([1])[0])


@pytest.mark.parametrize(
    ("game", "max_cycles", "ends"),
    [
        (FINITE, None, (4, True)),
        (FINITE, 4, (4, True)),
        (FINITE, 2, (2, False)),
        (GAME, 3, (3, False)),
    ],
)
def test_ends(game, max_cycles, ends):
    env = RepresentativeEnv(game, max_cycles=max_cycles)
    env.reset(seed=0)
    for t in range(1, ends[0] + 1):
        _, _, terminated, truncated, _ = env.step(0)
        assert (terminated, truncated) == (t == ends[0] and ends[1], t == ends[0] and not ends[1])


def test_after_the_end_and_before_the_beginning():
    env = RepresentativeEnv(replace(GAME, horizon=1))
    with pytest.raises(RuntimeError, match=r"call reset\(\) before the first step"):
        env.step(0)
    env.reset(seed=0)
    env.step(0)
    with pytest.raises(RuntimeError, match=r"the episode ended at t = 1: call reset\(\)"):
        env.step(0)


def test_a_stationary_game_never_ends():
    env = RepresentativeEnv(GAME)
    env.reset(seed=0)
    assert not any(flag for _ in range(600) for flag in env.step(1)[2:4])


def test_seeds():
    env = RepresentativeEnv(GAME, observe=("index",))

    def episode(seed):
        return [env.reset(seed=seed)[0], *(env.step(1)[0] for _ in range(20))]

    first, second = episode(1), episode(None)
    assert first == episode(1)
    assert second == episode(None)
    assert first != second
    assert first != episode(2)
    with pytest.raises(gymnasium.error.Error, match="Seed must be greater"):
        env.reset(seed=-1)


@pytest.mark.parametrize("make", [RepresentativeEnv, RepresentativeVectorEnv])
@pytest.mark.parametrize(("max_cycles", "error"), [(0, ValueError), (2.5, TypeError)])
def test_bad_max_cycles(make, max_cycles, error):
    with pytest.raises(error, match="max_cycles must be"):
        make(GAME, max_cycles=max_cycles)


@pytest.mark.parametrize(("num_envs", "error"), [(0, ValueError), (1.5, TypeError)])
def test_bad_num_envs(num_envs, error):
    with pytest.raises(error, match="num_envs must be"):
        RepresentativeVectorEnv(GAME, num_envs)


# --- the crowd ---


def test_the_player_is_a_representative_of_the_population_env():
    env = RepresentativeEnv(FINITE, observe=("state", "mean_field"))
    crowd = PopulationEnv(FINITE, 1, mode="mean_field", observe=("state", "mean_field"))
    policy = np.random.default_rng(0).dirichlet(np.ones(3), (4, 6))
    for each in (env, crowd):
        each.set_population_policy(policy)
    assert np.array_equal(env.reset(seed=9)[0], crowd.reset(seed=9)[0]["vehicle_0"])
    for action in (0, 2, 1, 2):
        seen, r, done, _, _ = env.step(action)
        frame = crowd.step({"vehicle_0": action})
        assert np.array_equal(seen, frame[0]["vehicle_0"])
        assert (r, done) == (frame[1]["vehicle_0"], frame[2]["vehicle_0"])


@pytest.mark.parametrize("make", [RepresentativeEnv, RepresentativeVectorEnv])
def test_a_frozen_crowd_a_flow_and_a_moving_one(make):
    env = make(FINITE)
    m = np.array([0.5, 0.5, 0, 0, 0, 0])
    flow = np.random.default_rng(0).dirichlet(np.ones(6), 4)
    policy = np.random.default_rng(1).dirichlet(np.ones(3), (4, 6))
    met = {"frozen": [m] * 4, "flow": flow, "policy": exact.flow(FINITE, policy)}
    for kind, fields in met.items():
        if kind == "policy":
            env.set_population_policy(policy)
        else:
            env.set_mean_field(m if kind == "frozen" else flow)
        env.reset(seed=0)
        for t in range(4):
            assert env.mean_field == pytest.approx(fields[t], abs=1e-15)
            x = env.batch.state[0, 0]
            r = np.ravel(env.step(np.array([1]))[1])
            assert r[0] == pytest.approx(float(FINITE.reward(t, x, 1, fields[t])), rel=1e-12)


def test_the_crowd_can_be_changed_in_the_middle():
    env = RepresentativeEnv(GAME)
    env.reset(seed=0)
    assert env.mean_field == pytest.approx(EVEN, abs=1e-15)  # of the uniform policy on a ring
    env.step(1)
    env.set_mean_field(np.eye(6)[2])
    assert np.array_equal(env.mean_field, np.eye(6)[2])
    env.set_population_policy(policies.uniform(GAME))
    assert env.mean_field == pytest.approx(EVEN, abs=1e-15)


def test_the_mean_return_is_the_exact_value():
    num_envs = 4000
    policy = np.random.default_rng(2).dirichlet(np.ones(3), (4, 6))
    env = RepresentativeVectorEnv(replace(FINITE, discount=1.0), num_envs, observe=("index",))
    env.set_population_policy(policy)
    rng, (x, _) = np.random.default_rng(3), env.reset(seed=5)
    returns = np.zeros(num_envs)
    for t in range(4):
        actions = (rng.random((num_envs, 1)) > np.cumsum(policy[t, x], 1)[:, :-1]).sum(1)
        x, r, _, _, _ = env.step(actions)
        returns += r
    expected = exact.value(env.game, exact.flow(env.game, policy), policy)
    assert abs(returns.mean() - expected) < 4 * returns.std() / np.sqrt(num_envs)


# --- the array twin ---


@pytest.mark.parametrize("make", [RepresentativeEnv, RepresentativeVectorEnv])
def test_pickled_in_the_middle(make):
    env = make(FINITE)
    env.reset(seed=0)
    env.step([1])
    twin = pickle.loads(pickle.dumps(env))
    for _ in range(2):
        got, want = twin.step([2]), env.step([2])
        assert all(map(np.array_equal, got[:4], want[:4]))
    assert np.array_equal(twin.reset()[0], env.reset()[0])


# --- ids and learners ---


def test_gymnasium_ids():
    env = gymnasium.make("mfg_envs/RingRoad-v0", num_cells=7, reward="additive", max_cycles=3)
    assert isinstance(env.unwrapped, RepresentativeEnv)
    assert env.unwrapped.game == make_game("ring_road", num_cells=7, reward="additive")
    env.reset(seed=0)
    flags = [env.step(0)[3] for _ in range(3)]
    assert flags == [False, False, True]
    env = gymnasium.make("mfg_envs/RingRoad-v0", game=FINITE, observe=("index",))
    assert env.unwrapped.game == FINITE
    with pytest.raises(ValueError, match="no parameter 'num_cell'; did you mean 'num_cells'"):
        gymnasium.make("mfg_envs/RingRoad-v0", num_cell=7)


def test_gymnasium_vector_ids():
    arrays = gymnasium.make_vec("mfg_envs/RingRoad-v0", num_envs=4, game=FINITE)
    assert isinstance(arrays, RepresentativeVectorEnv)
    assert arrays.num_envs == 4
    sync = gymnasium.make_vec(
        "mfg_envs/RingRoad-v0", num_envs=4, vectorization_mode="sync", game=FINITE
    )
    got, want = arrays.reset(seed=1)[0], sync.reset(seed=1)[0]
    assert np.array_equal(got, want)
    assert np.array_equal(arrays.step([1] * 4)[1], sync.step([1] * 4)[1])


@pytest.mark.parametrize("algorithm", ["DQN", "PPO"])
def test_stable_baselines_learns(algorithm):
    stable_baselines3 = pytest.importorskip("stable_baselines3")
    env = gymnasium.make("mfg_envs/RingRoad-v0", game=FINITE)
    small = {"policy_kwargs": {"net_arch": [8]}, "seed": 0, "device": "cpu"}
    few = {"learning_starts": 50} if algorithm == "DQN" else {"n_steps": 64, "batch_size": 32}
    model = getattr(stable_baselines3, algorithm)("MlpPolicy", env, **small, **few)
    model.learn(300)
    assert model.num_timesteps >= 300
    action, _ = model.predict(env.reset(seed=0)[0], deterministic=True)
    assert action in env.action_space
