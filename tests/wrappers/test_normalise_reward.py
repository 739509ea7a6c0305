"""Normalised rewards of agents that differ, or leave before the others."""

import numpy as np
import pytest
from gymnasium import spaces
from toy_envs import Clock, Kinds

from wrappers import NormaliseReward, as_arrays, as_columns


class Team(Kinds):
    """A clock at which the first hand earns 1, the second 2, ..."""

    def step(self, actions):
        seen, rewards, *rest = super().step(actions)
        return seen, {a: 1.0 + self.possible_agents.index(a) for a in rewards}, *rest


def normalised_by_hand(hours, die, discount, centre=False):
    """Return the normalised rewards of agents who earn 1, 2, ... and leave after ``die`` steps."""
    mean, variance, count, returns = 0.0, 1.0, 1e-4, np.zeros(len(die))
    given, earned = [], []
    for k in range(hours):
        t = k % max(die)
        alive = np.array([t < end for end in die])
        reward = np.arange(1.0, len(die) + 1)
        earned += reward[alive].tolist()
        reward -= centre * np.mean(earned)
        returns = np.where(alive, (t > 0) * discount * returns + reward, 0)
        new = returns[alive]
        gap, total = new.mean() - mean, count + new.size
        spread = variance * count + new.size * new.var() + gap**2 * count * new.size / total
        mean, variance, count = mean + gap * new.size / total, spread / total, total
        given.append(np.where(alive, reward, 0) / np.sqrt(variance + 1e-8))
    return np.array(given)


DIE = (2, 5, 3)


def test_rewards_of_agents_that_differ_and_leave_by_hand():
    env = NormaliseReward(Team(DIE, names=["minute_0", "hand_0", "hand_1"]), discount=0.5)
    assert env.action_space("minute_0").n == 4
    wanted = normalised_by_hand(10, DIE, 0.5)
    for k in range(10):
        if not env.agents:
            seen, _ = env.reset()
            assert seen["minute_0"].shape == (2,)
        got = env.step({agent: int(agent == "minute_0") * 3 for agent in env.agents})[1]
        assert list(got) == [a for a, w in zip(env.possible_agents, wanted[k], strict=True) if w]
        np.testing.assert_allclose(list(got.values()), wanted[k][wanted[k] > 0], rtol=1e-12)
    columns = as_columns(NormaliseReward(env.env, discount=0.5))
    columns.reset()
    for k in range(10):
        reward = columns.step([np.zeros(1, int)] * 3).reward[0]
        np.testing.assert_allclose(reward, wanted[k], rtol=1e-12)


def test_rewards_of_agents_that_leave_are_the_same_as_arrays():
    env = Team(DIE, names=["hand_0", "hand_1", "hand_2"])
    arrays = as_arrays(NormaliseReward(env, discount=0.5))
    arrays.reset()
    wanted = normalised_by_hand(10, DIE, 0.5)
    for k in range(10):
        np.testing.assert_allclose(arrays.step(np.zeros(3, int)).reward, wanted[k], rtol=1e-12)


def test_what_is_earned_on_average_is_taken_away():
    env = NormaliseReward(Team(DIE), 0.5, centre=True)
    wanted = normalised_by_hand(10, DIE, 0.5, centre=True)
    assert wanted[0].tolist() == pytest.approx([-1 / (2 / 3) ** 0.5, 0, 1 / (2 / 3) ** 0.5], 1e-3)
    arrays = as_arrays(NormaliseReward(Team(DIE), 0.5, centre=True))
    arrays.reset()
    for k in range(10):
        if not env.agents:
            env.reset()
        got = env.step(dict.fromkeys(env.agents, 0))[1]
        living = [k % 5 < end for end in DIE]
        np.testing.assert_allclose(list(got.values()), wanted[k][living], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(
            arrays.step(np.zeros(3, int)).reward, wanted[k], rtol=1e-12, atol=1e-12
        )


def test_rewards_change_whatever_is_observed():
    space = spaces.Tuple([spaces.Discrete(3), spaces.Box(0, 1, (2,), np.float32)])

    class Pairs(Clock):
        def shown(self, agent):
            return 1, np.array([0.5, 0.25], np.float32)

    env = NormaliseReward(Pairs(space=space))
    seen, _ = env.reset()
    assert seen["hand_1"] in space
    rows = as_arrays(env, 2).reset(0)
    np.testing.assert_array_equal(rows[0], np.ones(6))
    np.testing.assert_array_equal(rows[1], np.tile([0.5, 0.25], (6, 1)))
