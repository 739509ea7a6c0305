"""``mfg-envs evaluate`` scores models from files as ``exact`` scores the models themselves."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("stable_baselines3")

from stable_baselines3 import DQN, PPO
from stable_baselines3.common.vec_env import VecNormalize

from agents import IndependentLearners, cli
from agents.cli.evaluation import measure_policy
from mfg_envs import exact, make_game, metrics, policies
from mfg_envs.players.policy import Policy
from mfg_envs.registry import environment_class
from mfg_envs.simulate import acting
from wrappers import SharedPolicyVecEnv

PARTS = ("state", "time")
GAME = {"horizon": 4}
NAMED = ("--game", "left_right", "--observe", "state")
ROLLOUT = {"policy": "MlpPolicy", "device": "cpu", "n_steps": 8, "batch_size": 8}


@pytest.fixture(autouse=True)
def numpy(use):
    use("numpy")


def evaluate(*words):
    return CliRunner().invoke(cli.app, ["evaluate", *map(str, words)], env={"COLUMNS": "80"})


def numbers(path, *words):
    file = path.parent / "numbers.json"
    ended = evaluate(path, "--json", file, "--episodes", "2", *words)
    assert ended.exit_code == 0, (ended.output, ended.exception)
    assert max(map(len, ended.output.splitlines()[:-1])) <= 80
    return json.loads(file.read_text()), ended.output


def env_of(game, observe=None):
    return SharedPolicyVecEnv(environment_class(game.kind)(game, 2, observe=observe))


def test_a_model_has_its_own_exploitability(tmp_path):
    game = make_game("crowd_modelling", horizon=3)
    model = PPO(env=env_of(game, PARTS), **ROLLOUT).learn(64)
    model.save(tmp_path / "model.zip")
    words = ("--game", "crowd_modelling", "--set", "horizon=3", "--observe", "state,time")
    found, printed = numbers(tmp_path / "model.zip", *words, "--agents", "5")
    assert found["game"] == repr(game)
    assert found["numbers"] == {
        "exploitability": [exact.exploitability(game, model)],
        "welfare": [metrics.welfare(game, model)],
    }
    assert list(found["players"]) == ["5"]
    assert printed.splitlines()[0] == "model.zip, PPO on crowd_modelling, all follow it"


def test_a_set_of_models_is_scored_as_their_mixture(tmp_path):
    game = make_game("crowd_modelling", horizon=3)
    env = environment_class("finite")(game, 3)

    def dqn(env):
        return DQN("MlpPolicy", env, device="cpu", learning_starts=4, buffer_size=50)

    names = list(env.possible_agents)
    factories = {names[0]: dqn, **dict.fromkeys(names[1:], lambda env: PPO(env=env, **ROLLOUT))}
    team = IndependentLearners(env, factories).learn(16)
    team.save(tmp_path / "team")
    mixed = acting.mixture(game, list(team.models.values()))
    words = ("--game", "crowd_modelling", "--set", "horizon=3")
    found, printed = numbers(tmp_path / "team", *words)
    assert found["numbers"]["exploitability"] == [exact.exploitability(game, mixed)]
    assert list(found["players"]) == ["3"]  # as many as learned
    first = printed.splitlines()[0]
    assert first == "3 models of team, DQN and PPO on crowd_modelling, mixture of all"


def test_models_behind_vec_normalize_ask_for_their_statistics(tmp_path):
    game = make_game("left_right")
    env = VecNormalize(env_of(game, ("state",)))
    model = PPO(env=env, **ROLLOUT).learn(64)
    model.save(tmp_path / "model.zip")
    env.save(str(tmp_path / "statistics.pkl"))
    refused = evaluate(tmp_path / "model.zip", *NAMED)
    assert "learned through VecNormalize" in str(refused.exception)
    statistics = ("--normalise", tmp_path / "statistics.pkl")
    found, _ = numbers(tmp_path / "model.zip", *NAMED, *statistics, "--agents", 2)
    assert found["numbers"]["exploitability"] == [exact.exploitability(game, model)]


def test_what_a_file_does_not_tell_is_said(tmp_path):
    game = make_game("left_right")
    DQN("MlpPolicy", env_of(game, ("state",)), device="cpu").save(tmp_path / "dqn.zip")
    _, printed = numbers(tmp_path / "dqn.zip", *NAMED, "--agents", 2)
    assert "DQN files do not tell of VecNormalize: if there was one, --normalise FILE." in printed


def test_a_model_of_a_continuous_game_is_measured_by_playing(tmp_path, monkeypatch):
    monkeypatch.setattr("agents.cli.evaluation.SIMULATED", 200)
    game = make_game("linear_quadratic", horizon=3)
    PPO(env=env_of(game), **ROLLOUT).save(tmp_path / "model.zip")
    words = ("--game", "linear_quadratic", "--set", "horizon=3", "--agents", 3)
    found, _ = numbers(tmp_path / "model.zip", *words)
    assert "exploitability_at_least" in found["numbers"]


class Blind(Policy):
    """Half of all go left, and nobody looks at the crowd."""

    asked = 0

    @property
    def reads_crowd(self):
        return False

    def law(self, t, x, m=None):
        return np.broadcast_to([0.5, 0.5, 0.0][: self.A], (*x.shape, self.A))

    def act(self, t, x, draws, m=None):
        Blind.asked += 1
        return (draws.uniform(x.shape[1]) < 0.5).astype(np.int32)


def test_networks_that_do_not_look_at_the_crowd_play_as_tables():
    game = make_game("left_right")
    Blind.A = game.num_actions
    mixed = acting.mixture(game, [Blind(), policies.uniform(game)])
    measured = measure_policy(game, mixed, [5], 2, 0)
    assert Blind.asked == 0
    assert measured.numbers["exploitability"] == exact.exploitability(game, mixed)


def test_a_crowd_that_comes_to_no_rest_is_said(monkeypatch, tmp_path):
    def restless(game, policy):
        raise RuntimeError("the crowd still moves")

    PPO(env=env_of(make_game("left_right"), ("state",)), **ROLLOUT).save(tmp_path / "model.zip")
    monkeypatch.setattr("agents.cli.evaluation.policies.policy_table", restless)
    ended = evaluate(tmp_path / "model.zip", *NAMED)
    assert str(ended.exception).startswith("what was learned has no exploitability: the crowd")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("model.zip",), "model.zip does not tell its game: name it, --game ring_road say"),
        (("none.zip", *NAMED), "there is no file none.zip"),
        (("model.zip", "--game", "dispatcher"), "dispatcher is a team game, models are scored in"),
        (("model.zip", "--game", "left_right"), "sees 1 numbers, here it is"),
        (("model.zip", "--game", "ring_rod"), "no game is called 'ring_rod'"),
        (("model.zip", *NAMED, "--algorithm", "SARSA"), "--algorithm must be "),
        (("team", *NAMED, "--algorithm", "PPO"), "team is a set of models, which tells both"),
        (("run", "--set", "horizon=3"), "--set is for models: a run tells how it was made"),
        (("run", "--observe", "state"), "--observe is for models"),
    ],
)
def test_bad_use_is_named(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    game = make_game("left_right")
    PPO(env=env_of(game, ("state",)), **ROLLOUT).save("model.zip")
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "set.json").write_text("{}")
    ended = evaluate(*words)
    assert isinstance(ended.exception, ValueError), ended.output
    assert message in str(ended.exception)
    assert ended.output == ""
