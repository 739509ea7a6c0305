"""The tables of SUBSAMPLE-MFQ: known values, refusals, and a rival."""

from __future__ import annotations

import numpy as np
import pytest
from toys.teams import Follow

from agents import SubsampleMFQ
from agents.cli.bench.team_rows import NumpyDispatcher
from agents.subsample import surrogate, value_iteration
from agents.subsample.value_iteration import Rates
from mfg_envs import make_game
from mfg_envs.games.teams.dispatcher import Dispatcher
from mfg_envs.numerics import random


@pytest.mark.parametrize("table", ["state", "mean_field", "joint"])
def test_constrained_exploration_has_the_published_values(table):
    game = make_game("constrained_exploration")
    *_, iterate = SubsampleMFQ(k=1, table=table).learn(game)
    v = iterate.memory["value"]
    assert v.mean() == pytest.approx(196.4904, abs=5e-5)
    assert v.max() == pytest.approx(232.1053, abs=5e-5)
    assert v[0, 0] == pytest.approx(194.3273, abs=5e-5)


@pytest.mark.parametrize(
    ("k", "table", "message"),
    [
        (8, "auto", r"k = 8: configurations of the locals = 5551321138650 needs 6\d+\.\d GiB"),
        (5, "joint", r"= 61917364224 needs .* GiB .*; choose k < 5 or a smaller table"),
        (700, "joint", r"k = 700 gives 10\^1511 configurations of the locals, \d+ bytes each"),
    ],
)
def test_tables_that_do_not_fit_are_refused(k, table, message):
    learner = SubsampleMFQ(k=k, table=table)
    with pytest.raises(ValueError, match=message):
        next(learner.learn(make_game("constrained_exploration")))


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"k": 0}, ValueError, "k must be at least 1, got 0"),
        ({"k": 1.5}, TypeError, "k must be a whole number, got 1.5"),
        ({"iterations": 0}, ValueError, "iterations must be at least 1, got 0"),
        ({"num_samples": 0}, ValueError, "num_samples must be at least 1, got 0"),
        ({"table": "tuple"}, ValueError, "table must be one of 'auto', 'state', 'mean_field'"),
        ({"table": "state", "stable": True}, ValueError, "keeps no action values to average"),
    ],
)
def test_bad_parameters_are_refused(parameters, error, message):
    with pytest.raises(error, match=message):
        SubsampleMFQ(**parameters)


def test_numpy_rival_of_the_benchmark_sweeps_as_we_do():
    game, m = Dispatcher(num_zones=3), 2000
    rival = NumpyDispatcher(game, 3, m)
    team = surrogate.surrogate(game, 3, "state")
    v = np.random.default_rng(0).random((3, team.num_states))
    wanted = value_iteration.sweep(team, v, None, random.seed_key(0), Rates(0, game.discount, 1))
    bound = np.sqrt(np.log(2 * v.size * 3 / 1e-6) / (2 * m))  # Hoeffding; a maximum of means
    assert np.abs(rival.sweep(v) - wanted.value).max() < bound


class Indifferent(Follow):
    """A team for which nothing matters, but for what a global action earns by rounding."""

    def step_global(self, x_g, a_g, w_g):
        return 0 * a_g

    def reward_global(self, x_g, a_g, m):
        return 1e-12 * a_g + 0 * x_g

    def reward_local(self, x, x_g, a):
        return 0.0 * x + 0 * x_g


@pytest.mark.parametrize("table", ["state", "mean_field", "joint"])
@pytest.mark.parametrize("num_samples", [None, 3])
def test_of_values_that_are_alike_but_for_rounding_the_first_action_is_taken(
    table, num_samples, back_end
):
    learner = SubsampleMFQ(k=2, iterations=3, num_samples=num_samples, table=table)
    *_, iterate = learner.learn(Indifferent())
    assert not iterate.policy.any()
