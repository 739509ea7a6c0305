from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from agents import SemiSGD, run
from agents.runs.locks import claim
from agents.sweep.bars import Bars
from agents.sweep.jobs import Job, News
from agents.sweep.sweeping import Sweep
from mfg_envs import make_game

TESTS = Path(__file__).parents[2]
GAME = make_game("ring_road", num_cells=6, num_speeds=3)
SCRIPT = textwrap.dedent(
    """
    import sys
    from agents import Sweep
    from toy_learner import Toy, value

    if __name__ == "__main__":
        grid = {"rate": [1, 2, 3], "pause": [0.08]}
        options = {"game": "left_right", "seeds": range(2), "metrics": {"value": value}}
        sweep = Sweep(learner=Toy, grid=grid, **options)
        sweep.run(sys.argv[1], processes=2, progress=False)
    """
)


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """Make the toy learner importable, here and in workers."""
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    monkeypatch.syspath_prepend(str(TESTS))
    import toy_learner

    return toy_learner


def log(tmp_path):
    """Return (rate, seed, iterations it had) of every run that began or went on."""
    path = tmp_path / "log"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(float(rate), int(seed), int(begun)) for rate, seed, begun in map(str.split, lines)]


def start(tmp_path, out):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    return subprocess.Popen([sys.executable, str(script), str(out)], start_new_session=True)


def complete(out):
    """Return the content and the time of every file of the runs that are complete."""
    runs = [path.parent for path in out.glob("*/result.json")]
    return {
        run.name: {
            path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in run.iterdir()
        }
        for run in runs
    }


def kill(process, how):
    if how == "group" and hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def free(folder):
    with claim(folder) as ours:
        return ours


def data(out):
    return [(out / name).read_bytes() for name in ("sweep.json", "sweep.npz")]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOY_LOG", str(folder / "log"))
        patch.setenv("PYTHONPATH", str(TESTS))
        assert start(folder, folder / "out").wait() == 0
    return folder / "out"


@pytest.mark.parametrize("how", ["group", "driver"])
def test_a_sweep_killed_halfway_resumes_without_redoing_or_losing_a_run(
    tmp_path, toys, unbroken, how
):
    out = tmp_path / "out"
    process = start(tmp_path, out)
    while len(log(tmp_path)) < 3:  # both workers have begun, one is at its second run
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.3)  # into the middle of it
    kill(process, how)
    while not all(free(folder) for folder in out.iterdir()):
        time.sleep(0.01)  # workers that lost their driver save their runs
    before, begun = complete(out), log(tmp_path)
    assert 1 <= len(before) < 6
    assert start(tmp_path, out).wait() == 0
    after, again = complete(out), log(tmp_path)[len(begun) :]
    assert len(after) == 6
    assert all(after[name] == files for name, files in before.items())
    assert len(again) == 6 - len(before)  # none was begun twice
    if how == "driver":
        assert any(first > 0 for _, _, first in again)
    assert data(out) == data(unbroken)


def test_two_sweeps_in_one_folder_share_the_runs(tmp_path, toys, unbroken):
    out = tmp_path / "out"
    both = [start(tmp_path, out), start(tmp_path, out)]
    assert [process.wait() for process in both] == [0, 0]
    assert len(log(tmp_path)) == 6
    assert {first for _, _, first in log(tmp_path)} == {0}
    assert data(out) == data(unbroken)


def test_results_do_not_depend_on_the_number_of_processes(tmp_path, monkeypatch):
    monkeypatch.setenv("MFG_ENVS_BACKEND", "numpy")
    fixed = {"iterations": [4], "inner_steps": [30]}
    sweep = Sweep(learner=SemiSGD, game=GAME, grid={"alpha": [0.1, 0.5], **fixed}, seeds=range(2))
    results = sweep.run(tmp_path / "1", processes=1, progress=False)
    sweep.run(tmp_path / "3", processes=3, progress=False)
    assert data(tmp_path / "1") == data(tmp_path / "3")
    for key in sweep.jobs:
        files = [(tmp_path / n / key / "result.npz").read_bytes() for n in "13"]
        assert files[0] == files[1]
    for one in results.scores:
        for seed, curve in zip(one.seeds, one.curves, strict=True):
            alone = run(one.configuration.learner, GAME, seed, progress=False)
            assert np.array_equal(curve, alone.metrics["exploitability"])


def test_scores_are_means_with_standard_errors_best_first(tmp_path, toys):
    grid = {"rate": [2, 1], "iterations": [1]}
    options = {"game": GAME, "metrics": {"value": toys.value}}
    sweep = Sweep(learner=toys.Toy, grid=grid, seeds=(0, 1, 2), **options)
    one, two = sweep.run(tmp_path / "out", processes=1, progress=False).scores
    last = np.sin([1.0, 2.0, 3.0])  # the toy's value after one iteration, by seed
    assert (one.configuration.values, two.configuration.values) == ({"rate": 1.0}, {"rate": 2.0})
    np.testing.assert_allclose([one.mean, two.mean], [last.mean(), 2 * last.mean()], rtol=1e-15)
    error = np.sqrt(((last - last.mean()) ** 2).sum() / 2 / 3)
    np.testing.assert_allclose([one.error, two.error], [error, 2 * error], rtol=1e-15)
    content = json.loads((tmp_path / "out" / "sweep.json").read_text())
    assert [entry["rank"] for entry in content["configurations"]] == [2, 1]  # in the grid's order
    with np.load(tmp_path / "out" / "sweep.npz", allow_pickle=False) as file:
        assert np.array_equal(file["0|value"][:, 0], 2 * last)


