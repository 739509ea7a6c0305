"""Runs that were made when every file of the packages lay elsewhere are still read, and go on."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from agents import run
from agents.runs.recipes import recipe
from agents.runs.saved import load_run, load_runs
from mfg_envs import exact

FOLDER = Path(__file__).with_name("older_runs")
RUNS = sorted(path.name for path in FOLDER.iterdir() if path.name != "sweep")


@pytest.mark.parametrize("name", RUNS)
def test_the_game_and_the_learner_are_built_again(name):
    saved = load_run(FOLDER / name)
    assert repr(saved.game) == saved.header["game"]
    words = saved.header["learner"].replace("heat_growth=None", "heat_growth=0.5")  # of 1/2 it was
    assert repr(saved.learner) == words


def test_every_kind_of_older_run_is_kept():
    paths = [load_run(FOLDER / name).header["recipes"]["game"]["class"] for name in RUNS]
    assert {path.partition(":")[0] for path in paths} == {
        f"mfg_envs.games.{file}"
        for file in ("gaussian_squeeze", "linear_quadratic", "ring_road", "routing_cycle", "sis")
    }


def test_a_sweep_is_read():
    (saved,) = load_runs(FOLDER / "sweep")
    assert saved.learner.rate == 0.5
    measured = exact.exploitability(saved.game, saved.run.last.policy)
    assert measured == pytest.approx(saved.metrics["exploitability"][-1, 0], rel=1e-12)


@pytest.mark.parametrize("name", RUNS)
def test_new_recipes_name_no_file(name):
    saved = load_run(FOLDER / name)
    assert recipe(saved.game)["class"].partition(":")[0] == saved.game.name
    assert recipe(saved.learner)["class"] == f"agents:{saved.learner_name}"


def test_an_interrupted_run_goes_on_as_if_nothing_had_moved(tmp_path):
    saved = load_run(FOLDER / "interrupted")
    assert not saved.complete
    assert saved.run.last.iteration == 2 < saved.learner.iterations
    shutil.copytree(FOLDER / "interrupted", tmp_path / "run")
    (seed,) = saved.seeds
    went_on = run(saved.learner, saved.game, seed, out=tmp_path / "run", progress=False)
    whole = run(saved.learner, saved.game, seed, progress=False)
    np.testing.assert_array_equal(went_on.last.policy, whole.last.policy)


def test_a_default_that_has_become_a_number_is_the_same_run(tmp_path):
    saved = load_run(FOLDER / "online_two_seeds")
    assert "heat_growth=None" in saved.header["learner"]
    shutil.copytree(saved.folder, tmp_path / "run")
    shutil.copy(tmp_path / "run" / "result.npz", tmp_path / "run" / "checkpoint.npz")
    again = run(
        saved.learner, saved.game, saved.seeds, every=3, out=tmp_path / "run", progress=False
    )
    np.testing.assert_array_equal(again.last.policy, saved.run.last.policy)
    other = dataclasses.replace(saved.learner, heat_growth=1.0)
    with pytest.raises(ValueError, match="belongs to another run"):
        run(other, saved.game, saved.seeds, every=3, out=tmp_path / "run", progress=False)
