import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo.test import parallel_api_test
from toy_envs import Foreign

from mfg_envs import (
    crowd_modelling_v0,
    dispatcher_v0,
    four_rooms_grid_v0,
    linear_quadratic_v0,
    make_game,
    ring_road_v0,
    sis_v0,
)
from wrappers import (
    DiscretiseActions,
    NormaliseReward,
    ObserveActionMask,
    ObserveLocalDensity,
    ObserveMeanField,
    ObserveTime,
    OneHotState,
    SharedPolicyVecEnv,
    SubsampleNeighbours,
    as_arrays,
)
from wrappers.subsample_neighbours import draw_others


def road(**parameters):
    return ring_road_v0.parallel_env(**{"num_agents": 5, "max_cycles": 4, **parameters})


def indexed(**parameters):
    return sis_v0.parallel_env(num_agents=4, max_cycles=4, observe=("index",), **parameters)


def line():
    return linear_quadratic_v0.parallel_env(num_agents=3)


WRAPPED = {
    "time": lambda: ObserveTime(road()),
    "mean_field": lambda: ObserveMeanField(road()),
    "mean": lambda: ObserveMeanField(line()),
    "density": lambda: ObserveLocalDensity(road(observe=("state",))),
    "density-2d": lambda: ObserveLocalDensity(crowd_modelling_v0.parallel_env(num_agents=4)),
    "one_hot": lambda: OneHotState(indexed()),
    "mask": lambda: ObserveActionMask(four_rooms_grid_v0.parallel_env(num_agents=4, horizon=5)),
    "reward": lambda: NormaliseReward(road()),
    "actions": lambda: DiscretiseActions(line(), 5),
    "neighbours": lambda: SubsampleNeighbours(road(), 2),
    "several": lambda: SubsampleNeighbours(ObserveTime(OneHotState(indexed())), 3),
    "foreign": lambda: ObserveTime(SubsampleNeighbours(Foreign(road()), 2), 4),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_pettingzoos_own_test_passes(name):
    parallel_api_test(WRAPPED[name](), num_cycles=20)


def equal(one, two):
    if isinstance(one, dict):
        assert one.keys() == two.keys()
        for key in one:
            equal(one[key], two[key])
    else:
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("name", WRAPPED)
def test_arrays_and_dicts_say_the_same(name):
    env, arrays = WRAPPED[name](), as_arrays(WRAPPED[name]())
    space = arrays.action_space
    space.seed(0)
    assert arrays.observation_space == env.observation_space(env.possible_agents[0])

    def rows(seen):
        if isinstance(arrays.observation_space, spaces.Dict):
            each = list(seen.values())
            return {key: np.stack([one[key] for one in each]) for key in each[0]}
        return np.array(list(seen.values()))

    seen, _ = env.reset(seed=3)
    equal(arrays.reset(3), rows(seen))
    for _ in range(12):
        a = np.array([space.sample() for _ in env.possible_agents])
        step = arrays.step(a)
        seen, reward, *_ = env.step(dict(zip(env.agents, a, strict=True)))
        assert all(one in arrays.observation_space for one in seen.values())
        np.testing.assert_array_equal(step.reward, list(reward.values()))
        if step.final is not None:
            assert not env.agents
            equal(step.final, rows(seen))
            seen, _ = env.reset()
        equal(step.observation, rows(seen))


def test_time_runs_from_zero_to_one():
    env = ObserveTime(road())
    seen, _ = env.reset(seed=0)
    times = [seen["vehicle_0"][-1]]
    while env.agents:
        seen, *_ = env.step(dict.fromkeys(env.agents, 1))
        times.append(seen["vehicle_3"][-1])
    np.testing.assert_array_equal(times, np.float32([0, 0.25, 0.5, 0.75, 1]))


def test_the_crowd_that_is_seen_is_the_crowd():
    env = ObserveMeanField(road())
    seen, _ = env.reset(seed=0)
    np.testing.assert_array_equal(seen["vehicle_2"][-50:], np.float32(env.unwrapped.mean_field))
    env = ObserveLocalDensity(road(observe=("state",)))
    seen, _ = env.reset(seed=0)
    whole, _ = road(observe=("state", "density")).reset(seed=0)
    np.testing.assert_array_equal(list(seen.values()), list(whole.values()))


def test_a_mask_has_a_one_for_every_legal_action():
    game = make_game("four_rooms_grid", horizon=5)
    env = ObserveActionMask(four_rooms_grid_v0.parallel_env(game=game, num_agents=3))
    seen, _ = env.reset(seed=1)
    for _ in range(4):
        for i, agent in enumerate(env.agents):
            x = env.unwrapped.batch.state[0, i]
            np.testing.assert_array_equal(seen[agent]["action_mask"], game.legal_actions[x])
        actions = {agent: int(one["action_mask"].argmax()) for agent, one in seen.items()}
        seen, *_ = env.step(actions)


def test_normalised_rewards_by_hand():
    env, plain = NormaliseReward(road(), discount=0.5), road()
    env.reset(seed=2)
    plain.reset(seed=2)
    mean, variance, count, returns = 0.0, 1.0, 1e-4, np.zeros(5)
    for _ in range(7):
        if not env.agents:
            env.reset()
            plain.reset()
            returns = np.zeros(5)
        actions = {agent: i for i, agent in enumerate(env.agents)}
        got = env.step(actions)[1]
        raw = np.array(list(plain.step(actions)[1].values()))
        returns = 0.5 * returns + raw
        gap, total = returns.mean() - mean, count + 5
        spread = variance * count + 5 * returns.var() + gap**2 * count * 5 / total
        mean, variance, count = mean + gap * 5 / total, spread / total, total
        np.testing.assert_allclose(list(got.values()), raw / np.sqrt(variance + 1e-8), rtol=1e-12)


def test_points_of_a_grid_are_played():
    env = DiscretiseActions(line(), 5)
    plain = line()
    assert env.action_space("player_0") == spaces.Discrete(5)
    env.reset(seed=0)
    plain.reset(seed=0)
    got = env.step({agent: k for k, agent in zip((0, 1, 4), env.agents, strict=True)})
    wanted = {a: np.float32([v]) for a, v in zip(plain.agents, (-0.1, -0.05, 0.1), strict=True)}
    for one, two in zip(got[1].values(), plain.step(wanted)[1].values(), strict=True):
        assert one == two


def test_observations_of_two_others_are_appended():
    env = SubsampleNeighbours(road(), 2)
    seen, _ = env.reset(seed=0)
    for k in range(4):
        rows = np.array(list(seen.values())).reshape(5, 3, -1)
        for i, (own, *others) in enumerate(rows):
            rest = [tuple(row[0]) for j, row in enumerate(rows) if j != i]
            for other in others:
                rest.remove(tuple(other))  # a different agent each time, or this raises
            assert tuple(own) == tuple(rows[i, 0])
        seen, *_ = env.step({agent: (k + i) % 5 for i, agent in enumerate(env.agents)})


def test_every_other_is_drawn_as_often():
    drawn = np.stack([draw_others(np.uint64(k), 6, 3) for k in range(4000)])
    assert (np.diff(np.sort(drawn, -1)) > 0).all()
    for i in range(6):
        share = np.bincount(drawn[:, i].ravel(), minlength=6) / 4000
        assert share[i] == 0
        # Each of 5 others with probability 3/5, in 4000 independent draws.
        assert np.abs(np.delete(share, i) - 0.6).max() < 5 * np.sqrt(0.6 * 0.4 / 4000)


def test_neighbours_depend_on_the_seed_alone():
    def play(seed):
        env = SubsampleNeighbours(road(), 2)
        env.reset(seed=9)
        return np.array(list(env.reset(seed=seed)[0].values()))

    np.testing.assert_array_equal(play(1), play(1))
    assert not np.array_equal(play(1), play(2))


def test_wrappers_keep_the_array_path_and_learners_can_have_them():
    venv = SharedPolicyVecEnv(SubsampleNeighbours(ObserveTime(road()), 2), copies=2)
    venv.seed(1)
    seen = venv.reset()
    assert seen.shape == (10, 3 * 8)
    assert venv.get_attr("max_cycles") == [4] * 10
    hidden = as_arrays(Foreign(ObserveTime(road())))
    assert hidden.observation_space.shape == (8,)  # a wrapper outside ours is not stepped over


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ObserveTime(indexed()), ValueError, "wrap Discrete ones in OneHotState first"),
        (lambda: ObserveTime(road(), 0), ValueError, "num_steps must be at least 1, got 0"),
        (lambda: OneHotState(road()), ValueError, r"must be Discrete, got Box.*'index'"),
        (lambda: DiscretiseActions(road()), ValueError, "must be a bounded Box, got Discrete"),
        (lambda: DiscretiseActions(line(), 1), ValueError, "num_points must be at least 2, got 1"),
        (lambda: ObserveActionMask(line()), TypeError, "only our finite games do"),
        (lambda: NormaliseReward(road(), 1.5), ValueError, r"discount must be in \[0, 1\]"),
        (lambda: SubsampleNeighbours(road(), 5), ValueError, r"must be in \[1, 4\], got 5"),
        (
            lambda: ObserveTime(dispatcher_v0.parallel_env(num_locals=2)),
            ValueError,
            "those of global_0 and local_0 differ",
        ),
    ],
)
def test_bad_input_says_what_to_do(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_an_action_beyond_the_grid_is_refused():
    env = DiscretiseActions(line(), 3)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"whole numbers in \[0, 3\), got \[0 3 1\]"):
        env.step(dict(zip(env.agents, (0, 3, 1), strict=True)))
    env.step(dict.fromkeys(env.agents, 2))
