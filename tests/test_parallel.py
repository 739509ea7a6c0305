"""The PettingZoo view: its own tests, ours, and values worked by hand."""

from __future__ import annotations

import copy
import importlib
import os
import pickle
import subprocess
import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import pettingzoo
import pytest
from gymnasium import spaces
from pettingzoo import ParallelEnv
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test

from mfg_envs import (
    BatchEnv,
    PopulationEnv,
    check_env,
    dispatcher_v0,
    exact,
    linear_quadratic_v0,
    memory,
    policies,
    ring_road_v0,
)
from mfg_envs.games.ring_road import RingRoad
from mfg_envs.registry import GAMES, make_game

GAME = RingRoad(num_cells=6, num_speeds=3)
FINITE = replace(GAME, horizon=4)
EVEN = np.full(6, 1 / 6)


def play(env, action=1):
    """Play one action until the episode is over; return what every step gave."""
    steps = []
    while env.agents:
        steps.append(env.step(dict.fromkeys(env.agents, action)))
    return steps


# --- PettingZoo's own tests and check_env ---


@pytest.mark.parametrize("parameters", [{}, {"mode": "mean_field"}, {"horizon": 7}])
def test_pettingzoo_tests(parameters):
    parallel_api_test(ring_road_v0.parallel_env(num_agents=3, **parameters), num_cycles=30)
    parallel_seed_test(lambda: ring_road_v0.parallel_env(num_agents=3, **parameters), num_cycles=30)


@pytest.mark.parametrize("make", [ring_road_v0.env, ring_road_v0.raw_env])
def test_pettingzoo_tests_of_the_turn_based_twin(make):
    api_test(make(num_agents=3, max_cycles=20), num_cycles=15)
    seed_test(lambda: make(num_agents=3, max_cycles=20), num_cycles=15)


@pytest.mark.parametrize(("num_agents", "num_steps"), [(2, 50), (100, 20), (10_000, 2)])
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
def test_it_is_a_batch_of_one(any_game, mode):
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


# --- life of an episode ---


@pytest.mark.parametrize(
    ("game", "max_cycles", "steps", "terminated"),
    [
        (GAME, None, 500, False),
        (GAME, 3, 3, False),
        (FINITE, None, 4, True),
        (FINITE, 4, 4, True),
        (FINITE, 9, 4, True),
        (FINITE, 2, 2, False),
        (replace(GAME, horizon=1), None, 1, True),
    ],
)
def test_end_of_an_episode(game, max_cycles, steps, terminated):
    env = PopulationEnv(game, 2, max_cycles=max_cycles)
    assert env.agents == []  # before the first reset
    for _ in range(2):
        env.reset(seed=0)
        assert env.agents == env.possible_agents
        assert env.agents is not env.possible_agents
        frames = play(env)
        assert len(frames) == steps
        for t, (_, _, terminations, truncations, _) in enumerate(frames, 1):
            last = t == steps
            assert terminations == dict.fromkeys(env.possible_agents, last and terminated)
            assert truncations == dict.fromkeys(env.possible_agents, last and not terminated)
            assert terminations is not truncations
        assert env.agents == []
        assert env.step({}) == ({}, {}, {}, {}, {})
        with pytest.raises(ValueError, match=r"no agent is alive: call reset\(\)"):
            env.step({"vehicle_0": 0, "vehicle_1": 0})


def test_max_cycles_may_be_set_later():
    env = PopulationEnv(GAME, 2, max_cycles=50)
    env.max_cycles = 3
    env.reset(seed=0)
    assert len(play(env)) == 3
    env.max_cycles = 5
    env.reset()
    assert len(play(env)) == 5


def test_before_the_first_reset():
    env = PopulationEnv(GAME, 2)
    assert env.step({}) == ({}, {}, {}, {}, {})
    with pytest.raises(ValueError, match=r"call reset\(\)"):
        env.step(dict.fromkeys(env.possible_agents, 0))
    env.reset()
    assert len(env.step(dict.fromkeys(env.agents, 0))) == 5


def test_resets_without_a_seed_differ_between_environments():
    first, second = (PopulationEnv(GAME, 50) for _ in range(2))
    first.reset()
    second.reset()
    assert not np.array_equal(first.batch.state, second.batch.state)


