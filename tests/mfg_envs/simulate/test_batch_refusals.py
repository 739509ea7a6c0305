"""Populations as arrays: what is refused, and leaves everything as it was."""

from __future__ import annotations

import copy
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from covering import covering

from mfg_envs import BatchEnv, policies
from mfg_envs.games.ring_road import RingRoad

GAME = RingRoad(num_cells=6, num_speeds=3)


SHORT = replace(GAME, horizon=4)


GO = np.ones((2, 5), np.int32)


BACKENDS, MODES = ("numpy", "numba"), ("n_agent", "mean_field")


DTYPES = ("int8", "uint8", "int16", "uint32", "int64", "uint64")


def started(game=SHORT, **arguments):
    env = BatchEnv(game, 2, 5, seed=1, **arguments)
    env.reset()
    return env


def assert_goes_on_as(env, twin):
    for _ in range(2):
        got, want = env.step(GO), twin.step(GO)
        assert all(map(np.array_equal, got, want))


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


@covering(bad=BAD_ACTIONS, back_end=BACKENDS, mode=MODES, indirect=["back_end"])
def test_bad_actions_leave_everything_as_it_was(back_end, bad, mode):
    actions, message = bad
    env = started(mode=mode)
    twin = copy.deepcopy(env)
    with pytest.raises(ValueError, match=message):
        env.step(actions)
    assert env.t == 0
    assert_goes_on_as(env, twin)


@covering(dtype=DTYPES, back_end=BACKENDS, indirect=["back_end"])
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


def test_mean_fields_count_as_memory_unless_they_are_shared():
    wide = replace(GAME, num_cells=10_000)
    with pytest.raises(ValueError, match=r"^num_envs = 10{7} needs 1490.1 GiB"):
        BatchEnv(wide, 10**7, 1)
    assert BatchEnv(wide, 10**4, 1, mode="mean_field").num_envs == 10**4


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


@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (1.5, TypeError), (True, TypeError)])
def test_a_bad_seed_changes_nothing(seed, error):
    env = started()
    twin = copy.deepcopy(env)
    with pytest.raises(error, match="seed must be"):
        env.reset(seed)
    assert_goes_on_as(env, twin)
    assert np.array_equal(env.reset().state, twin.reset().state)
