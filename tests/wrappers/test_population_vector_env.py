"""PopulationVectorEnv beside Gymnasium's own vector environment, and below Gymnasium's wrappers."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import vector
from toy_envs import Herd

from mfg_envs import ring_road_v0
from wrappers import PopulationVectorEnv, SharedPolicyVecEnv

MODES = [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP]


class Alone(gymnasium.Env):
    """The only agent of an environment, as one environment of Gymnasium."""

    def __init__(self, env):
        self.env = env
        self.observation_space = env.observation_space("cow_0")
        self.action_space = env.action_space("cow_0")

    def reset(self, *, seed=None, options=None):
        return tuple(part["cow_0"] for part in self.env.reset(seed=seed, options=options))

    def step(self, action):
        return tuple(part["cow_0"] for part in self.env.step({"cow_0": action}))


def same(one, two):
    if isinstance(two, dict):
        assert one.keys() == two.keys()
        for key in two:
            same(one[key], two[key])
    elif two.dtype.kind == "O":
        for mine, theirs in zip(one, two, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    else:
        assert one.dtype == two.dtype
        np.testing.assert_array_equal(one, two)


def test_spaces_resets_and_ends_are_those_gymnasium_asks_for():
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
def test_rows_are_those_of_the_sb3_environment(copies):
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


@pytest.mark.parametrize("cut", [(), (0,)], ids=["ended", "cut"])
@pytest.mark.parametrize("mode", MODES)
def test_one_agent_plays_what_gymnasiums_own_vector_environment_plays(mode, cut):
    def make():
        return Herd((3,), cut=cut, spread=4)  # copies end at different times

    ours = PopulationVectorEnv(make(), copies=4, autoreset_mode=mode)
    theirs = SyncVectorEnv([lambda: Alone(make())] * 4, autoreset_mode=mode)
    for one, two in zip(ours.reset(seed=3), theirs.reset(seed=3), strict=True):
        same(one, two)
    for _ in range(40):
        for one, two in zip(
            ours.step(np.zeros(4, int)), theirs.step(np.zeros(4, int)), strict=True
        ):
            same(one, two)
    same(*(env.reset(options={"level": 5})[1] for env in (ours, theirs)))


@pytest.mark.parametrize("mode", MODES)
def test_episodes_are_counted_right(mode):
    env = PopulationVectorEnv(Herd((3, 3), spread=4), copies=2, autoreset_mode=mode)
    env = vector.RecordEpisodeStatistics(env)
    env.reset(seed=0)
    lengths = []
    for _ in range(60):
        _, _, ends, cuts, infos = env.step(np.zeros(4, int))
        over = np.flatnonzero(ends | cuts)
        where = infos.get("final_info", infos) if mode == AutoresetMode.SAME_STEP else infos
        if len(over):
            told = (where if "episode" in where else infos)["episode"]
            np.testing.assert_array_equal(told["r"][over], told["l"][over])
            lengths += told["l"][over].tolist()
    assert set(lengths) == {3, 4, 5, 6, 7}


WRAPPERS = {
    "FlattenObservation": lambda env: vector.FlattenObservation(env),
    "RescaleObservation": lambda env: vector.RescaleObservation(env, min_obs=-1, max_obs=1),
    "NormalizeObservation": lambda env: vector.NormalizeObservation(env),
    "NormalizeReward": lambda env: vector.NormalizeReward(env),
    "RecordEpisodeStatistics": lambda env: vector.RecordEpisodeStatistics(env),
    "DictInfoToList": lambda env: vector.DictInfoToList(env),
}


@pytest.mark.parametrize("name", WRAPPERS)
@pytest.mark.parametrize("foreign", [False, True])
def test_gymnasiums_wrappers_take_a_population(name, foreign):
    road = ring_road_v0.parallel_env(num_agents=3, max_cycles=4)
    env = Herd((3, 3, 3)) if foreign else road
    env = WRAPPERS[name](PopulationVectorEnv(env, 2, autoreset_mode=AutoresetMode.NEXT_STEP))
    seen, _ = env.reset(seed=1)
    for _ in range(12):
        assert seen in env.observation_space
        seen = env.step(np.zeros(6, int))[0]


def test_observations_are_normalised_by_their_own_moments():
    plain = PopulationVectorEnv(Herd((3,)), 2, autoreset_mode="NextStep")
    env = vector.NormalizeObservation(
        PopulationVectorEnv(Herd((3,)), 2, autoreset_mode=AutoresetMode.NEXT_STEP)
    )
    raw = [plain.reset(seed=4)[0]]
    env.reset(seed=4)
    for _ in range(8):
        raw.append(plain.step(np.zeros(2, int))[0])
        env.step(np.zeros(2, int))
    rows = np.concatenate(raw)
    np.testing.assert_allclose(env.obs_rms.mean, rows.mean(0), rtol=1e-3)


@pytest.mark.parametrize("game", ["ours", "foreign"])
def test_the_step_after_the_end_starts_the_next_episode(game):
    road = ring_road_v0.parallel_env(num_agents=2, max_cycles=3)
    env = PopulationVectorEnv(
        road if game == "ours" else Herd((3, 3), cut=(0, 1)), 2, autoreset_mode="NextStep"
    )
    same_step = PopulationVectorEnv(
        ring_road_v0.parallel_env(num_agents=2, max_cycles=3)
        if game == "ours"
        else Herd((3, 3), cut=(0, 1)),
        2,
    )
    np.testing.assert_array_equal(env.reset(seed=5)[0], same_step.reset(seed=5)[0])
    a = np.zeros(4, int)
    for step in range(1, 8):
        one, two = env.step(a), same_step.step(a)
        assert one[3].all() == (step % 3 == 0)
        np.testing.assert_array_equal(one[3], two[3])
        if not one[3].all():
            np.testing.assert_array_equal(one[0], two[0])
            continue
        np.testing.assert_array_equal(one[0], np.stack(two[4]["final_obs"]))
        seen, reward, ends, cuts, _ = env.step(a)
        np.testing.assert_array_equal(seen, two[0])
        assert not (reward.any() or ends.any() or cuts.any())


def test_other_modes_are_refused():
    with pytest.raises(ValueError, match=r"must be SAME_STEP or NEXT_STEP, got .*DISABLED"):
        PopulationVectorEnv(Herd(), autoreset_mode=AutoresetMode.DISABLED)
