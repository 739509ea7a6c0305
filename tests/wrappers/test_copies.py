"""Copies differ without a seed, and with one copy b plays what its seed + b plays: every view."""

import numpy as np
import pytest
from covering import covering
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from pettingzoo import ParallelEnv
from pettingzoo.utils.conversions import aec_to_parallel, parallel_to_aec
from pettingzoo.utils.wrappers import BaseParallelWrapper
from stable_baselines3 import A2C, DQN
from toy_envs import Herd

from agents import IndependentLearners
from mfg_envs import dispatcher_v0, ring_road_v0
from wrappers import (
    ObserveTime,
    PopulationVectorEnv,
    SharedPolicyVecEnv,
    SubsampleNeighbours,
    as_arrays,
    as_columns,
    to_torchrl,
)

COPIES, STEPS = 3, 7  # over the end of an episode, of 5 steps
LIVES = (5, 5)


class Deaf(BaseParallelWrapper):
    """Keep the seed from the environment, as some wrappers do."""

    def reset(self, seed=None, options=None):
        return self.env.reset()


class Sampled(BaseParallelWrapper):
    """Show what the observation space draws."""

    def __init__(self, env):
        super().__init__(env)
        self.space = spaces.Box(0, 1, (3,), np.float32, seed=1)

    def observation_space(self, agent):
        return self.space

    def reset(self, seed=None, options=None):
        seen, infos = self.env.reset(seed=seed)
        return {agent: self.space.sample() for agent in seen}, infos

    def step(self, actions):
        seen, *rest = self.env.step(actions)
        return {agent: self.space.sample() for agent in seen}, *rest


ENVIRONMENTS = {
    "ours": lambda: ring_road_v0.parallel_env(num_agents=2, max_cycles=5),
    "ours wrapped": lambda: BaseParallelWrapper(
        ring_road_v0.parallel_env(num_agents=2, max_cycles=5)
    ),
    "foreign": lambda: Herd(LIVES),
    "foreign wrapped": lambda: BaseParallelWrapper(Herd(LIVES)),
    "foreign converted twice": lambda: aec_to_parallel(parallel_to_aec(Herd(LIVES))),
    "foreign, our wrapper": lambda: ObserveTime(Herd(LIVES), num_steps=5),
    "ours, drawing wrapper": lambda: SubsampleNeighbours(
        ring_road_v0.parallel_env(num_agents=2, max_cycles=5), 1
    ),
    "foreign, drawing wrapper": lambda: SubsampleNeighbours(Herd(LIVES), 1),
    "drawing wrapper wrapped": lambda: BaseParallelWrapper(SubsampleNeighbours(Herd((5, 5, 5)), 1)),
}
SEEDLESS = {
    "seed not handed on": lambda: Deaf(Herd(LIVES)),
    "seed not handed on, converted": lambda: aec_to_parallel(parallel_to_aec(Deaf(Herd(LIVES)))),
    "sampled spaces": lambda: Sampled(Herd(LIVES)),
}


def begin(env):
    env.reset(seed=3)
    env.step(dict.fromkeys(env.agents, 1))


HISTORIES = {
    "new": lambda env: None,
    "reset": lambda env: env.reset(),
    "seeded": lambda env: env.reset(seed=3),
    "in an episode": begin,
}


def with_arrays(env, seed):
    arrays = as_arrays(env, COPIES)
    yield arrays.reset(seed)
    while True:
        yield arrays.step(np.zeros(arrays.num_rows, int)).observation


def with_columns(env, seed):
    columns = as_columns(env, COPIES)
    yield np.stack(columns.reset(seed), 1)
    while True:
        step = columns.step([np.zeros(COPIES, int)] * len(columns.agents))
        yield np.stack(step.observation, 1)


def with_sb3(env, seed):
    venv = SharedPolicyVecEnv(env, COPIES)
    if seed is not None:
        venv.seed(seed)
    yield venv.reset()
    while True:
        yield venv.step(np.zeros(venv.num_envs, int))[0]


def with_gymnasium(env, seed):
    vector = PopulationVectorEnv(env, COPIES)
    yield vector.reset(seed=seed)[0]
    while True:
        yield vector.step(np.zeros(vector.num_envs, int))[0]


def with_gymnasium_next_step(env, seed):
    vector = PopulationVectorEnv(env, COPIES, autoreset_mode=AutoresetMode.NEXT_STEP)
    yield vector.reset(seed=seed)[0]
    while True:
        seen, _, ends, cuts, _ = vector.step(np.zeros(vector.num_envs, int))
        if (ends | cuts).any():
            seen = vector.step(np.zeros(vector.num_envs, int))[0]
        yield seen


def with_torchrl(env, seed):
    view = to_torchrl(env, COPIES)
    if seed is not None:
        view.set_seed(seed)
    moment = view.reset()
    while True:
        yield moment[view.group, "observation"].numpy()
        _, moment = view.step_and_maybe_reset(moment.update(view.full_action_spec.zero()))


