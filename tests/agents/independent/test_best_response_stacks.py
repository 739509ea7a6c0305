"""Learned responses of models with wrappers of their own around the environment."""

import numpy as np
import pytest
from gymnasium import spaces
from sb3_contrib import RecurrentPPO
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnvWrapper, VecFrameStack, VecNormalize

from agents.independent.best_response import MostProbable, learned_response
from mfg_envs import exact, make_game, policies
from mfg_envs.environments.population import PopulationEnv
from mfg_envs.players.observers import Observer
from wrappers import SharedPolicyVecEnv

GAME = make_game("sis", horizon=4)
SMALL = {"n_steps": 4, "batch_size": 8, "n_epochs": 1, "device": "cpu", "gamma": 0.9}


def crowd():
    return exact.flow(GAME, policies.uniform(GAME))


class Swap(VecEnvWrapper):
    """The model's actions 0 .. 4 are the game's 4 .. 0."""

    def reset(self):
        return self.venv.reset()

    def step_async(self, actions):
        self.venv.step_async(4 - actions)

    def step_wait(self):
        return self.venv.step_wait()


class Clocked(VecEnvWrapper):
    """Show the steps since the last reset as well."""

    def __init__(self, venv):
        box = venv.observation_space
        low, high = np.append(box.low, 0), np.append(box.high, 99)
        super().__init__(venv, spaces.Box(low.astype(np.float32), high.astype(np.float32)))

    def reset(self):
        self.t = 0
        return self.shown(self.venv.reset())

    def step_wait(self):
        seen, *rest = self.venv.step_wait()
        self.t += 1
        return self.shown(seen), *rest

    def shown(self, seen):
        return np.concatenate([seen, np.full((len(seen), 1), self.t, np.float32)], 1)


def test_the_table_of_a_model_is_what_it_does_through_its_wrappers():
    def table(wrap):
        env = PopulationEnv(GAME, 6, mode="mean_field")
        env.set_mean_field(crowd())
        model = PPO("MlpPolicy", wrap(SharedPolicyVecEnv(env)), seed=0, **SMALL)
        normaliser = model.get_vec_normalize_env()
        if normaliser is not None:
            normaliser.obs_rms.mean[:], normaliser.obs_rms.var[:] = -7.0, 1e-4
        acting = MostProbable(GAME, model)
        return model, policies.tabulate(acting, GAME, mean_fields=crowd())

    model, plain = table(lambda env: env)
    _, swapped = table(Swap)
    np.testing.assert_array_equal(swapped, plain[..., ::-1])
    model, normalised = table(VecNormalize)
    normaliser = model.get_vec_normalize_env()
    observer, x = Observer(GAME), np.arange(2)[None]
    for t, m in enumerate(crowd()):
        shown = normaliser.normalize_obs(observer(x, t, m[None])[0])
        wanted = model.predict(shown, deterministic=True)[0]
        np.testing.assert_array_equal(normalised[t].argmax(-1), wanted)


def test_a_response_that_normalised_is_a_lower_bound():
    policy = policies.uniform(GAME)
    learned = learned_response(
        GAME, policy, lambda env: PPO("MlpPolicy", VecNormalize(env), **SMALL), 1024, seed=2
    )
    again = exact.value(GAME, crowd(), learned.response) - exact.value(GAME, crowd(), policy)
    assert learned.gain == again <= exact.exploitability(GAME, policy) * (1 + 1e-12)


def test_a_response_of_a_continuous_game_normalises():
    game = make_game("linear_quadratic")
    learned = learned_response(
        game,
        lambda t, x: np.zeros_like(x),
        lambda env: PPO("MlpPolicy", VecNormalize(env), **SMALL),
        32,
        evaluation_players=100,
        num_players=8,
    )
    normaliser = learned.model.get_vec_normalize_env()
    normaliser.obs_rms.mean[:], normaliser.obs_rms.var[:] = 5.0, 1e-2
    shown, predict = [], learned.model.predict
    learned.model.predict = lambda seen, *rest, **given: (
        shown.append(seen) or predict(seen, *rest, **given)
    )
    learned.response(1, np.zeros((1, 20, 1)))
    (seen,) = shown  # one call for all, 20 players in three stacks of 8
    assert seen.shape[0] == 24
    np.testing.assert_allclose(seen[:20, 0], -normaliser.clip_obs)  # (0 - 5) / .1, clipped


def recurrent(env):
    return RecurrentPPO("MlpLstmPolicy", env, **SMALL)


@pytest.mark.parametrize(
    "factory",
    [
        lambda env: PPO("MlpPolicy", VecFrameStack(env, 2), **SMALL),
        lambda env: PPO("MlpPolicy", Clocked(env), **SMALL),
        recurrent,
    ],
    ids=["frames", "clock", "recurrent"],
)
@pytest.mark.parametrize("game", [GAME, make_game("linear_quadratic")], ids=["finite", "line"])
def test_a_model_with_a_memory_is_refused_before_it_learns(game, factory):
    made = []

    def make(env):
        made.append(factory(env))
        return made[0]

    policy = policies.uniform(GAME) if game is GAME else lambda t, x: np.zeros_like(x)
    with pytest.raises(ValueError, match="acts on more than it sees at a time"):
        learned_response(game, policy, make, 64, evaluation_players=100)
    assert made[0].num_timesteps == 0


def test_a_crowd_that_follows_a_model_is_met_as_its_table(use):
    use("numpy")
    model = PPO("MlpPolicy", SharedPolicyVecEnv(PopulationEnv(GAME, 2)), seed=0, **SMALL)

    def learn(policy):
        return learned_response(GAME, policy, lambda env: PPO("MlpPolicy", env, **SMALL), 64)

    one, two = learn(model), learn(policies.tabulate(model, GAME))
    assert one.gain == two.gain
    np.testing.assert_array_equal(one.response, two.response)
