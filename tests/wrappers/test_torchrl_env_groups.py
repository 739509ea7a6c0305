"""Groups of agents in TorchRL, as its own PettingZooWrapper names them."""

import numpy as np
import pytest
import torch
from torchrl.envs import MarlGroupMapType
from torchrl.envs.utils import check_env_specs
from toy_envs import Clock, Kinds

from mfg_envs import dispatcher_v0, ring_road_v0
from wrappers import as_arrays, to_torchrl

NAMES = ["minute_0", "hand_0", "minute_1", "hand_1", "hand_2"]


def kinds(die=(5,) * 5):
    return Kinds(die, names=NAMES)


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize(
    "make", [kinds, lambda: dispatcher_v0.parallel_env(num_locals=3, max_cycles=4)]
)
def test_agents_of_several_kinds_are_groups(make, copies):
    check_env_specs(to_torchrl(make(), copies), seed=0)


def test_what_two_groups_see_do_and_earn():
    given = kinds()
    env = to_torchrl(given, copies=2)
    assert env.group_map == {"minute": NAMES[::2][:2], "hand": ["hand_0", "hand_1", "hand_2"]}
    torch.manual_seed(1)
    played = env.rollout(11, break_when_any_done=False)
    hours = torch.tensor([k % 5 + 1.0 for k in range(11)])[None, :, None]
    assert torch.equal(played["hand", "observation"][..., 0], hours.expand(2, 11, 3))
    minutes = torch.stack([hours.expand(2, 11, 2), torch.zeros(2, 11, 2)], -1)
    assert torch.equal(played["minute", "observation"], minutes)
    assert played["next", "hand", "reward"].shape == (2, 11, 3, 1)
    assert (played["next", "minute", "reward"] == 1).all()
    ends = torch.tensor([k % 5 == 4 for k in range(11)])[None, :, None].expand(2, 11, 1)
    assert torch.equal(played["next", "done"], ends)
    assert torch.equal(played["next", "terminated"], ends)
    assert (
        played["next", "hand", "observation"][ends[..., 0]] == 6
    ).all()  # the last, not the next
    for k, step in enumerate(given.played):  # of the first copy
        actions = {name: step[name] for name in NAMES}
        for group, members in env.group_map.items():
            assert [actions[name] for name in members] == played[group, "action"][0, k].tolist()


def test_agents_of_one_kind_in_two_groups_keep_the_arrays():
    def road():
        return ring_road_v0.parallel_env(num_agents=4, max_cycles=3)

    group_map = {"even": ["vehicle_2", "vehicle_0"], "odd": ["vehicle_1", "vehicle_3"]}
    env, arrays = to_torchrl(road(), 2, group_map=group_map), as_arrays(road(), 2)
    check_env_specs(to_torchrl(road(), 2, group_map=group_map), seed=0)
    env.set_seed(3)
    played = env.rollout(5, break_when_any_done=False)
    seen, where = arrays.reset(3), {"even": [2, 0], "odd": [1, 3]}
    for k in range(5):
        actions = np.zeros((2, 4), int)
        for group, who in where.items():
            rows = seen.reshape(2, 4, -1)[:, who]
            np.testing.assert_array_equal(played[group, "observation"][:, k], rows)
            actions[:, who] = played[group, "action"][:, k]
        step = arrays.step(actions.reshape(-1))
        for group, who in where.items():
            reward = played["next", group, "reward"][:, k, :, 0]
            np.testing.assert_array_equal(reward, np.float32(step.reward.reshape(2, 4)[:, who]))
        seen = step.observation


def test_agents_that_leave_early_end_with_their_copy():
    env = to_torchrl(kinds((2, 5, 3, 5, 1)), leavers="stay")
    played = env.rollout(5, break_when_any_done=False)
    done = played["next", "done"][0, :, 0].tolist()
    assert done == [False] * 4 + [True]
    assert played["next", "terminated"][0, -1]
    assert played["next", "hand", "reward"][0, :, 2, 0].tolist() == [1, 0, 0, 0, 0]
    assert played["next", "minute", "reward"].sum() == 2 + 3


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ((0, 1), {"0": [0], "1": [1]}),
        (((0, 1), (1, 0)), {"(0, 1)": [(0, 1)], "(1, 0)": [(1, 0)]}),
        (("a_x", "b"), {"a_x": ["a_x"], "b": ["b"]}),
        (("a_b_0", "a_b_1"), {"a_b": ["a_b_0", "a_b_1"]}),
    ],
)
def test_groups_follow_torchrls_convention_for_names(names, wanted):
    env = to_torchrl(Clock((5, 5), names=names))
    assert env.group_map == wanted
    check_env_specs(env, seed=0)
    every = to_torchrl(Clock((5, 5), names=names), group="all")
    assert every.group_map == {"all": list(names)}


def test_torchrls_own_group_maps_are_taken():
    each = to_torchrl(kinds(), group_map=MarlGroupMapType.ONE_GROUP_PER_AGENT)
    assert each.group_map == {name: [name] for name in NAMES}
    check_env_specs(each, seed=0)
    same = to_torchrl(Clock(), group_map=MarlGroupMapType.ALL_IN_ONE_GROUP)
    assert same.group_map == {"agents": ["hand_0", "hand_1", "hand_2"]}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"group": "all"}, "those of 'minute_0' and 'hand_0' in 'all' differ: give a group_map"),
        ({"group_map": {"some": NAMES[:2]}}, "group_map must have every agent once, 'minute_0'"),
        ({"group_map": {"x": [*NAMES, "hand_0"]}}, "must have every agent once"),
        ({"group_map": {"x": [*NAMES[:4], "foot_0"]}}, "must have every agent once"),
        ({"group": "x", "group_map": {"y": NAMES}}, "give group or group_map, got both"),
    ],
)
def test_groups_that_cannot_be_say_why(given, message):
    with pytest.raises(ValueError, match=message):
        to_torchrl(kinds(), **given)