def test_the_generator_is_made_anew_by_a_seed():
    env = PopulationEnv(GAME, 2)
    env.reset(seed=3)
    numbers = env.np_random.random(3)
    env.reset()
    assert not np.array_equal(env.np_random.random(3), numbers)
    env.reset(seed=3)
    assert np.array_equal(env.np_random.random(3), numbers)


@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (1.5, TypeError), ("a", TypeError)])
def test_a_bad_seed_changes_nothing(seed, error):
    env = PopulationEnv(GAME, 20)
    env.reset(seed=5)
    twin = copy.deepcopy(env)
    with pytest.raises(error, match="seed must be"):
        env.reset(seed=seed)
    actions = dict.fromkeys(env.agents, 1)
    assert env.step(actions)[1] == twin.step(actions)[1]
    env.reset()
    twin.reset()
    assert np.array_equal(env.batch.state, twin.batch.state)


def test_large_seeds_differ():
    env = PopulationEnv(GAME, 50)
    states = []
    for seed in (1, 1 + 2**64, 1 + 2**128):
        env.reset(seed=seed)
        states.append(env.batch.state.tobytes())
    assert len(set(states)) == 3


# --- mean_field mode ---


def test_a_frozen_mean_field_stays():
    env = PopulationEnv(GAME, 6, mode="mean_field", observe=("mean_field", "density"))
    m = np.array([0.5, 0.0, 0.25, 0.25, 0.0, 0.0])
    env.set_mean_field(m)
    env.reset(seed=2)
    for _ in range(4):
        x = env.batch.state[0].copy()
        observations, rewards, _, _, _ = env.step(dict.fromkeys(env.agents, 2))
        assert np.array_equal(env.mean_field, m)
        after = env.batch.state[0]
        for i, agent in enumerate(env.possible_agents):
            assert np.array_equal(observations[agent][:6], m.astype(np.float32))
            around = [after[i], *(after[i] + [1, 2, 3, -1]) % 6]
            assert np.array_equal(observations[agent][6:], 6 * m[around])
            assert rewards[agent] == pytest.approx(float(GAME.reward(0, x[i], 2, m)), rel=1e-12)


def test_a_flow_is_met_step_by_step():
    flow = np.random.default_rng(0).dirichlet(np.ones(6), 4)
    env = PopulationEnv(FINITE, 3, mode="mean_field", observe=("mean_field",))
    env.reset(seed=0)
    env.set_mean_field(flow)  # also between reset and step
    assert np.array_equal(env.mean_field, flow[0])
    for t in range(1, 5):
        x, m = env.batch.state[0].copy(), flow[t - 1]
        _, rewards, _, _, _ = env.step(dict.fromkeys(env.agents, 1))
        assert list(rewards.values()) == pytest.approx(GAME.reward(0, x, 1, m), rel=1e-12)
        assert np.array_equal(env.mean_field, flow[min(t, 3)])


def test_a_population_policy_moves_the_exact_flow(finite_game, random_policy):
    policy = random_policy(finite_game)
    env = PopulationEnv(finite_game, 3, mode="mean_field")
    env.set_population_policy(policy)
    flow = finite_game.crowd(exact.flow(finite_game, policy))
    for _ in range(2):
        env.reset(seed=0)
        for t in range(finite_game.horizon):
            assert env.mean_field == pytest.approx(flow[t], abs=1e-14)
            env.step(dict.fromkeys(env.agents, 1))


def test_at_first_the_population_plays_every_legal_action(stationary_game):
    rule = policies.uniform(stationary_game)
    env = PopulationEnv(stationary_game, 3, mode="mean_field")
    env.reset(seed=0)
    law = stationary_game.initial_law
    for t in range(5):
        assert env.mean_field == pytest.approx(exact.crowd(stationary_game, law, rule), abs=1e-14)
        env.step(dict.fromkeys(env.agents, 0))
        law = exact.push_forward(stationary_game, t, law, rule)


def test_representatives_do_not_meet_each_other():
    many, one = (PopulationEnv(GAME, n, mode="mean_field") for n in (50, 1))
    many.reset(seed=0)
    one.reset(seed=0)
    for _ in range(5):
        crowded = many.step(dict.fromkeys(many.agents, 1))
        alone = one.step(dict.fromkeys(one.agents, 1))
        assert crowded[1]["vehicle_0"] == alone[1]["vehicle_0"]
        assert np.array_equal(crowded[0]["vehicle_0"], alone[0]["vehicle_0"])


