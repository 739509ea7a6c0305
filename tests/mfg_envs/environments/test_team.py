"""Team games in PettingZoo: its own tests, ours, what agents see and earn, and faults."""

from __future__ import annotations

import copy
import importlib

import numpy as np
import pettingzoo
import pytest
from gymnasium import spaces
from pettingzoo import ParallelEnv
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test

import mfg_envs
from mfg_envs import TEAM_GAMES, TeamBatchEnv, TeamEnv, check_env, dispatcher_v0, make_game
from mfg_envs.games.teams.dispatcher import Dispatcher

GAME = Dispatcher(steered=True)
GOOD = {"global_0": 3, "local_0": 0, "local_1": 1, "local_2": 2}


def module(name):
    return importlib.import_module(f"mfg_envs.{name}_v0")


def play(env, action=0):
    steps = []
    while env.agents:
        steps.append(env.step(dict.fromkeys(env.agents, action)))
    return steps


# --- PettingZoo's own tests and check_env ---


@pytest.mark.parametrize("name", TEAM_GAMES)
def test_pettingzoo_tests(name):
    make = module(name).parallel_env
    parallel_api_test(make(num_locals=3), num_cycles=30)
    parallel_seed_test(lambda: make(num_locals=3), num_cycles=30)


# PettingZoo warns: the two kinds of agents see different things, and in the middle of the line of
# "follow_the_leader" they see zeros.
@pytest.mark.filterwarnings("ignore:Agents have different observation space sizes:UserWarning")
@pytest.mark.filterwarnings("ignore:Observations are different shapes:UserWarning")
@pytest.mark.filterwarnings("ignore:Observation numpy array is all zeros:UserWarning")
@pytest.mark.parametrize("name", TEAM_GAMES)
@pytest.mark.parametrize("kind", ["env", "raw_env"])
def test_pettingzoo_tests_of_the_turn_based_twin(name, kind):
    make = getattr(module(name), kind)
    api_test(make(num_locals=2, max_cycles=20), num_cycles=15)
    seed_test(lambda: make(num_locals=2, max_cycles=20), num_cycles=15)


@pytest.mark.parametrize("name", TEAM_GAMES)
@pytest.mark.parametrize(("num_locals", "num_steps"), [(1, 20), (2, 20), (100, 10), (1000, 3)])
def test_the_contract(name, num_locals, num_steps):
    env = module(name).parallel_env(num_locals)
    assert str(env) == env.metadata["name"] == f"{name}_v0"
    check_env(env, num_steps, random=name != "one_shot_squeeze")


@pytest.mark.parametrize("name", TEAM_GAMES)
def test_the_contract_when_locals_see_everything(name):
    clock = ("time",) if name == "one_shot_squeeze" else ()
    parts = ("mean_field", "global", "state", *clock)
    env = module(name).parallel_env(5, observe_local=parts, observe_global=("mean_field", "state"))
    check_env(env, 10, random=name != "one_shot_squeeze")


# --- who plays, what they see, what they earn ---


def test_names_and_spaces():
    env = TeamEnv(GAME, 3)
    assert ParallelEnv in type(env).__bases__
    assert env.possible_agents == ["global_0", "local_0", "local_1", "local_2"]
    assert env.agents == []
    assert env.action_space("global_0") == spaces.Discrete(5)
    assert env.action_space("local_2") == spaces.Discrete(3)
    assert env.observation_space("local_0") is env.observation_space("local_1")
    assert env.observation_space("local_0") == spaces.Box(-1, 1, (4,), np.float32)
    low = np.array([-1, -1, 0, 0, 0, 0, 0], np.float32)
    assert env.observation_space("global_0") == spaces.Box(low, np.ones(7, np.float32))
    assert env.state_space == env.observation_space("global_0")
    other = TeamEnv(GAME, 3)
    assert other.observation_space("local_0") is not env.observation_space("local_0")
    assert TeamEnv.metadata["name"] == "team_v0"  # instances do not write into it
    assert env.render_mode is None


def test_what_agents_see():
    env = TeamEnv(GAME, 6, observe_local=("global", "mean_field", "state"))
    observations, _ = env.reset(seed=3)
    for t in range(4):
        x_g, x = env.batch.global_state[0], env.batch.state[0]
        share = np.bincount(x, minlength=5) / 6
        place = [np.cos(2 * np.pi * x_g / 5), np.sin(2 * np.pi * x_g / 5)]
        seen = observations["global_0"]
        assert seen == pytest.approx([*place, *share], abs=1e-6)
        assert np.array_equal(env.state(), seen)
        assert np.array_equal(env.mean_field, share)
        for i, zone in enumerate(x):
            own = [np.cos(2 * np.pi * zone / 5), np.sin(2 * np.pi * zone / 5)]
            assert observations[f"local_{i}"] == pytest.approx([*place, *share, *own], abs=1e-6)
        observations = env.step(dict.fromkeys(env.agents, t % 3))[0]


