import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from mfg_envs import ring_road_v0
from wrappers import PopulationVectorEnv, SharedPolicyVecEnv


def test_it_is_the_vector_environment_of_gymnasium():
    env = PopulationVectorEnv(ring_road_v0.parallel_env(num_agents=3, max_cycles=2), copies=2)
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert env.num_envs == 6
    observation, infos = env.reset(seed=5)
    assert observation in env.observation_space
    assert infos == {}
    a = env.action_space.sample()
    _, reward, ends, cuts, infos = env.step(a)
    assert reward.shape == (6,)
    assert not (ends.any() or cuts.any() or infos)
    observation, _, ends, cuts, infos = env.step(a)
    assert cuts.all()
    assert not ends.any()
    assert infos["_final_obs"].all()
    assert np.stack(infos["final_obs"]) in env.observation_space
    assert not np.array_equal(np.stack(infos["final_obs"]), observation)
    env.close()
    env.close()


@pytest.mark.parametrize("copies", [1, 3])
def test_it_plays_what_the_sb3_environment_plays(copies):
    def make():
        return ring_road_v0.parallel_env(num_agents=4, max_cycles=3)

    one, two = PopulationVectorEnv(make(), copies), SharedPolicyVecEnv(make(), copies)
    two.seed(8)
    np.testing.assert_array_equal(one.reset(seed=8)[0], two.reset())
    generator = np.random.default_rng(0)
    for _ in range(7):
        a = generator.integers(0, 5, 4 * copies)
        x, y = one.step(a), two.step(a)
        np.testing.assert_array_equal(x[0], y[0])
        np.testing.assert_array_equal(np.float32(x[1]), y[1])
        np.testing.assert_array_equal(x[2] | x[3], y[2])
