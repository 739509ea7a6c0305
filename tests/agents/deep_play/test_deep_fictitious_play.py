"""Deep fictitious play: bits, interruptions, refusals, and what the three algorithms hold."""

from __future__ import annotations

import importlib
import os
import random as python_random
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from covering import covering

from agents import AveragePolicyFictitiousPlay, DedaFP, SimpleFictitiousPlay, run
from agents.deep_play.network_policies import (
    NetworkPolicy,
    UniformPolicy,
    gaussian_shape,
    saved_policy,
)
from agents.deep_play.trajectories import trajectories
from agents.runs.saved import load_run
from mfg_envs import make_game, metrics

LINE = make_game("linear_quadratic", horizon=6)
TINY = {
    "iterations": 3,
    "hidden": (16, 16),
    "response_steps": 1_500,
    "response_updates": 50,
    "response_batch": 64,
    "crowd": 100,
}
CLONE = TINY | {"triples": 500, "clone_steps": 50, "clone_batch": 128}
FLOW = CLONE | {"trajectories": 300, "flow_steps": 30, "flow_batch": 128}
LEARNERS = {
    "simple": SimpleFictitiousPlay(**TINY),
    "average": AveragePolicyFictitiousPlay(**CLONE),
    "deda": DedaFP(**FLOW),
}
SIZE = gaussian_shape(LINE, (16, 16)).size


def arrays_of(iterate):
    """Return all arrays of an iterate by name."""
    return {**iterate._asdict(), **iterate.memory, "memory": 0}


def assert_same(one, other):
    one, other = arrays_of(one), arrays_of(other)
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def global_states():
    numpy = np.random.get_state()  # noqa: NPY002
    threads = torch.get_num_threads()
    return torch.get_rng_state().tolist(), numpy[1].tolist(), python_random.getstate(), threads


@pytest.fixture(scope="module")
def runs():
    """Return all iterates of every learner, and what the generators of others made of that."""
    importlib.import_module("agents.deep_play.response")  # libraries draw when first imported
    before = global_states()
    whole = {name: list(learner.learn(LINE, 3)) for name, learner in LEARNERS.items()}
    return whole, before, global_states()


def test_the_generators_and_threads_of_others_are_left_alone(runs):
    assert runs[1] == runs[2]


@pytest.mark.parametrize("name", LEARNERS)
def test_iterates_hold_what_they_say(runs, name):
    for k, iterate in enumerate(runs[0][name], 1):
        assert (iterate.iteration, iterate.samples) == (k, 1_500 * k)
        wanted = (k, SIZE) if name == "simple" else (SIZE,)
        assert iterate.policy.shape == wanted and iterate.policy.dtype == np.float32
        assert iterate.mean_field.shape == (6, 1) and iterate.q.size == 0
        kept = iterate.memory
        assert kept["hidden"].tolist() == [16, 16]
        assert (bool(kept["squash"]), bool(kept["greedy"])) == (name == "simple",) * 2
        assert kept["reward_scale"] == runs[0][name][0].memory["reward_scale"] > 0
        assert np.isfinite([kept["response_gain"], kept["response_return"]]).all()
        if name != "simple":  # 84 players for 6 decisions are at least 500 triples
            assert kept["seen"].shape == (504 * k, 2) and kept["actions"].shape == (504 * k, 1)
            assert kept["came"] == 504 * k
            assert np.abs(kept["actions"]).max() <= 1
        if name == "deda":
            assert np.isfinite(kept["flow"]).all() and np.isfinite(kept["flow_nll"])
    first, *_, last = (iterate.policy for iterate in runs[0][name])
    if name == "simple":
        np.testing.assert_array_equal(last[:1], first)
        assert (last[0] != last[1]).any()


def test_all_three_begin_with_the_same_response(runs):
    simple, average, deda = (runs[0][name][0] for name in LEARNERS)
    for name in ("response_gain", "response_return", "networks", "reward_scale"):
        np.testing.assert_array_equal(simple.memory[name], average.memory[name])
        np.testing.assert_array_equal(simple.memory[name], deda.memory[name])
    np.testing.assert_array_equal(average.policy, deda.policy)
    np.testing.assert_array_equal(average.memory["actions"], deda.memory["actions"])