def test_many_teams_are_observed_at_once():
    env = TeamEnv(GAME, 4, observe_local=("state", "mean_field", "global"))
    arrays = TeamBatchEnv(GAME, 3, 4)
    step = arrays.reset(5)
    together = env.observer.of_locals(step.state, step.global_state, step.mean_field, 0)
    globally = env.observer.of_global(step.global_state, step.mean_field, 0)
    assert (together.shape, globally.shape) == ((3, 4, 9), (3, 7))
    for b in range(3):
        rows = np.stack(list(env.reset(seed=5 + b)[0].values())[1:])
        assert np.array_equal(together[b], rows)
        assert np.array_equal(globally[b], env.state())


def test_default_coordinates_are_evenly_spread():
    env = TeamEnv(make_game("follow_the_leader"), 40)
    observations, _ = env.reset(seed=0)
    for i, x in enumerate(env.batch.state[0]):
        assert observations[f"local_{i}"].tolist() == [x - 1, env.batch.global_state[0] / 2 - 1]


def test_time_is_seen_where_there_is_an_end():
    env = TeamEnv(make_game("one_shot_squeeze"), 2)
    first, _ = env.reset()
    assert first["global_0"].tolist() == [-1, 1, 0]
    assert first["local_0"].tolist() == [-1, -1, 0]
    last = env.step(dict.fromkeys(env.agents, 0))[0]
    assert last["global_0"][-1] == last["local_1"][-1] == 1


def test_everybody_earns_the_same():
    env = TeamEnv(GAME, 3)
    env.reset(seed=1)
    x_g, x = env.batch.global_state[0], env.batch.state[0]
    _, rewards, _, _, _ = env.step(GOOD)
    distance = np.minimum((x_g - x) % 5, (x - x_g) % 5)
    expected = 1 + np.where(distance == 0, 10, 2 / (1 + distance)).mean()
    assert list(rewards) == env.possible_agents
    assert set(rewards.values()) == {rewards["global_0"]}
    assert rewards["global_0"] == pytest.approx(expected)
    assert env.batch.global_state[0] == 3


@pytest.mark.parametrize("name", TEAM_GAMES)
def test_an_environment_is_a_batch_of_one(name):
    game = make_game(name)
    env, arrays = TeamEnv(game, 7), TeamBatchEnv(game, 1, 7)
    rng = np.random.default_rng(0)
    for seed in (8, None):
        env.reset(seed=seed)
        arrays.reset(seed)
        for _ in range(3 if game.horizon is None else 1):
            a_g = rng.integers(game.num_global_actions, size=1)
            a = rng.integers(game.num_local_actions, size=7)
            actions = dict(zip(env.agents, [*a_g, *a], strict=True))
            rewards = env.step(dict(reversed(actions.items())))[1]
            step = arrays.step(a_g, a[None])
            assert rewards["local_3"] == step.reward[0]
            assert np.array_equal(env.batch.state, step.state)
            assert np.array_equal(env.batch.global_state, step.global_state)


# --- life of an episode ---


def test_episodes_are_cut_or_end():
    env = TeamEnv(GAME, 2, max_cycles=3)
    env.reset(seed=0)
    steps = play(env)
    assert [set(s[3].values()) for s in steps] == [{False}, {False}, {True}]
    assert not any(any(s[2].values()) for s in steps)
    assert env.step({}) == ({}, {}, {}, {}, {})
    with pytest.raises(ValueError, match=r"no agent is alive: call reset\(\)"):
        env.step(dict.fromkeys(env.possible_agents, 0))
    once = TeamEnv(make_game("one_shot_squeeze"), 100)
    once.reset()
    (step,) = play(once, 0)
    assert all(step[2].values())
    assert not any(step[3].values())
    assert TeamEnv(GAME, 2).max_cycles == 500


def test_resets_without_a_seed_differ_between_environments():
    first, second = (TeamEnv(GAME, 50) for _ in range(2))
    first.reset()
    second.reset()
    assert not np.array_equal(first.batch.state, second.batch.state)


