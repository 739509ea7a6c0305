"""Sets of models on disk that are broken, foreign or hostile: refused, and nothing has changed."""

import io
import shutil

import numpy as np
import pytest
import torch
from faulty_sets import FAULTS, entry
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.vec_env import VecNormalize
from toy_envs import Clock

from agents.independent.independent_sb3 import IndependentLearners
from mfg_envs import linear_quadratic_v0

QUICK = {"policy": "MlpPolicy", "device": "cpu"}


def dqn(env):
    return DQN(env=env, learning_starts=4, buffer_size=20, batch_size=4, train_freq=2, **QUICK)


def normalised(env, **parameters):
    return PPO(env=VecNormalize(env), n_steps=8, batch_size=8, n_epochs=1, **QUICK, **parameters)


def made(width=64):
    learners = {
        "hand_0": lambda env: normalised(env, policy_kwargs={"net_arch": [width]}),
        "hand_1": dqn,
    }
    return IndependentLearners(Clock((5, 5)), learners)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    made().learn(16).save(folder)
    return folder


@pytest.fixture(scope="module")
def other():
    """Return a set that has learned something else; no refusal may change it."""
    return made().learn(8)


def everything(team):
    """Return all that a set consists of, as bytes."""
    parts = [repr(team._calls), repr(team._randomness.state)]
    for model in team.models.values():
        buffer = io.BytesIO()
        torch.save({name: state for name, state in model.get_parameters().items()}, buffer)
        parts += [buffer.getvalue(), repr(sorted(k for k in vars(model) if k[0] != "_"))]
        parts += [repr([getattr(model, name, None) for name in COUNTED])]
        parts.append(repr(model.action_space.np_random.bit_generator.state))
        replay = getattr(model, "replay_buffer", None)
        for name, value in sorted(vars(replay).items()) if replay is not None else ():
            parts.append((name, value.tobytes() if isinstance(value, np.ndarray) else repr(value)))
        normaliser = model.get_vec_normalize_env()
        if normaliser is not None:
            rms = normaliser.obs_rms
            numbers = rms.mean, rms.var, rms.count, normaliser.ret_rms.var
            parts += [np.asarray(number).tobytes() for number in numbers]
    return parts


COUNTED = (
    *("num_timesteps", "_n_updates", "_n_calls", "_episode_num", "exploration_rate"),
    *("tensorboard_log", "gamma", "n_steps"),
)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_set_is_refused_by_name_and_nothing_has_changed(name, saved, other, tmp_path):
    fault, message = FAULTS[name]
    folder = tmp_path / "set"
    shutil.copytree(saved, folder)
    fault(folder)
    before = everything(other)
    with pytest.raises(ValueError, match=message) as caught:
        other.load(folder)
    assert str(folder) in str(caught.value)
    assert everything(other) == before


@pytest.mark.parametrize("name", ["weights cut", "an array missing", "randomness cut"])
def test_after_a_broken_set_the_whole_one_is_loaded(name, saved, tmp_path):
    shutil.copytree(saved, tmp_path / "set")
    FAULTS[name][0](tmp_path / "set")
    one, two = made().learn(8), made().load(saved)
    with pytest.raises(ValueError, match=FAULTS[name][1]):
        one.load(tmp_path / "set")
    one.load(saved)
    assert everything(one) == everything(two)


def test_a_set_of_other_networks_is_refused(saved):
    team = made(width=32)
    before = everything(team)
    with pytest.raises(ValueError, match="make it with the factories it was saved with"):
        team.load(saved)
    assert everything(team) == before


def test_a_loaded_set_is_the_saved_one(saved):
    one, two = made().learn(16), made().load(saved)
    for a, b in zip(everything(one)[1:], everything(two)[1:], strict=True):
        assert a == b


def test_variables_beside_the_weights_are_loaded(tmp_path):
    def make():
        def sac(env):
            return SAC(env=env, learning_starts=4, buffer_size=20, batch_size=4, **QUICK)

        return IndependentLearners(linear_quadratic_v0.parallel_env(num_agents=2), {"player": sac})

    whole = make().learn(12)
    whole.save(tmp_path)
    (tmp_path / "1" / "player_1.npz").rename(tmp_path / "away")
    loaded = make()
    start = loaded.models["player_0"].log_ent_coef.clone()
    with pytest.raises(ValueError, match=r"player_1\.npz is missing"):
        loaded.load(tmp_path)
    assert torch.equal(loaded.models["player_0"].log_ent_coef, start)
    (tmp_path / "away").rename(tmp_path / "1" / "player_1.npz")
    loaded.load(tmp_path)
    for name, model in whole.models.items():
        assert not torch.equal(model.log_ent_coef, start)
        assert torch.equal(loaded.models[name].log_ent_coef, model.log_ent_coef)


def test_saving_beside_a_hostile_header_touches_nothing_outside(tmp_path):
    folder, outside = tmp_path / "set", tmp_path / "2"
    outside.mkdir()
    (outside / "kept").write_text("!")
    team = made().learn(8)
    team.save(folder)
    entry("generation", "../2")(folder)
    with pytest.raises(ValueError, match="generation must be 1 or more"):
        team.save(folder)
    assert (outside / "kept").read_text() == "!"


def test_a_model_that_normalises_rewards_alone_is_saved(tmp_path):
    def make():
        def rewards(env):
            venv = VecNormalize(env, norm_obs=False)
            return PPO(env=venv, n_steps=8, batch_size=8, **QUICK)

        return IndependentLearners(Clock((5, 5)), {"hand": rewards})

    whole = make().learn(8)
    whole.save(tmp_path)
    loaded = make().load(tmp_path)
    for name, model in whole.models.items():
        wanted = model.get_vec_normalize_env().ret_rms.var
        assert loaded.models[name].get_vec_normalize_env().ret_rms.var == wanted != 1
