from __future__ import annotations

import _thread
import importlib
import json
import re
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from agents import cli
from agents.cli.sweep import table
from agents.cli.sweep_figure import GREY, draw
from agents.cli.words.settings import parse, parse_grid
from agents.solvers.online_mirror_descent import OnlineMirrorDescent
from agents.sweep.scores import Configuration, Results, Scores
from agents.sweep.sweeping import Sweep, greedy_exploitability
from mfg_envs import exact, make_game, policies

cli.load()
ROAD = ("SemiSGD", "ring_road", "--game-set", "num_cells=6", "--game-set", "num_speeds=3")
SHORT = ("--set", "iterations=3", "--set", "inner_steps=20", "--processes", "1")


def invoke(*arguments):
    return CliRunner().invoke(cli.app, ["sweep", *map(str, arguments)])


def scores(*finals, seeds=1):
    """Return scores whose curves fall from 1 to the final values."""
    game, learner = make_game("left_right"), OnlineMirrorDescent()
    made = []
    for i, final in enumerate(finals):
        one = Configuration({"rate": float(i)}, learner, game, {s: f"{i}-{s}" for s in range(3)})
        curves = np.linspace(1, final, 4) * np.ones((seeds, 1))
        made.append(Scores(i, one, list(range(seeds)), np.arange(1, 5), curves))
    return made


