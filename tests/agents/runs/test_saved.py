"""Runs are read back from their folders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from agents import OnlineMirrorDescent, SemiSGD, run
from agents.runs.running import value_exploitability
from agents.runs.saved import load_run, load_runs
from agents.sweep.jobs import Job, attempt
from mfg_envs import make_game
from mfg_envs.games.left_right import LeftRight

GAME = make_game("ring_road", num_cells=6, num_speeds=3)
LEARNER = SemiSGD(iterations=3, inner_steps=20, alpha=0.1)


@dataclass(frozen=True, kw_only=True)
class Own(LeftRight):
    """A game that is no part of the packages."""

    name = "own"
    extra: float = 0.5


def test_a_game_of_ones_own_is_given_by_hand(tmp_path):
    game = Own(extra=0.25)
    run(OnlineMirrorDescent(iterations=1), game, out=tmp_path, progress=False)
    with pytest.raises(ValueError, match="is not a class of ours"):
        _ = load_run(tmp_path).game
    assert load_run(tmp_path, [Own]).game == game


@pytest.mark.parametrize("seed", [4, [4, 7]])
def test_a_run_is_read_back(tmp_path, seed):
    result = run(LEARNER, GAME, seed, every=2, out=tmp_path, progress=False)
    saved = load_run(tmp_path)
    assert saved.complete
    assert saved.game == GAME
    assert saved.learner == LEARNER
    assert saved.learner_name == "SemiSGD"
    assert saved.seeds == ([4] if seed == 4 else seed)
    assert np.array_equal(saved.run.iterations, [2, 3])
    assert np.array_equal(saved.run.metrics["exploitability"], result.metrics["exploitability"])
    assert saved.metrics["exploitability"].shape == (2, len(saved.seeds))
    assert len(saved.iterates) == len(saved.seeds)
    first = result.last.policy if seed == 4 else result.last.policy[0]
    assert np.array_equal(saved.iterates[0].policy, first)


def test_a_stopped_run_is_read_as_far_as_it_came(tmp_path):
    def stop(game, iterate):
        if iterate.iteration == 2:
            raise KeyboardInterrupt
        return 1.5

    with pytest.raises(KeyboardInterrupt):
        run(LEARNER, GAME, metrics={"m": stop}, out=tmp_path, progress=False)
    saved = load_run(tmp_path)
    assert not saved.complete
    assert saved.run.last.iteration == 1
    assert saved.metrics["m"].tolist() == [[1.5]]


def test_the_runs_of_a_sweep_are_read_by_seed(tmp_path):
    for seed in (3, 1):
        job = Job(LEARNER, GAME, seed, {"exploitability": value_exploitability}, 1)
        assert attempt(job, tmp_path / job.key, lambda _: None) == ("done", "")
    assert [saved.seeds for saved in load_runs(tmp_path)] == [[1], [3]]
    assert load_runs(tmp_path)[0].game == GAME
    assert load_runs(tmp_path)[0].learner_name == "SemiSGD"


def test_a_complete_run_is_never_written_again(tmp_path):
    first = run(LEARNER, GAME, 0, out=tmp_path, progress=False)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = run(LEARNER, GAME, 0, out=tmp_path, progress=False)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    assert np.array_equal(first.metrics["exploitability"], again.metrics["exploitability"])


def test_folders_without_a_run_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere is no folder: give the --out"):
        load_run(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="holds no run"):
        load_runs(tmp_path)
    (tmp_path / "checkpoint.npz").write_bytes(b"half")
    with pytest.raises(ValueError, match="is not a readable checkpoint"):
        load_runs(tmp_path)