# --- faults ---


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ({}, r"no action for 'global_0' \(4 in all\): give one action per agent"),
        ({**GOOD, "local_3": 0}, r"unknown agent 'local_3' \(1 in all\)"),
        ({**GOOD, "global_0": 5}, r"'global_0' must be a whole number in \[0, 5\), got 5"),
        ({**GOOD, "local_1": 3}, r"'local_1' must be a whole number in \[0, 3\), got 3"),
        ({**GOOD, "local_2": -1}, r"'local_2' must be a whole number in \[0, 3\), got -1"),
        ({**GOOD, "local_0": np.nan}, r"'local_0' must be a whole number .* got nan"),
        ({**GOOD, "local_0": 2**64}, r"'local_0' must be a whole .* got 18446744073709551616"),
        ({**GOOD, "local_0": [0, 1]}, r"'local_0' must be a whole number .* got \[0, 1\]"),
    ],
)
def test_bad_actions_leave_everything_as_it_was(actions, message):
    env = TeamEnv(GAME, 3)
    env.reset(seed=0)
    env.step(GOOD)
    twin = copy.deepcopy(env)
    for _ in range(2):
        with pytest.raises(ValueError, match=message):
            env.step(actions)
    got, want = env.step(GOOD), twin.step(GOOD)
    assert got[1:] == want[1:]
    assert all(np.array_equal(got[0][agent], want[0][agent]) for agent in GOOD)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_locals": 0}, ValueError, "num_locals must be at least 1, got 0"),
        ({"num_locals": 2.5}, TypeError, "num_locals must be a whole number, got 2.5"),
        ({"num_locals": 10**10}, ValueError, "num_locals = 10000000000 needs .* at most"),
        ({"max_cycles": 0}, ValueError, "max_cycles must be at least 1, got 0"),
        (
            {"render_mode": "film"},
            ValueError,
            "render_mode must be one of None, 'human', 'rgb_array'",
        ),
        ({"observe_global": ("global",)}, ValueError, "observe_global must be one of 'state'"),
        ({"observe_local": ("index",)}, ValueError, "observe_local must be one of 'state', 'glob"),
        ({"observe_local": "state"}, ValueError, "observe_local must be a sequence of parts"),
        ({"observe_local": ()}, ValueError, "observe_local must be a sequence of parts"),
        ({"observe_local": ("state",) * 2}, ValueError, "observe_local names a part twice"),
        ({"observe_local": ("time",)}, ValueError, "'time' needs a finite horizon"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        TeamEnv(GAME, **arguments)


def test_an_observation_has_two_numbers_or_more():
    with pytest.raises(ValueError, match=r"observe_local = \('state',\) is a single number"):
        TeamEnv(make_game("follow_the_leader"), 2, observe_local=("state",))


def test_state_needs_a_reset():
    with pytest.raises(RuntimeError, match=r"call reset\(\) before state\(\)"):
        TeamEnv(GAME, 2).state()


# --- modules and ids ---


def test_module_and_public_names():
    for make in (dispatcher_v0.parallel_env, dispatcher_v0.env, dispatcher_v0.raw_env):
        env = make(2, num_zones=4, max_cycles=5)
        env.reset(seed=0)
        assert env.possible_agents == ["global_0", "local_0", "local_1"]
        assert env.unwrapped.metadata["name"] == "dispatcher_v0"
    assert dispatcher_v0.parallel_env(game=GAME).game is GAME
    assert (
        dispatcher_v0.parallel_env(observe_global=["mean_field"]).possible_agents[-1] == "local_7"
    )
    assert mfg_envs.one_shot_squeeze_v0 is module("one_shot_squeeze")
    with pytest.raises(ValueError, match="no parameter 'num_local'; did you mean 'num_locals'"):
        dispatcher_v0.parallel_env(num_local=3)
    with pytest.raises(ValueError, match=r"give game=\.\.\. or parameters, not both: num_zones"):
        dispatcher_v0.parallel_env(game=GAME, num_zones=3)


@pytest.mark.skipif(not hasattr(pettingzoo, "register"), reason="pettingzoo 1.27 has a registry")
def test_pettingzoo_ids():
    env = pettingzoo.make("parallel", "mfg_envs/FollowTheLeader-v0", num_locals=4, max_cycles=3)
    assert isinstance(env.unwrapped, TeamEnv)
    env.reset(seed=0)
    assert len(play(env)) == 3
    aec = pettingzoo.make("aec", "mfg_envs/FollowTheLeader-v0", num_locals=4)
    aec.reset(seed=0)
    assert aec.max_num_agents == 5
