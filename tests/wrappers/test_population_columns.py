import numpy as np
import pytest

from mfg_envs import dispatcher_v0, linear_quadratic_v0, ring_road_v0
from wrappers import as_arrays, as_columns


@pytest.mark.parametrize("make", [ring_road_v0.parallel_env, linear_quadratic_v0.parallel_env])
def test_agents_of_one_kind_are_the_columns_of_the_rows(make):
    rows, columns = (view(make(num_agents=3, max_cycles=4), 2) for view in (as_arrays, as_columns))
    np.testing.assert_array_equal(rows.reset(5).reshape(2, 3, -1)[:, 1], columns.reset(5)[1])
    rows.action_space.seed(0)
    for _ in range(6):
        a = np.array([rows.action_space.sample() for _ in range(6)])
        one = rows.step(a)
        two = columns.step([a.reshape(2, 3, *a.shape[1:])[:, i] for i in range(3)])
        for i in range(3):
            np.testing.assert_array_equal(one.observation[i::3], two.observation[i])
            np.testing.assert_array_equal(one.reward[i::3], two.reward[:, i])
        np.testing.assert_array_equal(one.truncated.reshape(2, 3), two.truncated)
        assert (one.final is None) == (two.final is None)
        if two.final is not None:
            np.testing.assert_array_equal(one.final[2::3], two.final[2])


def test_agents_of_several_kinds_play_what_the_dicts_play():
    env = dispatcher_v0.parallel_env(num_locals=3, max_cycles=4)
    columns = as_columns(dispatcher_v0.parallel_env(num_locals=3, max_cycles=4), 2)
    seen, _ = env.reset(seed=6)
    first = columns.reset(5)
    assert [len(part) for part in first] == [2] * 4
    for i, agent in enumerate(env.possible_agents):  # copy 1 has the seed 5 + 1
        np.testing.assert_array_equal(first[i][1], seen[agent])
    generator = np.random.default_rng(1)
    for _ in range(6):
        actions = [generator.integers(0, space.n, 2) for space in columns.action_spaces]
        step = columns.step(actions)
        chosen = {agent: a[1] for agent, a in zip(env.possible_agents, actions, strict=True)}
        seen, rewards, ends, cuts, _ = env.step(chosen)
        for i, agent in enumerate(env.possible_agents):
            assert step.reward[1, i] == rewards[agent]
            assert step.terminated[1, i] == ends[agent]
            assert step.truncated[1, i] == cuts[agent]
            last = step.observation if step.final is None else step.final
            np.testing.assert_array_equal(last[i][1], seen[agent])
        if not env.agents:
            seen, _ = env.reset()
    columns.close()
