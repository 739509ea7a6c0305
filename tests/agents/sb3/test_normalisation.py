"""Statistics of ``VecNormalize`` are read from its pickle, and nothing in it is run."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

from stable_baselines3.common.vec_env import VecNormalize

from agents.sb3.normalisation import normalised
from mfg_envs import sis_v0
from wrappers import SharedPolicyVecEnv


def env_of(observe=None):
    return SharedPolicyVecEnv(sis_v0.parallel_env(num_agents=4, max_cycles=9, observe=observe))


def played(**options):
    env = VecNormalize(env_of(), **options)
    env.action_space.seed(0)
    env.observation_space.seed(0)
    env.reset()
    for _ in range(20):
        env.step(np.array([env.action_space.sample() for _ in range(4)]))
    return env


@pytest.mark.parametrize(
    "options", [{}, {"clip_obs": 0.5, "epsilon": 1e-3}, {"norm_obs": False}], ids=str
)
def test_observations_are_normalised_as_before(options, tmp_path):
    saved = played(**options)
    saved.save(tmp_path / "saved.pkl")
    found = normalised(tmp_path / "saved.pkl", env_of())
    rows = np.stack([saved.observation_space.sample() for _ in range(50)])
    assert np.array_equal(found.normalize_obs(rows), saved.normalize_obs(rows))
    assert not found.training


@pytest.mark.parametrize("protocol", range(3, pickle.HIGHEST_PROTOCOL + 1))
def test_every_form_of_an_array_is_read(protocol, tmp_path):
    saved = played()
    (tmp_path / "saved.pkl").write_bytes(pickle.dumps(saved, protocol))
    found = normalised(tmp_path / "saved.pkl", env_of())
    for part in ("mean", "var", "count"):
        assert np.array_equal(getattr(found.obs_rms, part), getattr(saved.obs_rms, part))


class Mine:
    def __init__(self, call, *given):
        self.call, self.given = call, given

    def __reduce__(self):
        return self.call, self.given


def test_nothing_of_a_file_is_run(tmp_path):
    file, trap = tmp_path / "saved.pkl", tmp_path / "trap"
    for odd in (Mine(Path.touch, trap), Mine(eval, "1 + 1"), Mine(np.zeros, 3)):
        saved = played()
        saved.reset_infos = [odd]
        saved.save(str(file))
        with pytest.raises(ValueError, match=r"saved\.pkl is no saved .*which is none of its part"):
            normalised(file, env_of())
        assert not trap.exists()


def test_what_is_no_vec_normalize_is_named(tmp_path):
    file = tmp_path / "saved.pkl"
    with pytest.raises(ValueError, match="there is no file"):
        normalised(file, env_of())
    for content in (b"", b"text", pickle.dumps({}), pickle.dumps(np.array(["a"], object))):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"saved\.pkl is no saved VecNormalize"):
            normalised(file, env_of())
    played().save(str(file))
    with pytest.raises(ValueError, match=r"has statistics of \(3,\) numbers, observations \(1,\)"):
        normalised(file, env_of(("state",)))
