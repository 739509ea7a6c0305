import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace

import numpy as np
import pytest

from agents import FixedPointIteration, QMIteration, SemiSGD, run
from agents.runs.atomic_files import write_atomically
from agents.runs.running import value_exploitability
from mfg_envs import make_game

GAME = make_game("ring_road", num_cells=8, num_speeds=4)
LEARNER = SemiSGD(iterations=6, inner_steps=40, alpha=0.1)


def final(folder):
    with np.load(folder / "result.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def equal(left, right):
    return left.keys() == right.keys() and all(np.array_equal(left[k], right[k]) for k in left)


def test_run_equals_the_bare_learner(tmp_path):
    result = run(LEARNER, GAME, 3, progress=False, out=tmp_path)
    iterates = list(LEARNER.learn(GAME, 3))
    assert np.array_equal(result.last.q, iterates[-1].q)
    assert result.iterations.tolist() == [1, 2, 3, 4, 5, 6]
    wanted = [value_exploitability(GAME, iterate) for iterate in iterates]
    assert result.metrics["exploitability"].tolist() == wanted


def test_seeds_give_a_column_each():
    result = run(LEARNER, GAME, [3, 5], every=4, progress=False)
    assert result.iterations.tolist() == [4, 6]
    assert result.metrics["exploitability"].shape == (2, 2)
    alone = run(LEARNER, GAME, 5, every=4, progress=False)
    assert np.array_equal(result.metrics["exploitability"][:, 1], alone.metrics["exploitability"])


def test_results_can_be_read_by_people(tmp_path):
    run(LEARNER, GAME, 3, progress=False, out=tmp_path)
    content = json.loads((tmp_path / "result.json").read_text())
    assert content["learner"] == repr(LEARNER)
    assert content["game"] == repr(GAME)
    assert content["seed"] == 3
    assert content["last"]["iteration"] == 6
    assert content["last"]["samples"] == 240
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        ".lock",
        "checkpoint.npz",
        "result.json",
        "result.npz",
    ]


class StopAt:
    """A metric that stops the run in the middle, as Ctrl-C would."""

    def __init__(self, call):
        self.call, self.count = call, 0

    def __call__(self, game, iterate):
        self.count += 1
        if self.count == self.call:
            raise KeyboardInterrupt
        return value_exploitability(game, iterate)


@pytest.mark.parametrize("call", [1, 2, 4, 7, 11, 12])
@pytest.mark.parametrize("learner", [LEARNER, QMIteration(iterations=6, inner_steps=30)], ids=repr)
def test_ctrl_c_leaves_a_run_that_goes_on_bit_identically(tmp_path, learner, call):
    metrics = {"one": value_exploitability, "exploitability": value_exploitability}
    whole = run(learner, GAME, [0, 1], metrics=metrics, progress=False, out=tmp_path / "whole")
    broken = {"one": value_exploitability, "exploitability": StopAt(call)}
    with pytest.raises(KeyboardInterrupt):
        run(learner, GAME, [0, 1], metrics=broken, progress=False, out=tmp_path / "broken")
    again = run(learner, GAME, [0, 1], metrics=metrics, progress=False, out=tmp_path / "broken")
    assert equal(final(tmp_path / "whole"), final(tmp_path / "broken"))
    assert np.array_equal(whole.metrics["one"], again.metrics["one"])


SCRIPT = textwrap.dedent(
    """
    import sys, time
    from agents import SemiSGD, run
    from agents.runs.running import value_exploitability
    from mfg_envs import make_game
    def slow(game, iterate):
        time.sleep(0.02)
        return value_exploitability(game, iterate)
    game = make_game("ring_road", num_cells=8, num_speeds=4)
    learner = SemiSGD(iterations=60, inner_steps=40, alpha=0.1)
    run(learner, game, [0, 1], metrics={"exploitability": slow}, out=sys.argv[1],
        save_seconds=0.0, progress=False)
    """
)


def test_sigkill_at_any_moment_leaves_a_run_that_goes_on_bit_identically(tmp_path):
    def start(folder):
        return subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder)], env=os.environ)

    assert start(tmp_path / "whole").wait() == 0
    kills, process = 0, start(tmp_path / "killed")
    while process.poll() is None:
        checkpoint = tmp_path / "killed" / "checkpoint.npz"
        if kills < 3 and checkpoint.exists():
            time.sleep(0.05 + 0.13 * kills)
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            process = start(tmp_path / "killed")
            time.sleep(1.0)  # far enough to have imported, and to be writing
        time.sleep(0.01)
    assert process.returncode == 0
    assert kills == 3
    ours, theirs = final(tmp_path / "whole"), final(tmp_path / "killed")
    assert equal(ours, theirs)


def test_corrupt_and_foreign_checkpoints_are_refused_by_name(tmp_path):
    path = tmp_path / "checkpoint.npz"
    for content in (b"", b"not a file of arrays", b"PK\x03\x04 half a zip"):
        path.write_bytes(content)
        with pytest.raises(
            ValueError, match=r"checkpoint.npz is not a readable checkpoint .*delete"
        ):
            run(LEARNER, GAME, 3, progress=False, out=tmp_path)
        assert path.read_bytes() == content
    np.savez(path, something=np.arange(3))
    with pytest.raises(ValueError, match="not a readable checkpoint"):
        run(LEARNER, GAME, 3, progress=False, out=tmp_path)
    path.unlink()
    run(LEARNER, GAME, 3, progress=False, out=tmp_path)
    kept = path.read_bytes()
    for learner, game, seed, what in (
        (replace(LEARNER, alpha=0.2), GAME, 3, "learner"),
        (LEARNER, replace(GAME, jam_density=2.0), 3, "game"),
        (LEARNER, GAME, 4, "seed"),
    ):
        with pytest.raises(ValueError, match=f"belongs to another run: its {what} is"):
            run(learner, game, seed, progress=False, out=tmp_path)
        assert path.read_bytes() == kept


def test_checkpoint_with_code_in_it_is_not_executed(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    np.savez(tmp_path / "checkpoint.npz", header=np.array(Bomb(), dtype=object))
    with pytest.raises(ValueError, match="not a readable checkpoint"):
        run(LEARNER, GAME, 3, progress=False, out=tmp_path)
    assert not (tmp_path / "exploded").exists()


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_finished_run_is_not_run_again(tmp_path):
    run(LEARNER, GAME, 3, progress=False, out=tmp_path)
    seen = []
    again = run(
        LEARNER, GAME, 3, metrics={"exploitability": lambda *_: seen.append(1)}, out=tmp_path
    )
    assert not seen
    assert again.metrics["exploitability"].shape == (6,)


def test_progress_shows_the_time_left(capsys):
    run(FixedPointIteration(iterations=3), GAME)
    assert "left" in capsys.readouterr().out
