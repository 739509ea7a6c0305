"""Agents that leave before the others, in every view: one end an agent and episode."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from pettingzoo.utils.wrappers import BaseParallelWrapper
from stable_baselines3 import DQN
from stable_baselines3.common.vec_env import VecMonitor
from torchrl.envs.utils import check_env_specs
from toy_envs import Herd

from wrappers import (
    NormaliseReward,
    ObserveTime,
    PopulationVectorEnv,
    SharedPolicyVecEnv,
    as_arrays,
    as_columns,
    to_torchrl,
)

LIVES = (4, 8, 12)


def test_rows_say_who_acts_and_end_once():
    arrays = as_arrays(Herd(LIVES, cut=(1,)), 2)
    arrays.reset(0)
    for t in range(1, 25):
        acts = [(t - 1) % 12 < life for life in LIVES]
        np.testing.assert_array_equal(arrays.acting, acts * 2)
        rows = arrays.step(np.zeros(6, int))
        over = [(t - 1) % 12 + 1 == life for life in LIVES]
        np.testing.assert_array_equal(rows.reward, np.float64(acts * 2))
        np.testing.assert_array_equal(rows.terminated, [over[0], False, over[2]] * 2)
        np.testing.assert_array_equal(rows.truncated, [False, over[1], False] * 2)
        last = rows.observation if rows.final is None else rows.final
        np.testing.assert_array_equal((last > 0).all(1), acts * 2)


def test_columns_say_who_acts():
    columns = as_columns(Herd((1, 3)), 2)
    columns.reset(0)
    for t in range(6):
        np.testing.assert_array_equal(columns.acting, [[t % 3 < 1, True]] * 2)
        columns.step([np.zeros(2, int)] * 2)


def test_an_agent_that_comes_back_has_one_end_a_life():
    arrays = as_arrays(Herd([[(0, 2), (3, 5)], 6]))
    arrays.reset(0)
    rows = [arrays.step(np.zeros(2, int)) for _ in range(6)]
    assert [row.terminated.tolist() for row in rows] == [
        *([False, False], [True, False], [False, False]),
        *([False, False], [True, False], [False, True]),
    ]
    assert not any(row.truncated.any() for row in rows)
    assert (rows[2].observation > 0).all()  # it is back, and sees where it is


def with_sb3(env, **how):
    venv = SharedPolicyVecEnv(env, **how)
    venv.reset()
    while True:
        _, reward, done, infos = venv.step(np.zeros(venv.num_envs, int))
        cut = [info.get("TimeLimit.truncated", False) for info in infos]
        yield reward, done & ~np.array(cut), cut


def with_gymnasium(env, mode=AutoresetMode.SAME_STEP, **how):
    vector = PopulationVectorEnv(env, autoreset_mode=mode, **how)
    vector.reset()
    while True:
        yield vector.step(np.zeros(vector.num_envs, int))[1:4]


def with_torchrl(env, **how):
    view = to_torchrl(env, **how)
    moment = view.reset()
    while True:
        step, moment = view.step_and_maybe_reset(moment.update(view.full_action_spec.zero()))
        flags = (np.repeat(step["next", name].numpy(), 3) for name in ("terminated", "truncated"))
        yield step["next", view.group, "reward"].numpy().ravel(), *flags


VIEWS = {
    "SharedPolicyVecEnv": with_sb3,
    "PopulationVectorEnv": with_gymnasium,
    "NEXT_STEP": lambda env, **how: with_gymnasium(env, AutoresetMode.NEXT_STEP, **how),
    "to_torchrl": with_torchrl,
}


WRAPPED = [lambda env: env, BaseParallelWrapper, lambda env: ObserveTime(env, 9)]
GONE = r"'cow_0' is gone at step 4 of copy 0 while others play on, .* give leavers=.stay"


@pytest.mark.parametrize("wrap", WRAPPED)
@pytest.mark.parametrize("view", VIEWS)
def test_views_that_are_trained_on_whole_refuse_agents_that_leave(view, wrap):
    steps = VIEWS[view](wrap(Herd(LIVES)))
    for _ in range(3):
        next(steps)
    with pytest.raises(ValueError, match=GONE):
        next(steps)
    with pytest.raises(ValueError, match="'cow_1' is gone at step 0 of copy 0"):
        next(VIEWS[view](wrap(Herd([9, [(3, 9)]]))))


@pytest.mark.parametrize("view", VIEWS)
def test_an_agent_that_stays_ends_with_its_copy_as_it_would_have(view):
    steps = VIEWS[view](Herd(LIVES, cut=(1,)), leavers="stay")
    played = [next(steps) for _ in range(12)]
    earned = np.sum([reward for reward, *_ in played], 0)
    np.testing.assert_array_equal(earned, LIVES)
    for _, ended, cut in played[:-1]:
        assert not np.any(ended)
        assert not np.any(cut)
    _, ended, cut = played[-1]
    whole = view == "to_torchrl"  # one flag for a copy: cut, for one of its agents was
    np.testing.assert_array_equal(ended, [not whole, False, not whole])
    np.testing.assert_array_equal(cut, [whole, True, whole])


def test_episodes_of_agents_that_stay_are_counted_once():
    venv = VecMonitor(SharedPolicyVecEnv(Herd(LIVES), 2, leavers="stay"))
    model = DQN("MlpPolicy", venv, learning_starts=10**6, buffer_size=600, device="cpu").learn(144)
    got = [(float(episode["r"]), int(episode["l"])) for episode in model.ep_info_buffer]
    assert got == [(4, 12), (8, 12), (12, 12)] * 2 * 2


def test_torchrls_own_check_passes_where_agents_stay():
    check_env_specs(to_torchrl(Herd(LIVES), 2, leavers="stay", infos=("score",)), seed=0)


class Flagged(BaseParallelWrapper):
    """Change the flags that agents are given, or who is there."""

    def __init__(self, env, change):
        super().__init__(env)
        self.change = change

    def step(self, actions):
        seen, rewards, ends, cuts, infos = self.env.step(actions)
        return seen, rewards, self.change(self.env, ends), cuts, infos


def test_an_agent_gone_without_a_word_was_cut_once():
    arrays = as_arrays(Flagged(Herd((1, 2)), lambda env, ends: dict.fromkeys(ends, False)))
    arrays.reset(0)
    one, two = arrays.step(np.zeros(2, int)), arrays.step(np.zeros(2, int))
    np.testing.assert_array_equal([one.truncated, two.truncated], [[True, False], [False, True]])
    assert not (one.terminated.any() or two.terminated.any())


def test_environments_that_break_the_rules_are_named():
    arrays = as_arrays(Flagged(Herd((5, 5)), lambda env, ends: dict.fromkeys(ends, True)))
    arrays.reset(0)
    with pytest.raises(ValueError, match=r"'cow_0' ended at step 1 .* env\.agents keeps it"):
        arrays.step(np.zeros(2, int))
    env = Herd((5, 5))
    arrays = as_arrays(env)
    env.lives.append([(0, 5)])
    env.possible_agents = [*env.possible_agents, "cow_2"]
    with pytest.raises(ValueError, match="possible_agents must name every agent, but 'cow_2'"):
        arrays.reset(0)
    with pytest.raises(RuntimeError, match=r"call reset\(\) before the first step"):
        as_arrays(Herd()).step(np.zeros(3, int))


@pytest.mark.parametrize("make", [SharedPolicyVecEnv, PopulationVectorEnv, to_torchrl])
def test_views_that_are_trained_on_whole_have_no_mask(make):
    with pytest.raises(ValueError, match="leavers must be one of 'refuse', 'stay', got 'mask'"):
        make(Herd(), leavers="mask")
    with pytest.raises(ValueError, match="must be one of 'mask', 'refuse', 'stay', got 'go'"):
        as_arrays(Herd(), leavers="go")


def test_normalised_rewards_are_those_of_acting_agents():
    lives, seen = (2, 3), []
    env, arrays = (NormaliseReward(Herd(lives), discount=0.5) for _ in range(2))
    arrays = as_arrays(arrays)
    mean, variance, count = 0.0, 1.0, 1e-4
    returns = {"cow_0": 0.0, "cow_1": 0.0}
    env.reset(seed=0)
    arrays.reset(0)
    for _ in range(7):
        if not env.agents:
            env.reset()
        acting = env.agents
        rewards = env.step(dict.fromkeys(acting, 0))[1]
        rows = arrays.step(np.zeros(2, int))
        # The definition, over those who act: each earns 1.
        for agent in acting:
            returns[agent] = 0.5 * returns[agent] + 1
        batch = np.array([returns[agent] for agent in acting])
        gap, total = batch.mean() - mean, count + len(batch)
        spread = variance * count + len(batch) * batch.var() + gap**2 * count * len(batch) / total
        mean, variance, count = mean + gap * len(batch) / total, spread / total, total
        returns = {a: value if a in env.agents else 0.0 for a, value in returns.items()}
        wanted = {agent: 1 / np.sqrt(variance + 1e-8) for agent in acting}
        assert rewards == pytest.approx(wanted, rel=1e-12)
        row = [wanted.get(agent, 0.0) for agent in ("cow_0", "cow_1")]
        np.testing.assert_allclose(rows.reward, row, rtol=1e-12)
        seen.append(len(acting))
    assert seen == [2, 2, 1, 2, 2, 1, 2]