VIEWS = {
    "as_arrays": with_arrays,
    "as_columns": with_columns,
    "SharedPolicyVecEnv": with_sb3,
    "PopulationVectorEnv": with_gymnasium,
    "PopulationVectorEnv, NEXT_STEP": with_gymnasium_next_step,
    "to_torchrl": with_torchrl,
}


def played(view, env, seed=None):
    """Return what all agents of every copy see, a row a copy."""
    steps = zip(range(STEPS), VIEWS[view](env, seed), strict=False)
    return np.stack([np.reshape(seen, (COPIES, -1)) for _, seen in steps], 1)


def assert_all_differ(rows):
    for b in range(1, len(rows)):
        for c in range(b):
            assert not np.array_equal(rows[b], rows[c]), f"copies {c} and {b} are the same"


@covering(strength=2, name=[*ENVIRONMENTS, *SEEDLESS], history=list(HISTORIES), view=list(VIEWS))
def test_copies_differ_without_a_seed(name, history, view):
    env = {**ENVIRONMENTS, **SEEDLESS}[name]()
    HISTORIES[history](env)
    assert_all_differ(played(view, env))


@covering(strength=2, name=list(ENVIRONMENTS), history=list(HISTORIES), view=list(VIEWS))
def test_copy_b_plays_what_an_environment_of_seed_s_plus_b_plays(name, history, view):
    env = ENVIRONMENTS[name]()
    HISTORIES[history](env)
    rows = played(view, env, seed=11)
    for b in range(COPIES):
        twin = ENVIRONMENTS[name]()
        seen, _ = twin.reset(seed=11 + b)
        for step in range(STEPS):
            wanted = np.concatenate([np.ravel(seen[a]) for a in twin.possible_agents])
            np.testing.assert_array_equal(rows[b, step], wanted)
            seen = twin.step(dict.fromkeys(twin.agents, 0))[0]
            if not twin.agents:
                seen, _ = twin.reset()


@pytest.mark.parametrize("view", VIEWS)
def test_streams_go_on_after_a_seed(view):
    one, two = (played(view, Herd(LIVES), seed=4) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert_all_differ(one[:, LIVES[0] :])  # the second episode


def test_the_first_copy_goes_on_with_the_stream_of_the_environment():
    env, twin = Herd(LIVES), Herd(LIVES)
    for one in (env, twin):
        one.reset(seed=8)
    first = as_arrays(env, 2).reset()
    np.testing.assert_array_equal(first[:2], list(twin.reset()[0].values()))


def test_copies_of_agents_of_several_kinds():
    def make():
        return dispatcher_v0.parallel_env(num_locals=6, max_cycles=5)

    env = make()
    env.reset(seed=2)
    columns = as_columns(env, COPIES)
    assert_all_differ(np.concatenate(columns.reset(), 1))
    for i, seen in enumerate(columns.reset(20)):
        for b in range(COPIES):
            twin = make()
            np.testing.assert_array_equal(seen[b], list(twin.reset(seed=20 + b)[0].values())[i])


@covering(name=list(ENVIRONMENTS), history=list(HISTORIES))
def test_independent_learners_play_different_copies(name, history):
    env = ENVIRONMENTS[name]()
    HISTORIES[history](env)
    group = env.possible_agents[0].rsplit("_", 1)[0]
    learners = {group: lambda venv: A2C("MlpPolicy", venv, n_steps=STEPS, device="cpu")}
    team = IndependentLearners(env, learners, copies=COPIES, seed=5)
    team.learn(STEPS * COPIES)
    buffers = [model.rollout_buffer.observations for model in team.models.values()]
    rows = np.concatenate([seen.reshape(COPIES, STEPS, -1) for seen in buffers], -1)
    assert_all_differ(rows)
    for b in range(COPIES):
        first = ENVIRONMENTS[name]().reset(seed=team._number(0, 0) + b)[0]
        np.testing.assert_array_equal(rows[b, 0], np.concatenate(list(first.values())))


def test_every_transition_of_eight_unseeded_copies_is_another():
    venv = SharedPolicyVecEnv(Herd((99, 99, 99)), copies=8)
    model = DQN("MlpPolicy", venv, learning_starts=10**6, buffer_size=800, device="cpu")
    rows = model.learn(480).replay_buffer.observations[:20].reshape(-1, 3)
    assert len(np.unique(rows, axis=0)) == len(rows) == 480


class Handle(ParallelEnv):
    """An environment that holds what cannot be copied."""

    def __init__(self, env):
        self.env, self.steps = env, (step for step in ())
        self.possible_agents = env.possible_agents
        self.observation_space, self.action_space = env.observation_space, env.action_space


def test_an_environment_that_cannot_be_copied_is_played_once():
    with pytest.raises(TypeError, match=r"Handle cannot be copied \(.*\): give copies=1"):
        as_arrays(Handle(Herd()), 2)
    assert as_arrays(Handle(Herd())).num_rows == 3
