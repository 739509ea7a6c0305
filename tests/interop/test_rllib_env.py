"""RLlib's new API stack on our environments: ``make interop-rllib``."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
import ray
from pettingzoo.utils.wrappers import BaseParallelWrapper
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.env.multi_agent_env_runner import MultiAgentEnvRunner

from mfg_envs import check_env, dispatcher_v0, linear_quadratic_v0, ring_road_v0, sis_v0
from wrappers import to_rllib

EXAMPLE = Path(__file__).parents[2] / "examples" / "rllib_ppo.py"
pytestmark = pytest.mark.filterwarnings("default")  # those of Ray are not ours


def road(**parameters):
    return ring_road_v0.parallel_env(**{"num_agents": 3, **parameters})


GAMES = {
    "road": lambda: road(max_cycles=5),
    "ends": lambda: road(horizon=3),
    "team": lambda: dispatcher_v0.parallel_env(num_locals=2, max_cycles=4),
    "continuous": lambda: linear_quadratic_v0.parallel_env(num_agents=3),
    "index": lambda: sis_v0.parallel_env(num_agents=3, observe=("index",)),
}


class LeavesEarly(BaseParallelWrapper):
    """Let the first agent end by the rules, alone, before the others are cut."""

    def step(self, actions):
        out = list(self.env.step({agent: 0 for agent in self.env.possible_agents}))
        if self.env.batch.t == 1:
            out[2]["vehicle_0"] = True
        else:
            out = [{k: v for k, v in part.items() if k != "vehicle_0"} for part in out]
        self.agents = [agent for agent in self.env.agents if agent != "vehicle_0"]
        return tuple(out)


@pytest.mark.parametrize("seed", [None, 3])
def test_runners_copies_of_an_environment_play_different_games(seed):
    env = BaseParallelWrapper(road(max_cycles=5))
    env.reset(seed=seed)
    one, two = (to_rllib(env).reset()[0] for _ in range(2))
    assert any((one[agent] != two[agent]).any() for agent in one)
    three, four = (to_rllib(env).reset(seed=6)[0] for _ in range(2))
    np.testing.assert_equal(three, four)


def test_an_aec_environment_is_refused():
    with pytest.raises(TypeError, match=r"must be a PettingZoo ParallelEnv, got .*aec_to_parallel"):
        to_rllib(ring_road_v0.env(num_agents=2))


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """Keep what Ray starts to this machine, and small."""
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.mark.parametrize("name", GAMES)
def test_transitions_are_those_of_the_environment(name):
    env, raw = to_rllib(GAMES[name]), GAMES[name]()
    for seed in (7, None):  # the second episode goes on with the stream of the first
        seen, _ = env.reset(seed=seed)
        expected, _ = raw.reset(seed=seed)
        np.testing.assert_equal(seen, expected)
        while raw.agents:
            assert env.agents == raw.agents
            actions = {agent: raw.action_space(agent).sample() for agent in raw.agents}
            *played, terminated, truncated, _ = env.step(actions)
            *expected, ended, cut, _ = raw.step(actions)
            is_cut = all(cut.values())
            np.testing.assert_equal(played, expected)
            assert terminated == {**ended, "__all__": all(ended.values())}
            assert truncated == {**dict.fromkeys(cut, False), "__all__": is_cut}
        assert env.agents == []


@pytest.mark.parametrize("name", GAMES)
def test_spaces_are_those_of_every_agent(name):
    env, raw = to_rllib(GAMES[name]), GAMES[name]()
    assert env.possible_agents == raw.possible_agents
    for agent in raw.possible_agents:
        assert env.get_observation_space(agent) == raw.observation_space(agent)
        assert env.get_action_space(agent) == raw.action_space(agent)


def test_an_episode_that_ends_in_two_ways_is_over_once():
    env = to_rllib(lambda: LeavesEarly(road(max_cycles=2)))
    env.reset(seed=0)
    _, _, terminated, truncated, _ = env.step(dict.fromkeys(env.agents, 0))
    assert terminated["vehicle_0"] and env.agents == ["vehicle_1", "vehicle_2"]
    assert not terminated["__all__"] and not truncated["__all__"]
    _, _, terminated, truncated, _ = env.step(dict.fromkeys(env.agents, 0))
    assert truncated["__all__"] and not terminated["__all__"]


def test_an_environment_is_drawn_and_closed():
    env = to_rllib(road(render_mode="rgb_array"))
    env.reset(seed=0)
    picture = env.render()
    assert picture.dtype == np.uint8 and picture.shape[2] == 3
    env.close()
    env.close()


class Recorder(BaseParallelWrapper):
    """Note the seed of every episode."""

    def __init__(self, env):
        super().__init__(env)
        self.seeds = []

    def reset(self, seed=None, options=None):
        self.seeds.append(seed)
        return super().reset(seed, options)


@pytest.mark.parametrize("end", ["horizon", "max_cycles"])
def test_runners_collect_the_episodes_of_the_registered_environment(end):
    parameters = {"num_agents": 2, end: 6}
    to_rllib(lambda **given: Recorder(road(**given)), name="road")
    config = (
        PPOConfig()
        .environment("road", env_config=parameters)
        .env_runners(num_env_runners=0)
        .multi_agent(policies={"all"}, policy_mapping_fn=lambda *_: "all")
        .debugging(seed=3)
    )
    runner = MultiAgentEnvRunner(config=config)
    seeds = runner.env.unwrapped.envs[0].unwrapped.env.seeds
    seeds.clear()
    episodes = runner.sample(num_episodes=3, random_actions=True)
    assert len(episodes) == 3 and seeds[0] is not None
    raw = road(**parameters)
    for seed, episode in zip(seeds, episodes, strict=False):
        for one in (episode, *episode.agent_episodes.values()):
            assert one.is_truncated == (end == "max_cycles")
            assert one.is_terminated == (end == "horizon")
        seen, rewards, actions = (
            {agent: getattr(one, f"get_{what}")() for agent, one in episode.agent_episodes.items()}
            for what in ("observations", "rewards", "actions")
        )
        first, _ = raw.reset(seed=seed)
        check(seen, first, 0)
        for t in range(6):
            played = raw.step({agent: actions[agent][t] for agent in raw.agents})
            check(seen, played[0], t + 1)
            check(rewards, played[1], t)
        assert not raw.agents


def check(rows, values, t):
    """Check row t of every agent against what the environment itself gives."""
    assert set(rows) == set(values)
    for agent in values:
        np.testing.assert_array_equal(rows[agent][t], values[agent])


def test_a_copy_of_an_environment_needs_no_factory():
    env = road()
    view = to_rllib(env, name="copied")
    view.reset(seed=1)
    assert env.agents == [] and view.env is not env


def test_the_environment_keeps_its_contract_with_this_gymnasium():
    check_env(road())


def test_the_example_answers_its_question(capsys):
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert "iteration 2: mean reward" in capsys.readouterr().out