@pytest.mark.parametrize("name", LEARNERS)
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(runs, name):
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    again = next(LEARNERS[name].learn(LINE, 3))
    torch.set_num_threads(before)
    assert_same(again, runs[0][name][0])
    other = next(replace(LEARNERS[name], iterations=1).learn(LINE, 4))
    assert (other.policy != again.policy).any()
    assert other.memory["reward_scale"] != again.memory["reward_scale"]


@covering(name=list(LEARNERS), done=[1, 2])
def test_going_on_from_an_iterate_gives_the_same_bits(runs, name, done):
    whole = runs[0][name]
    kept = {key: np.copy(value) for key, value in arrays_of(whole[done - 1]).items()}
    rest = list(LEARNERS[name].learn(LINE, 3, start=whole[done - 1]))
    for one, other in zip(rest, whole[done:], strict=True):
        assert_same(one, other)
    for key, value in arrays_of(whole[done - 1]).items():
        np.testing.assert_array_equal(value, kept[key], err_msg=key)


@pytest.mark.parametrize("name", LEARNERS)
def test_the_policy_is_what_the_iterate_says(runs, name):
    learner, iterate, x = (
        LEARNERS[name],
        runs[0][name][-1],
        np.linspace(-1, 1, 40).reshape(2, -1, 1),
    )
    kind = (True, True) if name == "simple" else (False, False)
    wanted = NetworkPolicy(LINE, np.atleast_2d(iterate.policy), (16, 16), *kind, seed=5)
    for policy in (learner.policy(LINE, iterate, 5), saved_policy(LINE, iterate, 5)):
        np.testing.assert_array_equal(policy(2, x), wanted(2, x))
    first = learner.policy(LINE, seed=5)
    np.testing.assert_array_equal(first(2, x), UniformPolicy(LINE, 5)(2, x))


@pytest.mark.parametrize("name", LEARNERS)
def test_mean_fields_are_those_of_the_average_policy(runs, name):
    """Simulated players, 100 of 2000: means of states in [-1, 1] are off by 1 / 10 at most twice.

    A mean of N players of standard deviation s <= .6 is off by s / sqrt(N), thrice as much where
    they move each other; the flow of 300 trajectories is granted .1 for its 120 steps.
    """
    learner, iterate = LEARNERS[name], runs[0][name][-1]
    x = trajectories(LINE, learner.policy(LINE, iterate), 2000, seed=9).state
    bound = 4 * 0.6 * 1.3 * (1 / 100 + 1 / 2000) ** 0.5 + (0.1 if name == "deda" else 0)
    assert np.abs(iterate.mean_field[:, 0] - x.mean(1)[:, 0]).max() < bound
    drawn = learner.sample(LINE, iterate, 500, seed=2)
    assert drawn.shape == (6, 500, 1)
    assert np.abs(drawn).max() <= 1
    assert abs(drawn[0].mean()) < 4 * 3**-0.5 / 500**0.5  # even on [-1, 1]
    assert abs(np.abs(drawn[0]).mean() - 0.5) < 4 * 12**-0.5 / 500**0.5
    np.testing.assert_array_equal(drawn, learner.sample(LINE, iterate, 500, seed=2))
    assert (drawn != learner.sample(LINE, iterate, 500, seed=3)).mean() > 0.9


def test_deda_samples_its_flow(runs):
    learner, iterate = LEARNERS["deda"], runs[0]["deda"][-1]
    flow = learner.flow(LINE, iterate)
    np.testing.assert_array_equal(flow.weights, iterate.memory["flow"])
    np.testing.assert_array_equal(flow.mean_fields(), iterate.mean_field)
    drawn = flow.sample(np.arange(6), 50, 1)
    np.testing.assert_array_equal(learner.sample(LINE, iterate, 50, 1), drawn)


def test_a_gain_is_measured_on_what_the_response_met(runs):
    memory, crowd = runs[0]["simple"][0].memory, metrics.simulated_flow(LINE, UniformPolicy(LINE))
    response = NetworkPolicy(LINE, runs[0]["simple"][0].policy, (16, 16), True, True)
    gain = metrics.simulated_gain(LINE, UniformPolicy(LINE, 1), response, crowd)
    # 1000 players instead of 1e5.  A crowd of 100 is off by d <= 4 * .06; where two players are
    # up to .2 t apart, the difference of their costs (x - m)^2 is off by .4 t d, in all by 6 d.
    slack = 4 * 10 * gain.error + 6 * 0.24
    assert memory["response_gain"] == pytest.approx(gain.mean, abs=slack)


