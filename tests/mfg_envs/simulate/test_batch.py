"""Populations as arrays: what a seed decides, what a reset does, what steps return."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from covering import covering
from toys.complete import EVERY, FINITE, TWICE

from mfg_envs import BatchEnv, policies
from mfg_envs.games.ring_road import RingRoad

GAME = RingRoad(num_cells=6, num_speeds=3)
SHORT = replace(GAME, horizon=4)
GO = np.ones((2, 5), np.int32)
BACKENDS, MODES = ("numpy", "numba"), ("n_agent", "mean_field")


# --- seeds ---


def episode(env, seed=None, steps=4):
    first = env.reset(seed)
    return [first, *(env.step(GO) for _ in range(steps))]


def equal(one, two):
    return all(
        np.array_equal(a, b)
        for x, y in zip(one, two, strict=True)
        for a, b in zip(x, y, strict=True)
    )


def test_a_seed_decides_everything_after_it(back_end):
    env = BatchEnv(SHORT, 2, 5, seed=3)
    given_early = [episode(env) for _ in range(3)]
    given_late = [episode(env, 3), episode(env), episode(env)]
    assert all(map(equal, given_early, given_late))
    assert not equal(given_early[0], given_early[1])
    assert not equal(given_early[1], given_early[2])
    assert not equal(episode(env, 4), given_early[0])


def test_episodes_do_not_depend_on_how_earlier_ones_went(back_end):
    env, other = BatchEnv(SHORT, 2, 5, seed=3), BatchEnv(SHORT, 2, 5, seed=3)
    episode(env)
    episode(other, steps=1)
    assert equal(episode(env), episode(other))
    for each, steps in ((env, 1), (other, 4)):
        each.reset()
        each.rollout(policies.uniform(SHORT), steps)
    assert equal(episode(env), episode(other))


@covering(any_game=EVERY, back_end=BACKENDS, mode=MODES, slow=TWICE, indirect=["back_end"])
def test_population_b_is_the_one_with_seed_plus_b(back_end, any_game, mode):
    arguments = {"mode": mode, "observe": ("state", "density")}
    many = BatchEnv(any_game, 3, 7, seed=10, **arguments)
    singles = [BatchEnv(any_game, 1, 7, seed=10 + b, **arguments) for b in range(3)]
    actions = np.random.default_rng(0).integers(any_game.num_actions, size=(4, 3, 7))
    for _ in range(2):
        step, alone = many.reset(), [env.reset() for env in singles]
        for a in actions:
            for part, parts in zip(step, zip(*alone, strict=True), strict=True):
                assert np.array_equal(part, np.concatenate(parts))
            step, alone = many.step(a), [env.step(a[[b]]) for b, env in enumerate(singles)]


def test_without_a_seed_environments_differ():
    first, second = (BatchEnv(GAME, 1, 50).reset().state for _ in range(2))
    assert not np.array_equal(first, second)


def test_without_a_seed_there_is_a_stream():
    env = BatchEnv(GAME, 1, 50)
    first, second = env.reset().state, env.reset().state
    assert not np.array_equal(first, second)


def test_first_states_follow_the_initial_law(toys):
    game = toys.Market()
    state = BatchEnv(game, 10, 10_000, seed=0).reset().state
    share = np.bincount(state.ravel(), minlength=6) / state.size
    error = np.sqrt(game.initial_law * (1 - game.initial_law) / state.size)
    assert (abs(share - game.initial_law) < 4 * error).all()


# --- results ---


@covering(any_game=EVERY, back_end=BACKENDS, mode=MODES, slow=TWICE, indirect=["back_end"])
def test_shapes_and_types(back_end, any_game, mode):
    env = BatchEnv(any_game, 2, 5, seed=0, mode=mode, observe=("state", "mask"))
    actions = np.zeros((2, 5), int)
    for step in (env.reset(), env.step(actions), env.step(actions)):
        assert (step.state.shape, step.state.dtype) == ((2, 5), np.int32)
        assert (step.reward.shape, step.reward.dtype) == ((2, 5), np.float64)
        assert (step.done.shape, step.done.dtype) == ((2,), bool)
        assert step.mean_field.shape == (2, *any_game.mean_field_shape)
        assert step.observation.shape == (2, 5, env.observer.width)
        assert step.observation.dtype == np.float32
        assert step.mean_field.reshape(2, -1).sum(1) == pytest.approx([1, 1])
    assert BatchEnv(any_game, 2, 5, seed=0).reset().observation.dtype.kind == "i"


def test_a_reset_earns_nothing():
    assert not BatchEnv(GAME, 2, 5, seed=0).reset().reward.any()


@pytest.mark.parametrize("mode", MODES)
def test_what_was_returned_does_not_change(back_end, mode):
    env = BatchEnv(SHORT, 2, 5, seed=0, mode=mode, observe=("state", "density"))
    steps = [env.reset(), *(env.step(GO) for _ in range(3))]
    copies = copy.deepcopy(steps)
    env.step(GO)
    env.reset()
    assert equal(steps, copies)


def test_flags_cannot_be_written():
    env = BatchEnv(SHORT, 2, 5, seed=1)
    env.reset()
    step = env.step(GO)
    with pytest.raises(ValueError, match="read-only"):
        step.done[0] = True


def test_idle_players_have_every_action_alike(toys):
    game = toys.Market()
    step = BatchEnv(game, 2, 50, seed=0).reset()
    share = np.stack([np.bincount(x // 2, minlength=3) for x in step.state]) / 50
    assert step.mean_field == pytest.approx(np.repeat(share[..., None] / 3, 3, -1), abs=1e-15)


def test_a_mean_field_of_controls_is_that_of_the_decision(back_end, toys):
    game = toys.Market()
    env = BatchEnv(game, 1, 40, seed=0)
    x = env.reset().state
    a = np.random.default_rng(1).integers(3, size=x.shape)
    step = env.step(a)
    joint = np.zeros((3, 3))
    np.add.at(joint, (x // 2, a), 1 / 40)
    assert step.mean_field[0] == pytest.approx(joint, abs=1e-15)
    reward = 0.125 * x - (a - 1) * 0.25 - joint[x // 2, a] * (1 + 0.5 * a)
    assert step.reward == pytest.approx(reward, rel=1e-12)


def test_illegal_actions_are_wasted_steps(back_end, toys):
    env = BatchEnv(toys.Corridor(), 1, 200, seed=0)
    x = env.reset().state
    back = env.step(np.zeros_like(x))
    assert (back.state[x == 0] == 0).all()
    for _ in range(5):
        x = env.state
        moved = env.step(np.full_like(x, 2)).state
        assert (moved[x == 4] == 4).all()
    assert (x == 4).any()


@covering(finite_game=FINITE, back_end=BACKENDS, mode=MODES, indirect=["back_end"])
def test_rollout_is_what_steps_give(back_end, finite_game, random_policy, mode):
    policy = random_policy(finite_game)
    env = BatchEnv(finite_game, 3, 20, seed=2, mode=mode)
    env.reset()
    whole = env.rollout(policy, finite_game.horizon)
    last = env.state
    env.reset(2)
    parts = [env.rollout(policy, n) for n in (1, finite_game.horizon - 1)]
    assert np.array_equal(env.state, last)
    for one, two in zip(whole, zip(*parts, strict=True), strict=True):
        assert np.array_equal(one, np.concatenate(two))
    assert whole.mean_field.shape == (finite_game.horizon, 3, *finite_game.mean_field_shape)
    assert whole.reward.shape == (finite_game.horizon, 3)


def test_copies_go_on_as_the_original(back_end):
    env = BatchEnv(SHORT, 2, 5, seed=1)
    env.reset()
    env.step(GO)
    twins = [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
    want = [env.step(GO), env.step(GO), env.reset()]
    for twin in twins:
        assert equal([twin.step(GO), twin.step(GO), twin.reset()], want)
