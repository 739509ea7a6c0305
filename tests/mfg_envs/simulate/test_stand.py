"""A batch stands at any moment and goes on from there, bit for bit."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from covering import covering

from mfg_envs import BatchEnv, TeamBatchEnv, make_game, policies
from mfg_envs.numerics import random
from mfg_envs.simulate.snapshot import restore, snapshot

ROAD = make_game("ring_road", num_cells=6, num_speeds=4, horizon=5)
GAMES = {"ring_road": ROAD, "crowd_lq": make_game("crowd_lq"), "bar": make_game("beach_bar")}
B, N = 2, 5


def actions(game):
    if hasattr(game, "num_actions"):
        return np.arange(B * N).reshape(B, N) % game.num_actions
    return np.linspace(-0.01, 0.01, B * N).reshape(B, N, 1)


def started(game, seed=3, **options):
    env = BatchEnv(game, B, N, seed, **options)
    env.reset()
    env.reset()
    env.step(actions(game))
    return env


def assert_goes_on_as(one, two):
    a = actions(one.game)
    for got, want in ((one.step(a), two.step(a)), (one.reset(), two.reset())):
        assert all(map(np.array_equal, got, want))


@covering(name=list(GAMES), back_end=("numpy", "numba"), indirect=["back_end"])
def test_a_moment_is_gone_on_from_by_another_batch(name, back_end):
    game = GAMES[name]
    env = started(game)
    twin = BatchEnv(game, B, N)
    twin.stand(env.t, env.state, mean_field=env.mean_field, episode=env.episode)
    assert (twin.t, twin.episode) == (1, (3, 1))
    assert_goes_on_as(twin, env)


def test_a_moving_crowd_is_gone_on_from_with_its_law():
    def representatives():
        env = BatchEnv(ROAD, B, N, 3, mode="mean_field")
        env.set_population_policy(np.broadcast_to(np.eye(4)[[1, 2, 3, 0, 1, 2]], (5, 6, 4)))
        return env

    env, lawless, twin = (representatives() for _ in range(3))
    assert env.law is None
    env.reset()
    first = env.law
    env.step(actions(ROAD))
    assert not np.array_equal(env.law, first)
    twin.stand(1, env.state, episode=env.episode, law=env.law)
    assert np.array_equal(twin.mean_field, env.mean_field)
    lawless.stand(1, env.state, episode=env.episode)
    assert np.array_equal(lawless.law, first)
    assert_goes_on_as(twin, env)


def test_what_is_drawn_is_drawn_with_the_keys_that_are_given():
    env, x = started(ROAD), np.zeros((B, N), int)
    other = BatchEnv(ROAD, B, N)
    other.stand(2, x, keys=env.keys)
    env.stand(2, x)
    assert np.array_equal(env.mean_field, np.broadcast_to(np.eye(6)[0], (B, 6)))
    a = actions(ROAD)
    assert all(map(np.array_equal, env.step(a), other.step(a)))


def test_keys_are_those_of_seed_and_episode():
    env = started(ROAD)
    assert np.array_equal(env.keys, random.subkey(random.seed_key(3, np.arange(B)), 1))
    with pytest.raises(ValueError, match="read-only"):
        env.keys[0] = 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"t": -1}, r"t must be in \[0, 5\], got -1"),
        ({"t": 6}, r"t must be in \[0, 5\], got 6"),
        ({"state": np.full((B, N), 6)}, r"state\[0, 0\] must be in \[0, 6\), got 6"),
        ({"mean_field": np.ones((B, 7))}, "mean_field must be finite numbers of shape"),
        ({"keys": np.zeros(3, np.uint64)}, r"keys must be uint64 of shape \(2,\), got"),
        ({"keys": np.zeros(B)}, r"keys must be uint64 of shape \(2,\), got"),
        ({"episode": (-1, 0)}, "seed must be at least 0, got -1"),
        ({"episode": (0, -1)}, "the number of an episode must be at least 0, got -1"),
        ({"law": np.ones(7) / 7}, r"law must have shape \(6,\), got \(7,\)"),
    ],
)
def test_a_moment_that_cannot_be_changes_nothing(more, message):
    env = started(ROAD, mode="mean_field")
    twin = copy.deepcopy(env)
    with pytest.raises(ValueError, match=message):
        env.stand(**{"t": 2, "state": np.zeros((B, N), int), **more})
    assert env.t == 1
    assert_goes_on_as(env, twin)
    with pytest.raises(ValueError, match='law needs mode="mean_field"'):
        started(ROAD).stand(2, np.zeros((B, N), int), law=np.ones(6) / 6)


def test_before_the_first_reset_there_is_no_moment():
    for env in (BatchEnv(ROAD, B, N, 3), TeamBatchEnv(make_game("dispatcher"), B, N, 3)):
        for name in ("state", "mean_field", "keys", "episode"):
            with pytest.raises(AttributeError, match=f"there is no {name} before the first reset"):
                getattr(env, name)
    with pytest.raises(AttributeError, match="there is no keys before the first reset"):
        BatchEnv(ROAD, B, N).stand(0, np.zeros((B, N), int))


@pytest.mark.parametrize("mode", ["n_agent", "mean_field"])
@pytest.mark.parametrize("name", GAMES)
def test_a_snapshot_is_restored(name, mode):
    game = GAMES[name]
    env = started(game, mode=mode)
    moment, twin = snapshot(env), env.replicate(B)
    seen = restore(twin, moment)
    assert np.array_equal(seen, env.look(env.observer))
    assert_goes_on_as(twin, env)
    with pytest.raises(ValueError, match=r"the moment has \(2, 5\) populations and players"):
        restore(env.replicate(3), moment)
    with pytest.raises(RuntimeError, match=r"call reset\(\) before snapshot\(\)"):
        snapshot(env.replicate(1))


def test_a_uniform_crowd_is_met_first():
    env = BatchEnv(ROAD, 1, 1, 0, mode="mean_field")
    env.set_population_policy(policies.uniform(ROAD))
    met = env.replicate(1).reset(0).mean_field
    assert np.array_equal(met, BatchEnv(ROAD, 1, 1, 0, mode="mean_field").reset().mean_field)
    assert np.array_equal(met, env.reset().mean_field)
