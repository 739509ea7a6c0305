"""The PettingZoo view: its own tests, the arrays underneath, actions."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test

from mfg_envs import BatchEnv, PopulationEnv, check_env, ring_road_v0
from mfg_envs.games.ring_road import RingRoad

GAME = RingRoad(num_cells=6, num_speeds=3)


# --- PettingZoo's own tests and check_env ---


@pytest.mark.parametrize("parameters", [{}, {"mode": "mean_field"}, {"horizon": 7}])
def test_pettingzoo_tests(parameters):
    parallel_api_test(ring_road_v0.parallel_env(num_agents=3, **parameters), num_cycles=30)
    parallel_seed_test(lambda: ring_road_v0.parallel_env(num_agents=3, **parameters), num_cycles=30)


@pytest.mark.parametrize("make", [ring_road_v0.env, ring_road_v0.raw_env])
def test_pettingzoo_tests_of_the_turn_based_twin(make):
    api_test(make(num_agents=3, max_cycles=20), num_cycles=15)
    seed_test(lambda: make(num_agents=3, max_cycles=20), num_cycles=15)


@pytest.mark.parametrize(
    ("num_agents", "num_steps"),
    [(2, 50), (100, 20), (1_000, 2), pytest.param(10_000, 2, marks=pytest.mark.slow)],
)
def test_any_number_of_players(num_agents, num_steps):
    check_env(ring_road_v0.parallel_env(num_agents=num_agents), num_steps)


def test_turn_based_twin_earns_the_same():
    aec, env = ring_road_v0.raw_env(num_agents=3, max_cycles=6), PopulationEnv(RingRoad(), 3)
    aec.reset(seed=4)
    env.reset(seed=4)
    for t in range(6):
        actions = {agent: 7 * i + t for i, agent in enumerate(env.possible_agents)}
        observations, rewards, _, _, _ = env.step(actions)
        for agent in aec.possible_agents:
            assert aec.agent_selection == agent
            aec.step(actions[agent])
        assert aec.rewards == rewards
        assert all(np.array_equal(aec.observe(a), observations[a]) for a in env.possible_agents)
    assert all(aec.truncations.values())


DIGEST = """
import hashlib
from mfg_envs import ring_road_v0
env = ring_road_v0.parallel_env(num_agents=50, num_cells=9, num_speeds=5, horizon=12)
digest = hashlib.sha256()
observations, _ = env.reset(seed=11)
t = 0
while env.agents:
    for agent in env.possible_agents:
        digest.update(observations[agent].tobytes())
    actions = {agent: (t + 3 * i) % 5 for i, agent in enumerate(env.agents)}
    observations, rewards, terminations, _, _ = env.step(actions)
    digest.update(repr((rewards, terminations)).encode())
    t += 1
