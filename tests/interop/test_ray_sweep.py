"""Sweeps on Ray, a cluster of this machine with two cores: ``make interop``."""

from __future__ import annotations

import _thread
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import ray

from agents import SemiSGD
from agents.sweep.sweeping import Sweep
from mfg_envs import make_game

TESTS = Path(__file__).parents[1]
pytestmark = pytest.mark.filterwarnings("default")  # those of Ray are not ours


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Start a cluster whose workers can import the toy learner; return where it writes."""
    folder = tmp_path_factory.mktemp("ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(TESTS))
        patch.setenv("TOY_LOG", str(folder / "log"))
        patch.setenv("TOY_ONCE", str(folder / "once"))
        patch.setenv("MFG_ENVS_BACKEND", "numpy")
        patch.syspath_prepend(str(TESTS))
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield folder
        ray.shutdown()


@pytest.fixture
def toys(folder):
    """Return the module of the toy learner; nothing has been written yet."""
    for name in ("log", "once"):
        (folder / name).unlink(missing_ok=True)
    import toy_learner

    return toy_learner


def log(folder):
    """Return (rate, iterations it had) of every attempt at a run."""
    lines = (folder / "log").read_text().splitlines()
    return [(float(rate), int(begun)) for rate, _, begun in map(str.split, lines)]


def toy_sweep(toys, **grid):
    options = {"game": "left_right", "metrics": {"value": toys.value}}
    return Sweep(learner=toys.Toy, grid=grid, **options)


def data(out):
    return [(out / name).read_bytes() for name in ("sweep.json", "sweep.npz")]


def test_a_cluster_gives_the_bits_of_processes(folder, tmp_path):
    game = make_game("ring_road", num_cells=6, num_speeds=3)
    grid = {"alpha": [0.1, 0.5], "iterations": [4], "inner_steps": [30]}
    sweep = Sweep(learner=SemiSGD, game=game, grid=grid, seeds=range(2))
    results = sweep.run(tmp_path / "ray", ray="auto", progress=False)
    sweep.run(tmp_path / "processes", processes=2, progress=False)
    assert [one.seeds for one in results.scores] == [[0, 1], [0, 1]]
    assert data(tmp_path / "ray") == data(tmp_path / "processes")
    for key in sweep.jobs:
        files = [(tmp_path / n / key / "result.npz").read_bytes() for n in ("ray", "processes")]
        assert files[0] == files[1]


def test_a_run_whose_worker_is_killed_is_repeated_and_counts_once(folder, toys, tmp_path):
    sweep = toy_sweep(toys, rate=[1, 7, 2])
    results = sweep.run(tmp_path / "killed", ray="auto", progress=False)
    assert not results.failures
    assert sorted(log(folder)) == [(1, 0), (2, 0), (7, 0), (7, 0)]
    assert [one.curves.shape for one in results.scores] == [(1, 6)] * 3
    assert len(list((tmp_path / "killed").glob("*/result.json"))) == 3
    sweep.run(tmp_path / "whole", processes=1, progress=False)  # it dies only once
    assert data(tmp_path / "killed") == data(tmp_path / "whole")


def test_a_repeated_run_goes_on_from_its_last_checkpoint(folder, toys, tmp_path):
    # A run saves every 5 seconds and posts what it has saved: at the latest in second 7.
    sweep = toy_sweep(toys, rate=[7], iterations=[30], pause=[0.4], fatal=[24])
    results = sweep.run(tmp_path, ray="auto", progress=False)
    assert not results.failures
    (_, first), (_, second) = log(folder)
    assert first == 0
    assert 24 > second >= 12
    wanted = 7 * np.cumsum(np.sin(np.arange(1.0, 31)))
    np.testing.assert_allclose(results.scores[0].curves[0], wanted, rtol=0, atol=1e-12)


def test_errors_and_runs_that_always_die_are_reported_and_the_others_go_on(
    folder, toys, tmp_path, monkeypatch
):
    monkeypatch.setattr("agents.sweep.ray_cluster.RETRIES", 0)
    sweep = toy_sweep(toys, rate=[7, 13, 1])
    results = sweep.run(tmp_path, ray="auto", progress=False)
    died, raised, well = [c.runs[0] for c in sweep.configurations]
    assert list(results.failures) == [died, raised]
    assert "WorkerCrashedError" in results.failures[died]
    assert results.failures[raised] == "ArithmeticError: thirteen"
    assert "in stumble" in (tmp_path / raised / "error.txt").read_text()
    assert results.scores[0].configuration.runs[0] == well
    again = sweep.run(tmp_path, ray="auto", progress=False)
    assert list(again.failures) == [raised]


def test_ctrl_c_saves_what_the_cluster_was_at(folder, toys, tmp_path):
    sweep = toy_sweep(toys, rate=[1, 2, 3], iterations=[40], pause=[0.2])

    def interrupt():
        while not (folder / "log").exists() or len(log(folder)) < 2:
            time.sleep(0.01)
        time.sleep(1.0)
        _thread.interrupt_main()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        sweep.run(tmp_path, ray="auto", progress=False)
    thread.join()
    begun = len(log(folder))
    assert begun in (2, 3)
    assert len(list(tmp_path.glob("*/checkpoint.npz"))) >= 2
    results = sweep.run(tmp_path, processes=2, progress=False)
    assert not results.failures
    assert sum(first > 0 for _, first in log(folder)[begun:]) >= 2
