"""Learners among N players through the whole command line, and killed in the middle."""

import os
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import agents
from agents import cli
from agents.runs.contract import difference
from agents.runs.saved import load_run
from mfg_envs import exact, make_game

pytest.importorskip("torch")
GAME = {"num_cells": 4, "bar": 2, "horizon": 3}
NETWORKS = {"num_players": 4, "num_steps": 6, "num_updates": 2, "iterations": 4}
LEARNERS = {
    "IndependentQ": {"num_players": 4, "num_steps": 6, "iterations": 4},
    "MeanFieldQ": NETWORKS,
    "MeanFieldActorCritic": NETWORKS,
}
KILLED = """
import os, signal, sys
import agents
from mfg_envs import make_game

def metric(game, iterate):
    if iterate.iteration == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return float(iterate.samples)

learner = getattr(agents, "{name}")(**{parameters})
game = make_game("beach_bar_grid", **{game})
agents.run(learner, game, 7, metrics={{"m": metric}}, out=sys.argv[1], save_seconds=0)
"""


@pytest.fixture(autouse=True)
def numpy(use):
    use("numpy")


@pytest.mark.parametrize("name", LEARNERS)
def test_train_evaluate_and_plot_take_it(name, tmp_path):
    sets = [w for k, v in LEARNERS[name].items() for w in ("--set", f"{k}={v}")]
    plays = [w for k, v in GAME.items() for w in ("--game-set", f"{k}={v}")]
    words = ["train", name, "beach_bar_grid", *sets, *plays, "--seeds", "1", "--out", tmp_path]
    ended = CliRunner().invoke(cli.app, [str(word) for word in words])
    assert ended.exit_code == 0, ended.output
    last = load_run(tmp_path).run.last
    told = f"{exact.exploitability(make_game('beach_bar_grid', **GAME), last.policy):.6g}"
    ended = CliRunner().invoke(cli.app, ["evaluate", str(tmp_path), "--episodes", "2"])
    assert ended.exit_code == 0, ended.output
    assert told in ended.output
    ended = CliRunner().invoke(cli.app, ["plot", str(tmp_path)])
    assert ended.exit_code == 0, ended.output
    assert (tmp_path / "learning_curves.png").exists() and (tmp_path / "policy.png").exists()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="processes cannot be killed so here")
@pytest.mark.parametrize("name", LEARNERS)
def test_a_killed_run_goes_on_bit_for_bit(name, tmp_path):
    parameters = LEARNERS[name]
    code = KILLED.format(name=name, parameters=parameters, game=GAME)
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=dict(os.environ))
    assert ended.returncode == -signal.SIGKILL
    learner, game = getattr(agents, name)(**parameters), make_game("beach_bar_grid", **GAME)
    asked = []

    def metric(game, iterate):
        asked.append(iterate.iteration)
        return float(iterate.samples)

    again = agents.run(learner, game, 7, metrics={"m": metric}, out=tmp_path, progress=False)
    assert asked == [3, 4]  # what was before is read
    *_, whole = learner.learn(game, 7)
    assert not difference(again.last, whole)
