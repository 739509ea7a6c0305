"""Models of a team that act after their training, or while others are evaluated."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from sb3_contrib import RecurrentPPO
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecEnvWrapper, VecFrameStack, VecMonitor, VecNormalize
from toy_envs import Clock

from agents.independent.independent_sb3 import IndependentLearners

QUICK = {"policy": "MlpPolicy", "device": "cpu", "n_epochs": 1}


def ppo(env, n_steps=32, **parameters):
    return PPO(env=env, n_steps=n_steps, batch_size=8, **QUICK, **parameters)


class Shift(VecEnvWrapper):
    """The model's actions 0, 1 are the game's 1, 2."""

    def __init__(self, venv):
        super().__init__(venv, action_space=spaces.Discrete(2))

    def reset(self):
        return self.venv.reset()

    def step_async(self, actions):
        self.venv.step_async(actions + 1)

    def step_wait(self):
        return self.venv.step_wait()


def team(first, *, env=None, copies=1, seed=0):
    """Return a set whose first model is done after 8 steps, the other ones after 32."""
    learners = {"hand_0": first, "hand": ppo}
    return IndependentLearners(env or Clock(), learners, copies=copies, seed=seed)


def spied(model, shown):
    """Keep every observation on which ``predict`` is called."""
    predict = model.predict

    def spy(seen, state=None, *rest, **given):
        shown.append((np.copy(seen), state))
        return predict(seen, state, *rest, **given)

    model.predict = spy
    return model


def test_frames_go_on_where_training_has_stopped():
    shown = []
    team(lambda env: spied(ppo(VecFrameStack(env, 3), 8), shown)).learn(8)
    # Eight steps: hours 1 2 3 4 5, 1 2 3; then it acts on hour 4, and frames are lost at an end.
    wanted = [[2, 3, 4], [3, 4, 5], [0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]]
    np.testing.assert_array_equal([seen[0] for seen, _ in shown[:7]], wanted)
    assert len(shown) == 32 - 8 + 1  # what the last one says is not played any more


def test_frames_go_on_after_a_callback_has_stopped_training():
    class Stop(BaseCallback):
        def _on_step(self):
            return self.n_calls < 3

    shown = []
    made = team(lambda env: spied(ppo(VecFrameStack(env, 3), 8), shown))
    made.learn(32, callback=lambda name: Stop() if name == "hand_0" else None)
    np.testing.assert_array_equal(shown[0][0], [[2, 3, 4]])


@pytest.mark.parametrize("copies", [1, 3])
def test_a_model_that_normalised_goes_on_normalising_and_learns_no_more_statistics(copies):
    shown = []
    made = team(lambda env: spied(ppo(VecNormalize(env), 8), shown), copies=copies)
    model = made.models["hand_0"]
    model.n_steps = 8
    made.learn(8 * copies)
    env = model.get_vec_normalize_env()
    # It has seen the hours of one reset and eight steps, in every copy.
    hours = np.repeat([1, 2, 3, 4, 5, 1, 2, 3, 4], copies)
    assert env.obs_rms.count == pytest.approx(1e-4 + len(hours))
    assert env.obs_rms.mean[0] == pytest.approx(hours.mean(), rel=1e-4)
    assert env.training
    scale = np.sqrt(env.obs_rms.var[0] + env.epsilon)
    wanted = (np.array([4, 5, 1, 2, 3]) - env.obs_rms.mean[0]) / scale
    got = [seen[:, 0] for seen, _ in shown[:5]]
    np.testing.assert_allclose(got, np.repeat(wanted[:, None], copies, 1), rtol=1e-6)


def test_a_wrapper_of_actions_stays_in_force():
    env = Clock()
    team(lambda venv: ppo(Shift(venv), 8), env=env).learn(8)
    mine, others = ([step[name] for step in env.played] for name in ("hand_0", "hand_1"))
    assert set(mine[:8]) == set(mine[8:]) == {1, 2}
    assert set(others) == {0, 1, 2}


def test_a_wrapper_that_could_not_act_later_is_refused_at_once():
    class Hidden(Shift):
        def step(self, actions):
            return super().step(actions)

    with pytest.raises(ValueError, match=r"Hidden overrides step.*override step_async"):
        team(lambda venv: ppo(Hidden(venv), 8))


def test_a_memory_goes_on_as_it_was():
    def recurrent(env):
        made = RecurrentPPO("MlpLstmPolicy", env, n_steps=8, batch_size=8, n_epochs=1, device="cpu")
        return spied(made, shown)

    shown = []
    made = team(recurrent).learn(8)
    first = shown[0][1]
    for kept, last in zip(first, made.models["hand_0"]._last_lstm_states.pi, strict=True):
        np.testing.assert_array_equal(kept, last.numpy())
        assert np.abs(kept).max() > 0


@pytest.mark.filterwarnings("ignore:Evaluation environment is not wrapped:UserWarning")
@pytest.mark.parametrize(
    "wrap", [lambda env: env, Shift, VecMonitor, lambda e: VecFrameStack(e, 2)]
)
def test_models_are_evaluated_in_their_own_environments(wrap):
    env = Clock()
    made = team(lambda venv: ppo(wrap(venv), 8), env=env, copies=2)
    for _ in range(2):  # before and after learning
        env.played.clear()
        for name in ("hand_0", "hand_2"):
            model = made.models[name]
            # An episode has five steps, of a reward of one.
            assert evaluate_policy(model, model.get_env(), n_eval_episodes=4) == (5.0, 0.0)
        if wrap is Shift:
            assert {step["hand_0"] for step in env.played} <= {1, 2}
        made.learn(16)


def test_an_evaluation_changes_nothing_of_what_is_learned():
    def learn(evaluate):
        made = team(lambda venv: ppo(VecMonitor(venv), 8), seed=3).learn(8)
        if evaluate:
            model = made.models["hand_0"]
            evaluate_policy(model, model.get_env(), n_eval_episodes=2)
        made.learn(32)
        return [p for model in made.models.values() for p in model.policy.state_dict().values()]

    for one, two in zip(learn(False), learn(True), strict=True):
        assert torch.equal(one, two)


def test_a_model_learns_alone_against_the_others_as_they_are():
    made = team(lambda venv: ppo(venv, 8))
    others = [p.clone() for p in made.models["hand_1"].policy.state_dict().values()]
    mine = made.models["hand_0"]
    assert mine.learn(16).num_timesteps == 16
    assert mine.learn(8, reset_num_timesteps=False).num_timesteps == 24
    for one, two in zip(others, made.models["hand_1"].policy.state_dict().values(), strict=True):
        assert torch.equal(one, two)
    made.learn(8)
    assert mine.learn(8, reset_num_timesteps=False).num_timesteps == 16


def test_an_environment_whose_episode_another_one_has_ended_says_so():
    made = team(lambda venv: ppo(venv, 8))
    one, two = (made.models[name].get_env() for name in ("hand_0", "hand_1"))
    one.reset()
    two.reset()
    with pytest.raises(RuntimeError, match="reset it first"):
        one.step(np.zeros(1, int))
    two.step(np.zeros(1, int))


def test_the_seed_of_an_environment_decides_what_is_played():
    def play(seed):
        made = team(lambda venv: ppo(venv, 8), env=Drawn())
        env = made.models["hand_0"].get_env()
        env.seed(seed)
        return env.reset()

    class Drawn(Clock):
        def reset(self, seed=None, options=None):
            self.drawn = np.random.default_rng(seed).random(1, np.float32)
            return super().reset(seed, options)

        def shown(self, agent):
            return self.drawn

    np.testing.assert_array_equal(play(7), [np.random.default_rng(7).random(1, np.float32)])
    assert not np.array_equal(play(7), play(8))


class Count(BaseCallback):
    def _on_step(self):
        return True


def test_every_model_has_callbacks_of_its_own_one_or_several():
    made, heard = team(lambda venv: ppo(venv, 8)), []
    given = {"hand_0": [Count(), Count()], "hand_1": Count(), "hand_2": None}
    made.learn(8, callback=given.__getitem__)
    assert [one.n_calls for one in (*given["hand_0"], given["hand_1"])] == [8, 8, 32]
    made.learn(8, callback=lambda name: lambda local, _: heard.append(name) or True)
    assert [heard.count(f"hand_{i}") for i in range(3)] == [8, 32, 32]


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (Count(), r"a function of a player's name, got <.*Count.*make one for each"),
        ([Count()], r"a function of a player's name, got \["),
        (lambda name: [Count(), 3], r"callback\('hand_0'\) must give a callback, .* got 3"),
    ],
)
def test_a_callback_for_all_is_refused_before_anything_begins(callback, message):
    made = team(lambda venv: ppo(venv, 8))
    with pytest.raises(TypeError, match=message):
        made.learn(8, callback=callback)
    assert made._calls == 0


@pytest.mark.parametrize(
    "names",
    [
        *((0, 1), ((0, 1), (1, 0)), ("../../x", "/y"), ("a\0", "A\0")),
        *(("Ab", "aB"), ("randomness", "player-0"), ("x" * 300, "")),
    ],
)
def test_players_may_have_any_names(names, tmp_path):
    def make():
        env = Clock((5, 5), names=names)
        # Their TensorBoard logs stay in their folder as well.
        log = tmp_path / "logs" / "here"
        learners = dict.fromkeys(names, lambda e: ppo(e, 8, tensorboard_log=str(log)))
        return IndependentLearners(env, learners)

    made, folder = make().learn(8), tmp_path / "deep" / "set"
    made.save(folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "logs"]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["set"]
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["here"]
    loaded = make().load(folder)
    for name in names:
        one, two = (
            torch.cat([p.ravel() for p in team.models[name].policy.state_dict().values()])
            for team in (made, loaded)
        )
        assert torch.equal(one, two)
    assert loaded.models[names[1]].num_timesteps == 8
