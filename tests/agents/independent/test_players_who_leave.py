"""A model learns from the steps that its player took, each of them, and from no other."""

import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3 import A2C, DQN, PPO, SAC
from stable_baselines3.common.vec_env import VecFrameStack, VecMonitor, VecNormalize
from toy_envs import Herd

from agents import BatchedIndependentPPO, IndependentLearners

QUICK = {"policy": "MlpPolicy", "device": "cpu"}
STEPS = 36


def dqn(env):
    return DQN(env=env, learning_starts=10**6, buffer_size=100, **QUICK)


def learned(env, make, copies=1, steps=STEPS, **by_name):
    learners = {**by_name, "cow": make}
    return IndependentLearners(env, learners, copies=copies).learn(steps).models


def steps_of(env, name, number=STEPS):
    """Return the first steps of an agent: seen, action, seen next, over."""
    own = [step[1:] for step in env.log if step[0] == name][:number]
    return [np.array(column) for column in zip(*own, strict=True)]


def episodes(model):
    return [(float(episode["r"]), int(episode["l"])) for episode in model.ep_info_buffer]


@pytest.mark.parametrize("cut", [(), (0, 1, 2)], ids=["ended", "cut"])
def test_a_replay_buffer_holds_the_steps_of_its_player(cut):
    env = Herd((4, 8, 12), cut=cut)
    models = learned(env, lambda venv: dqn(VecMonitor(venv)))
    for i, (name, model) in enumerate(models.items()):
        seen, actions, following, over = steps_of(env, name)
        buffer, life = model.replay_buffer, 4 * (i + 1)
        assert model.num_timesteps == buffer.pos == STEPS
        np.testing.assert_array_equal(buffer.observations[:STEPS, 0], seen)
        np.testing.assert_array_equal(buffer.actions[:STEPS, 0, 0], actions)
        np.testing.assert_array_equal(buffer.next_observations[:STEPS, 0], following)
        np.testing.assert_array_equal(buffer.rewards[:STEPS, 0], 1)
        np.testing.assert_array_equal(buffer.dones[:STEPS, 0], over)
        np.testing.assert_array_equal(buffer.timeouts[:STEPS, 0], over if cut else np.zeros(STEPS))
        assert episodes(model) == [(life, life)] * (STEPS // life)


def test_copies_in_which_players_leave_together_hold_their_steps():
    models = learned(Herd((4, 8, 12)), lambda venv: dqn(VecMonitor(venv)), copies=2, steps=48)
    for i, model in enumerate(models.values()):
        life = 4 * (i + 1)
        assert episodes(model) == [(life, life)] * (48 // life)
        assert (model.replay_buffer.observations[:24] > 0).all()


def test_copies_in_which_players_leave_apart_are_refused_by_name():
    message = r"'cow_0' is gone from copy \d after \d+ steps .* give copies=1"
    with pytest.raises(ValueError, match=message):
        learned(Herd((4, 8, 12), spread=3), dqn, copies=2)
    env = Herd((4, 8, 12), spread=3)
    models = learned(env, lambda venv: dqn(VecMonitor(venv)))
    for name, model in models.items():
        over = steps_of(env, name)[3]
        lengths = np.diff(np.flatnonzero(over), prepend=-1).tolist()
        assert episodes(model) == [(length, length) for length in lengths]


def test_a_rollout_holds_the_steps_of_its_player():
    env = Herd((4, 8, 12))

    def make(venv):
        return PPO(env=venv, n_steps=STEPS, batch_size=STEPS, n_epochs=1, gae_lambda=1.0, **QUICK)

    for i, (name, model) in enumerate(learned(env, make).items()):
        seen, actions, _, over = steps_of(env, name)
        buffer, life = model.rollout_buffer, 4 * (i + 1)
        np.testing.assert_array_equal(buffer.observations, seen)
        np.testing.assert_array_equal(buffer.actions[:, 0], actions)
        starts = np.concatenate([[1], over[:-1]])
        np.testing.assert_array_equal(buffer.episode_starts.ravel(), starts)
        # With lambda = 1 a return is the discounted sum to the end of the episode: 1, 1 + .99, ...
        whole = STEPS // life * life  # the last episode may go on
        wanted = [sum(0.99**k for k in range(life - t % life)) for t in range(whole)]
        np.testing.assert_allclose(buffer.returns.ravel()[:whole], wanted, rtol=1e-5)


def test_a_model_of_continuous_actions_holds_the_steps_of_its_player():
    class Free(Herd):
        space = spaces.Box(-1, 1, (1,), np.float32)

        def action_space(self, agent):
            return self.space

    def sac(venv):
        return SAC(env=VecMonitor(venv), learning_starts=10**6, buffer_size=100, **QUICK)

    model = learned(Free((4, 8)), sac)["cow_0"]
    assert episodes(model) == [(4, 4)] * 9
    assert (model.replay_buffer.observations[:STEPS] > 0).all()


def test_wrappers_see_real_steps_only():
    env = Herd((4, 8, 12))
    models = learned(env, lambda venv: dqn(VecNormalize(venv, norm_reward=False)))
    for name, model in models.items():
        seen, _, following, over = steps_of(env, name)
        # VecNormalize counts what it is shown: the first observation, and one after each step,
        # which is that of the next episode where one has ended.
        shown = np.concatenate([seen[:1], np.where(over[:-1, None], seen[1:], following[:-1])])
        statistics = model.get_env().obs_rms
        np.testing.assert_allclose(statistics.count, STEPS + 1 + 1e-4)
        last = statistics.mean * statistics.count - shown.sum(0)
        assert (last > 0).all()
        assert (last < (1.01, 13, 4)).all()  # the one observation more: random, time, number
        np.testing.assert_array_equal(model.replay_buffer.observations[:STEPS, 0], seen)


def test_a_stack_of_frames_begins_anew_with_the_next_episode():
    def stacking(venv):
        model = dqn(VecFrameStack(venv, 2))
        model.predict = lambda *args, **kwargs: (np.zeros(1, int), None)  # after its training
        return model

    env = Herd((4, 8))
    model = learned(env, dqn, cow_0=stacking)["cow_0"]
    seen = steps_of(env, "cow_0")[0]
    before = np.concatenate([np.zeros((1, 3)), seen[:-1]])
    before[::4] = 0
    stacked = np.concatenate([before, seen], 1)
    np.testing.assert_array_equal(model.replay_buffer.observations[:STEPS, 0], np.float32(stacked))


def test_a_player_that_comes_back_lives_again_and_a_late_one_begins_then():
    env = Herd([[(0, 2), (5, 9)], [(3, 12)], 12])
    models = learned(env, lambda venv: dqn(VecMonitor(venv)))
    assert episodes(models["cow_0"]) == [(2, 2), (4, 4)] * 6
    assert episodes(models["cow_1"]) == [(9, 9)] * 4
    for name in ("cow_0", "cow_1"):
        seen, _, following, _ = steps_of(env, name)
        np.testing.assert_array_equal(models[name].replay_buffer.observations[:STEPS, 0], seen)
        last = models[name].replay_buffer.next_observations[:STEPS, 0]
        np.testing.assert_array_equal(last, following)


def test_a_model_whose_player_never_acts_does_not_wait_for_ever():
    with pytest.raises(RuntimeError, match="'cow_1' has not acted for 1000 episodes"):
        learned(Herd([2, [(5, 6)]]), dqn, steps=8)


def test_a_trained_model_acts_only_while_its_player_is_there():
    asked = []

    def short(venv):
        model = A2C(env=venv, n_steps=4, **QUICK)
        predict = model.predict

        def spied(seen, *args, **kwargs):
            asked.append(np.copy(seen))
            return predict(seen, *args, **kwargs)

        model.predict = spied
        return model

    learned(
        Herd((4, 12)), lambda venv: PPO(env=venv, n_steps=48, batch_size=48, **QUICK), cow_0=short
    )
    assert asked
    assert all((seen > 0).all() for seen in asked)


def test_networks_in_one_product_refuse_players_that_leave():
    learner = BatchedIndependentPPO(num_steps=8, copies=1)
    with pytest.raises(ValueError, match="'cow_0' is gone at step 4 of copy 0 while others play"):
        for _ in zip(range(2), learner.learn(Herd((4, 8))), strict=False):
            pass
