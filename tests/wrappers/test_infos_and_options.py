"""What an environment tells of its agents, and what it is told at a reset, pass through views."""

import numpy as np
import pytest
from stable_baselines3 import A2C
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecMonitor
from toy_envs import Herd

from agents import IndependentLearners
from mfg_envs import ring_road_v0
from wrappers import (
    ObserveTime,
    PlayerEnv,
    PopulationVectorEnv,
    SharedPolicyVecEnv,
    as_arrays,
    as_columns,
    to_torchrl,
    to_tuple_gym,
)

LIVES = (2, 2)
EASY, HARD = {"level": 1}, {"level": 2}


@pytest.mark.parametrize("wrap", [lambda env: env, lambda env: ObserveTime(env, 2)])
def test_infos_and_options_pass_through_arrays(wrap):
    arrays = as_arrays(wrap(Herd(LIVES)), 2)
    arrays.reset(options=[EASY, HARD])
    assert arrays.infos == [EASY, EASY, HARD, HARD]
    rows = arrays.step(np.zeros(4, int))
    assert rows.infos == arrays.infos == [{"score": 8}] * 4
    rows = arrays.step(np.zeros(4, int))
    assert rows.infos == [{"score": 9}] * 4
    assert arrays.infos == [{"level": 0}] * 4  # of the next episode, whose reset has no options


def test_infos_and_options_pass_through_columns():
    columns = as_columns(Herd(LIVES), 2)
    columns.reset(options=[EASY, HARD])
    assert columns.infos == [[EASY, HARD]] * 2
    assert columns.step([np.zeros(2, int)] * 2).infos == [[{"score": 8}] * 2] * 2
    assert as_columns(ring_road_v0.parallel_env(num_agents=2)).infos is None


def test_options_of_another_number_of_copies():
    env = Herd(LIVES)
    with pytest.raises(ValueError, match="options must be one dict, or one a copy: 2, got 3"):
        as_arrays(env, 2).reset(options=[EASY] * 3)
    assert env.options == []


def test_infos_and_options_pass_through_stable_baselines():
    venv = VecMonitor(SharedPolicyVecEnv(Herd(LIVES), 2), info_keywords=("score",))
    venv.set_options([EASY, EASY, HARD, HARD])
    venv.reset()
    assert venv.unwrapped.reset_infos == [EASY, EASY, HARD, HARD]
    assert venv.step(np.zeros(4, int))[3] == [{"score": 8}] * 4
    _, _, done, infos = venv.step(np.zeros(4, int))
    assert done.all()
    assert [info["score"] for info in infos] == [9] * 4
    assert [info["episode"]["score"] for info in infos] == [9] * 4
    assert all(info["TimeLimit.truncated"] is False for info in infos)
    assert venv.unwrapped.reset_infos == [{"level": 0}] * 4
    venv.set_options(HARD)
    venv.reset()
    assert [copy.options[-1] for copy in venv.unwrapped.arrays._copies.envs] == [HARD, HARD]
    venv.reset()
    assert [copy.options[-1] for copy in venv.unwrapped.arrays._copies.envs] == [None, None]
    venv.set_options([EASY, HARD, EASY, HARD])
    with pytest.raises(ValueError, match="a copy has one set of options"):
        venv.reset()


def test_infos_of_one_step_are_not_those_of_another():
    venv = SharedPolicyVecEnv(Herd((9, 9)))
    venv.reset()
    infos = venv.step(np.zeros(2, int))[3]
    infos[0]["mark"] = 1
    assert venv.step(np.zeros(2, int))[3] == [{"score": 9}] * 2
    assert venv.reset_infos == [{"level": 0}] * 2


class Told(BaseCallback):
    def __init__(self):
        super().__init__()
        self.infos = []

    def _on_step(self):
        self.infos += [dict(info) for info in self.locals["infos"]]
        return True


def test_infos_and_options_reach_independent_learners():
    env, told = Herd((2, 3)), {}

    def callback(name):
        return told.setdefault(name, Told())

    learners = {"cow": lambda venv: A2C("MlpPolicy", venv, n_steps=6, device="cpu")}
    team = IndependentLearners(env, learners)
    team.models["cow_0"].get_env().set_options(HARD)
    team.learn(6, callback=callback)
    assert env.options[:2] == [HARD, None]
    for name, life in (("cow_0", 2), ("cow_1", 3)):
        wanted = [7 + 1 + t % life for t in range(6)]
        assert [info["score"] for info in told[name].infos] == wanted
        assert [len(info) for info in told[name].infos] == [1 + 2 * (s == 7 + life) for s in wanted]
        assert team.models[name].get_env().reset_infos == [HARD]
    team.learn(6)
    assert HARD not in env.options[1:]


def test_infos_pass_through_torchrl_where_asked_for():
    env = to_torchrl(Herd(LIVES), 2, infos=("score", "level"))
    moment = env.reset(options=HARD)
    info = ("cow", "info")
    np.testing.assert_array_equal(moment[(*info, "level")].numpy(), np.full((2, 2), 2))
    assert moment[(*info, "score")].isnan().all()
    for score in (8, 9):
        step, moment = env.step_and_maybe_reset(moment.update(env.full_action_spec.zero()))
        np.testing.assert_array_equal(
            step[("next", *info, "score")].numpy(), np.full((2, 2), score)
        )
    np.testing.assert_array_equal(moment[(*info, "level")].numpy(), np.zeros((2, 2)))
    assert "info" not in to_torchrl(Herd(LIVES)).reset()["cow"]


def test_infos_and_options_pass_through_tuples():
    env = to_tuple_gym(Herd(LIVES))
    assert env.reset(options=EASY)[1] == {"cow_0_level": 1, "cow_1_level": 1}
    assert env.step((0, 0))[4] == {"cow_0_score": 8, "cow_1_score": 8}


def test_infos_and_options_pass_through_one_player():
    env = PlayerEnv(Herd(LIVES), "cow_1")
    assert env.reset(options=HARD)[1] == HARD
    assert env.step(0)[4] == {"score": 8}


def test_infos_and_options_pass_through_gymnasium():
    env = PopulationVectorEnv(Herd(LIVES), 2)
    _, infos = env.reset(options=HARD)
    np.testing.assert_array_equal(infos["level"], [2] * 4)
    np.testing.assert_array_equal(infos["_level"], [True] * 4)
    _, *_, infos = env.step(np.zeros(4, int))
    np.testing.assert_array_equal(infos.pop("score"), [8] * 4)
    np.testing.assert_array_equal(infos.pop("_score"), [True] * 4)
    assert infos == {}
    with pytest.raises(ValueError, match="reset all together"):
        env.reset(options={"reset_mask": np.ones(4, bool)})
