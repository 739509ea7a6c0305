"""PettingZoo's and MPE's own environments in our views: ``make interop-pettingzoo``."""

from __future__ import annotations

import os
from itertools import pairwise

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from pettingzoo.utils.wrappers import BaseParallelWrapper
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.vec_env import VecMonitor
from torchrl.envs.utils import check_env_specs

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

from mpe2 import simple_speaker_listener_v4, simple_tag_v3
from pettingzoo.butterfly import knights_archers_zombies_v11, pistonball_v6

from agents import IndependentLearners
from wrappers import (
    PlayerEnv,
    PopulationVectorEnv,
    SharedPolicyVecEnv,
    as_arrays,
    as_columns,
    to_torchrl,
    to_tuple_gym,
)

pytestmark = pytest.mark.filterwarnings("default")  # those of the environments are not ours

GAMES = {
    "knights_archers_zombies": lambda: knights_archers_zombies_v11.parallel_env(spawn_delay=2),
    "pistonball": lambda: pistonball_v6.parallel_env(n_pistons=3, max_cycles=15),
    "simple_tag": lambda: simple_tag_v3.parallel_env(max_cycles=15),
    "simple_speaker_listener": lambda: simple_speaker_listener_v4.parallel_env(max_cycles=15),
}
OF_ONE_KIND = {name: GAMES[name] for name in ("knights_archers_zombies", "pistonball")}
TOGETHER = [name for name in GAMES if name != "knights_archers_zombies"]  # where all end together


def chance(spaces, copies, seed=0):
    """Return a function that draws actions, (copies, ...) for each space."""
    generator = np.random.default_rng(seed)

    def one(space):
        if hasattr(space, "n"):
            return generator.integers(0, space.n, copies)
        return generator.uniform(space.low, space.high, (copies, *space.shape)).astype(space.dtype)

    return lambda: [one(space) for space in spaces]


@pytest.mark.parametrize("name", GAMES)
def test_copy_b_plays_what_its_seed_plays(name):
    columns = as_columns(GAMES[name](), 2)
    draw = chance(columns.action_spaces, 2)
    seen, twins = columns.reset(7), [GAMES[name]() for _ in range(2)]
    for b, twin in enumerate(twins):
        raw = twin.reset(seed=7 + b)[0]
        for i, agent in enumerate(columns.agents):
            np.testing.assert_array_equal(seen[i][b], raw[agent])
    for _ in range(40):  # over the end of an episode, but for the knights
        a = draw()
        step = columns.step(a)
        for b, twin in enumerate(twins):
            acting = list(twin.agents)
            chosen = {who: a[i][b] for i, who in enumerate(columns.agents) if who in acting}
            raw, rewards, ends, cuts, _ = twin.step(chosen)
            last = step.observation if step.final is None else step.final
            for i, agent in enumerate(columns.agents):
                assert step.reward[b, i] == rewards.get(agent, 0)
                assert step.terminated[b, i] == ends.get(agent, False)
                assert step.truncated[b, i] == cuts.get(agent, False)
                if agent in acting:
                    np.testing.assert_array_equal(last[i][b], raw[agent])
            if not twin.agents:
                twin.reset()


@pytest.mark.parametrize("seeded_before", [False, True])
@pytest.mark.parametrize("name", GAMES)
def test_copies_differ_without_a_seed(name, seeded_before):
    env = GAMES[name]()
    if seeded_before:
        env.reset(seed=1)
    columns = as_columns(env, 3)
    rows = [columns.reset()]
    for _ in range(12):  # all do the same: zombies come at random places
        zero = [np.zeros((3, *(s.shape or ())), s.dtype) for s in columns.action_spaces]
        rows.append(columns.step(zero).observation)
    whole = [
        np.concatenate([np.ravel(part[b]) for seen in rows for part in seen]) for b in range(3)
    ]
    for one, two in pairwise([*whole, whole[0]]):
        assert not np.array_equal(one, two)


class Counted(BaseParallelWrapper):
    """Keep return and length of every agent's episodes."""

    def __init__(self, env):
        super().__init__(env)
        self.episodes = {agent: [] for agent in env.possible_agents}

    def reset(self, seed=None, options=None):
        self.running = {agent: [0.0, 0] for agent in self.env.possible_agents}
        return self.env.reset(seed=seed, options=options)

    def step(self, actions):
        acting = list(self.env.agents)
        out = self.env.step(actions)
        for agent in acting:
            self.running[agent][0] += out[1][agent]
            self.running[agent][1] += 1
            if out[2][agent] or out[3][agent]:
                self.episodes[agent].append(tuple(self.running[agent]))
        return out


