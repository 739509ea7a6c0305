"""A study declares its runs, tables, figures and checks; one frame carries them out."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import numpy as np
import pytest
import typer

from agents.cli.reproduce.reproduction import Reproduction, carry_out, plain
from agents.figures.style import figure


class Found(NamedTuple):
    size: Any
    values: Any
    word: str


def some_study(**other):
    """Return a study of the mean of three numbers, which are its runs."""
    parts = {
        "name": "mean",
        "runs": "runs_quick",
        "opening": ("Three numbers",),
        "find": lambda runs, console: np.array([1.0, 2.0, 6.0]),
        "checks": lambda found: [{"name": "mean", "held": bool(found.mean() == 3)}],
        "tables": lambda found, checks: (f"mean {found.mean()}", f"held: {checks[0]['held']}"),
        "figures": {"one.png": lambda found: figure(1, 1), "two.png": lambda found: figure(1, 1)},
        "data": lambda found, checks: {"checks": checks, "numbers": found.tolist()},
    }
    return Reproduction(**{**parts, **other})


def test_tables_are_printed_in_turn_and_files_written(tmp_path, capsys):
    out = tmp_path
    carry_out(some_study(arrays=lambda found: {"numbers": found}), out)
    *said, last = " ".join(capsys.readouterr().out.split()).split("Wrote ")
    assert said == ["Three numbers mean 3.0 held: True "]
    last = "".join(last.split())  # a long path is broken where the terminal ends
    assert re.search("/one.png,two.png,mean.jsonandmean.npzin[0-9]+s$", last)
    assert sorted(path.name for path in out.iterdir()) == [
        "mean.json",
        "mean.npz",
        "one.png",
        "two.png",
    ]
    content = json.loads((out / "mean.json").read_text())
    assert content == {"checks": [{"name": "mean", "held": True}], "numbers": [1, 2, 6]}
    with np.load(out / "mean.npz", allow_pickle=False) as file:
        assert file["numbers"].tolist() == [1, 2, 6]


def test_runs_have_a_folder_of_their_own_and_what_was_asked_for_is_named(tmp_path, capsys):
    seen = []

    def find(runs, console):
        seen.append(runs)
        return np.array([3.0])

    carry_out(some_study(find=find, publish=lambda found: [tmp_path / "page.md"]), tmp_path)
    assert seen == [tmp_path / "runs_quick"]
    said = "".join(capsys.readouterr().out.split())
    assert f"two.pngandmean.json,{tmp_path / 'page.md'}in" in said
    assert not (tmp_path / "mean.npz").exists()


def test_an_interrupted_study_says_how_to_go_on_and_writes_nothing(tmp_path, capsys):
    def find(runs, console):
        raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as end:
        carry_out(some_study(find=find), tmp_path)
    assert end.value.exit_code == 130
    assert "Interrupted: the same command goes on where this stopped." in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_fields_are_written_as_plain_numbers_and_lists():
    found = Found(np.float64(0.5), np.arange(2), "x")
    assert plain(found) == {"size": 0.5, "values": [0, 1], "word": "x"}
    assert type(plain(found)["size"]) is float
    assert plain(found, "values") == {"values": [0, 1]}
