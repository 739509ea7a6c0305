"""A player learns against the models of others: what it sees, where it begins, what it gains."""

from __future__ import annotations

import numpy as np
import pytest
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize
from toys import Drift, Places

from agents import IndependentLearners, LearnedDeviation
from agents.independent.learned_deviation import SeatVecEnv, begin_with
from mfg_envs import PopulationEnv, make_game, policies
from mfg_envs.metrics import Seat, team_gap
from mfg_envs.players.each import Each
from mfg_envs.simulate.acting import as_policy


@pytest.fixture(autouse=True)
def _numpy(use):
    use("numpy")


class Push(Drift):
    """Who pushes by a half pays nothing."""

    def reward(self, t, x, a, m):
        return -((a[0] - 0.5) ** 2) + 0 * m[0]


def ppo(env, **settings):
    given = {"n_steps": 24, "batch_size": 48, "n_epochs": 4, "learning_rate": 1e-2, **settings}
    return PPO("MlpPolicy", env, gamma=1.0, device="cpu", **given)


def seat(game, policy, player=1, num_agents=3, num_steps=None):
    everybody = Each((as_policy(game, policy),) * num_agents)
    return Seat(game, everybody, player, "a", policy, None, num_steps or game.horizon, 5)


def gap_of_idlers(total_timesteps):
    return team_gap(
        Push(), lambda t, x: 0 * x, num_agents=3, num_episodes=10, seed=1,
        response=LearnedDeviation(ppo, total_timesteps),
    )  # fmt: skip


def test_a_learned_response_gains_most_of_what_there_is():
    # Three decisions, each of which can save a quarter.
    assert 0.8 * 0.75 < gap_of_idlers(1920).gap <= 0.75


def test_the_seed_decides_what_is_learned():
    assert gap_of_idlers(192)[:4] == gap_of_idlers(192)[:4]


def test_dynamic_programming_gains_no_less_than_learning():
    game = Places(horizon=4, discount=1.0)
    env = PopulationEnv(game, 3)
    team = IndependentLearners(env, {"player": ppo}, copies=4, seed=0).learn(96)
    exact = team_gap(env, team.models)
    learned = team_gap(env, team.models, response=LearnedDeviation(ppo, 960))
    for name, best in exact.players.items():
        assert best.value == learned.players[name].value
        some = learned.players[name]
        assert best.gain > some.gain - 4.5 * np.hypot(best.error, some.error)
    assert exact.mean > 0
    assert learned.mean > exact.mean / 2


def test_a_response_begins_with_the_players_own_weights():
    game = make_game("linear_quadratic", horizon=4)
    env = PopulationEnv(game, 2)

    def normalised(venv):
        return ppo(VecNormalize(venv))

    team = IndependentLearners(env, {"player": normalised}, copies=2, seed=0).learn(48)
    own = team.models["player_0"]
    fresh = normalised(SeatVecEnv(seat(game, lambda t, x: x), 2))
    before = fresh.policy.state_dict()["action_net.weight"].clone()
    assert begin_with(fresh, own)
    for key, value in own.policy.state_dict().items():
        assert (fresh.policy.state_dict()[key] == value).all(), key
    assert (before != own.policy.state_dict()["action_net.weight"]).any()
    there, here = own.get_vec_normalize_env(), fresh.get_vec_normalize_env()
    np.testing.assert_array_equal(there.obs_rms.mean, here.obs_rms.mean)
    assert here.obs_rms is not there.obs_rms  # the response goes on, the model stays

    bare = SeatVecEnv(seat(game, lambda t, x: x), 2)
    assert begin_with(ppo(bare), own)
    for other in (A2C("MlpPolicy", bare), ppo(bare, policy_kwargs={"net_arch": [8]})):
        assert not begin_with(other, own)
    assert not begin_with(fresh, policies.uniform(Places()))


def test_who_does_not_begin_warm_begins_anew():
    game = Push()
    env = PopulationEnv(game, 2)
    model = IndependentLearners(env, {"player": ppo}, copies=2, seed=0).models["player_0"]
    chosen = Seat(game, Each((as_policy(game, model),) * 2), 0, "a", model, None, 3, 5)
    x = np.full((1, 1, 1), 0.7)
    means = [
        LearnedDeviation(lambda e: ppo(e, learning_rate=0.0), 48, 2, warm)(chosen).mean(0, x, x[0])
        for warm in (True, False)
    ]
    wanted = as_policy(game, model, deterministic=True).mean(0, x, x[0])
    np.testing.assert_allclose(means[0], wanted, atol=1e-6)
    assert abs(means[1] - wanted).max() > 1e-4


def test_a_seat_sees_and_earns_what_its_player_does(random_policy):
    game = Places(horizon=3)
    chosen = seat(game, random_policy(game))
    venv = SeatVecEnv(chosen, 4)
    venv.seed(7)
    env = PopulationEnv(game, 3).batch.replicate(4)
    shown, first = venv.reset(), env.reset(7)
    np.testing.assert_array_equal(shown, first.observation[:, 1])
    for t in range(3):
        actions = np.array(chosen.policy.actions(env))
        actions[:, 1] = [0, 1, 0, 1]
        step = env.step(actions)
        seen, reward, done, infos = venv.step(np.array([0, 1, 0, 1]))
        np.testing.assert_allclose(reward, step.reward[:, 1], rtol=1e-6)
        assert done.all() == (t == 2)
        if t < 2:
            np.testing.assert_array_equal(seen, step.observation[:, 1])
    for b, info in enumerate(infos):
        np.testing.assert_array_equal(info["terminal_observation"], step.observation[b, 1])
        assert not info["TimeLimit.truncated"]
    np.testing.assert_array_equal(seen, env.reset().observation[:, 1])


def test_a_stationary_game_is_cut_and_not_ended(toys, random_policy):
    game = toys.Market(horizon=None)
    venv = SeatVecEnv(seat(game, random_policy(game), num_steps=2), 2)
    venv.reset()
    for _ in range(2):
        _, _, done, infos = venv.step(np.zeros(2, int))
    assert done.all()
    assert all(info["TimeLimit.truncated"] for info in infos)


def test_a_model_that_cannot_be_measured_is_refused_before_it_learns():
    def stacked(env):
        return ppo(VecFrameStack(env, 2))

    with pytest.raises(ValueError, match="the PPO sees Box"):
        LearnedDeviation(stacked, 10**9)(seat(Push(), lambda t, x: 0 * x))


def test_an_invalid_number_is_named():
    with pytest.raises(ValueError, match="total_timesteps must be at least 1, got 0"):
        LearnedDeviation(ppo, 0)
    with pytest.raises(ValueError, match="copies must be at least 1, got 0"):
        LearnedDeviation(ppo, 10, copies=0)
