"""BenchMARL, and the TorchRL that it wants, on our arrays: ``make interop-benchmarl``."""

from __future__ import annotations

import pickle
import runpy
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_envs import Kinds, Masked

from mfg_envs import linear_quadratic_v0, ring_road_v0
from wrappers import as_arrays

with warnings.catch_warnings():  # TorchRL 0.11 warns of itself when it is imported
    warnings.simplefilter("ignore")
    from torchrl.envs.utils import check_env_specs

    from wrappers import to_benchmarl

EXAMPLE = Path(__file__).parents[2] / "examples" / "benchmarl_mappo.py"
pytestmark = pytest.mark.filterwarnings("default")  # those of BenchMARL are not ours


def road_task(**parameters):
    given = {"num_agents": 3, "max_cycles": 5, **parameters}
    return to_benchmarl(ring_road_v0.parallel_env, "ring_road", **given)


def made(task, num_envs=2, seed=5):
    return task.get_env_fun(num_envs, task.supports_continuous_actions(), seed, "cpu")()


TASKS = {
    "road": road_task,
    "ends": lambda: road_task(horizon=3, max_cycles=None),
    "continuous": lambda: to_benchmarl(linear_quadratic_v0.parallel_env, "lq", num_agents=3),
}


@pytest.mark.parametrize("name", TASKS)
def test_torchrls_own_check_passes(name):
    check_env_specs(made(TASKS[name]()), seed=0)


@pytest.mark.parametrize("name", TASKS)
def test_transitions_are_those_of_the_arrays(name):
    task = TASKS[name]()
    env, arrays = made(task), as_arrays(task.make(), 2)
    torch.manual_seed(0)
    played = env.rollout(8, break_when_any_done=False)
    seen = arrays.reset(5)
    for t in range(8):
        rows = played[env.group, "observation"][:, t].flatten(0, 1).numpy()
        np.testing.assert_array_equal(rows, seen)
        step = arrays.step(played[env.group, "action"][:, t].flatten(0, 1).numpy())
        reward = played["next", env.group, "reward"][:, t].reshape(-1).numpy()
        np.testing.assert_array_equal(reward, np.float32(step.reward))
        seen = step.observation


def test_a_task_says_what_benchmarl_asks():
    road, lq = road_task(), TASKS["continuous"]()
    env = made(road)
    assert road.supports_discrete_actions() and not road.supports_continuous_actions()
    assert lq.supports_continuous_actions() and not lq.supports_discrete_actions()
    assert road.max_steps(env) == 5
    assert road.group_map(env) == {"vehicle": ["vehicle_0", "vehicle_1", "vehicle_2"]}
    assert road.action_spec(env)["vehicle", "action"].shape == (3,)
    assert road.observation_spec(env)["vehicle", "observation"].shape[0] == 3
    assert road.state_spec(env) is road.info_spec(env) is road.action_mask_spec(env) is None
    assert not road.has_render(env)


def test_groups_that_differ_and_masks_have_their_specifications():
    task = to_benchmarl(lambda **given: Kinds((5, 5), ["hand_0", "minute_0"]), "clock")
    env = made(task)
    check_env_specs(env, seed=0)
    assert task.group_map(env) == {"hand": ["hand_0"], "minute": ["minute_0"]}
    assert task.supports_discrete_actions()
    masked = to_benchmarl(lambda **given: Masked(), "masked")
    env = made(masked)
    assert masked.action_mask_spec(env)["hand", "action_mask"].shape == (3, 3)
    assert list(masked.action_mask_spec(env)["hand"].keys()) == ["action_mask"]
    assert list(masked.observation_spec(env)["hand"].keys()) == ["observation"]


def test_populations_are_played_on_the_cpu():
    with pytest.raises(ValueError, match=r"sampling_device='cuda:0': set sampling_device=\"cpu\""):
        road_task().get_env_fun(2, False, 0, "cuda:0")


def test_a_task_that_can_be_drawn_gives_pictures():
    task = road_task(render_mode="rgb_array")
    env = made(task)
    env.reset()
    assert task.has_render(env)
    assert task.render_callback(None, env, None).dtype == np.uint8


def test_a_task_is_stored_with_its_experiment():
    task = road_task()
    again = pickle.loads(pickle.dumps(task))
    assert again == task
    np.testing.assert_array_equal(
        made(again).reset()["vehicle", "observation"], made(task).reset()["vehicle", "observation"]
    )


def test_the_example_answers_its_question(capsys):
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert "mean reward" in capsys.readouterr().out
