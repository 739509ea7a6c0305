import os
import shutil
import signal
import threading

import numpy as np
import pytest
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3 import A2C, DQN, PPO, SAC
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecNormalize

from agents.independent.independent_sb3 import IndependentLearners
from mfg_envs import dispatcher_v0, linear_quadratic_v0, ring_road_v0
from wrappers import as_columns

QUICK = {"policy": "MlpPolicy", "device": "cpu"}


def ppo(env, **parameters):
    return PPO(env=env, n_steps=16, batch_size=16, n_epochs=1, **QUICK, **parameters)


def a2c(env):
    return A2C(env=env, n_steps=8, **QUICK)


def dqn(env):
    return DQN(env=env, learning_starts=8, buffer_size=40, train_freq=2, batch_size=4, **QUICK)


def sac(env):
    return SAC(env=env, learning_starts=8, buffer_size=40, batch_size=4, **QUICK)


def road(num_agents=3, **parameters):
    return ring_road_v0.parallel_env(num_agents=num_agents, **{"max_cycles": 11, **parameters})


def weights(learners):
    return {
        name: torch.cat([value.ravel().double() for value in model.policy.state_dict().values()])
        for name, model in learners.models.items()
    }


def same(one, two):
    return all(torch.equal(one[name], two[name]) for name in one) and one.keys() == two.keys()


MIXED = {"vehicle_0": ppo, "vehicle_1": a2c, "vehicle_2": dqn}


@pytest.mark.parametrize("learners", [{"vehicle": ppo}, MIXED], ids=["ppo", "mixed"])
def test_the_seed_decides_and_nothing_else_does(learners):
    def learn(seed):
        torch.rand(np.random.randint(1, 9))  # noqa: NPY002  what was drawn before must not matter
        made = IndependentLearners(road(), learners, copies=2, seed=seed)
        start = weights(made)
        return start, weights(made.learn(64))

    (s1, w1), (s2, w2), (_, w3) = learn(5), learn(5), learn(6)
    assert same(s1, s2)
    assert same(w1, w2)
    assert not any(torch.equal(s1[name], w1[name]) for name in w1)
    assert not any(torch.equal(w1[name], w3[name]) for name in w1)
    assert all(torch.isfinite(w).all() for w in w1.values())


def test_nobody_elses_random_numbers_are_touched():
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    wanted = torch.rand(3), np.random.rand(3)  # noqa: NPY002
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    threads = torch.get_num_threads()
    IndependentLearners(road(), {"vehicle": lambda env: ppo(env, seed=7)}).learn(16)
    assert torch.equal(torch.rand(3), wanted[0])
    np.testing.assert_array_equal(np.random.rand(3), wanted[1])  # noqa: NPY002
    assert torch.get_num_threads() == threads


def test_models_of_a_continuous_game_mix_algorithms():
    env = linear_quadratic_v0.parallel_env(num_agents=3)
    learners = {"player_0": ppo, "player_1": sac, "player_2": a2c}
    learned = IndependentLearners(env, learners, copies=2).learn(32)
    assert [model.num_timesteps for model in learned.models.values()] == [32, 32, 32]


def test_agents_of_several_kinds_learn_together():
    env = dispatcher_v0.parallel_env(num_locals=2, max_cycles=6)
    learned = IndependentLearners(env, {"global": dqn, "local": ppo}, copies=2).learn(32)
    assert list(learned.models) == ["global_0", "local_0", "local_1"]