def test_an_error_or_a_death_ends_one_run_and_is_reported(tmp_path, toys):
    options = {"game": GAME, "metrics": {"value": toys.value}}
    sweep = Sweep(learner=toys.Toy, grid={"rate": [7, 13, 1, 2]}, **options)
    out = tmp_path / "out"
    results = sweep.run(out, processes=1, progress=False)
    died, raised, *well = [c.runs[0] for c in sweep.configurations]
    assert list(results.failures) == [died, raised]
    assert "its process" in results.failures[died]
    assert results.failures[raised] == "ArithmeticError: thirteen"
    assert "in stumble" in (out / raised / "error.txt").read_text()
    assert {one.configuration.runs[0] for one in results.scores[:2]} == set(well)
    assert [one.seeds for one in results.scores] == [[0], [0], [], []]


def test_one_process_at_a_time_has_a_claim(tmp_path):
    with claim(tmp_path) as first:
        with claim(tmp_path) as second:
            assert (first, second) == (True, False)
        with claim(tmp_path) as third:
            assert not third  # a claim that was refused did not free it
    with claim(tmp_path) as again:
        assert again


def test_a_run_is_named_after_all_that_decides_its_outcome():
    base = Job(SemiSGD(), GAME, 0, {"a": lambda game, iterate: 0.0}, 1)
    others = [
        base._replace(learner=SemiSGD(alpha=0.5)),
        base._replace(game=make_game("ring_road")),
        base._replace(game=make_game("ring_road", num_cells=6, num_speeds=3, reward="additive")),
        base._replace(seed=1),
        base._replace(metrics={"b": base.metrics["a"]}),
        base._replace(every=2),
    ]
    assert len({job.key for job in (base, *others)}) == 7
    assert base._replace(learner=SemiSGD(alpha=1e-3)).key == base.key


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"grid": {"alpah": [1]}}, ValueError, "no parameter 'alpah'; did you mean 'alpha'"),
        ({"grid": {"alpha": [0.1, 2]}}, ValueError, r"alpha must be in \[0, 1\], got 2"),
        ({"grid": {"alpha": ["x"]}}, ValueError, "alpha must be a number, got 'x'"),
        ({"grid": {"iterations": [1.5]}}, ValueError, "iterations must be a whole number"),
        ({"grid": {"alpha": []}}, ValueError, "list of values of alpha"),
        ({"grid": {"alpha": 0.1}}, ValueError, "list of values of alpha"),
        ({"grid": {"alpha": [1, 1.0]}}, ValueError, "the sweep has alpha=1.0 twice"),
        ({"game": "ring_rod"}, ValueError, "did you mean 'ring_road'"),
        ({"game_grid": {"num_cell": [4]}}, ValueError, "did you mean 'num_cells'"),
        ({"game_grid": {"num_cells": ["x"]}}, ValueError, "num_cells must be a whole number"),
        ({"game": "beach_bar"}, TypeError, "a sweep needs a finite game"),
        ({"learner": dict}, TypeError, "a class of learners"),
        ({"seeds": ()}, ValueError, "seeds must not be empty"),
        ({"seeds": (0.5,)}, TypeError, "a seed must be a whole number"),
        ({"every": 0}, ValueError, "every must be at least 1"),
    ],
)
def test_bad_values_are_named_before_anything_starts(options, error, message):
    with pytest.raises(error, match=message):
        Sweep(**{"learner": SemiSGD, "game": "ring_road", **options})


def test_processes_and_ray_exclude_each_other(tmp_path):
    sweep = Sweep(learner=SemiSGD, game=GAME)
    with pytest.raises(ValueError, match="processes or ray"):
        sweep.run(tmp_path / "out", processes=2, ray="auto")
    with pytest.raises(ValueError, match="processes must be at least 1"):
        sweep.run(tmp_path / "out", processes=0)
    assert not (tmp_path / "out").exists()


def test_bars_show_how_far_runs_are_and_errors_as_they_are_written(capsys):
    sweep = Sweep(learner=SemiSGD, game=GAME, grid={"alpha": [0.1, 0.2]}, seeds=range(2))
    first, second, third, _ = sweep.jobs
    with Bars(sweep.labels, sweep.jobs, [third], show=True) as bars:
        bars.say_best("best so far: alpha=0.1 (2)")
        bars.hear(News(first, "at", 100))
        bars.hear(News(first, "done"))
        bars.hear(News(second, "at", 50))
        bars.hear(News(second, "failed", text="ValueError: not in [0, 1] [/x]"))
    shown = capsys.readouterr().out
    assert "Failed: alpha=0.1, seed 1: ValueError: not in [0, 1] [/x]" in shown
    assert "3 of 4 runs" in shown
    assert "75%" in shown
    assert "left" in shown
    assert shown.count("alpha=0.1, seed 1") == 2  # the error, and the bar that seed 0 had before
    assert "alpha=0.1, seed 0" not in shown
    assert "best so far: alpha=0.1 (2)" in shown
