"""Teams as arrays: exact values, back ends, how teams are split, and faults of the caller."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from toys import TeamGarnet

from mfg_envs import TEAM_GAMES, TeamBatchEnv, make_game
from mfg_envs.exact import team_tables
from mfg_envs.games.teams.dispatcher import Dispatcher

GAMES = {
    **{name: make_game(name) for name in TEAM_GAMES},
    "steered": Dispatcher(steered=True),
    "garnet": TeamGarnet(),
    "crowded garnet": TeamGarnet(crowding=2.0),
}
each_game = pytest.mark.parametrize("game", GAMES.values(), ids=GAMES)


def play(env, num_steps, seed=0, first=None):
    """Play random actions; return what the reset and every step gave."""
    game, rng = env.game, np.random.default_rng(seed)
    steps = [env.reset(first)]
    for _ in range(num_steps):
        if env.over:
            break
        a_g = rng.integers(game.num_global_actions, size=env.num_envs)
        a = rng.integers(game.num_local_actions, size=(env.num_envs, env.num_locals))
        steps.append(env.step(a_g, a))
    return steps


def assert_same(one, two, rows=slice(None)):
    assert len(one) == len(two)
    for left, right in zip(one, two, strict=True):
        for name, part in left._asdict().items():
            other = getattr(right, name)[rows]
            assert part.dtype == other.dtype
            assert np.array_equal(part, other), name


# --- against exact values ---


# --- rewards by hand ---


def test_everybody_earns_the_mean_of_the_locals_and_the_global_part():
    game = make_game("follow_the_leader")
    env = TeamBatchEnv(game, 3, 4, seed=1)
    first = env.reset()
    a_g, a = np.array([2, 0, 3]), np.arange(12).reshape(3, 4) % 3
    step = env.step(a_g, a)
    for b in range(3):
        s_g, s, move = first.global_state[b] - 2, first.state[b] - 1, a[b] - 1
        part = np.maximum(
            0.1,
            (1 - abs(s)) + (0.5 - 0.1 * abs(move)) + (0.3 - 0.1 * abs(s - s_g))
            + 0.2 * (abs(s - s_g) <= 1),
        )  # fmt: skip
        own = 1 + (0.2 if a_g[b] == 2 else 0.1) + 0.1 * abs(s_g)
        assert step.reward[b] == pytest.approx(own + part.mean(), rel=1e-14)
        assert step.global_state[b] == np.clip(s_g + a_g[b] - 2, -2, 2) + 2
        assert (step.state[b] == np.clip(s + move - s_g, -1, 1) + 1).all()
    shares = [np.bincount(row, minlength=3) / 4 for row in step.state]
    assert np.array_equal(step.mean_field, shares)


def test_the_squeeze_follows_its_locals():
    game = make_game("gaussian_squeeze")
    for step in play(TeamBatchEnv(game, 5, 7, seed=2), 10):
        loads = step.state + 1
        assert np.array_equal(step.global_state + 1, -(-loads.sum(1) // 7))


def test_the_one_shot_squeeze_pays_the_sum_once():
    env = TeamBatchEnv(make_game("one_shot_squeeze"), 2, 100, seed=0)
    env.reset()
    a = np.full((2, 100), 4)
    a[1, :45] = 5
    step = env.step([0, 0], a)
    assert step.reward == pytest.approx([400, 445 * np.exp(-((45 / 200) ** 2))])
    assert step.done.all()
    with pytest.raises(RuntimeError, match=r"ended at t = 1: call reset\(\)"):
        env.step([0, 0], a)


# --- the same on every back end, for every split and size ---


@each_game
@pytest.mark.parametrize("num_locals", [1, 2, 9, 2500])
def test_back_ends_agree_to_the_bit(game, num_locals, use):
    played = []
    for name in ("numpy", "numba"):
        use(name)
        played.append(play(TeamBatchEnv(game, 3, num_locals, seed=5), 6))
    assert_same(*played)


@each_game
def test_a_team_plays_what_it_plays_alone(game):
    num_locals = 13
    together = TeamBatchEnv(game, 4, num_locals)
    alone = [TeamBatchEnv(game, 1, num_locals) for _ in range(4)]
    rng = np.random.default_rng(0)
    for seed in (7, None):  # an episode of the seed, and the next one of the stream
        step = together.reset(seed)
        for b, env in enumerate(alone):
            one = env.reset(None if seed is None else seed + b)
            assert_same([one], [step], slice(b, b + 1))
        for _ in range(5 if game.horizon is None else 1):
            a_g = rng.integers(game.num_global_actions, size=4)
            a = rng.integers(game.num_local_actions, size=(4, num_locals))
            step = together.step(a_g, a)
            for b, env in enumerate(alone):
                assert_same([env.step(a_g[[b]], a[[b]])], [step], slice(b, b + 1))


def test_more_locals_do_not_change_the_first_ones():
    few, many = (TeamBatchEnv(make_game("dispatcher"), 2, n, seed=0) for n in (3, 300))
    one, two = few.reset(), many.reset()
    for t in range(8):
        assert np.array_equal(one.state, two.state[:, :3])
        assert np.array_equal(one.global_state, two.global_state)
        target = np.array([t % 5, t % 3])
        one = few.step(target, np.zeros((2, 3), int))
        two = many.step(target, np.zeros((2, 300), int))


@each_game
def test_locals_are_exchangeable(game):
    env = TeamBatchEnv(game, 1, 30, seed=0)
    env.reset()
    other = copy.deepcopy(env)
    order = np.random.default_rng(0).permutation(30)
    other.state = env.state[:, order]
    a = np.random.default_rng(1).integers(game.num_local_actions, size=(1, 30))
    rewards = env.step([0], a).reward, other.step([0], a[:, order]).reward
    assert rewards[0] == pytest.approx(rewards[1], rel=1e-13)


@each_game
def test_a_game_too_large_for_tables_plays_the_same(game, monkeypatch):
    want = play(TeamBatchEnv(game, 2, 6, seed=1), 5)
    monkeypatch.setattr(team_tables, "TABLE_LIMIT", 0)
    assert_same(play(TeamBatchEnv(game, 2, 6, seed=1), 5), want)


def test_seeds_episodes_and_copies():
    env = TeamBatchEnv(make_game("dispatcher"), 3, 20, seed=4)
    first, second = play(env, 5), play(env, 5)
    assert not np.array_equal(first[0].state, second[0].state)
    assert not np.array_equal(first[1].state - first[0].state, second[1].state - second[0].state)
    assert_same(play(env, 5, first=4), first)
    assert_same(play(TeamBatchEnv(env.game, 3, 20, seed=4), 5), first)
    for copied in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        assert_same(play(copied, 5, first=4), first)
    a, b = (TeamBatchEnv(env.game, 1, 50) for _ in range(2))
    assert not np.array_equal(a.reset().state, b.reset().state)  # no seed: all different


def test_steps_are_new_arrays():
    env = TeamBatchEnv(make_game("gaussian_squeeze"), 2, 5, seed=0)
    steps = play(env, 4)
    kept = [copy.deepcopy(step) for step in steps]
    play(env, 4)
    assert_same(steps, kept)
    assert len({id(part) for step in steps for part in step[:4]}) == 4 * len(steps)


# --- faults ---


@pytest.mark.parametrize(
    ("a_g", "a", "message"),
    [
        ([0, 5], [[0] * 3] * 2, r"global_actions\[1\] must be in \[0, 5\), got 5"),
        ([0, 0], [[0] * 3, [0, 0, 3]], r"^actions\[1, 2\] must be in \[0, 3\), got 3"),
        ([0, 0], [[0, -1, 0], [0] * 3], r"^actions\[0, 1\] must be in \[0, 3\), got -1"),
        ([0, 0], [[0, 2**32, 0], [0] * 3], r"^actions\[0, 1\] must be in \[0, 3\), got 4294967296"),
        ([0, 0, 0], [[0] * 3] * 2, r"global_actions must have shape \(2,\), got \(3,\)"),
        ([0, 0], [[0] * 4] * 2, r"^actions must have shape \(2, 3\), got \(2, 4\)"),
        ([0, 0], [[0.0] * 3] * 2, r"^actions must be whole numbers, got float64"),
    ],
)
@pytest.mark.parametrize("name", ["numpy", "numba"])
def test_bad_actions_change_nothing(a_g, a, message, name, use):
    use(name)
    env = TeamBatchEnv(Dispatcher(steered=True), 2, 3, seed=0)
    env.reset()
    twin = copy.deepcopy(env)
    with pytest.raises(ValueError, match=message):
        env.step(a_g, a)
    assert env.t == 0
    good = np.ones(2, int), np.ones((2, 3), int)
    assert_same([env.step(*good)], [twin.step(*good)])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_envs": 0}, ValueError, "num_envs must be at least 1, got 0"),
        ({"num_locals": 0}, ValueError, "num_locals must be at least 1, got 0"),
        ({"num_locals": 1.5}, TypeError, "num_locals must be a whole number, got 1.5"),
        ({"num_locals": 10**13}, ValueError, "are free: use at most"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        TeamBatchEnv(make_game("dispatcher"), **arguments)


def test_nothing_is_played_before_the_first_reset():
    with pytest.raises(RuntimeError, match=r"call reset\(\) before the first step"):
        TeamBatchEnv(make_game("dispatcher"), 1, 2).step([0], [[0, 0]])
