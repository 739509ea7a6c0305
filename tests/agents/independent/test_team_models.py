"""Models of a team's agents play as they do in the environment, in many teams at once."""

from __future__ import annotations

import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize

from agents import IndependentLearners, TeamModels, optimality_gap, team_value
from mfg_envs.environments.team import TeamEnv
from mfg_envs.games.teams.dispatcher import Dispatcher
from mfg_envs.simulate.team import TeamBatchEnv

GAME = Dispatcher(num_zones=4, discount=0.9)


def ppo(env):
    return PPO("MlpPolicy", VecNormalize(env), n_steps=8, batch_size=8, n_epochs=1, device="cpu")


@pytest.fixture
def env():
    return TeamEnv(GAME, 3, max_cycles=8)


@pytest.fixture
def models(env):
    return IndependentLearners(env, {"global": ppo, "local": ppo}, seed=0).learn(8).models


def test_everybody_does_what_its_model_does_in_the_environment(env, models):
    seen, _ = env.reset(seed=4)
    batch = TeamBatchEnv(GAME, 2, 3, 4)
    batch.reset()
    together = TeamModels(env, models)
    for _ in range(8):
        a_g, a = together.actions(batch)
        wanted = [
            model.predict(model.get_env().normalize_obs(seen[name]), deterministic=True)[0]
            for name, model in models.items()
        ]
        assert [a_g[0], *a[0]] == wanted
        batch.step(a_g, a)
        seen = env.step(dict(zip(env.possible_agents, wanted, strict=True)))[0]


def test_models_of_a_team_have_a_value_and_a_gap(env, models):
    policy = TeamModels(env, models)
    value = team_value(policy, 3, num_envs=20, num_steps=30)
    assert value.error > 0
    found = optimality_gap(policy, 3, num_envs=20)
    assert found.gap > -4.5 * found.error  # nobody is better than the best


def test_models_that_do_not_fit_are_named(env, models):
    with pytest.raises(ValueError, match="'global_0' is missing"):
        TeamModels(env, {k: v for k, v in models.items() if k != "global_0"})
    with pytest.raises(ValueError, match="'cat' is no agent"):
        TeamModels(env, {**models, "cat": 1})
    with pytest.raises(ValueError, match="models of 3 locals, 5 play"):
        team_value(TeamModels(env, models), 5, num_envs=2)

    def stacked(venv):
        return PPO("MlpPolicy", VecFrameStack(venv, 2), n_steps=8, device="cpu", batch_size=8)

    team = IndependentLearners(env, {"global": stacked, "local": ppo}, seed=0)
    with pytest.raises(ValueError, match="'global_0' acts on more than it sees"):
        TeamModels(env, team.models)
