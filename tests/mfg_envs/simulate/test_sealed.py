"""What views return is fresh or read-only: whoever writes into it changes no episode."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from covering import covering

from mfg_envs import BatchEnv, PopulationEnv, make_game
from mfg_envs.environments.representative import RepresentativeEnv, RepresentativeVectorEnv
from mfg_envs.environments.team import TeamEnv
from mfg_envs.simulate.team import TeamBatchEnv
from wrappers import ObserveTime, SharedPolicyVecEnv, as_arrays

BACK_ENDS = ("numpy", "numba")
pytestmark = pytest.mark.usefixtures("back_end")
ROAD = {"num_cells": 6, "num_speeds": 4, "horizon": 5}


def road(**more):
    return make_game("ring_road", **{**ROAD, **more})


def arrays_in(value):
    """Return every array in nested results."""
    if isinstance(value, np.ndarray):
        return [value]
    parts = value.values() if isinstance(value, dict) else value
    parts = parts if isinstance(parts, list | tuple) or isinstance(value, dict) else ()
    return [array for part in parts for array in arrays_in(part)]


def scribble(array):
    """Write into an array, as far as NumPy lets anybody."""
    try:
        array.flags.writeable = True
    except ValueError:  # read-only for good
        return
    array[...] = 1


def batch(game, **options):
    env, a = BatchEnv(game, 2, 5, 3, **options), np.ones((2, 5), np.int32)
    parts = lambda: (env.state, env.mean_field)  # noqa: E731
    return lambda: (env.reset(3), *parts()), lambda: (env.step(a), *parts())


def points(**options):
    env = BatchEnv(make_game("beach_bar"), 2, 5, 3, **options)
    a = np.full((2, 5, 1), 0.1)
    return lambda: (env.reset(3), env.mean_field), lambda: (env.step(a), env.state)


def teams():
    env = TeamBatchEnv(make_game("dispatcher"), 2, 5, 3)
    a_g, a = np.ones(2, int), np.zeros((2, 5), int)
    return lambda: (env.reset(3), env.state), lambda: (env.step(a_g, a), env.global_state)


def dicts(env):
    actions = {agent: env.action_space(agent).sample() * 0 for agent in env.possible_agents}
    more = lambda: (env.state(), env.unwrapped.mean_field)  # noqa: E731
    return lambda: (env.reset(seed=3), *more()), lambda: (env.step(actions), *more())


def alone(env, action):
    return lambda: (env.reset(seed=3), env.mean_field), lambda: (env.step(action), env.mean_field)


def shared():
    env = SharedPolicyVecEnv(PopulationEnv(road(), 5), 2)
    a = np.ones(10, int)
    env.seed(3)

    def first():
        env.seed(3)
        return (env.reset(),)

    return first, lambda: (env.step(a),)


def rows(make):
    env = make(PopulationEnv(road(), 5), 2)
    a = np.ones(10, int)
    return lambda: (env.reset(3),), lambda: (env.advance(a),)


VIEWS = {
    "batch": lambda: batch(road(), observe=("state", "density", "mean_field", "time")),
    "index": lambda: batch(road()),
    "position": lambda: batch(road(dynamics="position")),
    "controls": lambda: batch(make_game("crowd_lq"), observe=("index",)),
    "mean field mode": lambda: batch(road(), mode="mean_field"),
    "points": points,
    "points, frozen": lambda: points(mode="mean_field"),
    "teams": teams,
    "dicts": lambda: dicts(PopulationEnv(road(), 4)),
    "dicts of points": lambda: dicts(PopulationEnv(make_game("beach_bar"), 4)),
    "dicts of a team": lambda: dicts(TeamEnv(make_game("dispatcher"), 4)),
    "dicts, wrapped": lambda: dicts(ObserveTime(PopulationEnv(road(), 4, observe=("state",)))),
    "alone": lambda: alone(RepresentativeEnv(road()), 1),
    "alone, many": lambda: alone(RepresentativeVectorEnv(road(), 3), np.ones(3, int)),
    "shared policy": shared,
    "rows": lambda: rows(as_arrays),
}


@covering(name=list(VIEWS), back_end=BACK_ENDS, indirect=["back_end"])
def test_nobody_can_write_into_an_episode(name):
    first, step = VIEWS[name]()
    untouched = [[v.copy() for v in arrays_in(first())]]
    untouched += [[v.copy() for v in arrays_in(step())] for _ in range(3)]
    told = []
    for call in (first, step, step, step):
        found = arrays_in(call())
        told.append([v.copy() for v in found])
        for array in found:
            scribble(array)
    assert len(untouched[1]) > 0
    for want, got in zip(untouched, told, strict=True):
        for one, two in zip(want, got, strict=True):
            np.testing.assert_array_equal(one, two)


def test_states_can_no_longer_be_moved_into_a_crash():
    env = BatchEnv(make_game("ring_road"), 1, 5000, 0)
    x = env.reset().state
    with pytest.raises(ValueError, match="read-only"):
        x -= 1
    with pytest.raises(ValueError, match="cannot set WRITEABLE"):
        env.state.flags.writeable = True
    m = env.mean_field
    with pytest.raises(ValueError, match="read-only"):
        m /= m.max()


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_a_copy_is_sealed_too(again):
    for env in (
        BatchEnv(road(), 2, 5, 0),
        BatchEnv(make_game("beach_bar"), 2, 5, 0),
        TeamBatchEnv(make_game("dispatcher"), 2, 5, 0),
    ):
        first = env.reset()
        twin = again(env)
        assert np.array_equal(twin.state, first.state)
        for array in (twin.state, twin.mean_field, twin.keys, twin._going, twin._over):
            with pytest.raises(ValueError, match="cannot set WRITEABLE"):
                array.flags.writeable = True


def test_states_that_are_set_are_checked_and_copied():
    env = BatchEnv(road(), 1, 3, 0)
    env.reset()
    mine = np.array([[0, 1, 2]])
    env.state = mine
    mine[:] = 99
    assert env.state.tolist() == [[0, 1, 2]]
    for wrong, words in (
        ([[0, 1, 6]], r"state\[0, 2\] must be in \[0, 6\), got 6"),
        ([[0, -1, 2]], r"state\[0, 1\] must be in \[0, 6\), got -1"),
        ([[0.0, 1.0, 2.0]], "state must be whole numbers of shape"),
        ([0, 1, 2], r"state must be whole numbers of shape \(1, 3\), got int64 of shape \(3,\)"),
    ):
        with pytest.raises(ValueError, match=words):
            env.state = wrong
    with pytest.raises(ValueError, match="mean_field must be finite numbers of shape"):
        env.mean_field = np.full((1, 6), np.nan)
    points = BatchEnv(make_game("beach_bar"), 1, 3, 0)
    points.reset()
    with pytest.raises(ValueError, match="state must be finite numbers of shape"):
        points.state = np.full((1, 3, 1), np.nan)
    team = TeamBatchEnv(make_game("dispatcher"), 1, 3, 0)
    team.reset()
    with pytest.raises(ValueError, match=r"global_state\[0\] must be in \[0, \d+\), got 99"):
        team.global_state = [99]


def test_the_state_before_the_first_reset_is_refused():
    for env in (BatchEnv(road(), 1, 3), TeamBatchEnv(make_game("dispatcher"), 1, 3)):
        with pytest.raises(AttributeError, match="there is no state before the first reset"):
            env.state  # noqa: B018
