import copy

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo import ParallelEnv
from toy_envs import Foreign

from mfg_envs import linear_quadratic_v0, make_game, policies, ring_road_v0, sis_v0
from mfg_envs.environments.population import PopulationEnv
from mfg_envs.testing import check_env
from wrappers import as_arrays
from wrappers.population_arrays import DictArrays, GameArrays

ENVIRONMENTS = {
    "cut": lambda: ring_road_v0.parallel_env(num_agents=5, max_cycles=4),
    "ended": lambda: ring_road_v0.parallel_env(num_agents=5, horizon=3),
    "index": lambda: sis_v0.parallel_env(num_agents=3, max_cycles=4, observe=("index",)),
    "continuous": lambda: linear_quadratic_v0.parallel_env(num_agents=4),
    "one": lambda: ring_road_v0.parallel_env(num_agents=1, max_cycles=2),
    "mean-field": lambda: sis_v0.parallel_env(num_agents=4, mode="mean_field", max_cycles=5),
}


def actions_for(arrays, generator):
    space = arrays.action_space
    if isinstance(space, spaces.Discrete):
        return generator.integers(0, space.n, arrays.num_rows)
    return generator.uniform(space.low, space.high, (arrays.num_rows, *space.shape))


def same(one, two):
    assert (one is None) == (two is None)
    if one is not None:
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_rows_are_what_the_dicts_say(name):
    env, arrays = ENVIRONMENTS[name](), as_arrays(ENVIRONMENTS[name]())
    assert isinstance(arrays, GameArrays)
    seen, _ = env.reset(seed=3)
    np.testing.assert_array_equal(arrays.reset(3), [seen[a] for a in arrays.agents])
    generator = np.random.default_rng(0)
    for _ in range(9):  # over the end of two episodes
        a = actions_for(arrays, generator)
        rows = arrays.step(a)
        seen, reward, ends, cuts, _ = env.step(dict(zip(arrays.agents, a, strict=True)))
        np.testing.assert_array_equal(rows.reward, [reward[a] for a in arrays.agents])
        np.testing.assert_array_equal(rows.terminated, [ends[a] for a in arrays.agents])
        np.testing.assert_array_equal(rows.truncated, [cuts[a] for a in arrays.agents])
        if env.agents:
            assert rows.final is None
        else:
            np.testing.assert_array_equal(rows.final, [seen[a] for a in arrays.agents])
            seen, _ = env.reset()
        np.testing.assert_array_equal(rows.observation, [seen[a] for a in arrays.agents])


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_both_paths_give_the_same_rows(name, copies):
    fast = as_arrays(ENVIRONMENTS[name](), copies)
    slow = as_arrays(Foreign(ENVIRONMENTS[name]()), copies)
    assert isinstance(slow, DictArrays)
    assert fast.num_rows == slow.num_rows == copies * len(fast.agents)
    np.testing.assert_array_equal(fast.reset(7), slow.reset(7))
    generator = np.random.default_rng(1)
    for _ in range(9):
        a = actions_for(fast, generator)
        one, two = fast.step(a), slow.step(a)
        for mine, theirs in zip(one[:-1], two[:-1], strict=True):
            same(mine, theirs)
        assert one.infos is None
        assert two.infos == [{}] * slow.num_rows
        assert fast.acting.all()
        assert slow.acting.all()


def test_the_crowd_of_a_mean_field_environment_comes_along():
    game = make_game("sis")
    env = PopulationEnv(game, 3, mode="mean_field")
    rule = np.eye(5)[[4, 0]]
    env.set_population_policy(rule)
    arrays = as_arrays(env, 2)
    arrays.reset(0)
    twin = PopulationEnv(game, 3, mode="mean_field")
    twin.set_population_policy(rule)
    twin.reset(seed=0)
    for _ in range(4):
        np.testing.assert_array_equal(arrays.env.mean_field, twin.mean_field)
        arrays.step(np.zeros(6, int))
        twin.step(dict.fromkeys(twin.agents, 0))
    arrays.owner(0).set_population_policy(policies.uniform(game))
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, 0))
    twin.reset(seed=0)
    twin.step(dict.fromkeys(twin.agents, 0))
    np.testing.assert_array_equal(env.mean_field, twin.mean_field)  # not moved with its copies


def test_the_given_environment_is_left_alone():
    env = ring_road_v0.parallel_env(num_agents=4, max_cycles=5)
    env.reset(seed=1)
    before = env.batch.state.copy()
    arrays = as_arrays(env)
    arrays.reset(9)
    arrays.step(np.ones(4, int))
    np.testing.assert_array_equal(env.batch.state, before)
    check_env(env)


