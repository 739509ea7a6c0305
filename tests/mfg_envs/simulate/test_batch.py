"""Populations as arrays: what is refused, what a seed decides, what a reset does."""

from __future__ import annotations

import copy
import pickle
import tracemalloc
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
BACK_ENDS, MODES = ("numba", "numpy"), ("n_agent", "mean_field")
DTYPES = ("int8", "uint8", "int16", "uint32", "int64", "uint64")


@pytest.fixture(params=BACK_ENDS)
def back_end(request, use):
    if request.param == "numba":
        pytest.importorskip("numba")
    use(request.param)
    return request.param


def started(game=SHORT, **arguments):
    env = BatchEnv(game, 2, 5, seed=1, **arguments)
    env.reset()
    return env


def assert_goes_on_as(env, twin):
    for _ in range(2):
        got, want = env.step(GO), twin.step(GO)
        assert all(map(np.array_equal, got, want))


# --- what is refused ---


def wrapping(value, dtype):
    a = GO.astype(dtype)
    a[1, 3] = value
    return a


OUT_OF_RANGE = (
    *((3, "int32"), (-1, "int32"), (-1, "int8"), (-1, "int64"), (2**32, "int64")),
    *((2**32 + 1, "int64"), (1 - 2**32, "int64"), (2**63 - 1, "int64")),
    *((2**64 - 1, "uint64"), (2**31, "uint32"), (200, "uint8")),
)
BAD_ACTIONS = {
    "one axis": (GO[0], r"actions must have shape \(B, N\) = \(2, 5\), got \(5,\)"),
    "turned": (GO.T, r"\(2, 5\), got \(5, 2\)"),
    "a number": (1, r"\(2, 5\), got \(\)"),
    "three axes": (GO[..., None], r"\(2, 5\), got \(2, 5, 1\)"),
    "floats": (GO * 1.0, "actions must be whole numbers, got float64"),
    "NaN": (np.full((2, 5), np.nan), "actions must be whole numbers, got float64"),
    "flags": (GO > 0, "actions must be whole numbers, got bool"),
    "words": (np.full((2, 5), "a"), "actions must be whole numbers, got <U1"),
    "nothing": (np.full((2, 5), None), "actions must be whole numbers, got object"),
    **{
        f"{value} of {dtype}": (
            wrapping(value, dtype),
            rf"action of population 1, player 3 must be in \[0, 3\), got {value}",
        )
        for value, dtype in OUT_OF_RANGE
    },
}


@covering(bad=BAD_ACTIONS, back_end=BACK_ENDS, mode=MODES, indirect=["back_end"])
def test_bad_actions_leave_everything_as_it_was(back_end, bad, mode):
    actions, message = bad
    env = started(mode=mode)
    twin = copy.deepcopy(env)
    with pytest.raises(ValueError, match=message):
        env.step(actions)
    assert env.t == 0
    assert_goes_on_as(env, twin)


@covering(dtype=DTYPES, back_end=BACK_ENDS, indirect=["back_end"])
def test_any_integer_will_do(back_end, dtype):
    env, twin = started(), started()
    actions = np.arange(10).reshape(2, 5) % 3
    got, want = env.step(actions.astype(dtype)), twin.step(actions.tolist())
    assert all(map(np.array_equal, got, want))
    strided = np.repeat(actions, 2, 1).astype(dtype)[:, ::2]
    assert all(map(np.array_equal, env.step(strided), twin.step(actions)))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_envs": 0}, ValueError, "num_envs must be at least 1, got 0"),
        ({"num_agents": 0}, ValueError, "num_agents must be at least 1, got 0"),
        ({"num_agents": -5}, ValueError, "num_agents must be at least 1, got -5"),
        ({"num_agents": 1.5}, TypeError, "num_agents must be a whole number, got 1.5"),
        ({"num_envs": True}, TypeError, "num_envs must be a whole number, got True"),
        ({"mode": "solo"}, ValueError, "mode must be one of 'n_agent', 'mean_field'"),
        ({"observe": ("colour",)}, ValueError, "observe must be one of 'index'"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": 1.5}, TypeError, "seed must be a whole number, got 1.5"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        BatchEnv(GAME, **arguments)


def test_too_many_players_are_refused_before_memory_is_taken():
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"num_envs \* num_agents = 10{12} needs 29802.3 GiB"):
            BatchEnv(GAME, 10**6, 10**6)
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("mode", MODES)
def test_before_the_first_reset_and_after_the_end(back_end, mode):
    env = BatchEnv(SHORT, 2, 5, seed=0, mode=mode)
    policy = policies.uniform(SHORT)
    for act in (lambda: env.step(GO), lambda: env.rollout(policy, 1)):
        with pytest.raises(RuntimeError, match=r"call reset\(\) before the first step"):
            act()
    env.reset()
    dones = [env.step(GO).done for _ in range(4)]
    assert np.array_equal(dones, [[False] * 2] * 3 + [[True] * 2])
    for act in (lambda: env.step(GO), lambda: env.rollout(policy, 1)):
        with pytest.raises(RuntimeError, match=r"the episode ended at t = 4: call reset\(\)"):
            act()
    assert not env.reset().done.any()
    assert env.step(GO).state.shape == (2, 5)