@pytest.mark.parametrize(
    "name", ["knights_archers_zombies", "simple_tag", "simple_speaker_listener"]
)
def test_learners_of_their_own_count_their_episodes(name):
    env = Counted(GAMES[name]())

    def make(venv):
        return DQN("MlpPolicy", VecMonitor(venv), learning_starts=10**6, buffer_size=900)

    groups = {agent.rsplit("_", 1)[0]: make for agent in env.possible_agents}
    team = IndependentLearners(env, groups, seed=2).learn(400)
    for agent, model in team.models.items():
        got = [(episode["r"], episode["l"]) for episode in model.ep_info_buffer]
        assert len(got) >= 1
        np.testing.assert_allclose(got, env.episodes[agent][: len(got)], rtol=1e-5)
        ends = np.flatnonzero(model.replay_buffer.dones[:400, 0])
        np.testing.assert_array_equal(np.diff(ends, prepend=-1), [length for _, length in got])


def test_learners_of_their_own_see_pictures():
    learners = {"piston": lambda venv: A2C("CnnPolicy", venv, n_steps=8)}
    team = IndependentLearners(GAMES["pistonball"](), learners, copies=2).learn(16)
    assert [model.num_timesteps for model in team.models.values()] == [16] * 3


def test_knights_die_before_archers():
    env = GAMES["knights_archers_zombies"]
    venv = SharedPolicyVecEnv(env(), 2)
    model = PPO("MlpPolicy", venv, n_steps=128, batch_size=64, n_epochs=1, seed=0)
    with pytest.raises(ValueError, match=r"is gone at step \d+ of copy \d while others play on"):
        model.learn(4096)
    venv = VecMonitor(SharedPolicyVecEnv(env(), 2, leavers="stay"))
    model = PPO("MlpPolicy", venv, n_steps=128, batch_size=64, n_epochs=1, seed=0).learn(4096)
    lengths = [episode["l"] for episode in model.ep_info_buffer]
    assert len(lengths) >= 4
    assert all(lengths.count(length) % 4 == 0 for length in lengths)  # a copy's four end together


def test_pistons_share_a_policy():
    venv = SharedPolicyVecEnv(GAMES["pistonball"](), 2)
    PPO("CnnPolicy", venv, n_steps=8, batch_size=24, n_epochs=1, seed=0).learn(96)


@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP])
@pytest.mark.parametrize("name", OF_ONE_KIND)
def test_rows_are_in_the_spaces_of_gymnasiums_vector_environment(name, mode):
    env = PopulationVectorEnv(OF_ONE_KIND[name](), 2, autoreset_mode=mode, leavers="stay")
    seen, _ = env.reset(seed=3)
    ended = 0
    for _ in range(40):
        assert seen in env.observation_space
        seen, reward, ends, cuts, _ = env.step(env.action_space.sample())
        assert reward.shape == (env.num_envs,)
        ended += int((ends | cuts).any())
    assert ended >= (name == "pistonball")


@pytest.mark.parametrize("name", OF_ONE_KIND)
def test_torchrls_own_check_passes(name):
    check_env_specs(to_torchrl(OF_ONE_KIND[name](), 2, leavers="stay"), seed=0)


@pytest.mark.parametrize("name", TOGETHER)
def test_one_player_sees_its_space(name):
    env = PlayerEnv(GAMES[name](), GAMES[name]().possible_agents[-1])
    seen, _ = env.reset(seed=5)
    for _ in range(20):
        assert seen in env.observation_space
        seen, reward, ended, cut, _ = env.step(env.action_space.sample())
        assert isinstance(reward, float)
        if ended or cut:
            seen, _ = env.reset()


@pytest.mark.parametrize("name", GAMES)
def test_tuples_say_what_the_dicts_say(name):
    env, raw = to_tuple_gym(GAMES[name]()), GAMES[name]()
    env.reset(seed=5)
    raw.reset(seed=5)
    draw = chance([raw.action_space(agent) for agent in raw.possible_agents], 1)
    for _ in range(20):
        actions = [a[0] for a in draw()]
        chosen = {
            who: a for who, a in zip(raw.possible_agents, actions, strict=True) if who in raw.agents
        }
        seen, rewards, ended, cut, _ = env.step(actions)
        part, earned, *_ = raw.step(chosen)
        assert rewards == [earned.get(agent, 0.0) for agent in raw.possible_agents]
        for one, agent in zip(seen, raw.possible_agents, strict=True):
            if agent in part:
                np.testing.assert_array_equal(one, part[agent])
        assert (ended or cut) == (not raw.agents)
        if not raw.agents:
            env.reset()
            raw.reset()


@pytest.mark.parametrize("name", ["simple_tag", "simple_speaker_listener"])
def test_agents_of_two_kinds_are_sent_elsewhere(name):
    with pytest.raises(ValueError, match="let each learn for itself"):
        as_arrays(GAMES[name]())
