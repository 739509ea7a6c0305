"""One player of somebody else's game: any observations, any names, others who die, two kinds."""

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from toy_envs import Clock, Kinds

from agents import IndependentLearners
from mfg_envs import dispatcher_v0, four_rooms_grid_v0, make_game, ring_road_v0
from wrappers import (
    ObserveActionMask,
    ObserveTime,
    PlayerEnv,
    SharedPolicyVecEnv,
    as_arrays,
    to_torchrl,
)

SPACES = {
    "scalar": (spaces.Box(-1, 1, (), np.float32), np.float32(0.0203)),
    "double": (spaces.Box(-1, 1, (2,), np.float64), np.array([0.1, 0.2])),
    "one": (spaces.Box(0, 9, (1,), np.float32), np.array([0.5], np.float32)),
    "discrete": (spaces.Discrete(5), np.int64(3)),
    "start": (spaces.Discrete(5, start=-2), -1),
    "several": (spaces.MultiDiscrete([3, 4]), np.array([2, 3])),
    "grid": (spaces.MultiDiscrete([[3, 4]]), np.array([[2, 3]])),
    "binary": (spaces.MultiBinary(3), np.array([1, 0, 1], np.int8)),
    "flag": (spaces.MultiBinary(1), np.array([1], np.int8)),
    "text": (spaces.Text(4), "abc"),
    "dict": (
        spaces.Dict(x=spaces.Box(0, 1, (), np.float32), y=spaces.Dict(z=spaces.Discrete(3))),
        {"x": np.float32(0.25), "y": {"z": 2}},
    ),
    "tuple": (
        spaces.Tuple([spaces.Discrete(3), spaces.Box(0, 1, (2,), np.float32)]),
        (1, np.array([0.5, 0.25], np.float32)),
    ),
}


def same(one, two):
    """Return whether observations are equal, of whatever nesting."""
    if isinstance(two, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in two)
    if isinstance(two, tuple):
        return len(one) == len(two) and all(map(same, one, two))
    return np.array_equal(one, two)


class Shows(Clock):
    """A clock that always shows the same."""

    def __init__(self, space, value):
        super().__init__(space=space)
        self.value = value

    def shown(self, agent):
        return self.value


@pytest.mark.parametrize("name", SPACES)
def test_an_observation_is_what_its_space_says(name):
    space, value = SPACES[name]
    heard = []

    def act(seen):
        heard.append(seen)
        return [0, 1]

    env = PlayerEnv(Shows(space, value), "hand_1", act)
    for got in (env.reset(seed=0)[0], env.step(2)[0]):
        assert got in space
        assert same(got, value)
        assert isinstance(got, int) == isinstance(space, spaces.Discrete)
    first = heard[0]["x"] if name == "dict" else heard[0][0] if name == "tuple" else heard[0]
    assert len(first) == 2
    check_env(PlayerEnv(Shows(space, value), "hand_1"), skip_render_check=True)


def test_the_mask_of_one_of_our_players_arrives():
    env = four_rooms_grid_v0.parallel_env(
        game=make_game("four_rooms_grid", horizon=5), num_agents=3
    )
    one = PlayerEnv(ObserveActionMask(env), "walker_0")
    seen, _ = one.reset(seed=0)
    assert seen in one.observation_space
    wanted = env.game.legal_actions[one.env.unwrapped.batch.state[0, 0]]
    np.testing.assert_array_equal(seen["action_mask"], wanted)
    np.testing.assert_array_equal(one.action_masks(), wanted)


def test_only_the_living_are_asked():
    asked = []

    def act(seen):
        asked.append(seen[:, 0].tolist())
        return [1] * len(seen)

    env = Clock((2, 4, 6, 5))
    one = PlayerEnv(env, "hand_2", act)
    one.reset(seed=0)
    ends = [one.step(0)[2] for _ in range(6)]
    assert asked == [[1] * 3, [2] * 3, [3] * 2, [4] * 2, [5]]  # at the sixth hour it is alone
    assert ends == [False] * 5 + [True]
    assert [len(step) for step in env.played] == [4, 4, 3, 3, 2, 1]


def test_a_function_is_asked_once_for_each_kind():
    asked = []

    def act(seen):
        asked.append(seen.shape)
        return [seen.shape[1]] * len(seen)

    env = Kinds((5, 5, 5, 5), names=["hand_0", "minute_0", "hand_1", "minute_1"])
    one = PlayerEnv(env, "hand_0", act)
    one.reset(seed=0)
    one.step(0)
    assert sorted(asked) == [(1, 1), (2, 2)]
    assert env.played[0] == {"hand_0": 0, "minute_0": 2, "hand_1": 1, "minute_1": 2}


@pytest.mark.parametrize("names", [(0, 1, 2), ((0, 0), (0, 1), (1, 0)), ("a", "b", "c")])
def test_agents_may_be_called_anything(names):
    env = Clock(names=names)
    one = PlayerEnv(env, names[1], {names[0]: None, names[2]: lambda seen: [2] * len(seen)})
    one.reset(seed=0)
    one.step(1)
    assert env.played[0][names[1]] == 1
    assert env.played[0][names[2]] == 2
    with pytest.raises(ValueError, match="others says nothing of"):
        one.others = {names[0]: None}


def test_infos_and_options_of_the_player_pass():
    one = PlayerEnv(Clock(), "hand_0")
    assert one.reset(seed=0, options={"level": 2})[1] == {"options": {"level": 2}}
    assert one.step(0)[4] == {"hour": 2}


def test_a_player_who_is_not_there_is_named():
    one = PlayerEnv(Clock((2, 5)), "hand_0")
    with pytest.raises(RuntimeError, match="'hand_0' is not in the game now: call reset first"):
        one.step(0)
    one.reset(seed=0)
    assert [one.step(0)[2] for _ in range(2)] == [False, True]
    with pytest.raises(RuntimeError, match="call reset first"):
        one.step(0)


def test_too_few_actions_are_counted():
    one = PlayerEnv(Clock(), "hand_0", lambda seen: [0])
    one.reset(seed=0)
    with pytest.raises(ValueError, match="one action per player, 2, got 1"):
        one.step(0)


@pytest.mark.parametrize(
    "view",
    [
        lambda env: PlayerEnv(env, "somebody"),
        as_arrays,
        SharedPolicyVecEnv,
        to_torchrl,
        ObserveTime,
        lambda env: IndependentLearners(env, {}),
    ],
)
@pytest.mark.parametrize(
    "make",
    [
        lambda: ring_road_v0.env(num_agents=3),
        lambda: dispatcher_v0.env(num_locals=2),
    ],
    ids=["one kind", "two kinds"],
)
def test_an_aec_environment_is_refused_with_the_remedy(view, make):
    with pytest.raises(TypeError, match=r"must be a PettingZoo ParallelEnv.*aec_to_parallel"):
        view(make())
