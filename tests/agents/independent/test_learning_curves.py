"""What learners that plug in reach, beside each other: slow, and said with its error."""

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from agents import BatchedIndependentPPO, IndependentLearners
from mfg_envs import four_rooms_v0, ring_road_v0
from wrappers import NormaliseReward, SharedPolicyVecEnv, as_columns

PPO_SETTINGS = {"n_epochs": 4, "learning_rate": 1e-3, "gamma": 0.9, "device": "cpu"}


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def road(num_agents, max_cycles=100):
    return ring_road_v0.parallel_env(num_agents=num_agents, max_cycles=max_cycles)


def mean_reward(num_agents, acts, copies=25, steps=100):
    """Return the mean reward of a step, each player following its own function."""
    columns = as_columns(road(num_agents), copies)
    seen, total = columns.reset(123), 0.0
    for _ in range(steps):
        step = columns.step([act(one) for act, one in zip(acts, seen, strict=True)])
        seen, total = step.observation, total + step.reward.mean()
    return total / steps


def greedy(model):
    return lambda seen: model.predict(seen, deterministic=True)[0]


@pytest.mark.slow
def test_four_models_reach_what_a_shared_one_reaches():
    settings = {**PPO_SETTINGS, "n_steps": 128, "batch_size": 256}
    generator = np.random.default_rng(0)
    speeds = road(4).action_space("vehicle_0").n
    lots = mean_reward(4, [lambda seen: generator.integers(0, speeds, len(seen))] * 4)

    def train():
        learners = {"vehicle": lambda env: PPO("MlpPolicy", env, **settings)}
        return IndependentLearners(road(4), learners, copies=8, seed=0).learn(30_000)

    own, again = train(), train()
    for one, two in zip(own.models.values(), again.models.values(), strict=True):
        for p, q in zip(one.policy.parameters(), two.policy.parameters(), strict=True):
            assert torch.equal(p, q)
    shared = PPO("MlpPolicy", SharedPolicyVecEnv(road(4), 8), seed=0, **settings).learn(120_000)
    reached = mean_reward(4, [greedy(model) for model in own.models.values()])
    bound = mean_reward(4, [greedy(shared)] * 4)
    assert reached > lots
    assert (reached - lots) / (bound - lots) >= 0.9  # of the way that sharing all data goes


@pytest.mark.slow
def test_walkers_keep_apart_once_rewards_are_centred_and_actions_explored_at_their_scale():
    """At random they earn -131.3, each at a place of its own -127.06."""
    rooms = four_rooms_v0.parallel_env(num_agents=4)

    def earned(env, **settings):
        learners = {"walker": lambda venv: PPO("MlpPolicy", venv, device="cpu", **settings)}
        models = IndependentLearners(env, learners, copies=8, seed=0).learn(4_096).models.values()
        columns = as_columns(rooms, 100)
        seen, total = columns.reset(123), 0.0
        for _ in range(rooms.max_cycles):
            actions = [model.predict(one)[0] for model, one in zip(models, seen, strict=True)]
            step = columns.step(actions)
            seen, total = step.observation, total + step.reward.mean()
        return total

    scaled = {"n_steps": 32, "learning_rate": 1e-3, "policy_kwargs": {"log_std_init": -1.0}}
    assert earned(rooms, n_steps=256) < -130.7
    assert earned(NormaliseReward(rooms, centre=True), **scaled) > -129.9


@pytest.mark.slow
def test_batched_learners_learn_like_models_of_their_own():
    N, B, T, rollouts = 8, 8, 64, 16
    seeds = range(4)

    def uncut():  # the buffer's rewards would have the bootstrap at a cut in them
        return road(N, max_cycles=10**6)

    def batched(seed):
        learner = BatchedIndependentPPO(
            iterations=rollouts, copies=B, num_steps=T, learning_rate=1e-3, discount=0.9
        )
        return np.array([iterate.q.mean() for iterate in learner.learn(uncut(), seed=seed)])

    def single(seed):
        settings = {**PPO_SETTINGS, "n_steps": T, "batch_size": B * T // 4}
        rewards = []

        class Curve(BaseCallback):
            """Keep the mean reward of every rollout of one player."""

            def _on_rollout_end(self):
                rewards.append(self.model.rollout_buffer.rewards.mean())

            def _on_step(self):
                return True

        learners = {"vehicle": lambda env: PPO("MlpPolicy", env, **settings)}
        made = IndependentLearners(uncut(), learners, copies=B, seed=seed)
        made.learn(B * T * rollouts, callback=lambda name: Curve())
        return np.reshape(rewards, (rollouts, N)).mean(1)

    one, two = (np.array([learn(seed) for seed in seeds]) for learn in (batched, single))
    spread = np.sqrt(one.var(0, ddof=1) / len(seeds) + two.var(0, ddof=1) / len(seeds))
    # Rewards of neighbouring rollouts belong together, so the whole curves are compared: their
    # mean over the rollouts, with the error of four seeds each (Student, 6 degrees of freedom,
    # 99.9 %: 5.96), and every rollout by six of its own errors or of the curves' typical one.
    whole = one.mean(1), two.mean(1)
    error = np.sqrt(sum(part.var(ddof=1) / len(seeds) for part in whole))
    assert abs(whole[0].mean() - whole[1].mean()) < 5.96 * error
    assert (np.abs(one.mean(0) - two.mean(0)) < 5.96 * np.maximum(spread, spread.mean())).all()
    for curves in (one, two):
        assert curves[:, -1].mean() > curves[:, 0].mean()
