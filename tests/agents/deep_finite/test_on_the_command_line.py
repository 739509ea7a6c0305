"""Networks of finite games through train, resume, evaluate and plot; a killed run goes on."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from agents import cli, load_run

PLACE = ("crowd_modelling", "--game-set", "num_cells=5", "--game-set", "horizon=3")
SHORT = ("--set", "num_players=50", "--set", "updates=3", "--every", "1", "--seeds", "1")
KILLED = """
import os, signal, sys
from agents import cli, {learner}

improve = {learner}.improve
def dying(self, study, last):
    if last.iteration == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return improve(self, study, last)
{learner}.improve = dying
sys.argv = ["mfg-envs", *{words!r}]
cli.main()
"""


def call(*words):
    ended = CliRunner().invoke(cli.app, [*map(str, words)], env={"COLUMNS": "100"})
    assert ended.exit_code == 0, ended.output
    return ended.output


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
@pytest.mark.parametrize("learner", ["DeepMunchausenOMD", "DeepFictitiousPlay", "MeanFieldPPO"])
def test_a_run_that_is_killed_goes_on_to_the_same_bits(learner, tmp_path, use):
    use("numpy")
    words = ("train", learner, *PLACE, *SHORT, "--set", "iterations=4")
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    call(*words, "--out", whole)
    source = KILLED.format(learner=learner, words=[*words, "--out", str(broken)])
    ended = subprocess.run([sys.executable, "-c", source], capture_output=True, timeout=120)
    assert ended.returncode == -9, ended.stderr.decode()
    call(*words, "--out", broken, "--resume")
    one, two = (load_run(folder).run for folder in (whole, broken))
    for part in ("policy", "mean_field", "q"):
        np.testing.assert_array_equal(getattr(one.last, part), getattr(two.last, part))
    assert one.last.memory.keys() == two.last.memory.keys()
    for name, part in one.last.memory.items():
        np.testing.assert_array_equal(part, two.last.memory[name])
    assert one.metrics.keys() == two.metrics.keys() == {"exploitability"}
    assert "exploitability" in call("evaluate", broken)
    call("plot", broken, "--out", tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 1000
