import numpy as np
import pytest
import torch
from torchrl.envs.utils import check_env_specs
from toy_envs import Foreign

from mfg_envs import linear_quadratic_v0, ring_road_v0, sis_v0
from wrappers import as_arrays, to_torchrl


def road(**parameters):
    return ring_road_v0.parallel_env(**{"num_agents": 4, "max_cycles": 5, **parameters})


GAMES = {
    "road": road,
    "ends": lambda: road(horizon=3, max_cycles=None),
    "foreign": lambda: Foreign(road()),
    "continuous": lambda: linear_quadratic_v0.parallel_env(num_agents=3),
    "index": lambda: sis_v0.parallel_env(num_agents=3, observe=("index",)),
}


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("name", GAMES)
def test_torchrls_own_check_passes(name, copies):
    check_env_specs(to_torchrl(GAMES[name](), copies), seed=0)


@pytest.mark.parametrize("name", GAMES)
def test_rollouts_are_those_of_the_arrays(name):
    env, arrays = to_torchrl(GAMES[name](), 2), as_arrays(GAMES[name](), 2)
    env.set_seed(5)
    torch.manual_seed(0)
    played = env.rollout(8, break_when_any_done=False)
    group = played[env.group]
    seen, N = arrays.reset(5), len(arrays.agents)
    for t in range(8):
        rows = group["observation"][:, t].flatten(0, 1).numpy()
        np.testing.assert_array_equal(rows, seen)
        step = arrays.step(group["action"][:, t].flatten(0, 1).numpy())
        after = played["next"][:, t]
        reward = after[env.group, "reward"].reshape(-1).numpy()
        np.testing.assert_array_equal(reward, np.float32(step.reward))
        last = step.observation if step.final is None else step.final
        after_rows = after[env.group, "observation"].flatten(0, 1).numpy()
        np.testing.assert_array_equal(after_rows, last)
        np.testing.assert_array_equal(after["terminated"][:, 0], step.terminated[::N])
        np.testing.assert_array_equal(after["truncated"][:, 0], step.truncated[::N])
        np.testing.assert_array_equal(after["done"][:, 0], (step.terminated | step.truncated)[::N])
        seen = step.observation


def test_groups_have_the_names_of_the_agents():
    env = to_torchrl(road())
    assert env.group_map == {"vehicle": [f"vehicle_{i}" for i in range(4)]}
    assert to_torchrl(road(), group="cars").group_map == {"cars": env.group_map["vehicle"]}
