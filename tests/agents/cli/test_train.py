"""``mfg-envs train``: any learner on any game, resumable, and what it prints."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from agents import FictitiousPlay, SemiSGD, SubsampleMFQ, cli, run
from agents.cli.words.estimates import estimate, of_seeds
from agents.runs import locks
from agents.runs.saved import load_run, load_runs
from mfg_envs import make_game

ROAD = ("SemiSGD", "ring_road", "--game-set", "num_cells=6", "--game-set", "num_speeds=3")
SHORT = ("--set", "iterations=4", "--set", "inner_steps=20")
TEAM = ("SubsampleMFQ", "dispatcher", "--game-set", "num_zones=3", "--set", "iterations=3")


@pytest.fixture(autouse=True)
def numpy(use):
    use("numpy")


def train(*words):
    return CliRunner().invoke(cli.app, ["train", *map(str, words)], env={"COLUMNS": "80"})


def test_seeds_run_side_by_side_and_the_table_has_their_mean(tmp_path):
    ended = train(*ROAD, *SHORT, "--seeds", 3, "--every", 2, "--out", tmp_path)
    assert ended.exit_code == 0, ended.output
    game = make_game("ring_road", num_cells=6, num_speeds=3)
    learner = SemiSGD(iterations=4, inner_steps=20)
    curves = run(learner, game, range(3), every=2, progress=False).metrics["exploitability"]
    lines = ended.output.splitlines()
    assert lines[0] == "SemiSGD on ring_road, mean of 3 seeds ± standard error"
    for when, i in (("first", 0), ("last", 1)):
        assert of_seeds(curves[i]) in next(line for line in lines if when in line)
    saved = load_run(tmp_path)
    assert saved.complete
    assert saved.seeds == [0, 1, 2]
    assert np.array_equal(saved.run.metrics["exploitability"], curves)
    assert f"mfg-envs evaluate {tmp_path}" in ended.output
    assert f"mfg-envs plot {tmp_path}" in ended.output


def test_a_learner_of_one_seed_at_a_time_leaves_a_sweep_of_one_configuration(tmp_path):
    words = (*TEAM, "--set", "k=2", "--set", "num_samples=3", "--seeds", 2, "--out", tmp_path)
    ended = train(*words)
    assert ended.exit_code == 0, ended.output
    assert "surrogate value" in ended.output
    assert "mean of 2 seeds" in ended.output
    runs = load_runs(tmp_path)
    assert [saved.seeds for saved in runs] == [[0], [1]]
    content = json.loads((tmp_path / "sweep.json").read_text())
    (one,) = content["configurations"]
    assert one["runs"] == {str(saved.seeds[0]): saved.folder.name for saved in runs}
    last = [saved.metrics["surrogate_value"][-1, 0] for saved in runs]
    assert one["final"] == last
    with np.load(tmp_path / "sweep.npz", allow_pickle=False) as file:
        assert file["0|surrogate_value"].shape == (2, 3)
    assert train(*words).exit_code != 0
    assert train(*words, "--resume").exit_code == 0


def test_an_exact_learner_runs_once(tmp_path):
    for i, words in enumerate(
        (
            ("FictitiousPlay", "left_right", "--set", "iterations=2"),
            ("PolicyMirrorAscent", "sis", "--set", "mode=exact", "--set", "iterations=2"),
        )
    ):
        ended = train(*words, "--out", tmp_path / str(i))
        assert ended.exit_code == 0, ended.output
        assert "is deterministic, its seed changes nothing: one run" in ended.output
        assert load_run(tmp_path / str(i)).seeds == [0]
    game = make_game("left_right")
    *_, last = FictitiousPlay(iterations=2).learn(game)
    assert np.array_equal(load_run(tmp_path / "0").run.last.policy, last.policy)


def test_a_learner_of_environments_gets_one(tmp_path):
    pytest.importorskip("torch")
    words = ("BatchedIndependentPPO", "sis", "--agents", 3, "--seeds", 1, "--out", tmp_path)
    small = ("iterations=1", "num_steps=8", "num_minibatches=2", "hidden=(4,)")
    ended = train(*words, *(word for text in small for word in ("--set", text)))
    assert ended.exit_code == 0, ended.output
    assert "BatchedIndependentPPO on sis, one run" in ended.output
    assert "mean reward" in ended.output
    saved = load_run(tmp_path)
    assert saved.learner_name == "BatchedIndependentPPO"
    assert len(saved.run.last.policy) == 3
    assert saved.metrics["mean_reward"][-1, 0] == pytest.approx(saved.run.last.q.mean())


def test_a_run_that_is_there_is_refused_or_gone_on_with(tmp_path):
    command = (*ROAD, *SHORT, "--seeds", 2, "--out", tmp_path)
    first = train(*command)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    refused = train(*command)
    assert isinstance(refused.exception, ValueError)
    assert "holds 1 run already, complete, of SemiSGD(" in str(refused.exception)
    assert "go on with --resume, or choose another --out" in str(refused.exception)
    again = train(*command, "--resume")
    assert again.exit_code == 0
    assert again.output.split("samples")[0] == first.output.split("samples")[0]
    foreign = train(*ROAD, "--set", "iterations=5", "--out", tmp_path, "--resume")
    assert isinstance(foreign.exception, ValueError)
    assert "belongs to another run: its learner is" in str(foreign.exception)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files


def test_a_sweep_of_another_configuration_is_refused(tmp_path):
    words = (*TEAM, "--seeds", 2, "--set", "num_samples=2", "--out", tmp_path)
    assert train(*words, "--set", "k=1").exit_code == 0
    foreign = train(*words, "--set", "k=2", "--resume")
    assert "holds another run: SubsampleMFQ(k=1" in str(foreign.exception)


REFUSED = [
    (("SemiSGD", "ring_rod"), "no game is called 'ring_rod'; did you mean 'ring_road'"),
    (("SemiSG", "sis"), "no learner is called 'SemiSG'; did you mean 'SemiSGD'?"),
    (("learned_response", "sis"), "learned_response has no number of iterations"),
    (("IndependentLearners", "sis", "--set", "algorithm=SAC"), "SAC does not choose from Discrete"),
    (
        ("IndependentLearners", "sis", "--set", "n_step=8"),
        "has no parameter 'n_step'; did you mean",
    ),
    ((*ROAD, "--set", "alpa=1"), "SemiSGD has no parameter 'alpa'; did you mean 'alpha'?"),
    ((*ROAD, "--set", "alpha=x"), "SemiSGD: alpha must be a number, got 'x'"),
    ((*ROAD, "--set", "alpha=1", "--set", "alpha=2"), "--set has alpha twice: choose one"),
    ((*ROAD, "--set", "alpha"), "--set needs NAME=VALUE, got 'alpha'"),
    (("SemiSGD", "sis", "--game-set", "horizon=x"), "sis: horizon must be a whole number"),
    (("SubsampleMFQ", "sis"), "SubsampleMFQ is for team games, sis is one of the finite games"),
    (("MFOMO", "beach_bar"), "MFOMO is for finite games, beach_bar is one of the continuous"),
    (("SemiSGD", "left_right"), "online learners need a game without end, horizon is 2"),
    (("FrankWolfe", "sis"), 'FrankWolfe needs "routing_cycle" with cost="bpr"'),
    (("PolicyMirrorAscent", "beach_bar"), "PolicyMirrorAscent is for finite games, beach"),
]


@pytest.mark.parametrize(("words", "message"), REFUSED, ids=[m[:40] for _, m in REFUSED])
def test_bad_use_ends_with_one_line_and_leaves_nothing(
    words, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("sys.argv", ["mfg-envs", "train", *words, "--out", str(tmp_path / "a/b")])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "a").exists()


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        ended = train(*ROAD, *SHORT, "--out", out)
        assert f"{tmp_path / 'file'} is a file, no folder: choose another --out" in str(
            ended.exception
        )


def test_ctrl_c_leaves_a_run_and_says_how_to_go_on(tmp_path):
    small = [*ROAD, "--set", "inner_steps=20", "--seeds", "2", "--every", "2000"]
    command = [sys.executable, "-c", "from agents.cli import main; main()", "train", *small]
    command += ["--set", "iterations=30000", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "out/.lock").exists():
        time.sleep(0.01)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate()
    assert process.returncode == 130, errors
    assert errors == ""
    assert said.startswith("Interrupted; to go on:  mfg-envs train SemiSGD ring_road --set inner")
    assert said.endswith(f"--out {tmp_path / 'out'} --resume\n")
    stopped = load_run(tmp_path / "out")
    assert not stopped.complete
    assert 0 < stopped.run.last.iteration < 30000


def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    learn = SemiSGD.learn

    def stop(self, source, seed=0, start=None):
        for iterate in learn(self, source, seed, start):
            yield iterate
            if iterate.iteration == 2:
                raise KeyboardInterrupt

    command = (*ROAD, *SHORT, "--seeds", 2, "--out")
    with monkeypatch.context() as patch:
        stop.__annotations__ = learn.__annotations__
        patch.setattr(SemiSGD, "learn", stop)
        ended = train(*command, tmp_path / "one")
    assert ended.exit_code == 130
    refused = train(*command, tmp_path / "one")
    assert "holds 1 run already, at iteration 2, of SemiSGD" in str(refused.exception)
    assert train(*command, tmp_path / "one", "--resume").exit_code == 0
    assert train(*command, tmp_path / "two").exit_code == 0
    one, two = (load_run(tmp_path / name).run for name in ("one", "two"))
    assert np.array_equal(one.last.q, two.last.q)
    assert np.array_equal(one.metrics["exploitability"], two.metrics["exploitability"])


def test_seeds_in_turn_go_on_with_the_one_that_was_interrupted(tmp_path, monkeypatch):
    learn, words = SubsampleMFQ.learn, (*TEAM, "--set", "k=1", "--set", "num_samples=2")

    def stop(self, source, seed=0, start=None):
        for iterate in learn(self, source, seed, start):
            yield iterate
            if seed == 1:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        stop.__annotations__ = learn.__annotations__
        patch.setattr(SubsampleMFQ, "learn", stop)
        assert train(*words, "--seeds", 3, "--out", tmp_path).exit_code == 130
    assert [(saved.seeds, saved.complete) for saved in load_runs(tmp_path)] == [
        ([0], True),
        ([1], False),
    ]
    refused = train(*words, "--seeds", 3, "--out", tmp_path)
    assert "holds 2 runs already, 1 of them complete, of SubsampleMFQ" in str(refused.exception)
    ended = train(*words, "--seeds", 3, "--out", tmp_path, "--resume")
    assert ended.exit_code == 0, ended.output
    assert train(*words, "--seeds", 3, "--out", tmp_path / "whole").exit_code == 0
    for one, two in zip(load_runs(tmp_path), load_runs(tmp_path / "whole"), strict=True):
        assert np.array_equal(one.metrics["surrogate_value"], two.metrics["surrogate_value"])


def test_a_game_of_ones_own_is_trained_evaluated_and_played(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    file = Path(__file__).with_name("faulty_games.py")
    game = f"{file}:Walk"
    try:
        ended = train(
            "OnlineMirrorDescent", game, "--set", "iterations=2", "--game-set", "places_=3",
            "--out", tmp_path,
        )  # fmt: skip
        assert ended.exit_code == 0, ended.output
        invoke = CliRunner().invoke
        hidden = invoke(cli.app, ["evaluate", str(tmp_path)])
        assert "faulty_games:Walk is not a class of ours: name it" in str(hidden.exception)
        ended = invoke(cli.app, ["evaluate", str(tmp_path), "--game", game, "--agents", "5"])
        assert ended.exit_code == 0, ended.output
        ended = invoke(cli.app, ["play", game, "--policy", str(tmp_path), "--agents", "5"])
        assert ended.exit_code == 0, ended.output
        other = invoke(cli.app, ["play", f"{file}:LosesMass", "--policy", str(tmp_path)])
        assert "faulty_games:Walk is not a class of ours" in str(other.exception)
        for name, message in (("Wlk", "did you mean 'Walk'"), ("Unfinished", "is no game: see")):
            assert message in str(train("SemiSGD", f"{file}:{name}").exception)
    finally:
        sys.modules.pop(file.stem, None)


def test_two_processes_do_not_share_a_folder(tmp_path):
    with locks.claim(tmp_path) as ours:
        assert ours
        ended = train(*ROAD, *SHORT, "--out", tmp_path)
    assert "another process is running in" in str(ended.exception)
    assert os.listdir(tmp_path) == [locks.LOCK]


def test_estimates_are_rounded_to_their_error():
    assert estimate(1.23456, 0.0123) == "1.235 ± 0.012"
    assert estimate(-1234.5, 67.0) == "-1234 ± 67"
    assert estimate(0.5, 0.0) == "0.5"
    assert estimate(1.0, np.inf) == "1"
    assert estimate(3e-9, 1e-10) == "3e-09 ± 1e-10"
    assert of_seeds(np.array([1.0, 3.0])) == "2.0 ± 1.0"
    assert of_seeds(np.array([0.25])) == "0.25"
