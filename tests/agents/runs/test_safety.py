"""Runs share no folder, follow no links, and read back nothing that is not one of theirs."""

from __future__ import annotations

import json
import math
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from agents import FictitiousPlay, SemiSGD, Sweep, run
from agents.runs.atomic_files import as_folder, write_atomically, write_npz
from agents.runs.locks import LOCK, TakenError, claim
from agents.runs.printable import printable, printable_json
from agents.runs.saved import load_run, load_runs
from mfg_envs import make_game

GAME = make_game("ring_road", num_cells=6, num_speeds=3)
LEARNER = SemiSGD(iterations=3, inner_steps=20)


@pytest.fixture(autouse=True)
def numpy(use):
    use("numpy")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MFG_ENVS_BACKEND", "numpy")
        run(LEARNER, GAME, [0, 1], progress=False, out=out)
    return out


@pytest.fixture
def faulty(finished, tmp_path):
    """Return a function that copies the run with some arrays or entries of its header changed."""

    def change(arrays=None, header=None):
        out = tmp_path / "run"
        shutil.copytree(finished, out)
        for name in ("checkpoint.npz", "result.npz"):
            with np.load(out / name, allow_pickle=False) as file:
                held = {key: file[key] for key in file.files}
            told = {**json.loads(str(held["header"])), **(header or {})}
            write_npz(out / name, {**held, "header": np.array(json.dumps(told)), **(arrays or {})})
        return out

    return change


def test_two_runs_with_one_folder_do_not_run_at_once(tmp_path):
    """The second is started while the first takes a metric."""
    refused = []

    def metric(game, iterate):
        with pytest.raises(ValueError, match=f"another process is running in {tmp_path}: wait"):
            run(LEARNER, GAME, 1, out=tmp_path, progress=False)
        refused.append(iterate.iteration)
        return 0.0

    run(LEARNER, GAME, 0, metrics={"m": metric}, out=tmp_path, progress=False)
    assert refused == [1, 2, 3]
    assert load_run(tmp_path).seeds == [0]


def test_a_claimed_folder_is_refused_and_stays_as_it_is(tmp_path):
    with claim(tmp_path) as ours:
        assert ours
        with pytest.raises(TakenError):
            run(LEARNER, GAME, out=tmp_path, progress=False)
    assert os.listdir(tmp_path) == [LOCK]


def test_a_run_that_is_refused_leaves_no_folder(tmp_path):
    with pytest.raises(ValueError, match="need a game without end"):
        run(LEARNER, make_game("left_right"), out=tmp_path / "a" / "b", progress=False)
    assert os.listdir(tmp_path) == []


def test_half_written_files_of_killed_processes_are_cleared(tmp_path):
    (tmp_path / ".checkpoint.npz.123.part").write_bytes(b"half")
    (tmp_path / ".result.npz.abc.part").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "mine.part").write_bytes(b"not a half of ours")
    run(LEARNER, GAME, out=tmp_path, progress=False)
    assert sorted(os.listdir(tmp_path)) == [
        ".lock", "checkpoint.npz", "mine.part", "result.json", "result.npz",
    ]  # fmt: skip


def test_a_file_is_written_beside_what_it_replaces_under_a_name_nobody_foresees(tmp_path):
    names, path = set(), tmp_path / "file"
    for _ in range(3):
        write_atomically(path, lambda file: names.add(Path(file.name)))
    assert len(names) == 3
    assert {name.parent for name in names} == {tmp_path}
    assert not any(str(os.getpid()) == part for name in names for part in name.name.split("."))


def test_nothing_is_written_through_a_link(tmp_path, monkeypatch):
    treasure = tmp_path / "treasure"
    treasure.write_bytes(b"kept")
    monkeypatch.setattr("agents.runs.atomic_files.secrets.token_hex", lambda size: "known")
    (tmp_path / ".file.known.part").symlink_to(treasure)
    with pytest.raises(FileExistsError):
        write_atomically(tmp_path / "file", lambda file: file.write(b"lost"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / LOCK).symlink_to(tmp_path / "made by a lock")
    with pytest.raises(OSError, match=r"\.lock"):
        run(LEARNER, GAME, out=tmp_path / "out", progress=False)
    assert treasure.read_bytes() == b"kept"
    assert not (tmp_path / "made by a lock").exists()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("every", 0, "every must be at least 1, got 0"),
        ("every", 1.5, "every must be a whole number, got 1.5"),
        ("every", True, "every must be a whole number, got True"),
        ("save_seconds", math.nan, "save_seconds must be at least 0, got nan"),
        ("save_seconds", -1, "save_seconds must be at least 0, got -1"),
        ("save_seconds", "5", "save_seconds must be a number, got '5'"),
        ("seed", 0.5, "seed must be a whole number, got 0.5"),
        ("seed", "12", "seed must be a whole number, got '12'"),
        ("seed", (), "seed must be a seed or several, got an empty"),
        ("seed", [0, -1], "seed must be at least 0, got -1"),
        ("metrics", {"m": 3}, "metrics must be name -> function, got 'm' -> 3"),
        ("out", "", "out must name a folder, got ''"),
        ("out", 3, "out must be the name of a folder, got 3"),
        ("out", b"x", "out must be the name of a folder, got b'x'"),
        ("tensorboard", "", "tensorboard must name a folder"),
        ("game", "ring_road", r"game must be a game, got its name: write make_game\('ring_road'\)"),
    ],
)
def test_arguments_of_a_run_are_looked_at_first(tmp_path, monkeypatch, name, value, message):
    monkeypatch.chdir(tmp_path)
    arguments = {"game": GAME, "progress": False, name: value}
    with pytest.raises((ValueError, TypeError), match=message):
        run(LEARNER, **arguments)
    assert os.listdir(tmp_path) == []