@pytest.mark.parametrize(
    ("mean_field", "message"),
    [
        (np.full(5, 0.2), r"mean field must have shape \(6,\), got \(5,\)"),
        (np.full((4, 5), 0.2), r"mean field must have shape \(6,\), got \(5,\)"),
        (np.full((3, 6), 1 / 6), r"a flow must have shape \(4, 6\), got \(3, 6\)"),
        (np.full(6, 0.2), r"must be probabilities that sum to one.*sum 1.2; divide"),
        (np.array([1.5, -0.5, 0, 0, 0, 0]), r"entries in \[-0.5, 1.5\]"),
        (np.array([np.nan, 1, 0, 0, 0, 0]), "must be probabilities"),
        (np.vstack([EVEN, EVEN, EVEN, 2 * EVEN]), "sum 2; divide"),
    ],
)
def test_bad_mean_fields(mean_field, message):
    env = PopulationEnv(FINITE, 2, mode="mean_field")
    env.reset(seed=0)
    before = env.mean_field.copy()
    with pytest.raises(ValueError, match=message):
        env.set_mean_field(mean_field)
    assert np.array_equal(env.mean_field, before)
    assert len(play(env)) == 4


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (np.full((6, 3), 1 / 3), r"policy must have shape \(T, S, A\) = \(4, 6, 3\), got \(6, 3\)"),
        (np.full((4, 6, 3), 0.3), r"policy\[t=0\]\[x=0\] must be probabilities"),
    ],
)
def test_bad_population_policies(policy, message):
    env = PopulationEnv(FINITE, 2, mode="mean_field")
    with pytest.raises(ValueError, match=message):
        env.set_population_policy(policy)
    env.reset(seed=0)
    assert len(play(env)) == 4


def test_a_crowd_is_set_in_mean_field_mode_only():
    env = PopulationEnv(FINITE, 2)
    for setter, value in (
        (env.set_mean_field, EVEN),
        (env.set_population_policy, policies.uniform(FINITE)),
    ):
        with pytest.raises(ValueError, match=f'{setter.__name__} needs mode="mean_field"'):
            setter(value)


def test_rounding_of_a_mean_field_stays_in_the_space():
    env = PopulationEnv(GAME, 4, mode="mean_field", observe=("density", "mean_field"))
    env.set_mean_field(np.array([1 + 5e-7, -5e-7, 0, 0, 0, 0]))
    observations, _ = env.reset(seed=0)
    assert all(seen in env.observation_space(agent) for agent, seen in observations.items())


# --- what players see ---


def observed(game, parts, seed=3, steps=2, num_agents=5):
    env = PopulationEnv(game, num_agents, observe=parts)
    observations, _ = env.reset(seed=seed)
    for _ in range(steps):
        observations = env.step(dict.fromkeys(env.agents, 1))[0]
    return env, env.batch.state[0], np.array(list(observations.values()))


def test_index():
    env, x, seen = observed(GAME, ("index",))
    assert env.observation_space("vehicle_0") == spaces.Discrete(6)
    assert np.array_equal(seen, x)


