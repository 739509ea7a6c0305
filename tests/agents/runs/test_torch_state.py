import tempfile
from pathlib import Path

import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import configure

from agents import IndependentLearners, SimpleFictitiousPlay, learned_response
from agents.deep_play.response import respond
from agents.runs.torch_state import remove_empty_log
from mfg_envs import make_game, ring_road_v0
from mfg_envs.exact import policies
from mfg_envs.games.ring_road import RingRoad

GAME = RingRoad(num_cells=6, num_speeds=3)


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch, use):
    """Give the folder for temporary files, empty."""
    use("numpy")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def ppo(env, **parameters):
    settings = {"n_steps": 8, "batch_size": 8, "n_epochs": 1, "device": "cpu"}
    return PPO("MlpPolicy", env, **settings, **parameters)


def team(**parameters):
    env = ring_road_v0.parallel_env(num_agents=2, max_cycles=9)
    return IndependentLearners(env, {"vehicle": lambda venv: ppo(venv, **parameters)})


class Failing(BaseCallback):
    def _on_step(self):
        raise ZeroDivisionError("by nothing")


def test_models_that_log_nowhere_leave_no_folder(files):
    team().learn(8).learn(8)
    with pytest.raises(RuntimeError, match="by nothing"):
        team().learn(8, callback=lambda name: Failing())
    learned_response(GAME, policies.uniform(GAME), ppo, 8, num_players=2)
    line = make_game("linear_quadratic")
    learner = SimpleFictitiousPlay(iterations=1, response="ppo", response_steps=100, num_players=5)
    met = np.zeros((line.horizon, 1))
    respond(learner, line, lambda episode: met, reward_scale=1.0, networks=None, seed=0)
    assert list(files.glob("SB3-*")) == []


def test_a_log_that_was_asked_for_stays(files):
    team(tensorboard_log=str(files / "own")).learn(8)
    assert sorted(path.name for path in (files / "own").iterdir()) == ["vehicle_0_1", "vehicle_1_1"]
    learners = team()
    given = configure(str(files / "given"), ["csv"])
    learners.models["vehicle_0"].set_logger(given)
    learners.learn(8)
    assert learners.models["vehicle_0"].logger is given
    assert (files / "given" / "progress.csv").exists()
    given.close()


def test_what_a_callback_writes_beside_the_log_stays(files):
    class Writing(BaseCallback):
        def _on_step(self):
            (Path(self.logger.dir) / "note.txt").write_text("kept")
            return True

    team().learn(8, callback=lambda name: Writing() if name == "vehicle_1" else None)
    assert [path.read_text() for path in files.rglob("*.txt")] == ["kept"]
    assert len(list(files.glob("SB3-*"))) == 1


def test_other_empty_folders_stay(files):
    for folder in (files / "mine", files / "deeper" / "SB3-mine"):
        model = team().models["vehicle_0"]
        model.set_logger(configure(str(folder), []))
        remove_empty_log(model)
        assert folder.is_dir()
