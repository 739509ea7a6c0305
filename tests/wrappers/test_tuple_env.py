import numpy as np
import pytest

from mfg_envs import dispatcher_v0, ring_road_v0
from wrappers import to_tuple_gym


@pytest.mark.parametrize(
    "make",
    [
        lambda: ring_road_v0.parallel_env(num_agents=3, max_cycles=4),
        lambda: ring_road_v0.parallel_env(num_agents=3, horizon=4),
        lambda: dispatcher_v0.parallel_env(num_locals=2, max_cycles=4),
    ],
)
def test_tuples_say_what_the_dicts_say(make):
    env, tuples = make(), to_tuple_gym(make())
    assert tuples.unwrapped.n_agents == len(env.possible_agents)
    seen, _ = env.reset(seed=2)
    observation, infos = tuples.reset(seed=2)
    assert observation in tuples.observation_space
    assert infos == {}
    tuples.action_space.seed(0)
    for _ in range(9):
        action = tuples.action_space.sample()
        observation, reward, ended, cut, _ = tuples.step(action)
        seen, rewards, ends, cuts, _ = env.step(dict(zip(env.agents, action, strict=True)))
        for one, two in zip(observation, seen.values(), strict=True):
            np.testing.assert_array_equal(one, two)
        assert reward == list(rewards.values())
        assert isinstance(reward, list)
        assert (ended, cut) == (all(ends.values()), all(cuts.values()))
        if ended or cut:
            env.reset()
            tuples.reset()
    with pytest.raises(ValueError, match="one action per agent is needed, 3, got 2"):
        tuples.step(action[:2])
    tuples.close()
