import sys

import numpy as np
import pytest

from agents import FixedPointIteration, Iterate, QMIteration, run
from agents.runs.tensorboard import scalars
from mfg_envs import make_game

GAME = make_game("ring_road", num_cells=8, num_speeds=4)


def read(folder):
    """Return tag -> {step: value} of everything that counts in a folder."""
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="it is an extra"
    )
    events = accumulator.EventAccumulator(str(folder))
    events.Reload()
    return {
        tag: {event.step: event.value for event in events.Scalars(tag)}
        for tag in events.Tags()["scalars"]
    }


def test_metrics_of_a_run_are_written(tmp_path):
    result = run(FixedPointIteration(iterations=3), GAME, progress=False, tensorboard=tmp_path)
    written = read(tmp_path)["exploitability"]
    assert list(written) == [1, 2, 3]
    np.testing.assert_allclose(list(written.values()), result.metrics["exploitability"], rtol=1e-6)


def test_every_seed_has_a_curve(tmp_path):
    learner = QMIteration(iterations=2, inner_steps=20)
    result = run(learner, GAME, [3, 5], progress=False, tensorboard=tmp_path)
    written = read(tmp_path)
    for column, name in enumerate(("exploitability/0", "exploitability/1")):
        wanted = result.metrics["exploitability"][:, column]
        np.testing.assert_allclose(list(written[name].values()), wanted, rtol=1e-6)


def test_single_numbers_of_a_learner_are_written_and_nothing_else(tmp_path):
    memory = {"nll": np.float64(2.5), "came": np.int64(3), "table": np.ones(4)}
    iterate = Iterate(1, 0, np.empty(0), np.empty(0), np.empty(0), memory)
    with scalars(tmp_path, 0) as write:
        write(iterate, {})
    assert read(tmp_path) == {"nll": {1: 2.5}}


def test_lines_of_a_killed_run_after_its_checkpoint_no_longer_count(tmp_path):
    iterate = Iterate(1, 0, np.empty(0), np.empty(0), np.empty(0), {})
    with scalars(tmp_path, 0) as write:
        for k in (1, 2, 3):
            write(iterate._replace(iteration=k), {"gain": float(k)})
    with scalars(tmp_path, 1) as write:
        write(iterate._replace(iteration=2), {"gain": 20.0})
    assert read(tmp_path) == {"gain": {1: 1.0, 2: 20.0}}


def test_a_missing_tensorboard_is_named_with_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match="pip install torch tensorboard"):
        run(FixedPointIteration(iterations=1), GAME, progress=False, tensorboard=tmp_path)