@pytest.mark.parametrize("name", LEARNERS)
def test_responses_meet_new_players_each_episode_or_the_flow(monkeypatch, runs, name):
    """1500 steps of 64 players are 23 rounds, episodes of 6 decisions: the fourth goes on."""
    seeds, draws, simulate = [], [], metrics.simulated_flow

    def watched(game, policy, *, num_players, seed):
        assert num_players == 100
        seeds.append(seed)
        draws.append(policy.seed)
        return simulate(game, policy, num_players=num_players, seed=seed)

    monkeypatch.setattr(metrics, "simulated_flow", watched)
    learning, each = LEARNERS[name].learn(LINE, 3, start=runs[0][name][0]), []
    for _ in range(2):
        next(learning)
        each.append(seeds[:])
        assert seeds == draws
        seeds.clear(), draws.clear()
    if name == "deda":
        assert each == [[], []]
    else:  # then the first again, to see the gain; at last the mean fields of the average
        assert [seed - each[0][0] for seed in each[0][:4]] == [0, 1, 2, 3]
        assert each[0][0] in each[0][4:]
        assert not set(each[0]) & set(each[1])


def test_networks_go_on_from_those_before(runs):
    """One step of Adam moves a weight by its rate: 1e-3 here, 3e-3 of the flow."""
    learner, before = replace(LEARNERS["deda"], clone_steps=1, flow_steps=1), runs[0]["deda"][0]
    after = next(learner.learn(LINE, 3, start=before))
    assert 0 < np.abs(after.policy - before.policy).max() < 1.1e-3
    assert 0 < np.abs(after.memory["flow"] - before.memory["flow"]).max() < 3.3e-3


class StopAt:
    """A metric that stops the run at its second call, as Ctrl-C would."""

    def __init__(self):
        self.count = 0

    def __call__(self, game, iterate):
        self.count += 1
        if self.count == 2:
            raise KeyboardInterrupt
        return float(iterate.policy.sum())


@pytest.mark.parametrize("name", LEARNERS)
def test_ctrl_c_leaves_a_run_that_goes_on_bit_identically(tmp_path, runs, name):
    learner, metric = LEARNERS[name], lambda game, iterate: float(iterate.policy.sum())
    with pytest.raises(KeyboardInterrupt):
        run(learner, LINE, 3, metrics={"sum": StopAt()}, progress=False, out=tmp_path)
    with np.load(tmp_path / "checkpoint.npz", allow_pickle=False) as file:
        found = {key: file[key] for key in file.files}
    assert found["iteration"] == 1
    result = run(learner, LINE, 3, metrics={"sum": metric}, progress=False, out=tmp_path)
    assert_same(result.last, runs[0][name][-1])
    assert_same(load_run(tmp_path).run.last, runs[0][name][-1])
    assert result.metrics["sum"].tolist() == [metric(None, each) for each in runs[0][name]]
    assert load_run(tmp_path).learner == learner


SCRIPT = textwrap.dedent(
    """
    import sys
    from agents import DedaFP, run
    from mfg_envs import make_game
    learner = DedaFP(iterations=4, hidden=(16, 16), response_steps=1_500, response_updates=200,
        crowd=100, triples=500, clone_steps=200, trajectories=300, flow_steps=50)
    run(learner, make_game("linear_quadratic", horizon=6), 3, metrics={}, out=sys.argv[1],
        save_seconds=0.0, progress=False)
    """
)


@pytest.mark.slow
def test_sigkill_leaves_a_run_that_goes_on_bit_identically(tmp_path):
    def start(folder):
        return subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder)], env=os.environ)

    assert start(tmp_path / "whole").wait() == 0
    kills, process, wanted = 0, start(tmp_path / "killed"), 1
    checkpoint = tmp_path / "killed" / "checkpoint.npz"
    while process.poll() is None:
        if (
            kills < 2
            and checkpoint.exists()
            and load_run(tmp_path / "killed").run.last.iteration >= wanted
        ):
            time.sleep(0.2)  # into the middle of an iteration
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills, wanted = kills + 1, wanted + 1
            process = start(tmp_path / "killed")
        time.sleep(0.02)
    assert process.returncode == 0 and kills == 2
    whole, killed = (np.load(tmp_path / name / "result.npz") for name in ("whole", "killed"))
    assert whole.files == killed.files
    for name in whole.files:
        assert whole[name].tobytes() == killed[name].tobytes(), name
