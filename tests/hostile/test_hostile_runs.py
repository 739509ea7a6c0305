"""Folders of runs that are damaged, forged or no runs: named, or read as the run they are."""

from __future__ import annotations

import json
import shutil
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from agents import FictitiousPlay, cli, run
from agents.runs.atomic_files import write_npz
from agents.runs.saved import load_run
from mfg_envs import make_game

LEARNER, GAME = FictitiousPlay(iterations=2), make_game("sis")
FILES = ("checkpoint.npz", "result.npz")
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=2)
    ),
    max_leaves=5,
)
ARRAYS = st.sampled_from(
    [
        np.array(-3),
        np.array(2.5),
        np.array(10**18),
        np.array(np.inf),
        np.array("x"),
        np.array(b"x"),
        np.array(1j),
        np.array(True),
        np.zeros(0),
        np.full((2, 5), np.nan),
        np.full((2, 5), 1e300),
        np.full((2, 5), -0.2),
        np.full((3, 5), 0.2),
        np.zeros((2, 5, 1)),
        np.zeros((2, 5), bool),
        np.array(["2020"], "M8[Y]"),
        np.zeros(2, [("a", "f8")]),
    ]
)
NAMES = ("iteration", "samples", "policy", "mean_field", "q", "taken", "metric:exploitability")
HEADER = ("format", "learner", "game", "seed", "metrics", "every", "recipes", "mfg_envs")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("hostile") / "run"
    run(LEARNER, GAME, 0, progress=False, out=out)
    return out


def attempt(out):
    """Load a run and go on with it; return what is said, or None if both work."""
    said = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for work in (load_run, lambda out: run(LEARNER, GAME, 0, progress=False, out=out)):
            try:
                found = work(out)
            except ValueError as error:
                said = str(error)
                assert str(out) in said
                assert len(said) < 2000
                assert "\x1b" not in said
            else:
                assert found.run.last.iteration > 0 if work is load_run else found.last
    return said


def copy_of(finished, name="copy"):
    out = finished.parent / name
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(finished, out)
    return out


def forge(finished, arrays=None, header=None):
    """Return a copy of a run with other arrays, or other entries of its header; None: without."""
    out = copy_of(finished)
    for name in FILES:
        with np.load(out / name, allow_pickle=False) as file:
            held = {key: file[key] for key in file.files}
        told = {**json.loads(str(held["header"])), **(header or {})}
        held |= {"header": np.array(json.dumps(told)), **(arrays or {})}
        write_npz(out / name, {key: part for key, part in held.items() if part is not None})
    return out


quick = settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@quick
@given(st.sampled_from(NAMES), ARRAYS)
def test_forged_arrays_are_named(finished, name, array):
    right = load_run(finished)
    said = attempt(forge(finished, {name: array}))
    if said is None:  # it is one of the numbers that may be there
        assert name != "taken"
        assert array.dtype.kind in "biuf"
        assert name != "policy" or array.shape == right.run.last.policy.shape


@quick
@given(st.sampled_from(HEADER), JSON)
def test_forged_headers_are_named(finished, name, value):
    said = attempt(forge(finished, header={name: value}))
    if name in ("format", "seed", "every", "metrics", "learner", "game"):
        assert said is not None
        assert "checkpoint.npz" in said or "result.npz" in said


@quick
@given(st.sampled_from(("header", *NAMES)))
def test_a_part_that_is_missing_is_named(finished, name):
    assert f"there is no '{name}" in (attempt(forge(finished, {name: None})) or "")


@settings(quick, max_examples=40)
@given(st.integers(0, 100), st.binary(max_size=40))
def test_damaged_files_are_named_or_read(finished, percent, junk):
    """Bytes in the middle are overwritten, and the file is cut off."""
    for keep in (True, False):
        out = copy_of(finished)
        for name in FILES:
            content = (out / name).read_bytes()
            at = len(content) * percent // 100
            rest = content[at + len(junk) :] if keep else b""
            (out / name).write_bytes(content[:at] + junk + rest)
        attempt(out)


@pytest.mark.parametrize(
    "content",
    [b"", b"PK", b"\x93NUMPY", b"PK\x05\x06" + bytes(18), b"{}", bytes(1000), b"\x80\x04N."],
)
def test_files_of_other_kinds_are_named(finished, content):
    out = copy_of(finished)
    for name in FILES:
        (out / name).write_bytes(content)
    assert "is not a readable checkpoint" in (attempt(out) or "")


def test_promises_of_a_header_are_not_believed(finished):
    """An array that says it has a million million numbers, nested JSON, and folders for files."""
    out = copy_of(finished)
    shape = {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
    for name in FILES:
        with zipfile.ZipFile(out / name, "a") as file, file.open("memory:x.npy", "w") as part:
            np.lib.format.write_array_header_1_0(part, shape)
    assert "is not a readable checkpoint" in (attempt(out) or "")
    deep = np.array("[" * 100_000)
    assert "is not a readable checkpoint" in (attempt(forge(finished, {"header": deep})) or "")
    out = copy_of(finished)
    for name in FILES:
        (out / name).unlink()
        (out / name).mkdir()
    assert "is not a readable checkpoint" in (attempt(out) or "")


@pytest.mark.parametrize("command", [["evaluate"], ["plot"], ["play", "sis", "--policy"]])
@pytest.mark.parametrize(
    ("arrays", "header"),
    [
        ({"policy": np.full((2, 3), 1 / 3)}, {}),
        ({"policy": np.full((2, 5), np.nan)}, {}),
        ({"iteration": np.array(-3)}, {}),
        ({}, {"format": 7}),
        ({}, {"learner": "\x1b[2Jgone", "recipes": {}}),
        ({}, {"recipes": {"game": {"class": "os:system", "parameters": {}}, "learner": None}}),
        ({}, {"recipes": {"game": {"class": 3}, "learner": []}}),
        ({}, {"recipes": 7}),
    ],
)
def test_commands_say_what_is_wrong_with_a_run(finished, monkeypatch, command, arrays, header):
    out = forge(finished, arrays, header)
    ended = CliRunner().invoke(cli.app, [*command, str(out)], env={"COLUMNS": "80"})
    assert "\x1b" not in ended.output
    assert ended.exception is None or isinstance(ended.exception, ValueError | SystemExit)
    if command != ["plot"]:
        assert isinstance(ended.exception, ValueError), ended.output
        assert len(str(ended.exception)) < 1000
