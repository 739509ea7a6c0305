"""A game and a learner of a user, each in a file of its own, go through every command."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import faulty_learners
import numpy as np
import pytest
from typer.testing import CliRunner

from agents import cli, load_runs
from agents.cli.words.own_classes import load_class

TUTORIALS = Path(__file__).parents[3] / "docs" / "tutorials"


def blocks(page, language):
    text = (TUTORIALS / f"{page}.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Stand in a folder with ``my_game.py`` and ``my_learner.py``, as the tutorials have them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name, page in (("my_game", "your_own_game"), ("my_learner", "your_own_learner")):
        Path(f"{name}.py").write_text(blocks(page, "python")[0])
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield tmp_path
    for name in ("my_game", "my_learner"):
        sys.modules.pop(name, None)


def invoke(*words):
    return CliRunner().invoke(cli.app, words, env={"COLUMNS": "100"})


OWN = ("my_learner.py:Hedge", "my_game.py:Lifts", "--seeds", "1", "--set", "iterations=2")
NAMED = ("--learner", "my_learner.py:Hedge", "--game", "my_game.py:Lifts")


def test_the_tutorial_is_followed_literally(here, use):
    use("numpy")
    said = {}
    for line in "".join(blocks("your_own_learner", "sh")).splitlines():
        program, *words = shlex.split(line)
        assert program == "mfg-envs"
        ended = invoke(*words)
        assert ended.exit_code == 0, f"{line}\n{ended.output}\n{ended.exception}"
        said.setdefault(words[0], []).append(" ".join(ended.output.split()))
    assert set(said) == {"list", "show", "check", "train", "evaluate", "plot", "play", "sweep"}
    assert "my_game.py:Lifts T = 10 Skiers pick one of three lifts." in said["list"][0]
    assert "my_learner.py:Hedge finite Lean to what paid best so far" in said["list"][0]
    assert (
        "num_players 500 Players who are sampled in every iteration; at least 1." in said["show"][0]
    )
    assert "PopulationEnv(Lifts(), num_agents=...)" in said["show"][1]
    assert "Hedge(iterations=4), learner, on left_right" in said["check"][0]
    assert "Hedge on Lifts" in said["train"][0]
    assert "--learner my_learner.py:Hedge --game my_game.py:Lifts" in said["train"][0]
    assert "Hedge on Lifts: 2 configurations x 2 seeds = 4 runs" in said["sweep"][0]
    assert "policy: Hedge, seed 0, iteration 10" in said["play"][0]
    assert Path("hedge", "learning_curves.png").stat().st_size > 1000
    assert len(list(Path("results", "Hedge_Lifts").glob("*/result.json"))) == 4


def test_a_run_goes_on_and_is_read_with_the_classes_that_are_named(here, use):
    use("numpy")
    for out in ("one", "two"):
        assert invoke("train", *OWN, "--out", out).exit_code == 0
    assert invoke("train", *OWN, "--out", "one", "--resume").exit_code == 0
    hidden = str(invoke("evaluate", "one").exception)
    assert "my_game:Lifts is not a class of ours: name it, as mfg-envs evaluate --game" in hidden
    hidden = invoke("plot", "one")
    assert "Only learning curves: my_game:Lifts is not a class of ours" in hidden.output
    classes = [load_class(name) for name in ("my_learner.py:Hedge", "my_game.py:Lifts")]
    one, two = (load_runs(out, classes)[0] for out in ("one", "two"))
    assert (type(one.learner), type(one.game)) == tuple(classes)
    assert np.array_equal(one.run.last.q, two.run.last.q)


def test_reading_a_run_executes_nothing(here, use):
    use("numpy")
    assert invoke("train", *OWN, "--out", "run").exit_code == 0
    for name in ("my_game", "my_learner"):
        sys.modules.pop(name)
        Path(f"{name}.py").write_text("open('executed', 'w').close()\n")
    load_runs("run")
    invoke("evaluate", "run")
    invoke("plot", "run")
    assert not Path("executed").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "my_learner.py:Hegde", "sis"), "has no class 'Hegde'; did you mean 'Hedge'?"),
        (
            ("train", "my_game.py:Lifts", "sis"),
            "my_game.py:Lifts is no learner: see mfg-envs check",
        ),
        (("train", "SemiSGD", "my_learner.py:Hedge"), "Hedge is no game: see mfg-envs check"),
        (("train", "my_learner.py:Hedge", "dispatcher"), "Hedge is for finite games, dispatcher"),
        (
            ("train", *OWN[:2], "--set", "rat=1"),
            "Hedge has no parameter 'rat'; did you mean 'rate'",
        ),
        (("show", "my_learner.py:Hedge", "--set", "rate=1"), "all options of show are for games"),
        (("check", "my_game.py:Lifts", "--game", "sis"), "--game is for learners"),
        (("check", "SemiSGD"), "SemiSGD is one of ours: write agents:SemiSGD"),
        (("sweep", *OWN[:2], "--game-grid", "crowd=1,2"), "Lifts has no parameter 'crowd'"),
        (("list", "nowhere.py"), "there is no file nowhere.py"),
        (("list", "json"), "json defines no game and no learner"),
    ],
)
def test_bad_use_is_said(here, words, message):
    assert message in str(invoke(*words).exception)


def test_a_learner_that_plays_in_environments_is_trained_and_watched(here, use, monkeypatch):
    use("numpy")
    learner = f"{faulty_learners.__file__}:Player"
    words = ("my_game.py:Lifts", "--agents", "4")
    assert invoke("train", learner, *words, "--seeds", "2", "--out", "run").exit_code == 0
    watch = ("play", *words, "--policy", "run", "--learner", learner)
    assert "policy: Player, seed 0, iteration 2" in invoke(*watch).output
    measured = invoke("evaluate", "run", "--learner", learner, "--game", words[0])
    assert "is no one policy that all players" in str(measured.exception)
    monkeypatch.delattr(faulty_learners.Player, "player")
    assert "define player(env, iterate, name)" in str(invoke(*watch).exception)


def test_a_file_is_imported_once(here):
    assert load_class("my_game.py:Lifts") is load_class("my_game.py:Lifts")
