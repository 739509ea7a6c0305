"""Models that play the others of a PlayerEnv, through the wrappers they were made with."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from sb3_contrib import RecurrentPPO
from stable_baselines3 import PPO
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    VecEnvWrapper,
    VecFrameStack,
    VecMonitor,
    VecNormalize,
)
from toy_envs import Clock, Kinds

from agents import IndependentLearners
from wrappers import PlayerEnv, SharedPolicyVecEnv

SMALL = {"n_steps": 8, "batch_size": 8, "device": "cpu", "seed": 0}


def ppo(env):
    return PPO("MlpPolicy", env, **SMALL)


def alone(number=1):
    """Return a VecEnv of single players."""
    return DummyVecEnv([lambda: PlayerEnv(Clock(), "hand_0")] * number)


class Shift(VecEnvWrapper):
    """Double what is seen; the model's actions 0, 1 are the game's 1, 2."""

    def __init__(self, venv):
        super().__init__(venv, action_space=spaces.Discrete(2))

    def reset(self):
        return 2 * self.venv.reset()

    def step_async(self, actions):
        self.venv.step_async(actions + 1)

    def step_wait(self):
        seen, *rest = self.venv.step_wait()
        return 2 * seen, *rest


def spied(model):
    """Return what ``predict`` is called on from now on."""
    shown, predict = [], model.predict

    def spy(seen, *rest, **given):
        shown.append(np.copy(seen))
        return predict(seen, *rest, **given)

    model.predict = spy
    return shown


def play(env, steps, others=None):
    if others is not None:
        env.others = others
    env.reset(seed=0)
    for _ in range(steps):
        env.step(0)


@pytest.mark.parametrize("number", [1, 2, 5])
def test_frames_are_stacked_for_every_player_apart(number):
    model = ppo(VecFrameStack(alone(number), 2))
    env, shown = PlayerEnv(Clock((6, 6, 6, 6)), "hand_0", model), spied(model)
    for _ in range(2):  # a new episode has no frames of the last one
        shown.clear()
        play(env, 3)
        frames = [[0, 1], [1, 2], [2, 3]]  # the hours 1, 2, 3
        for seen, wanted in zip(shown, frames, strict=True):
            np.testing.assert_array_equal(seen, np.tile(wanted, (len(seen), 1)))
            assert 3 <= len(seen) < 3 + number  # as many stacks as it takes, each of this size


@pytest.mark.parametrize("number", [1, 4])
def test_statistics_are_the_models_own_and_stay_as_they_are(number):
    model = ppo(VecNormalize(alone(number)))
    normaliser = model.get_vec_normalize_env()
    env, shown = PlayerEnv(Clock(), "hand_0", model), spied(model)
    normaliser.obs_rms = RunningMeanStd(shape=(1,))
    env.others = model
    normaliser.obs_rms.mean[:], normaliser.obs_rms.var[:] = 2.0, 4.0  # after it was made a player
    count = normaliser.obs_rms.count
    play(env, 4)
    # (hour - 2) / sqrt(4), up to VecNormalize's epsilon of 1e-8
    for k, seen in enumerate(shown):
        np.testing.assert_allclose(seen, np.full((len(seen), 1), (k + 1 - 2) / 2), atol=1e-7)
    assert normaliser.training
    assert normaliser.obs_rms.count == count
    assert normaliser.obs_rms.mean == 2


def test_a_wrapper_of_observations_and_actions_is_in_force():
    env, model = Clock(), ppo(Shift(alone()))
    shown = spied(model)
    play(PlayerEnv(env, "hand_1", model), 4)
    np.testing.assert_array_equal([seen[0, 0] for seen in shown], [2, 4, 6, 8])
    assert {step[name] for step in env.played for name in ("hand_0", "hand_2")} == {1, 2}
    assert {step["hand_1"] for step in env.played} == {0}


def test_two_wrappers_are_in_force_in_their_order():
    model = ppo(VecFrameStack(Shift(VecMonitor(alone())), 2))
    shown = spied(model)
    play(PlayerEnv(Clock(), "hand_1", model), 2)
    np.testing.assert_array_equal([seen[0] for seen in shown], [[0, 2], [2, 4]])


def test_a_monitors_file_is_not_written_to(tmp_path):
    model = ppo(VecMonitor(Shift(alone()), str(tmp_path / "log")))
    before = (tmp_path / "log.monitor.csv").read_text()
    play(PlayerEnv(Clock((3, 2, 2)), "hand_0", model), 3)
    assert (tmp_path / "log.monitor.csv").read_text() == before
    model.get_env().close()


def test_a_team_plays_the_others_of_a_game():
    team = IndependentLearners(Clock(), {"hand": lambda env: ppo(Shift(env))}, copies=2).learn(16)
    env = Clock()
    play(PlayerEnv(env, "hand_0", team.models), 4)
    assert {step[name] for step in env.played for name in ("hand_1", "hand_2")} == {1, 2}


def test_a_memory_is_kept_through_an_episode_and_lost_at_its_end():
    model = RecurrentPPO("MlpLstmPolicy", alone(), **SMALL)
    states, predict = [], model.predict

    def spy(seen, state, starts, **given):
        states.append((state, starts.copy()))
        return predict(seen, state, starts, **given)

    model.predict = spy
    play(PlayerEnv(Clock(), "hand_0", model), 3)
    assert states[0][0] is None
    assert states[0][1].all()
    assert not states[1][1].any()
    assert all(np.abs(part).max() > 0 for part in states[2][0])


def test_players_who_have_left_are_not_in_the_way_and_forget_when_they_are_back():
    class Back(Clock):
        """A clock whose second hand is away at the hours 3 and 4."""

        def step(self, actions):
            seen, *rest = super().step(actions)
            if self.t in (1, 2):
                self.agents = [a for a in self.agents if a != "hand_1"]
            if self.t == 4:
                self.agents = [*self.agents, "hand_1"]
                seen["hand_1"] = self.shown("hand_1")
            if self.t == 3:
                seen.pop("hand_1", None)
            return seen, *rest

    model = ppo(VecFrameStack(alone(), 3))
    shown = spied(model)
    env = Back((9, 9, 9))
    play(PlayerEnv(env, "hand_0", model), 6)
    # Rows: the hand that goes and comes back at hour 5, the one that stays.
    stays = [[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6]]
    np.testing.assert_array_equal([seen[1] for seen in shown], stays)
    np.testing.assert_array_equal(shown[4][0], [0, 0, 5])
    np.testing.assert_array_equal(shown[5][0], [0, 5, 6])


def test_a_policy_of_a_model_plays():
    model = ppo(alone())
    env = Clock()
    play(PlayerEnv(env, "hand_0", model.policy), 3)
    assert len(env.played) == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: PlayerEnv(Kinds((5, 5), names=["hand_0", "minute_0"]), "hand_0", ppo(alone())),
            r"the PPO plays with Box\(.*\(1,\).*these players have Box\(.*\(2,\)",
        ),
        (
            lambda: PlayerEnv(Clock(num_actions=4), "hand_0", ppo(alone())),
            r"plays with Discrete\(3\), these players have Discrete\(4\)",
        ),
        (
            lambda: PlayerEnv(
                Clock(),
                "hand_0",
                ppo(
                    DummyVecEnv(
                        [
                            lambda: gymnasium.wrappers.TransformObservation(
                                PlayerEnv(Clock(), "hand_0"), lambda seen: -seen, None
                            )
                        ]
                    )
                ),
            ),
            "plays through TransformObservation inside its environment.*use a VecEnvWrapper",
        ),
    ],
)
def test_a_model_that_cannot_play_here_says_why(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_shared_model_plays_through_its_wrappers():
    model = ppo(VecFrameStack(SharedPolicyVecEnv(Clock(), copies=2), 2))
    model.learn(8 * 6)
    shown = spied(model)
    play(PlayerEnv(Clock(), "hand_0", model), 2)
    np.testing.assert_array_equal([seen[:2] for seen in shown], [[[0, 1]] * 2, [[1, 2]] * 2])