def test_index_is_the_observed_state():
    game = replace(GAME, dynamics="position")  # three points a cell, half a cell up
    env, x, seen = observed(game, ("index",), num_agents=40)
    assert env.observation_space("vehicle_0") == spaces.Discrete(6)
    assert x.max() > 6
    assert np.array_equal(seen, (x + 1) // 3 % 6)


def test_state_coordinates():
    env, x, seen = observed(GAME, ("state",))
    angle = 2 * np.pi * x / 6
    assert seen == pytest.approx(np.stack([np.cos(angle), np.sin(angle)], 1), abs=1e-7)
    assert env.observation_space("vehicle_0") == spaces.Box(-1, 1, (2,), np.float32)


def test_time():
    for steps in range(5):
        env, _, seen = observed(FINITE, ("time", "state"), steps=steps)
        assert np.array_equal(seen[:, 0], np.full(5, steps / 4, np.float32))
    assert env.observation_space("vehicle_0").low.tolist() == [0, -1, -1]


def test_density_is_the_crowd_around():
    env, x, seen = observed(GAME, ("density",), num_agents=9)
    for i in range(9):
        around = [(x[i] + ahead) % 6 for ahead in (0, 1, 2, 3, -1)]
        expected = [6 * np.mean(x == cell) for cell in around]
        assert seen[i] == pytest.approx(expected, rel=1e-6)
    space = env.observation_space("vehicle_0")
    assert space == spaces.Box(0, 6, (5,), np.float32)
    crowd = PopulationEnv(GAME, 1, observe=("density",)).reset(seed=0)[0]["vehicle_0"]
    assert crowd.tolist() == [6, 0, 0, 0, 0]  # the bound is met
    assert crowd in space


def test_mean_field_part():
    env, x, seen = observed(GAME, ("mean_field",), num_agents=9)
    assert np.array_equal(seen, np.tile(np.bincount(x, minlength=6) / 9, (9, 1)).astype(np.float32))
    assert env.observation_space("vehicle_0") == spaces.Box(0, 1, (6,), np.float32)


def test_mask(toys):
    env = PopulationEnv(toys.Corridor(), 40, observe=("mask", "state"))
    observations, _ = env.reset(seed=0)
    for _ in range(5):
        for seen, x in zip(observations.values(), env.batch.state[0], strict=True):
            assert seen[:3].tolist() == [x > 0, 1, x < 4]
        observations = env.step({a: (i % 2) * 2 for i, a in enumerate(env.agents)})[0]
    assert {0, 4} <= set(env.batch.state[0].tolist())


def test_parts_come_in_the_order_asked_for():
    parts = ("density", "time", "mean_field", "state", "mask")
    env, _, seen = observed(FINITE, parts)
    split = np.split(seen, np.cumsum([5, 1, 6, 2]), axis=1)
    for part, columns in zip(parts, split, strict=True):
        alone = observed(FINITE, (part,))[2]
        assert np.array_equal(columns, alone)
    assert env.observation_space("vehicle_0").shape == (17,)


@pytest.mark.parametrize(
    ("game", "same_as"), [(GAME, ("state", "density")), (FINITE, ("state", "density", "time"))]
)
def test_what_is_seen_by_default(game, same_as):
    assert np.array_equal(observed(game, None)[2], observed(game, same_as)[2])


def test_players_of_a_game_with_controls_see_the_crowd_as_it_is_now(toys):
    env = PopulationEnv(toys.Market(), 30, observe=("mean_field", "density"))
    observations, _ = env.reset(seed=0)
    for _ in range(5):
        place = env.batch.state[0] // 2
        share = np.bincount(place, minlength=3) / 30
        for seen, own in zip(observations.values(), place, strict=True):
            assert seen[:3] == pytest.approx(share, rel=1e-6)
            assert seen[3] == pytest.approx(3 * share[own], rel=1e-6)
        actions = {agent: (i * 7) % 3 for i, agent in enumerate(env.agents)}
        before = place
        observations = env.step(actions)[0]
        joint = np.zeros((3, 3))
        np.add.at(joint, (before, list(actions.values())), 1 / 30)
        assert env.mean_field == pytest.approx(joint, abs=1e-15)  # of the last decision


@pytest.mark.parametrize(
    ("observe", "message"),
    [
        (("colour",), "observe must be one of 'index', .* got 'colour'"),
        (("state", "state"), "observe names a part twice"),
        (("index", "density"), "'index' stands alone"),
        (("time", "state"), "'time' needs a finite horizon, this game is stationary"),
        ("state", r"observe must be a sequence of parts such as \('state',\), got 'state'"),
        ((), "observe must be a sequence of parts"),
    ],
)
def test_bad_parts(observe, message):
    with pytest.raises(ValueError, match=message):
        PopulationEnv(GAME, 2, observe=observe)


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


# --- construction ---


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_agents": 0}, ValueError, "num_agents must be at least 1, got 0"),
        ({"num_agents": -1}, ValueError, "num_agents must be at least 1, got -1"),
        ({"num_agents": 1.5}, TypeError, "num_agents must be a whole number, got 1.5"),
        ({"num_agents": "3"}, TypeError, "num_agents must be a whole number, got '3'"),
        ({"mode": "solo"}, ValueError, "mode must be one of 'n_agent', 'mean_field', got 'solo'"),
        ({"render_mode": "ansi"}, ValueError, "render_mode must be one of None, 'human'"),
        ({"max_cycles": 0}, ValueError, "max_cycles must be at least 1, got 0"),
        ({"max_cycles": 2.5}, TypeError, "max_cycles must be a whole number, got 2.5"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        PopulationEnv(GAME, **arguments)


def test_too_many_players_are_refused_before_memory_is_taken():
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"num_agents = 1000000000 needs 931.3 GiB .* at most"):
            PopulationEnv(GAME, 10**9)
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


def test_as_many_players_as_there_is_memory_for(monkeypatch):
    monkeypatch.setattr(memory, "_free_memory", lambda: 10_000)
    assert PopulationEnv(GAME, 10).max_num_agents == 10
    with pytest.raises(ValueError, match=r"0.0 GiB are free: use at most 10$"):
        PopulationEnv(GAME, 11)


def test_ten_thousand_players_take_no_more_memory_than_is_said():
    from mfg_envs.episodes import DICT_BYTES

    env = PopulationEnv(GAME, 1)
    env.reset(seed=0)
    tracemalloc.start()
    try:
        env = PopulationEnv(GAME, 10_000)
        frame = env.reset(seed=0), env.step(dict.fromkeys(env.possible_agents, 1))
        assert tracemalloc.get_traced_memory()[1] < 10_000 * (DICT_BYTES + 200)
    finally:
        tracemalloc.stop()
    assert len(frame[1][1]) == 10_000


def test_free_memory_is_known():
    assert 2**26 < memory._free_memory() < 2**50


# --- identity ---


def test_names_and_attributes():
    env = ring_road_v0.parallel_env(num_agents=3)
    assert ParallelEnv in type(env).__bases__
    assert env.possible_agents == ["vehicle_0", "vehicle_1", "vehicle_2"]
    assert (env.max_num_agents, env.num_agents) == (3, 0)
    assert str(env) == env.metadata["name"] == "ring_road_v0"
    assert PopulationEnv.metadata["name"] == "population_v0"  # instances do not write into it
    assert env.unwrapped is env
    assert env.render_mode is None
    assert not hasattr(env, "num_envs")
    other = ring_road_v0.parallel_env(num_agents=3)
    assert other.observation_space("vehicle_0") is not env.observation_space("vehicle_0")


@pytest.mark.parametrize("mode", ["n_agent", "mean_field"])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_copies_keep_one_space_for_all(mode, copied):
    env = PopulationEnv(GAME, 3, mode=mode)
    env.reset(seed=0)
    env.step(ALL)
    twin = copied(env)
    assert len({id(twin.observation_space(agent)) for agent in twin.possible_agents}) == 1
    assert np.array_equal(twin.mean_field, env.mean_field)


def test_ring_road_module():
    for make in (ring_road_v0.parallel_env, ring_road_v0.env, ring_road_v0.raw_env):
        env = make(2, num_cells=9, reward="additive", dynamics="position", max_cycles=5)
        env.reset(seed=0)
        assert env.possible_agents == ["vehicle_0", "vehicle_1"]
        assert env.unwrapped.metadata["name"] == "ring_road_v0"
    env = ring_road_v0.parallel_env(game=GAME, num_agents=2, observe=["index"])
    assert env.game is GAME


def test_turn_based_twin_is_checked():
    env = ring_road_v0.env(num_agents=2)
    with pytest.raises(AssertionError):
        env.reset(seed=0)
        env.step(1000)
    with pytest.raises(AssertionError, match=r"reset\(\) needs to be called before step"):
        ring_road_v0.env(num_agents=2).step(0)


@pytest.mark.skipif(not hasattr(pettingzoo, "register"), reason="pettingzoo 1.27 has a registry")
def test_pettingzoo_ids():
    env = pettingzoo.make("parallel", "mfg_envs/RingRoad-v0", num_agents=4, num_cells=7)
    assert isinstance(env.unwrapped, PopulationEnv)
    assert (env.max_num_agents, env.unwrapped.game.num_cells) == (4, 7)
    env.reset(seed=0)
    aec = pettingzoo.make("aec", "mfg_envs/RingRoad-v0", num_agents=4)
    aec.reset(seed=0)
    assert aec.max_num_agents == 4
    cut = pettingzoo.make("parallel", "mfg_envs/RingRoad-v0", num_agents=2, max_cycles=3)
    cut.reset(seed=0)
    assert len(play(cut)) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_cell": 5}, "ring_road has no parameter 'num_cell'; did you mean 'num_cells'"),
        ({"max_cycle": 5}, "ring_road has no parameter 'max_cycle'; did you mean 'max_cycles'"),
        ({"zzz": 5}, "ring_road has no parameter 'zzz'; choose from .*'num_cells'"),
        ({"reward": "max"}, "reward must be one of 'min', 'additive', .*got 'max'"),
        ({"num_cells": 1}, r"num_cells must be in \[2, 1000000\], got 1"),
        ({"game": GAME, "num_cells": 5}, r"give game=\.\.\. or parameters, not both: num_cells"),
    ],
)
def test_bad_parameters(arguments, message):
    with pytest.raises(ValueError, match=message):
        ring_road_v0.parallel_env(**arguments)