def test_numpy_numbers_are_seeds(tmp_path):
    run(LEARNER, GAME, np.arange(2), every=np.int64(2), out=tmp_path, progress=False)
    assert load_run(tmp_path).seeds == [0, 1]
    assert load_run(tmp_path).header["every"] == 2


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"iteration": np.array(-3)}, "iteration must be at least 1, got -3"),
        ({"iteration": np.array(0)}, "iteration must be at least 1, got 0"),
        ({"iteration": np.array(2.5)}, "iteration must be a whole number"),
        ({"iteration": np.array([3, 3])}, "iteration must be a whole number"),
        ({"iteration": np.array(2)}, "metrics were taken at"),
        ({"samples": np.array(-1)}, "samples must be at least 0, got -1"),
        ({"taken": np.array([1, 1, 3])}, "metrics were taken at"),
        ({"taken": np.array([1.0, 2.0, 3.0])}, "taken must be whole numbers"),
        ({"taken": np.array([1, 2])}, r"exploitability must have the shape \(2, 2\), got \(3, 2\)"),
        ({"policy": np.full((2, 5, 3), 1 / 3)}, r"policy of shape \(2, 5, 3\), .* \(2, 6, 3\)"),
        ({"policy": np.full((2, 6, 4), 1 / 4)}, r"policy of shape \(2, 6, 4\), .* \(2, 6, 3\)"),
        ({"policy": np.full((6, 3), 1 / 3)}, r"policy must have an entry a seed, 2, got \(6, 3\)"),
        ({"policy": np.full((2, 6, 3), "a")}, "policy must hold numbers, got <U1"),
        ({"policy": np.full((2, 6, 3), 1j)}, "policy must hold numbers, got complex128"),
        ({"memory:x": np.zeros(3)}, "x must have an entry a seed"),
    ],
)  # fmt: skip
def test_numbers_and_shapes_of_a_file_are_looked_at(faulty, arrays, message):
    out = faulty(arrays)
    with pytest.raises(ValueError, match=message):
        load_run(out)
    with pytest.raises(ValueError, match=message):
        run(LEARNER, GAME, [0, 1], out=out, progress=False)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"format": 2}, "its format is 2, this version of mfg-envs reads 1"),
        ({"format": "1"}, "its format is '1'"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"seed": 0.5}, "seed must be a whole number, got 0.5"),
        ({"seed": []}, "seed and metrics must be lists"),
        ({"seed": "01"}, "seed must be a whole number"),
        ({"metrics": "exploitability"}, "seed and metrics must be lists"),
        ({"metrics": ["none"]}, "there is no 'metric:none"),
        ({"every": 0}, "every must be at least 1"),
        ({"learner": None}, "learner must be a word, got None"),
    ],
)
def test_the_header_of_a_file_is_looked_at(faulty, header, message):
    out = faulty(header=header)
    with pytest.raises(ValueError, match=rf"not a readable checkpoint \(.*{message}"):
        load_run(out)


def test_a_policy_of_a_deterministic_learner_has_its_shape_checked(tmp_path):
    run(FictitiousPlay(iterations=1), GAME, out=tmp_path, progress=False)
    assert load_run(tmp_path).run.last.policy.shape == (6, 3)


def test_text_of_a_file_cannot_command_a_terminal(faulty):
    assert printable("a\x1b[31mb\r\x9b\n\tc ± é") == "a\\x1b[31mb\\r\\x9b\n\tc ± é"
    assert printable("\udc80\u202e") == "\\udc80\\u202e"
    assert printable_json({"\x1b": ["\x07", 1, None]}) == {"\\x1b": ["\\x07", 1, None]}
    saved = load_run(faulty(header={"learner": "Semi\x1b]0;title\x07SGD(x)"}))
    assert saved.learner_name == "Semi\\x1b]0;title\\x07SGD"


def test_a_folder_is_named_by_a_word_or_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sweep = Sweep(learner=FictitiousPlay, game="sis", grid={"iterations": [1]})
    for work in (load_run, load_runs, lambda out: sweep.run(out, progress=False)):
        with pytest.raises(ValueError, match="must name a folder, got ''"):
            work("")
    assert os.listdir(tmp_path) == []
    assert as_folder("out", ".") == Path()
    assert as_folder("out", tmp_path) == tmp_path
