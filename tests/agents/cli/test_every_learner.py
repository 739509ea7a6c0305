"""Every learner that ``list`` shows goes through every command; killed, it goes on bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from small_learners import PLAYERS, SMALL, game_of, library_of
from typer.testing import CliRunner

from agents import cli
from agents.cli.listing import offered_learners
from agents.runs.saved import load_run

LEARNERS = {cls.__name__: cls for cls in offered_learners()}
KILLED = textwrap.dedent(
    """
    import importlib, json, os, signal, sys
    from agents.cli import main
    from agents.cli import train
    from agents.runs import running

    for library in ("stable_baselines3", "zuko"):
        try:
            importlib.import_module(library)
        except ImportError:
            pass
    running.run.__kwdefaults__["save_seconds"] = 0.0
    save = running.save

    def save_and_die(path, content):
        save(path, content)
        os.kill(os.getpid(), signal.SIGKILL)

    for words in json.loads(sys.argv[1]):
        if not (child := os.fork()):
            running.save = save_and_die
            sys.argv[1:] = words
            main()
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, (words, status)
    """
)
"""Trains with each of some commands; each is killed when its first checkpoint is written."""


@pytest.fixture(autouse=True)
def quick(use, monkeypatch):
    use("numpy")
    monkeypatch.setattr("agents.cli.evaluation.SIMULATED", 200)
    monkeypatch.setattr("agents.cli.plot.PLAYERS", 200)
    monkeypatch.setattr("agents.cli.plot.DPI", 20)


def words(name, out):
    """Return the words after ``mfg-envs`` that train a small learner."""
    game, parameters = game_of(LEARNERS[name])
    settings = {"iterations": 3, **SMALL.get(name, {})}
    given = [("--set", setting) for setting in settings.items()]
    given += [("--game-set", setting) for setting in parameters.items()]
    flat = [word for option, (key, value) in given for word in (option, f"{key}={value}")]
    return ["train", name, game, *flat, "--agents", str(PLAYERS), "--seeds", "1", "--out", str(out)]


def needed(name):
    library = library_of(LEARNERS[name])
    if library:
        pytest.importorskip(library)


def invoke(*command):
    ended = CliRunner().invoke(cli.app, list(map(str, command)), env={"COLUMNS": "80"})
    assert ended.exit_code == 0, (command, ended.output, ended.exception)
    assert max(map(len, ended.output.splitlines()), default=0) <= 80 or "/" in ended.output
    return ended.output


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Return a folder with a killed run of every learner, by its name."""
    if not hasattr(os, "fork"):
        pytest.skip("needs a system that forks")
    folder = tmp_path_factory.mktemp("killed")
    there = []
    for name, cls in LEARNERS.items():
        try:
            pytest.importorskip(library_of(cls) or "numpy")
        except pytest.skip.Exception:
            continue
        there.append(words(name, folder / name))
    done = subprocess.run(
        [sys.executable, "-c", KILLED, json.dumps(there)],
        env={**os.environ, "MFG_ENVS_BACKEND": "numpy", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def everything(folder):
    with np.load(folder / "result.npz", allow_pickle=False) as file:
        return {name: file[name].tobytes() for name in file.files if name != "header"}


@pytest.mark.parametrize("name", LEARNERS)
def test_a_killed_run_goes_on_to_the_same_bits_and_is_measured_and_drawn(name, killed, tmp_path):
    needed(name)
    stopped = load_run(killed / name)
    assert not stopped.complete
    assert stopped.run.last.iteration == 1
    invoke(*words(name, killed / name), "--resume")
    assert "mfg-envs evaluate" in invoke(*words(name, tmp_path / "whole"))
    assert everything(killed / name) == everything(tmp_path / "whole")
    invoke("evaluate", killed / name, "--agents", PLAYERS, "--episodes", 2)
    assert "learning_curves.png" in invoke("plot", killed / name)