class Leavers(ParallelEnv):
    """Agent i leaves after i + 1 steps; an agent that is absent may not act."""

    metadata = {"name": "leavers_v0"}  # noqa: RUF012

    def __init__(self, dictionary=False):
        self.possible_agents, self.agents = ["a_0", "a_1", "a_2"], []
        box = spaces.Box(0, 9, (2,), np.float32)
        self._space = spaces.Dict({"seen": box}) if dictionary else box
        self._dictionary = dictionary
        self.episode = 0

    def observation_space(self, agent):
        return self._space

    def action_space(self, agent):
        return spaces.Discrete(3)

    def _see(self):
        seen = np.array([self.episode, self.t], np.float32)
        return {a: {"seen": seen} if self._dictionary else seen for a in self.agents}

    def reset(self, seed=None, options=None):
        self.agents, self.t = self.possible_agents[:], 0
        self.episode += 1
        return self._see(), {a: {} for a in self.agents}

    def step(self, actions):
        assert set(actions) == set(self.agents)
        self.t += 1
        out = {a: self.t > int(a[-1]) for a in self.agents}
        seen, rewards = self._see(), {a: 10.0 * actions[a] + self.t for a in self.agents}
        self.agents = [a for a in self.agents if not out[a]]
        return seen, rewards, out, dict.fromkeys(out, False), {a: {} for a in out}


def test_an_agent_that_leaves_early_sees_nothing_until_its_copy_ends():
    arrays = as_arrays(Leavers())
    np.testing.assert_array_equal(arrays.reset(), [[1, 0]] * 3)
    one, two, three, four = (arrays.step(np.array([2, 1, 0])) for _ in range(4))
    np.testing.assert_array_equal(one.observation, [[1, 1]] * 3)
    np.testing.assert_array_equal(one.reward, [21, 11, 1])
    np.testing.assert_array_equal(one.terminated, [True, False, False])
    np.testing.assert_array_equal(two.observation, [[0, 0], [1, 2], [1, 2]])
    np.testing.assert_array_equal(two.reward, [0, 12, 2])
    np.testing.assert_array_equal(two.terminated, [False, True, False])
    assert one.final is None
    assert two.final is None
    np.testing.assert_array_equal(three.final, [[0, 0], [0, 0], [1, 3]])
    np.testing.assert_array_equal(three.observation, [[2, 0]] * 3)
    np.testing.assert_array_equal(three.terminated, [False, False, True])
    assert not three.truncated.any()  # the first two have ended already
    np.testing.assert_array_equal(four.observation, [[2, 1]] * 3)


def test_observations_of_several_parts_stay_dicts():
    arrays = as_arrays(Leavers(dictionary=True), 2)
    assert arrays.reset()["seen"].shape == (6, 2)
    rows = arrays.step(np.zeros(6, int))
    np.testing.assert_array_equal(rows.observation["seen"], [[1, 1]] * 6)


def test_copies_of_a_foreign_environment_are_independent():
    env = Leavers()
    arrays = as_arrays(env, 2)
    assert arrays.owner(0) is env
    assert arrays.owner(3) is not env
    arrays.reset()
    assert copy.copy(env).episode == 1


class Unequal(Leavers):
    def action_space(self, agent):
        return spaces.Discrete(3 + int(agent[-1]))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: as_arrays(Unequal()), ValueError, "those of a_0 and a_1 and a_2 differ"),
        (lambda: as_arrays(Leavers(), 0), ValueError, "copies must be at least 1, got 0"),
        (lambda: as_arrays(Leavers(), 1.5), TypeError, "copies must be a whole number, got 1.5"),
        (lambda: as_arrays(ring_road_v0.env(num_agents=2)), TypeError, "aec_to_parallel"),
    ],
)
def test_bad_input_says_what_to_do(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_pictures_show_the_first_copy():
    env = ring_road_v0.parallel_env(num_agents=5, render_mode="rgb_array")
    arrays = as_arrays(env, 2)
    arrays.reset(0)
    arrays.step(np.arange(10) % 5)
    picture = arrays.render()
    twin = ring_road_v0.parallel_env(num_agents=5, render_mode="rgb_array")
    twin.reset(seed=0)
    twin.step(dict(zip(twin.agents, range(5), strict=True)))
    np.testing.assert_array_equal(picture, twin.render())
    arrays.close()
