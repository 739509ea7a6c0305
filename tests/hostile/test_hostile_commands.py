"""Command lines of every kind: they work, or end with one short line and code 2."""

from __future__ import annotations

import contextlib
import io
import os
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents import cli

TINY = ("--set", "iterations=1", "--out", "out")
LINES = {
    "list": (),
    "show": ("sis",),
    "play": ("sis", "--agents", "3", "--steps", "2"),
    "train": ("FictitiousPlay", "sis", *TINY),
    "evaluate": ("run", "--agents", "3", "--episodes", "2"),
    "plot": ("run",),
    "sweep": ("FictitiousPlay", "sis", "--processes", "1", *TINY),
    "check": ("mfg_envs.games.left_right:LeftRight",),
}
"""A short line of every command that needs no minutes."""
OPTIONS = {
    "show": ("--set", "--agents", "--save", "--network", "--trips"),
    "play": ("--agents", "--policy", "--render", "--steps", "--fps", "--seed", "--set"),
    "train": ("--set", "--game-set", "--seeds", "--every", "--agents", "--out"),
    "evaluate": ("--agents", "--episodes", "--seed", "--game", "--json"),
    "plot": ("--out", "--metric", "--x"),
    "sweep": ("--grid", "--set", "--game-grid", "--game-set", "--seeds", "--metric", "--every"),
    "check": ("--set", "--seed"),
}
VALUES = (
    *("", " ", "0", "1", "-1", "1.5", "nan", "inf", "1e300", "99999999999999999999", "1,2", "x"),
    *("x=", "=1", "x=1", "iterations=0", "iterations=nan", "iterations=None", "horizon=x"),
    *("horizon=2147483648", "discount=1e300", "discount=(1,)", "contact=1", "infection=[]"),
    *("iterations=99999999999999999999", "iterations='1'", "infection=" + "9" * 5000),
    *("infection=" + "(" * 300, "..", "/", "/dev/null", "/dev/null/x", "missing", "a\0b", "\udc80"),
    *("run", "notes.txt", "x.png", "x.gif", "missing/x.png", "builtins:int", "os:system", ":"),
    *("\x1b[31m", "--help", "random", "human"),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with a run and a file beside it."""
    here = tmp_path_factory.mktemp("commands")
    before = os.getcwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MFG_ENVS_BACKEND", "numpy")
        patch.delenv("DISPLAY", raising=False)
        patch.setenv("COLUMNS", "80")
        os.chdir(here)
        cli.load()
        code, said = ended("train", *LINES["train"][:-1], "run")
        assert code == 0, said
        (here / "notes.txt").write_text("no run")
        yield here
    os.chdir(before)


def ended(*words):
    """Run a line as the shell would; return the exit code and what was printed, errors last."""
    out, errors, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["mfg-envs", *words]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            cli.main()
    except SystemExit as end:  # Python's own stderr writes halves of characters out
        told = errors.getvalue().encode(errors="backslashreplace").decode()
        return end.code, out.getvalue() + told
    finally:
        sys.argv = before


def one(*words):
    code, said = ended(*words)
    assert code in (0, 1, 2), said  # 1: check found a fault
    assert code != 1 or words[0] in ("check", "sweep"), said
    assert "Traceback" not in said
    assert "\x1b" not in said
    said.encode()
    if code == 2:
        last = said.strip().splitlines()
        assert last
        assert sum(map(len, last)) < 3000 + 2 * max(map(len, words))  # some repeat what was given


quick = settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
PAIRS = [(command, option) for command, options in OPTIONS.items() for option in options]
IN_PROCESS = [pair for pair in PAIRS if pair[0] != "sweep"]  # which starts processes, seconds each


@pytest.mark.parametrize("k", range(len(IN_PROCESS)), ids=map(" ".join, IN_PROCESS))
def test_options_with_strange_values_work_or_end_in_one_line(place, k):
    command, option = IN_PROCESS[k]
    for value in VALUES[k :: len(IN_PROCESS)]:  # every option and every value at least once
        one(command, *LINES[command], option, value)


@quick
@given(st.sampled_from(sorted(LINES)), st.sampled_from(VALUES), st.integers(0, 2))
def test_words_at_wrong_places_work_or_end_in_one_line(place, command, word, at):
    line = list(LINES[command])
    line[at:at] = [word]
    one(command, *line)


@quick
@given(st.sampled_from(sorted(LINES)), st.lists(st.text(max_size=6), max_size=3))
def test_text_of_any_kind_works_or_ends_in_one_line(place, command, words):
    one(command, *words)


@pytest.mark.slow
@pytest.mark.parametrize(("command", "option"), PAIRS)
def test_every_option_with_every_value_works_or_ends_in_one_line(place, command, option):
    for value in VALUES:
        one(command, *LINES[command], option, value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("train", "FictitiousPlay", "sis", "--out", ""), "it must name a folder"),
        (("sweep", "FictitiousPlay", "sis", "--out", ""), "it must name a folder"),
        (("train", "FictitiousPlay", "sis", "--seeds", "9" * 20), "less than or equal to 1000000"),
        (("play", "sis", "--policy", "notes.txt"), "--policy must be random, equilibrium or the"),
        (("play", "sis", "--policy", ""), "--policy must be random, equilibrium or the folder"),
        (("play", "sis", "--steps", "9" * 20), "less than or equal to 1000000"),
        (("evaluate", ""), "it must name a folder"),
        (("evaluate", "run", "--episodes", "9" * 20), "less than or equal to 1000000"),
        (("show", "sis", "--set", "\x1b[31m=1"), "\\x1b[31m"),
    ],
)
def test_faulty_lines_end_with_code_2_and_the_reason(place, line, message):
    code, said = ended(*line)
    assert code == 2
    assert message in " ".join(said.replace("│", " ").split())


@pytest.mark.parametrize("name", ["builtins:int", "numpy:ndarray", "builtins:type"])
def test_a_class_that_is_no_game_is_a_fault(place, name):
    code, said = ended("check", name)
    assert code == 1
    assert "Fault: " in said


def test_a_file_of_a_run_names_the_run(place):
    assert ended("play", "sis", "--policy", "run/result.npz", "--agents", "3")[0] == 0


def test_help_says_that_check_runs_code(place):
    assert "its code runs" in ended("check", "--help")[1]


def test_a_large_game_says_its_size_before_it_is_silent(place, monkeypatch):
    monkeypatch.setattr("agents.cli.train.run", lambda *_, **__: pytest.fail("has begun"))
    road = ("train", "OnlineMirrorDescent", "ring_road", "--out", "large")
    big = ("--game-set", "num_cells=1000000")
    said = io.StringIO()
    with contextlib.redirect_stdout(said), pytest.raises(pytest.fail.Exception):
        sys.argv = ["mfg-envs", *road, *big]
        cli.main()
    assert "1,000,000 states x 50 actions; a table of values takes 0.4 GiB" in said.getvalue()
    code, words = ended(*road, *big, "--game-set", "num_speeds=10000")
    assert code == 2
    assert "states x actions x decisions = 10000000000 needs 223.5 GiB" in words