class Recorded(BaseCallback):
    """Keep what the model was given at every step."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def _on_step(self):
        self.seen.append({k: np.copy(self.locals[k]) for k in ("actions", "rewards", "dones")})
        self.seen[-1]["new_obs"] = np.copy(self.locals["new_obs"])
        self.seen[-1]["infos"] = [dict(info) for info in self.locals["infos"]]
        return True


def test_every_model_sees_the_game_that_all_play():
    records = {}

    def callback(name):
        records[name] = Recorded()
        return records[name]

    IndependentLearners(road(), {"vehicle": a2c}, copies=2, seed=3).learn(48, callback=callback)
    twin = IndependentLearners(road(), {"vehicle": a2c}, copies=2, seed=3)
    columns = as_columns(road(), 2)
    columns.reset(twin._number(0, 0))
    for k in range(24):
        moments = [record.seen[k] for record in records.values()]
        step = columns.step([moment["actions"].reshape(-1) for moment in moments])
        ended = (k + 1) % 11 == 0
        for i, moment in enumerate(moments):
            np.testing.assert_array_equal(moment["new_obs"], step.observation[i])
            np.testing.assert_array_equal(moment["dones"], [ended, ended])
            if ended:
                last = [info["terminal_observation"] for info in moment["infos"]]
                np.testing.assert_array_equal(last, step.final[i])
            else:
                np.testing.assert_array_equal(moment["rewards"], np.float32(step.reward[:, i]))


def test_a_model_that_is_done_early_goes_on_acting():
    learners = {"vehicle_0": ppo, "vehicle_1": lambda env: A2C(env=env, n_steps=5, **QUICK)}
    learned = IndependentLearners(road(2), learners).learn(33)
    assert learned.models["vehicle_0"].num_timesteps == 48  # whole rollouts of 16
    assert learned.models["vehicle_1"].num_timesteps == 35


class Broken(PPO):
    def train(self):
        raise ZeroDivisionError("by nothing")


def test_a_model_with_a_memory_plays_beside_others():
    def recurrent(env):
        return RecurrentPPO("MlpLstmPolicy", env, n_steps=8, batch_size=8, n_epochs=1, device="cpu")

    learned = IndependentLearners(road(2), {"vehicle_0": recurrent, "vehicle_1": ppo}).learn(24)
    counts = [model.num_timesteps for model in learned.models.values()]
    assert counts == [24, 32]  # the first is done early, and goes on acting with its memory


def test_every_model_writes_a_tensorboard_log_of_its_own(tmp_path):
    def logged(env):
        return A2C(env=env, n_steps=8, tensorboard_log=str(tmp_path), **QUICK)

    IndependentLearners(road(2), {"vehicle": logged}).learn(16, progress_bar=True)
    runs = sorted(path.name for path in tmp_path.iterdir())
    assert runs == ["vehicle_0_1", "vehicle_1_1"]
    assert all(list((tmp_path / run).glob("events.out.tfevents.*")) for run in runs)


def test_an_error_stops_all_and_names_the_player():
    before = set(threading.enumerate())
    learners = {
        "vehicle": ppo,
        "vehicle_1": lambda env: Broken(env=env, n_steps=4, batch_size=4, **QUICK),
    }
    made = IndependentLearners(road(), learners)
    with pytest.raises(RuntimeError, match="the model of vehicle_1 failed: by nothing") as caught:
        made.learn(64)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert not set(threading.enumerate()) - before  # those of others may end


@pytest.mark.parametrize("in_the_main_thread", [True, False])
def test_ctrl_c_stops_all_and_learning_may_go_on(in_the_main_thread):
    class Interrupt(BaseCallback):
        def _on_step(self):
            if self.n_calls == 5:
                if not in_the_main_thread:
                    raise KeyboardInterrupt
                os.kill(os.getpid(), signal.SIGINT)
            return True

    before = set(threading.enumerate())
    made = IndependentLearners(road(), {"vehicle": ppo})
    with pytest.raises(KeyboardInterrupt):
        made.learn(64, callback=lambda name: Interrupt() if name == "vehicle_2" else None)
    assert not set(threading.enumerate()) - before  # those of others may end
    made.learn(16)


SETS = {
    "mixed": (road, MIXED),
    "continuous": (lambda: linear_quadratic_v0.parallel_env(num_agents=2), {"player": sac}),
    "normalised": (
        lambda: road(2),
        {"vehicle_0": lambda env: ppo(VecNormalize(env)), "vehicle_1": ppo},
    ),
    "kinds": (
        lambda: dispatcher_v0.parallel_env(num_locals=2, max_cycles=6),
        {"global": dqn, "local": ppo},
    ),
}


@pytest.mark.parametrize("name", SETS)
def test_a_saved_set_goes_on_bit_for_bit(name, tmp_path):
    make, learners = SETS[name]
    whole = IndependentLearners(make(), learners, copies=2, seed=2).learn(64)
    whole.save(tmp_path)
    whole.learn(64, reset_num_timesteps=False)
    loaded = IndependentLearners(make(), learners, copies=2, seed=2).load(tmp_path)
    loaded.learn(64, reset_num_timesteps=False)
    assert same(weights(whole), weights(loaded))
    for one, two in zip(whole.models.values(), loaded.models.values(), strict=True):
        assert one.num_timesteps == two.num_timesteps == 128


def test_a_saved_model_is_one_that_sb3_loads(tmp_path):
    made = IndependentLearners(road(2), {"vehicle": ppo}).learn(16)
    made.save(tmp_path)
    made.save(tmp_path)  # again: the set before it is gone, the new one is whole
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    alone = PPO.load(folder / "vehicle_1.zip", device="cpu")
    seen = np.zeros((1, *alone.observation_space.shape), np.float32)
    wanted = made.models["vehicle_1"].predict(seen, deterministic=True)[0]
    assert alone.predict(seen, deterministic=True)[0] == wanted


def test_a_set_of_others_is_refused_before_anything_changes(tmp_path):
    IndependentLearners(road(2), {"vehicle": ppo}).learn(16).save(tmp_path)
    made = IndependentLearners(road(2), {"vehicle_0": ppo, "vehicle_1": a2c})
    before = weights(made)
    with pytest.raises(ValueError, match="holds PPO for vehicle_1, this set has A2C"):
        made.load(tmp_path)
    with pytest.raises(ValueError, match="holds nothing for vehicle_2"):
        IndependentLearners(road(3), {"vehicle": ppo}).load(tmp_path)
    assert same(before, weights(made))
    with pytest.raises(ValueError, match=r"set\.json is missing"):
        made.load(tmp_path / "nowhere")
    shutil.rmtree(tmp_path / "1")
    with pytest.raises(ValueError, match=r"randomness\.npz is missing"):
        IndependentLearners(road(2), {"vehicle": ppo}).load(tmp_path)


@pytest.mark.parametrize(
    ("learners", "message"),
    [
        ({"vehicle_0": ppo}, r"no learner for 'vehicle_1' \(2 in all\)"),
        ({"vehicle": ppo, "car_0": ppo}, r"no player is called 'car_0'"),
    ],
)
def test_players_without_a_learner_and_learners_without_a_player(learners, message):
    with pytest.raises(ValueError, match=message):
        IndependentLearners(road(), learners)