print(digest.hexdigest())
"""


def test_processes_play_the_same_episode():
    digests = set()
    for hash_seed in ("0", "12345"):
        run = subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(run.stdout.strip())
    assert len(digests) == 1
    assert len(digests.pop()) == 64


# --- arrays underneath ---


@pytest.mark.parametrize("mode", ["n_agent", "mean_field"])
def test_an_environment_is_a_batch_of_one(any_game, mode):
    parts = ("mask", "density", "state", "mean_field")
    env = PopulationEnv(any_game, 5, mode=mode, observe=parts)
    arrays = BatchEnv(any_game, 1, 5, mode=mode, observe=parts)
    rng = np.random.default_rng(0)
    for seed in (8, None):
        observations, step = env.reset(seed)[0], arrays.reset(seed)
        assert np.array_equal(list(observations.values()), step.observation[0])
        for _ in range(4):
            a = rng.integers(any_game.num_actions, size=5)
            observations, rewards, terminations, _, _ = env.step(
                dict(zip(env.agents, a, strict=True))
            )
            step = arrays.step(a[None])
            assert np.array_equal(list(observations.values()), step.observation[0])
            assert np.array_equal(list(rewards.values()), step.reward[0])
            assert set(terminations.values()) == {bool(step.done[0])}
            assert np.array_equal(env.mean_field, step.mean_field[0])


def test_state_is_the_mean_field(any_game):
    env = PopulationEnv(any_game, 7)
    with pytest.raises(RuntimeError, match=r"call reset\(\) before state\(\)"):
        env.state()
    env.reset(seed=0)
    for state in (env.state(), env.step(dict.fromkeys(env.agents, 1)) and env.state()):
        assert state.dtype == np.float32
        assert state.shape == env.state_space.shape == (np.prod(any_game.mean_field_shape),)
        assert state in env.state_space
        assert abs(state.sum() - 1) < 1e-6
    assert np.array_equal(env.state(), env.mean_field.ravel().astype(np.float32))


def test_rewards_by_hand():
    env = PopulationEnv(replace(GAME, jam_density=3.0), 4)
    env.reset(seed=1)
    x = env.batch.state[0].copy()
    _, rewards, _, _, _ = env.step({"vehicle_3": 2, "vehicle_1": 0, "vehicle_0": 1, "vehicle_2": 2})
    for i, a in enumerate([1, 0, 2, 2]):
        density = 6 * np.mean(x == x[i])
        location = 0.2 * (np.sin(4 * np.pi * (x[i] + 1) / 6) + 2)
        gap = (a + 1) / 3 - min(location, (1 - density / 3) / 2)
        assert rewards[f"vehicle_{i}"] == pytest.approx(-(gap**2) / 2 / 6, rel=1e-12)
    moved = (env.batch.state[0] - x) % 6
    assert set(moved.tolist()) <= {0, 1}
    assert moved[2] == moved[3] == 1  # speed 1 is certain


# --- actions ---


@pytest.mark.parametrize(
    "form",
    [
        *(int, bool, np.bool_, np.int8, np.uint8, np.int32, np.int64, np.uint64, np.array),
        *(lambda a: np.array([a]), lambda a: np.array([[a]], np.uint16), lambda a: [a]),
    ],
)
@pytest.mark.parametrize("mixed", [False, True])
def test_actions_may_be_any_whole_number(form, mixed):
    env, twin = (PopulationEnv(GAME, 4) for _ in range(2))
    env.reset(seed=0)
    twin.reset(seed=0)
    for t in range(3):
        actions = {agent: (i + t) % 2 for i, agent in enumerate(env.agents)}
        odd = {a: form(v) if i % 2 or not mixed else v for i, (a, v) in enumerate(actions.items())}
        assert env.step(odd)[1] == twin.step(actions)[1]
        assert np.array_equal(env.batch.state, twin.batch.state)


ALL = dict.fromkeys(("vehicle_0", "vehicle_1", "vehicle_2"), 0)


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ({}, r"no action for 'vehicle_0' \(3 in all\): give one action per agent"),
        ({"vehicle_0": 0, "vehicle_2": 0}, r"no action for 'vehicle_1' \(1 in all\)"),
        ({**ALL, "vehicle_3": 0}, r"unknown agent 'vehicle_3' \(1 in all\)"),
        ({"a": 0, "b": 1, "c": 2}, r"unknown agent 'a' \(3 in all\)"),
        (
            {**ALL, "vehicle_1": 3},
            r"action of 'vehicle_1' must be a whole number in \[0, 3\), got 3",
        ),
        (
            {**ALL, "vehicle_2": -1},
            r"action of 'vehicle_2' must be a whole number in \[0, 3\), got -1",
        ),
        ({**ALL, "vehicle_2": 2**32}, r"'vehicle_2' must be a whole .* got 4294967296"),
        ({**ALL, "vehicle_2": 2**63}, r"'vehicle_2' must be a whole .* got 9223372036854775808"),
        ({**ALL, "vehicle_2": 2**64}, r"'vehicle_2' must be a whole .* got 18446744073709551616"),
        ({**ALL, "vehicle_2": np.uint32(2**31)}, r"'vehicle_2' .*, got .*2147483648"),
        ({**ALL, "vehicle_0": np.nan}, r"'vehicle_0' must be a whole number in \[0, 3\), got nan"),
        ({**ALL, "vehicle_0": 1.0}, r"'vehicle_0' must be a whole number in \[0, 3\), got 1.0"),
        ({**ALL, "vehicle_0": None}, "'vehicle_0' must be a whole number .* got None"),
        ({**ALL, "vehicle_0": "up"}, "'vehicle_0' must be a whole number .* got 'up'"),
        ({**ALL, "vehicle_1": [0, 1]}, r"'vehicle_1' must be a whole number .* got \[0, 1\]"),
        ({**ALL, "vehicle_1": []}, r"'vehicle_1' must be a whole number .* got \[\]"),
        (dict.fromkeys(ALL, np.zeros(2, int)), "'vehicle_0' must be a whole number"),
        (dict.fromkeys(ALL, 1.0), "'vehicle_0' must be a whole number .* got 1.0"),
    ],
)
@pytest.mark.parametrize("mode", ["n_agent", "mean_field"])
def test_bad_actions_leave_everything_as_it_was(actions, message, mode):
    env = PopulationEnv(GAME, 3, mode=mode)
    env.reset(seed=0)
    env.step(ALL)
    twin = copy.deepcopy(env)
    for _ in range(2):
        with pytest.raises(ValueError, match=message):
            env.step(actions)
    assert env.batch.t == 1
    got, want = env.step(ALL), twin.step(ALL)
    assert got[1:] == want[1:]
    assert all(np.array_equal(got[0][agent], want[0][agent]) for agent in ALL)
