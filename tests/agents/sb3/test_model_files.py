"""Models from files are those that were saved, and no code of the files is run."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

import torch
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
from stable_baselines3.common.vec_env import VecNormalize

from agents import IndependentLearners
from agents.sb3.model_files import read_model, read_set, told
from mfg_envs import make_game, policies
from mfg_envs.registry import environment_class
from wrappers import SharedPolicyVecEnv

contrib = pytest.importorskip("sb3_contrib")

SIS, LQ = make_game("sis"), make_game("linear_quadratic", horizon=3)
QUICK = {"policy": "MlpPolicy", "device": "cpu"}
ROLLOUT = {"n_steps": 8, "batch_size": 8}
REPLAY = {"learning_starts": 4, "buffer_size": 100}
MADE = {
    "PPO": (PPO, SIS, {**ROLLOUT, "policy_kwargs": {"net_arch": [5, 4]}}),
    "PPO, ReLU": (PPO, SIS, {**ROLLOUT, "policy_kwargs": {"activation_fn": torch.nn.ReLU}}),
    "PPO, apart": (PPO, LQ, {**ROLLOUT, "policy_kwargs": {"net_arch": {"pi": [4], "vf": [5]}}}),
    "A2C": (A2C, SIS, {}),
    "DQN": (DQN, SIS, REPLAY),
    "SAC": (SAC, LQ, {**REPLAY, "policy_kwargs": {"net_arch": {"pi": [4], "qf": [5]}}}),
    "TD3": (TD3, LQ, {**REPLAY, "policy_kwargs": {"net_arch": [4]}}),
    "QRDQN": (contrib.QRDQN, SIS, {**REPLAY, "policy_kwargs": {"n_quantiles": 7}}),
    "TRPO": (contrib.TRPO, SIS, ROLLOUT),
    "MaskablePPO": (contrib.MaskablePPO, SIS, ROLLOUT),
}


@pytest.fixture(autouse=True)
def numpy(use):
    use("numpy")


def env_of(game, observe=None, players=2):
    return SharedPolicyVecEnv(environment_class(game.kind)(game, players, observe=observe))


def rows_of(env):
    return np.stack([env.observation_space.sample() for _ in range(20)])


@pytest.mark.parametrize("name", MADE)
def test_a_model_does_what_the_saved_one_does(name, tmp_path):
    cls, game, parameters = MADE[name]
    env = env_of(game)
    model = cls(env=env, seed=0, **QUICK, **parameters)
    if name != "MaskablePPO":  # which wants masks to learn
        model.learn(16)
    model.save(tmp_path / "model.zip")
    found = read_model(tmp_path / "model.zip", env_of(game))
    assert type(found) is cls
    rows = rows_of(env)
    assert np.array_equal(*(m.predict(rows, deterministic=True)[0] for m in (model, found)))
    if game is SIS:
        wanted = policies.tabulate(model, SIS)
        assert np.array_equal(policies.tabulate(found, SIS), wanted)


class Mine:
    """Something whose unpickling leaves a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def rewritten(path, **parts):
    """Replace parts of a zip file."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in {**content, **parts}.items():
            archive.writestr(name, part)


def data_of(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("data"))


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.zip"
    PPO(env=env_of(SIS), **QUICK, **ROLLOUT).save(path)
    return path


def test_no_code_of_a_file_is_run(saved, tmp_path):
    trap = tmp_path / "trap"
    model = PPO(env=env_of(SIS), **QUICK, **ROLLOUT)
    model.ep_info_buffer = Mine(trap)
    model.save(saved)
    read_model(saved, env_of(SIS))
    assert not trap.exists()
    PPO.load(saved)  # the trap is a real one
    assert trap.exists()
    trap.unlink()
    held = io.BytesIO()
    torch.save({"x": Mine(trap)}, held)
    rewritten(saved, **{"policy.pth": held.getvalue()})
    with pytest.raises(ValueError, match=r"model\.zip does not fit a PPO that plays here"):
        read_model(saved, env_of(SIS))
    assert not trap.exists()


def changed(path, **entries):
    rewritten(path, data=json.dumps({**data_of(path), **entries}))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"policy_class": None}, "does not tell its algorithm .* give --algorithm, one of PPO"),
        ({"policy_class": {"__module__": "os"}}, r"its policy is from 'os'"),
        (
            {"policy_class": {"__module__": "sb3_contrib.common.recurrent.policies"}},
            r"has a memory \(RecurrentPPO\)",
        ),
        ({"use_sde": True}, "draws by use_sde, which is not read from files: score it from Python"),
        (
            {"policy_kwargs": {"features_extractor_class": "<class 'x'>"}},
            "has policy_kwargs features_extractor_class=<class 'x'>, which is not read",
        ),
        ({"policy_kwargs": {"net_arch": [3]}}, "does not fit a PPO that plays here: policy"),
        ({"policy_kwargs": {"net_arch": [-3]}}, "no PPO has the policy"),
        ({"_last_original_obs": {}}, "learned through VecNormalize.* --normalise FILE"),
        ({"action_space": {"n": "7"}}, "does one of 7, here it is one of 5: name the game"),
        ({"observation_space": {"_shape": [9]}}, "sees 9 numbers, here it is 3 numbers: name the"),
    ],
)
def test_what_is_not_plain_or_of_another_game_is_refused(saved, entries, message):
    changed(saved, **entries)
    with pytest.raises(ValueError, match=message):
        read_model(saved, env_of(SIS))


def test_what_is_no_model_is_named(tmp_path):
    with pytest.raises(ValueError, match="there is no file"):
        told(tmp_path / "none.zip")
    for content in (b"", b"PK", pickle.dumps([1])):
        (tmp_path / "broken.zip").write_bytes(content)
        with pytest.raises(ValueError, match=r"broken\.zip is no model of Stable-Baselines3"):
            told(tmp_path / "broken.zip")
    for data in ("[]", "{"):
        with zipfile.ZipFile(tmp_path / "broken.zip", "w") as archive:
            archive.writestr("data", data)
        with pytest.raises(ValueError, match=r"broken\.zip is no model of Stable-Baselines3"):
            told(tmp_path / "broken.zip")


def test_an_algorithm_may_be_named(saved):
    changed(saved, policy_class=None)
    assert type(read_model(saved, env_of(SIS), "PPO")) is PPO
    with pytest.raises(ValueError, match="--algorithm must be "):
        told(saved, "SARSA")
    with pytest.raises(ValueError, match=r"SAC does not choose from Discrete\(5\): PPO, A2C, DQN"):
        read_model(saved, env_of(SIS), "SAC")


def test_only_files_of_models_that_replay_do_not_tell_of_normalising(saved, tmp_path):
    DQN(env=env_of(SIS), **QUICK, **REPLAY).save(tmp_path / "dqn.zip")
    assert told(saved).normalised is False
    assert told(tmp_path / "dqn.zip").normalised is None


def team(factory, folder):
    env = environment_class("finite")(SIS, 2)
    made = IndependentLearners(env, dict.fromkeys(env.possible_agents, factory), seed=1)
    made.learn(16).save(folder)
    return made


@pytest.mark.parametrize("scaled", [False, True])
def test_a_set_is_the_saved_one_its_statistics_included(scaled, tmp_path):
    def factory(env):
        return PPO(env=VecNormalize(env) if scaled else env, **QUICK, **ROLLOUT)

    made = team(factory, tmp_path)
    found = read_set(tmp_path, env_of(SIS))
    assert list(found) == list(made.models)
    uniform = np.full(SIS.mean_field_shape, 0.5)
    for one, two in zip(made.models.values(), found.values(), strict=True):
        tables = [policies.tabulate(m, SIS, mean_fields=uniform) for m in (one, two)]
        assert np.array_equal(*tables)


def test_a_broken_set_is_named(tmp_path):
    team(lambda env: PPO(env=env, **QUICK, **ROLLOUT), tmp_path)
    with pytest.raises(ValueError, match="name the parts that it was trained on"):
        read_set(tmp_path, env_of(SIS, ("state",)))
    content = json.loads((tmp_path / "set.json").read_text())
    name = next(iter(content["players"]))
    content["players"][name]["kind"] = "Popen"
    (tmp_path / "set.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=f"the model of {name} must be .*'Popen'"):
        read_set(tmp_path, env_of(SIS))
    next(tmp_path.glob("1/*.npz")).unlink()
    with pytest.raises(ValueError, match="is missing: the set of models is not complete"):
        read_set(tmp_path, env_of(SIS))
