import copy

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3 import PPO
from toy_envs import Foreign

from mfg_envs import dispatcher_v0, exact, linear_quadratic_v0, make_game, ring_road_v0, sis_v0
from mfg_envs.numerics import random
from mfg_envs.simulate.acting import as_policy, mixture
from mfg_envs.simulate.alias import alias_table, sample_actions
from wrappers import PlayerEnv


def road(**parameters):
    return ring_road_v0.parallel_env(**{"num_agents": 4, "max_cycles": 5, **parameters})


@pytest.mark.parametrize("wrap", [lambda env: env, Foreign])
def test_one_player_plays_the_game_that_all_play(wrap):
    env, one = road(), PlayerEnv(wrap(road()), "vehicle_2", lambda seen: 3 * (seen[:, 0] > 0))
    seen, _ = env.reset(seed=4)
    np.testing.assert_array_equal(one.reset(seed=4)[0], seen["vehicle_2"])
    for k in range(1, 11):
        actions = {agent: 3 * int(row[0] > 0) for agent, row in seen.items()}
        actions["vehicle_2"] = k % 5
        seen, rewards, ends, cuts, _ = env.step(actions)
        got = one.step(k % 5)
        np.testing.assert_array_equal(got[0], seen["vehicle_2"])
        assert got[1:4] == tuple(part["vehicle_2"] for part in (rewards, ends, cuts))
        if k == 5:
            assert got[3]
            seen, _ = env.reset()
            np.testing.assert_array_equal(one.reset()[0], seen["vehicle_2"])


@pytest.mark.parametrize("make", [road, lambda: Foreign(road()), linear_quadratic_v0.parallel_env])
def test_gymnasiums_own_check_passes(make):
    env = make()
    check_env(PlayerEnv(env, env.possible_agents[0]), skip_render_check=True)


@pytest.mark.parametrize("wrap", [lambda env: env, Foreign])
def test_random_others_follow_the_seed(wrap):
    def play(seed):
        one = PlayerEnv(wrap(road(num_agents=9)), "vehicle_0")
        one.reset(seed=seed)
        return np.array([one.step(1)[0] for _ in range(5)])

    np.testing.assert_array_equal(play(1), play(1))
    assert not np.array_equal(play(1), play(2))


def test_names_go_before_groups():
    heard = []

    def follow(name):
        def act(seen):
            heard.append((name, len(seen)))
            return np.zeros(len(seen), int)

        return act

    others = {"vehicle": follow("group"), "vehicle_1": follow("own")}
    one = PlayerEnv(road(num_agents=5), "vehicle_0", others)
    one.reset(seed=0)
    one.step(0)
    assert sorted(heard) == [("group", 3), ("own", 1)]
    one.others = follow("all")
    one.step(0)
    assert heard[2:] == [("all", 4)]


def test_a_team_has_others_of_several_kinds():
    env = dispatcher_v0.parallel_env(num_locals=3, max_cycles=4)
    one = PlayerEnv(env, "global_0", {"local_2": lambda seen: np.zeros(1, int), "local": None})
    one.reset(seed=3)
    ends = [one.step(1)[2:4] for _ in range(4)]
    assert ends == [(False, False)] * 3 + [(False, True)]


def test_a_model_may_play_the_others():
    alone = PlayerEnv(road(), "vehicle_0")
    model = PPO("MlpPolicy", alone, n_steps=8, batch_size=8, n_epochs=1, seed=0, device="cpu")
    alone.others = model.learn(8)
    alone.reset(seed=1)
    assert np.isfinite(alone.step(0)[1])


def test_others_of_a_tabular_policy_move_the_crowd_as_the_exact_flow_says():
    game, N = make_game("sis", horizon=6), 20_000
    policy = np.random.default_rng(0).dirichlet(np.ones(5), (6, 2))
    one = PlayerEnv(sis_v0.parallel_env(game=game, num_agents=N), "person_0", policy)
    one.reset(seed=2)
    flow = exact.flow(game, policy)
    for t in range(5):
        one.step(0)
        # Every step, and the start, adds at most five standard deviations of a share of N players;
        # an error grows by at most .9 + .8 a step, the slope of (1 - .1) m + .8 a m (1 - m).
        grown = sum(1.7**k for k in range(t + 2))
        assert abs(one.batch.mean_field[0, 1] - flow[t + 1, 1]) < 5 * 0.5 / np.sqrt(N) * grown


def test_others_of_a_table_are_drawn_by_a_key_of_every_step():
    """The key is the next number of the environment's generator, the counter a player's place."""
    game = make_game("sis", horizon=6)
    policy = np.random.default_rng(0).dirichlet(np.ones(5), (6, 2))
    one = PlayerEnv(sis_v0.parallel_env(game=game, num_agents=40), "person_0", policy)
    one.reset(seed=2)
    for t in range(3):
        generator = copy.deepcopy(one.np_random)
        key = random.seed_key(int(generator.integers(2**63)))
        alias, x = alias_table(policy[t]), one.batch.state
        a = sample_actions(alias, x[:, 1:], np.array([key]), t)
        twin = copy.deepcopy(one.batch)
        twin.step(np.concatenate([[[0]], a], 1))
        one.step(0)
        np.testing.assert_array_equal(one.batch.state, twin.state)


def test_others_keep_what_they_drew_of_a_mixture_for_an_episode():
    game, N = make_game("sis", horizon=8), 400
    policy = mixture(game, [np.tile(np.eye(5)[a], (8, 2, 1)) for a in (0, 4)])
    seen = []

    class Watched(type(policy)):
        def act(self, *where):
            seen.append(super().act(*where)[0])
            return seen[-1][None]

    watched = Watched(policy.parts, policy.weights)
    one = PlayerEnv(sis_v0.parallel_env(game=game, num_agents=N), "person_0", watched)
    for seed in (0, 1):
        one.reset(seed=seed)
        for _ in range(3):
            one.step(0)
    assert all(np.array_equal(a, seen[0]) for a in seen[1:3])
    assert not np.array_equal(seen[3], seen[0])
    assert abs((seen[0] == 4).mean() - 0.5) <= 5 * 0.5 / np.sqrt(N - 1)


def test_others_follow_any_policy_of_a_continuous_game():
    game = make_game("linear_quadratic")
    policy = as_policy(game, lambda t, x: -0.1 * x)
    env = linear_quadratic_v0.parallel_env(num_agents=3)
    one = PlayerEnv(env, env.possible_agents[0], policy)
    one.reset(seed=0)
    x, twin = one.batch.state, copy.deepcopy(one.batch)
    one.step(np.array([0.05]))
    a = -0.1 * x
    a[:, 0] = 0.05
    twin.step(a)
    np.testing.assert_array_equal(one.batch.state, twin.state)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: PlayerEnv(road(), "car_0"), ValueError, "vehicle_0 .. vehicle_3, got 'car_0'"),
        (
            lambda: PlayerEnv(road(), "vehicle_0", {"vehicle_1": None}),
            ValueError,
            "nothing of 'vehicle_2', nor of its group 'vehicle'",
        ),
        (
            lambda: PlayerEnv(Foreign(road()), "vehicle_0", np.ones((50, 5)) / 5),
            TypeError,
            "needs one of our finite games",
        ),
    ],
)
def test_bad_input_says_what_to_do(make, error, message):
    with pytest.raises(error, match=message):
        make()