def test_settings_are_literals_or_words():
    given = ["a=1", "b=0.5", "c=word", "d=None", "e=(1, 2)", "f=x=y"]
    assert parse(given) == {"a": 1, "b": 0.5, "c": "word", "d": None, "e": (1, 2), "f": "x=y"}
    given = ["a=1,0.5", "b=off,on", "c=off,None", "d=(1,2),(3,4)", "e=1"]
    wanted = {"a": [1, 0.5], "b": ["off", "on"], "c": ["off", None], "d": [(1, 2), (3, 4)]}
    assert parse_grid(given) == {**wanted, "e": [1]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("SemiSG", "ring_road"), "no learner is called 'SemiSG'; did you mean 'SemiSGD'"),
        (("SemiSGD", "ring_rod"), "no game is called 'ring_rod'; did you mean 'ring_road'"),
        (("SemiSGD", "gaussian_squeeze"), "a sweep needs a finite game"),
        ((*ROAD, "--grid", "alpha"), "--grid needs NAME=VALUE,VALUE, got 'alpha'"),
        ((*ROAD, "--grid", "alpha=1,,2"), "--grid alpha=1,,2 has an empty value"),
        ((*ROAD, "--grid", "alpha=1", "--grid", "alpha=2"), "--grid has alpha twice"),
        ((*ROAD, "--grid", "alpha=1", "--set", "alpha=2"), "alpha is in both --grid and --set"),
        ((*ROAD, "--game-grid", "num_cells=4"), "num_cells is in both --game-grid and --game-set"),
        ((*ROAD, "--set", "iterations=1e3"), "iterations must be a whole number, got 1000.0"),
        ((*ROAD, "--metric", "x"), "--metric must be one of 'exploitability'"),
        ((*ROAD, "--ray", "auto", "--processes", "2"), "give processes or ray"),
    ],
)
def test_bad_arguments_end_with_one_line_before_anything_starts(
    tmp_path, monkeypatch, capsys, arguments, message
):
    out = tmp_path / "out"
    monkeypatch.setattr("sys.argv", ["mfg-envs", "sweep", *arguments, "--out", str(out)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_without_ray_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    ended = invoke(*ROAD, *SHORT[:4], "--ray", "local", "--out", tmp_path)
    assert isinstance(ended.exception, ImportError)
    assert 'pip install "mfg-envs[ray]"' in str(ended.exception)


def test_a_sweep_prints_a_table_and_writes_figure_and_data(tmp_path, monkeypatch):
    monkeypatch.setenv("MFG_ENVS_BACKEND", "numpy")
    grids = ("--grid", "alpha=0.1,0.5", "--metric", "greedy_exploitability", "--every", "2")
    command = (*ROAD, *SHORT, *grids, "--seeds", "2", "--out", tmp_path)
    first = invoke(*command)
    assert first.exit_code == 0, first.output
    assert "2 configurations x 2 seeds = 4 runs" in first.output
    assert "2 of 2   best" in first.output
    hint = re.search(r"mfg-envs evaluate (\S+)  \(the best\)", first.output)
    assert (Path(hint[1]) / "result.npz").exists()
    assert (tmp_path / "sweep.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    content = json.loads((tmp_path / "sweep.json").read_text())
    assert [one["values"] for one in content["configurations"]] == [{"alpha": 0.1}, {"alpha": 0.5}]
    with np.load(tmp_path / "sweep.npz", allow_pickle=False) as file:
        assert file["0|iterations"].tolist() == [2, 3]
        assert file["0|greedy_exploitability"].shape == (2, 2)
    again = invoke(*command)
    assert "4 of them complete already" in again.output
    assert again.output.splitlines()[1:] == first.output.splitlines()[1:]


def test_an_exact_learner_runs_once_whatever_the_seeds(tmp_path):
    game = ("OnlineMirrorDescent", "left_right", "--set", "iterations=2")
    grids = ("--grid", "rate=0.5,1", "--seeds", "3", "--processes", "1")
    ended = invoke(*game, *grids, "--out", tmp_path)
    assert ended.exit_code == 0, ended.output
    assert "its seed changes nothing" in ended.output
    assert "2 runs" in ended.output


def test_errors_are_printed_once_with_their_configurations_and_give_exit_code_one(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("MFG_ENVS_BACKEND", "numpy")
    grids = ("--grid", "alpha=0.1,0.2", "--game-grid", "horizon=None,5")
    ended = invoke(*ROAD, *SHORT, *grids, "--seeds", "1", "--out", tmp_path)
    assert ended.exit_code == 1
    assert "2 of 4 runs failed: ValueError: online learners need a game" in ended.output
    assert "alpha=0.2, horizon=5, seed 0" in ended.output
    assert "1 of 1   best" in ended.output
    assert len(list(tmp_path.glob("*/error.txt"))) == 2


def test_ctrl_c_saves_every_run_and_says_how_to_go_on(tmp_path, monkeypatch):
    monkeypatch.setenv("MFG_ENVS_BACKEND", "numpy")
    endless = ("--set", "iterations=1000000", "--set", "inner_steps=5", "--every", "1000000")
    out = tmp_path / "out"

    def interrupt():
        while len(list(out.glob("*/.lock"))) < 2:
            time.sleep(0.01)
        time.sleep(0.5)
        _thread.interrupt_main()

    thread = threading.Thread(target=interrupt)
    thread.start()
    ended = invoke(*ROAD, *endless, "--seeds", "3", "--processes", "2", "--out", out)
    thread.join()
    assert ended.exit_code == 130
    assert "the same command goes on where this stopped" in ended.output
    saved = list(out.glob("*/checkpoint.npz"))
    assert len(saved) == 2
    for path in saved:
        with np.load(path, allow_pickle=False) as file:
            assert 0 < file["iteration"] < 1000000
    assert not list(out.glob("*/result.json"))


def test_table_ranks_marks_the_best_and_counts_seeds():
    shown = table("exploitability", Results(scores(0.125, 0.25, seeds=2), {}))
    columns = [list(column.cells) for column in shown.columns]
    assert columns[0] == ["rate=0.0", "rate=1.0"]
    assert columns[1:3] == [["0.125", "0.25"], ["0", "0"]]
    assert columns[3:] == [["2 of 3", "2 of 3"], ["best so far", ""]]


def test_figure_has_seven_colours_and_leaves_the_rest_grey():
    axis = draw("A on b", "exploitability", scores(*np.linspace(0.1, 0.9, 10), seeds=3)).axes[0]
    assert len(axis.lines) == 10
    assert sum(line.get_color() == GREY for line in axis.lines) == 3
    assert len({line.get_color() for line in axis.lines}) == 8
    labels = [line.get_label() for line in axis.lines if line.get_label()[0] != "_"]
    assert labels == ["rate=0.0 (best)", *(f"rate={i}.0" for i in range(1, 7)), "3 more"]
    assert len(axis.collections) == 7  # the bands
    assert axis.get_yscale() == "log"
    assert axis.get_xlabel() == "outer iteration"
    assert draw("A on b", "reward", scores(-1.0)).axes[0].get_yscale() == "linear"
    zero = draw("A on b", "exploitability", scores(0.0, 0.5)).axes[0]
    assert zero.get_yscale() == "symlog"  # zero is in the picture
    assert zero.get_ylim()[0] < 0


def test_greedy_exploitability_is_that_of_the_greedy_policy():
    game = make_game("left_right")
    *_, last = OnlineMirrorDescent(iterations=3).learn(game)
    policy = policies.greedy(last.q, game.legal_actions)
    assert greedy_exploitability(game, last) == exact.exploitability(game, policy)


def test_every_learner_of_the_house_can_be_swept_by_name():
    module = importlib.import_module("agents.cli.sweep")
    for name in ("FictitiousPlay", "OnlineMirrorDescent", "QMIteration", "SemiSGD"):
        sweep = Sweep(learner=module.learner_class(name), game="ring_road", seeds=range(2))
        assert len(sweep.jobs) == (2 if name in ("QMIteration", "SemiSGD") else 1)