def test_unknown_games_list_the_close_ones():
    with pytest.raises(ValueError, match="no game is called 'ringroad'; did you mean 'ring_road'"):
        make_game("ringroad")
    with pytest.raises(ValueError, match=r"no game is called 'zzz'; choose from .*'ring_road'"):
        make_game("zzz")


@pytest.mark.parametrize("name", GAMES)
def test_every_game_has_its_environment(name):
    env = importlib.import_module(f"mfg_envs.{name}_v0").parallel_env(num_agents=2)
    assert env.metadata["name"] == f"{name}_v0"
    even = np.full(env.game.mean_field_shape, 1 / np.prod(env.game.mean_field_shape))
    chances = exact.kernel(env.game, 0, even).prob
    some = env.game.initial_law.max() < 1 or ((chances > 0) & (chances < 1)).any()
    check_env(env, 5, random=bool(some) and name != "routing")  # its chances come later


# --- pictures ---


def test_a_picture_without_a_display(monkeypatch):
    pytest.importorskip("pygame")
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(variable, raising=False)
    env = PopulationEnv(GAME, 30, render_mode="rgb_array")
    with pytest.raises(RuntimeError, match=r"call reset\(\) before render\(\)"):
        env.render()
    env.reset(seed=0)
    first = env.render()
    env.step(dict.fromkeys(env.agents, 2))
    second = env.render()
    for frame in (first, second):
        assert frame.dtype == np.uint8
        assert frame.ndim == 3
        assert frame.shape[2] == 3
    assert not np.array_equal(first, second)
    env.close()


