"""Deep fictitious play in games of every kind, and all that it refuses."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from agents import AveragePolicyFictitiousPlay, DedaFP, SimpleFictitiousPlay, run
from mfg_envs import make_game
from mfg_envs.simulate.batch import BatchEnv

TINY = {
    "iterations": 1,
    "hidden": (16, 16),
    "response_steps": 640,
    "response_updates": 20,
    "response_batch": 64,
    "crowd": 100,
}
CLONE = TINY | {"triples": 500, "clone_steps": 50, "clone_batch": 128}
FLOW = CLONE | {"trajectories": 300, "flow_steps": 10, "flow_batch": 128}
SIMPLE, AVERAGE = SimpleFictitiousPlay(**TINY), AveragePolicyFictitiousPlay(**CLONE)
DEDA = DedaFP(**FLOW)
LEARNERS = (SIMPLE, AVERAGE, DEDA)
LINE = make_game("linear_quadratic", horizon=5)


def name_of(learner):
    return type(learner).__name__


def test_ppo_responds_in_four_rooms():
    """Players start in a corner, [0, .025] x [.475, .5], and never are in a wall."""
    game = make_game("four_rooms", bins=20, horizon=5)
    learner = replace(DEDA, response="ppo")
    (iterate,) = learner.learn(game, 1)
    assert not iterate.memory["squash"]
    m = iterate.mean_field
    assert m.shape == (5, 20, 20)
    np.testing.assert_allclose((m * game.room).sum((1, 2)) * (0.5 / 20) ** 2, 1, atol=1e-6)
    env = BatchEnv(game, 1, 10, 0, mode="mean_field")
    env.set_mean_field(m)
    x = learner.sample(game, iterate, 400, seed=3)
    assert x.shape == (5, 400, 2)
    first, box = x[0], np.array([[0, 0.475], [0.025, 0.5]])
    assert (first >= box[0]).all() and (first <= box[1]).all()
    # Means of even numbers on a width of .025.
    np.testing.assert_allclose(first.mean(0), box.mean(0), atol=4 * 0.025 / (12 * 400) ** 0.5)


def test_simple_fictitious_play_takes_ppo():
    learner = replace(SIMPLE, response="ppo", greedy=False, iterations=2)
    *_, last = learner.learn(LINE, 1)
    assert last.policy.shape[0] == 2 and not last.memory["squash"]
    policy = learner.policy(LINE, last, 3)
    assert not policy.greedy and not policy.squash
    with np.errstate(all="raise"):
        a = policy(0, np.zeros((1, 500, 1)))
    assert len(np.unique(a)) > 250  # drawn, not greedy


def test_mean_fields_of_controls_are_those_of_the_policy_on_the_flow():
    game = make_game("price_impact", horizon=5)
    (iterate,) = DEDA.learn(game, 1)
    assert iterate.mean_field.shape == (5, 1)
    assert np.abs(iterate.mean_field).max() <= 1
    x = DEDA.flow(game, iterate).sample(np.arange(5), 5000, seed=7)
    policy = DEDA.policy(game, iterate, seed=8)
    wanted = np.stack([policy(t, x[[t]])[0].mean(0) for t in range(5)])
    # Actions are in [-1, 1]: their standard deviation is at most 1; 1000 players and 5000.
    np.testing.assert_allclose(iterate.mean_field, wanted, atol=4 * (1 / 1000 + 1 / 5000) ** 0.5)


def test_states_may_be_unbounded_in_the_plane():
    bounds = {"bound": None, "action_bound": 0.5, "horizon": 4}
    game = make_game("linear_quadratic", dim=2, noise="normal", **bounds)
    learner = replace(DEDA, iterations=2)
    *_, last = learner.learn(game, 1)
    assert last.mean_field.shape == (4, 2)
    assert last.memory["seen"].shape == (1000, 3) and last.memory["actions"].shape == (1000, 2)
    x = learner.sample(game, last, 300)
    assert x.shape == (4, 300, 2) and np.isfinite(x).all()


def test_a_reservoir_keeps_an_even_share_of_all_responses():
    """600 of 1000 rows, 500 of them of the first response: hypergeometric."""
    learner = replace(AVERAGE, iterations=2, reservoir=600)
    first, last = learner.learn(LINE, 1)
    assert first.memory["seen"].shape == (500, 2)
    assert last.memory["seen"].shape == (600, 2) and last.memory["came"] == 1000
    rows = [
        {tuple(row) for row in np.hstack([each.memory["seen"], each.memory["actions"]]).tolist()}
        for each in (first, last)
    ]
    assert len(rows[1]) > 590  # rows are numbers that hardly ever coincide
    deviation = (600 * 0.25 * 400 / 999) ** 0.5
    assert len(rows[0] & rows[1]) == pytest.approx(300, abs=4 * deviation + 5)
    (again,) = learner.learn(LINE, 1, start=first)
    np.testing.assert_array_equal(again.memory["seen"], last.memory["seen"])


@pytest.mark.parametrize("name", ["linear_quadratic", "beach_bar"])
def test_the_usual_metric_of_a_run_is_the_simulated_exploitability(name):
    result = run(AVERAGE, make_game(name, horizon=4), 1, progress=False)
    (found,) = result.metrics["exploitability"]
    assert np.isfinite(found) and found > 0  # one tiny response is far from equilibrium


@pytest.mark.parametrize("learner", LEARNERS, ids=name_of)
def test_without_a_gpu_auto_is_the_cpu(monkeypatch, learner):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (plain,) = learner.learn(LINE, 1)
    (auto,) = replace(learner, device="auto").learn(LINE, 1)
    np.testing.assert_array_equal(auto.mean_field, plain.mean_field)
    np.testing.assert_array_equal(auto.policy, plain.policy)


@pytest.mark.parametrize("learner", LEARNERS, ids=name_of)
def test_other_games_are_refused(learner):
    with pytest.raises(
        TypeError, match=r"continuous games, got .*; finite games have FictitiousPl"
    ):
        next(learner.learn(make_game("ring_road")))
    with pytest.raises(ValueError, match=r"needs an end: dataclasses.replace\(game, horizon=...\)"):
        next(learner.learn(replace(LINE, horizon=None, discount=0.9)))
    with pytest.raises(ValueError, match="actions must be bounded to be scaled: give the game"):
        next(learner.learn(replace(LINE, action_bound=None)))
    with pytest.raises(ValueError, match="seed must be at least 0"):
        next(learner.learn(LINE, -1))


COUNTS = {
    SIMPLE: (
        *("iterations", "response_steps", "response_updates", "response_batch", "num_players"),
        "crowd",
    ),
    AVERAGE: ("triples", "reservoir", "clone_steps", "clone_batch", "iterations"),
    DEDA: ("trajectories", "flow_steps", "flow_batch", "reservoir", "iterations"),
}


@pytest.mark.parametrize("learner", LEARNERS, ids=name_of)
def test_settings_out_of_their_range_are_refused(learner):
    for name in COUNTS[learner]:
        for wrong in (0, -3):
            with pytest.raises(ValueError, match=f"{name} must be at least 1, got {wrong}"):
                replace(learner, **{name: wrong})
    rates = ("learning_rate",) if learner is SIMPLE else ("learning_rate", "clone_learning_rate")
    for name in rates:
        for wrong in (0, -0.1):
            with pytest.raises(ValueError, match=f"{name} must be positive, got {wrong}"):
                replace(learner, **{name: wrong})
        for wrong in (float("nan"), float("inf")):
            with pytest.raises(ValueError, match=f"{name} must be finite, got {wrong}"):
                replace(learner, **{name: wrong})
    with pytest.raises(ValueError, match="response must be one of 'sac', 'ppo', got 'dqn'"):
        replace(learner, response="dqn")
    with pytest.raises(ValueError, match="device must be one of 'cpu', 'cuda', 'auto', got 'tpu'"):
        replace(learner, device="tpu")
    with pytest.raises(ValueError, match="hidden must be at least 1, got 0"):
        replace(learner, hidden=(16, 0))


def test_importing_learners_loads_no_torch():
    script = (
        "import sys, agents; agents.DedaFP(); agents.SimpleFictitiousPlay()\n"
        "heavy = {'torch', 'stable_baselines3', 'zuko', 'matplotlib', 'numba', 'jax'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("learner", LEARNERS, ids=name_of)
def test_a_missing_torch_is_named(monkeypatch, learner):
    monkeypatch.setitem(sys.modules, "agents.deep_play.response", None)
    with pytest.raises(ImportError, match=rf'{name_of(learner)} needs .*"mfg-envs\[deep\]"'):
        next(learner.learn(LINE))


@pytest.mark.parametrize("learner", LEARNERS, ids=name_of)
def test_settings_of_another_kind_are_refused(learner):
    for name in COUNTS[learner]:
        with pytest.raises(TypeError, match=name):
            replace(learner, **{name: 2.5})
    with pytest.raises(TypeError, match="hidden"):
        replace(learner, hidden=(16.5,))
    with pytest.raises(ValueError, match="hidden must be a tuple of widths"):
        replace(learner, hidden=())
    assert replace(learner, hidden=[16, 8]).hidden == (16, 8)
    with pytest.raises(TypeError, match="greedy must be True or False, got 'no'"):
        replace(learner, greedy="no")
    with pytest.raises(ValueError, match="entropy must be at least 0"):
        replace(learner, entropy=-0.1)


def test_iterates_that_cannot_go_on_are_refused_before_training():
    (iterate,) = SIMPLE.learn(LINE)
    with pytest.raises(ValueError, match=r"start has networks with hidden \[16, 16\]"):
        next(replace(SIMPLE, iterations=2, hidden=(8,)).learn(LINE, start=iterate))
    with pytest.raises(ValueError, match="horizon must be at least 2, got 1"):
        next(DEDA.learn(replace(LINE, horizon=1)))
