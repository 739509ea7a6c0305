import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from pettingzoo import ParallelEnv

from agents import Communication, PolicyMirrorAscent
from mfg_envs import sis_v0


class Foreign(ParallelEnv):
    """Agents at one table who are paid for the action; episodes of one length."""

    metadata = {"name": "foreign"}  # noqa: RUF012  as PettingZoo declares it

    def __init__(self, pay, length, ends):
        self.possible_agents, self.pay, self.length, self.ends = ["ann", "bob"], pay, length, ends
        self.space = {"ann": Discrete(1), "bob": Discrete(1)}
        self.resets = 0

    def observation_space(self, agent):
        return self.space[agent]

    def action_space(self, agent):
        return Discrete(2)

    def reset(self, seed=None, options=None):
        self.agents, self.t, self.resets = list(self.possible_agents), 0, self.resets + 1
        return dict.fromkeys(self.agents, 0), {agent: {} for agent in self.agents}

    def step(self, actions):
        self.t += 1
        over = dict.fromkeys(actions, self.t == self.length)
        no = dict.fromkeys(actions, False)
        seen, r = dict.fromkeys(actions, 0), {k: float(self.pay[a]) for k, a in actions.items()}
        self.agents = [] if self.t == self.length else self.agents
        return seen, r, over if self.ends else no, no if self.ends else over, {}


def test_what_is_earned_after_a_terminal_step_is_nothing():
    env = Foreign(pay=(0.25, 1.0), length=1, ends=True)
    learner = PolicyMirrorAscent(
        mode="independent", iterations=2, td_steps=60, mixing=0, rate=9e9, discount=0.9
    )
    *_, last = learner.learn(env, 0)
    np.testing.assert_allclose(last.q, [[0.25, 1.0]], rtol=1e-6)  # steps of size one: Q is r + h
    assert last.memory["policy"].shape == (2, 1, 2)
    assert env.resets == 1 + 2 * 60


def test_what_is_earned_after_a_cut_counts():
    # Everything pays 1 for ever: the first values are right, and stay so only if cuts do not count.
    env = Foreign(pay=(1.0, 1.0), length=2, ends=False)
    learner = PolicyMirrorAscent(iterations=1, td_steps=40, mixing=0, discount=0.9)
    (iterate,) = learner.learn(env, 0)
    wanted = (1 + 0.2 * np.log(2)) / 0.1 - 0.2 * np.log(2)
    np.testing.assert_allclose(iterate.q, wanted, rtol=1e-6)
    np.testing.assert_allclose(iterate.policy, 0.5, rtol=1e-6)


def test_environments_that_tables_cannot_play_are_refused():
    learner = PolicyMirrorAscent(discount=0.9)
    networked = PolicyMirrorAscent(mode="independent", communication=Communication(radius=1))
    mixed = Foreign((0, 1), 3, True)
    mixed.space["bob"] = Discrete(2)
    with pytest.raises(ValueError, match=r"one observation space Discrete\(n\) for all agents"):
        next(learner.learn(mixed))
    mixed.space = dict.fromkeys(mixed.space, Box(0, 1))
    with pytest.raises(ValueError, match=r"got Box.* for 'ann'"):
        next(learner.learn(mixed))
    with pytest.raises(ValueError, match="needs a discount"):
        next(PolicyMirrorAscent().learn(Foreign((0, 1), 3, True)))
    with pytest.raises(ValueError, match="through an environment: one seed, got 2"):
        next(learner.learn(Foreign((0, 1), 3, True), [1, 2]))
    with pytest.raises(ValueError, match="from the start, without communication"):
        next(networked.learn(Foreign((0, 1), 3, True)))
    with pytest.raises(TypeError, match="a FiniteGame or a PettingZoo parallel environment"):
        next(learner.learn(sis_v0.env()))


class Leaving(Foreign):
    """Bob goes home early, with or without a word."""

    def __init__(self, *arguments, silent):
        super().__init__(*arguments)
        self.silent = silent

    def step(self, actions):
        seen, r, over, cut, info = super().step(actions)
        if self.silent:
            del seen["bob"]
        else:
            cut["bob"] = True
        return seen, r, over, cut, info


@pytest.mark.parametrize("silent", [True, False])
def test_agents_that_leave_before_the_others_are_named(silent):
    env = Leaving((0, 1), 3, True, silent=silent)
    with pytest.raises(ValueError, match="to the end of an episode, 'bob' left"):
        next(PolicyMirrorAscent(discount=0.9).learn(env))


def test_an_environment_is_not_gone_on_with_nor_reset_for_it():
    env, learner = Foreign((0, 1), 500, True), PolicyMirrorAscent(discount=0.9, td_steps=5)
    first = next(learner.learn(env))
    with pytest.raises(ValueError, match="through an environment: from the start"):
        next(learner.learn(env, start=first))
    assert env.resets == 1
