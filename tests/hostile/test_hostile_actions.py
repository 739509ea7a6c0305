"""Actions with every fault, on every view: named, and nothing has moved; or they are actions."""

from __future__ import annotations

import datetime
import warnings

import numpy as np
import pytest

from mfg_envs import BatchEnv, PopulationEnv, make_game
from mfg_envs.environments.representative import RepresentativeEnv
from mfg_envs.environments.team import TeamEnv
from mfg_envs.simulate.team import TeamBatchEnv

FINITE = make_game("ring_road", num_cells=5, num_speeds=3)
POINTS = make_game("beach_bar", bins=10)
TEAM = make_game("dispatcher", num_zones=3)

FAULTS = {
    "nothing": lambda right: None,
    "a word": lambda right: "0",
    "bytes": lambda right: b"0",
    "a function": lambda right: lambda: right,
    "an object": lambda right: object(),
    "a class": lambda right: int,
    "a mapping": lambda right: {0: right},
    "a set": lambda right: {0},
    "a generator": lambda right: (row for row in np.ravel(right)),
    "empty": lambda right: np.empty(0, int),
    "an axis more": lambda right: np.stack([right, right]),
    "ragged": lambda right: [[0], [0, 0]],
    "complex": lambda right: right + 1j,
    "words": lambda right: np.asarray(right).astype(str),
    "objects": lambda right: np.full(np.shape(right), None),
    "dates": lambda right: np.full(np.shape(right), np.datetime64("2020-01-01")),
    "spans of time": lambda right: np.full(np.shape(right), datetime.timedelta(1), "m8[D]"),
    "masked": lambda right: np.ma.array(np.array(right), mask=True),
    "not a number": lambda right: np.full(np.shape(right), np.nan),
    "infinite": lambda right: np.full(np.shape(right), np.inf),
    "huge": lambda right: np.full(np.shape(right), 1e300),
    "of more than 64 bits": lambda right: [10**30] * max(np.size(right), 1),
    "far out": lambda right: np.full(np.shape(right), 1000),
    "below": lambda right: np.full(np.shape(right), -1000),
}
"""What is done to right actions: of all players, or of one."""


def batch(game, right, **options):
    env = BatchEnv(game, 2, 3, 0, **options)
    env.reset()
    return right, env.step, lambda: (env.t, env.state.tobytes())


def view(env, right):
    """A PettingZoo environment: the action of the last agent is at fault."""
    env.reset(seed=0)
    *others, last = env.agents
    good = {name: np.zeros_like(right) if np.ndim(right) else 0 for name in others}
    return right, lambda a: env.step({**good, last: a}), lambda: (env.batch.t, list(env.agents))


def team_batch(which):
    env = TeamBatchEnv(TEAM, 2, 3, 0)
    env.reset()
    right = (np.zeros(2, int), np.zeros((2, 3), int))

    def step(a):
        parts = list(right)
        parts[which] = a
        return env.step(*parts)

    return right[which], step, lambda: (env.t, env.state.tobytes())


def representative():
    env = RepresentativeEnv(FINITE)
    env.reset(seed=0)
    return 0, env.step, lambda: env.batch.t


VIEWS = {
    "batch": lambda: batch(FINITE, np.zeros((2, 3), int)),
    "batch, mean field": lambda: batch(FINITE, np.zeros((2, 3), int), mode="mean_field"),
    "batch of points": lambda: batch(POINTS, np.zeros((2, 3, 1))),
    "population": lambda: view(PopulationEnv(FINITE, 3), 0),
    "population of points": lambda: view(PopulationEnv(POINTS, 3), np.zeros(1)),
    "team": lambda: view(TeamEnv(TEAM, 3), 0),
    "batch of teams, global": lambda: team_batch(0),
    "batch of teams, local": lambda: team_batch(1),
    "one player": representative,
}


@pytest.mark.parametrize("name", VIEWS)
def test_right_actions_are_played(use, name):
    use("numpy")
    right, step, moment = VIEWS[name]()
    before = moment()
    step(right)
    assert moment() != before


@pytest.mark.parametrize("k", range(len(VIEWS)), ids=list(VIEWS))
def test_faulty_actions_are_named_and_change_nothing(k):
    for fault in list(FAULTS)[k % 3 :: 3]:
        one(list(VIEWS)[k], fault)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("name", VIEWS)
def test_every_faulty_action_is_named_on_every_view(use, name, backend):
    use(backend)
    for fault in FAULTS:
        one(name, fault)


def one(name, fault):
    right, step, moment = VIEWS[name]()
    before, faulty = moment(), FAULTS[fault](right)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((ValueError, TypeError), match="action") as refused:
            step(faulty)
    assert len(str(refused.value)) < 1000
    assert moment() == before