@pytest.mark.parametrize(
    ("num_steps", "error", "message"),
    [
        (0, ValueError, "num_steps must be at least 1, got 0"),
        (4, ValueError, "num_steps must be at most 3, got 4"),
        (1.0, TypeError, "num_steps must be a whole number, got 1.0"),
    ],
)
def test_bad_lengths_of_a_rollout(back_end, num_steps, error, message):
    env = started()
    env.step(GO)
    twin = copy.deepcopy(env)
    with pytest.raises(error, match=message):
        env.rollout(policies.uniform(SHORT), num_steps)
    assert_goes_on_as(env, twin)
    env.reset()
    env.rollout(policies.uniform(SHORT), 4)
    assert env.over


@pytest.mark.parametrize(
    ("game", "policy", "message"),
    [
        (SHORT, np.full((6, 3), 1 / 3), r"\(T, S, A\) = \(4, 6, 3\), got \(6, 3\)"),
        (SHORT, np.full((5, 6, 3), 1 / 3), r"\(T, S, A\) = \(4, 6, 3\), got \(5, 6, 3\)"),
        (GAME, np.full((4, 6, 3), 1 / 3), r"\(S, A\) = \(6, 3\), got \(4, 6, 3\)"),
        (GAME, np.full((6, 3), 0.3), r"policy\[x=0\] must be probabilities that sum to one"),
        (GAME, np.tile([1.5, -0.5, 0], (6, 1)), r"policy\[x=0\] must be .* \[-0.5, 1.5\]"),
        (GAME, np.full((6, 3), np.nan), r"policy\[x=0\] must be probabilities"),
        (
            replace(GAME, dynamics="position"),
            np.full((7, 3), 1 / 3),
            r"\(S, A\) = \(6, 3\) or \(18, 3\), got \(7, 3\)",
        ),
    ],
)
def test_bad_policies(game, policy, message):
    env = BatchEnv(game, 2, 5, seed=0)
    env.reset()
    with pytest.raises(ValueError, match=message):
        env.rollout(policy, 1)
    assert env.t == 0


def test_a_policy_with_illegal_actions_is_refused(toys):
    env = BatchEnv(toys.Corridor(), seed=0)
    env.reset()
    policy = np.full((7, 5, 3), 1 / 3)
    with pytest.raises(ValueError, match=r"an illegal action mass at \[t=0\]\[x=0\]\[a=0\]"):
        env.rollout(policy, 1)


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


@covering(any_game=EVERY, back_end=BACK_ENDS, mode=MODES, slow=TWICE, indirect=["back_end"])
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


@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (1.5, TypeError), (True, TypeError)])
def test_a_bad_seed_changes_nothing(seed, error):
    env = started()
    twin = copy.deepcopy(env)
    with pytest.raises(error, match="seed must be"):
        env.reset(seed)
    assert_goes_on_as(env, twin)
    assert np.array_equal(env.reset().state, twin.reset().state)


def test_first_states_follow_the_initial_law(toys):
    game = toys.Market()
    state = BatchEnv(game, 10, 10_000, seed=0).reset().state
    share = np.bincount(state.ravel(), minlength=6) / state.size
    error = np.sqrt(game.initial_law * (1 - game.initial_law) / state.size)
    assert (abs(share - game.initial_law) < 4 * error).all()


# --- results ---


@covering(any_game=EVERY, back_end=BACK_ENDS, mode=MODES, slow=TWICE, indirect=["back_end"])
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
    step = started().step(GO)
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


@covering(finite_game=FINITE, back_end=BACK_ENDS, mode=MODES, indirect=["back_end"])
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
    env = started()
    env.step(GO)
    twins = [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
    want = [env.step(GO), env.step(GO), env.reset()]
    for twin in twins:
        assert equal([twin.step(GO), twin.step(GO), twin.reset()], want)
