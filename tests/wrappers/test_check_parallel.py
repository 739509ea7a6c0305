"""An AEC environment is refused, in the same words, by every view that steps all agents at once."""

import pytest
from pettingzoo.utils.conversions import aec_to_parallel
from stable_baselines3 import PPO

from agents import IndependentLearners
from mfg_envs import dispatcher_v0, ring_road_v0
from wrappers import (
    ObserveTime,
    PopulationVectorEnv,
    SharedPolicyVecEnv,
    as_arrays,
    as_columns,
    to_torchrl,
    to_tuple_gym,
)

GROUPS = ("vehicle", "global", "local")
VIEWS = {
    "as_columns": as_columns,
    "to_tuple_gym": to_tuple_gym,
    "IndependentLearners": lambda env: IndependentLearners(
        env, {name: lambda venv: PPO("MlpPolicy", venv) for name in GROUPS if _has(env, name)}
    ),
}
OF_ONE_KIND = {
    "as_arrays": as_arrays,
    "SharedPolicyVecEnv": SharedPolicyVecEnv,
    "PopulationVectorEnv": PopulationVectorEnv,
    "to_torchrl": to_torchrl,
    "ObserveTime": ObserveTime,
}


def _has(env, group):
    return any(agent.startswith(group) for agent in env.possible_agents)


@pytest.mark.parametrize("view", [*VIEWS, *OF_ONE_KIND])
def test_aec_environments_of_one_kind_are_refused(view):
    with pytest.raises(TypeError, match=r"env must be a PettingZoo ParallelEnv, got .*aec_to_par"):
        {**VIEWS, **OF_ONE_KIND}[view](ring_road_v0.env(num_agents=3))


@pytest.mark.parametrize("view", VIEWS)
def test_aec_environments_of_several_kinds_are_refused_until_converted(view):
    env = dispatcher_v0.env(num_locals=2)
    with pytest.raises(TypeError, match=r"env must be a PettingZoo ParallelEnv, got .*aec_to_par"):
        VIEWS[view](env)
    VIEWS[view](aec_to_parallel(env))  # as the message says