def test_a_picture_is_asked_for_at_construction():
    env = PopulationEnv(GAME, 2)
    env.reset(seed=0)
    with pytest.raises(ValueError, match='render_mode="human" or "rgb_array"'):
        env.render()


def test_a_window(monkeypatch):
    pygame = pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    env = PopulationEnv(GAME, 3, render_mode="human")
    env.metadata["render_fps"] = 0  # no waiting
    env.reset(seed=0)
    env.step(ALL)
    assert pygame.display.get_surface() is not None
    assert env.render() is None
    twin = pickle.loads(pickle.dumps(env))  # the window stays here
    assert twin.step(ALL)[1] == env.step(ALL)[1]
    for each in (twin, env):
        each.close()
        each.close()
    assert pygame.display.get_surface() is None


def test_a_continuous_action_of_one_number_may_be_a_number():
    played = []
    for shape in (lambda v: np.float32([v]), np.float32, float, np.array):
        env = linear_quadratic_v0.parallel_env(num_agents=3)
        env.reset(seed=1)
        numbers = zip(env.agents, (-0.05, 0.0, 0.05), strict=True)
        played.append(env.step({agent: shape(v) for agent, v in numbers})[1])
    env.reset(seed=1)
    mixed = {"player_0": -0.05, "player_1": np.float32([0.0]), "player_2": np.float64(0.05)}
    assert env.step(mixed)[1] == played[-1] == played[-2]
    assert played[0] == played[1]


@pytest.mark.parametrize("function", ["parallel_env", "env", "raw_env"])
def test_what_makes_an_environment_is_found_by_pickle(function):
    for module in (linear_quadratic_v0, dispatcher_v0):
        make = getattr(module, function)
        assert pickle.loads(pickle.dumps(make)) is make
