"""Independent learners of Stable-Baselines3 as a learner: the same models, in iterations."""

from __future__ import annotations

import numpy as np
import pytest
from small_learners import SMALL
from toy_envs import Clock

pytest.importorskip("stable_baselines3")

from stable_baselines3 import PPO

from agents import IndependentLearners, IndependentSB3, check_learner, run
from agents.sb3.model_arrays import policy_row, restore, snapshot
from agents.sb3.sb3_training import Training
from agents.sweep.in_environment import InEnvironment
from mfg_envs import follow_the_leader_v0, linear_quadratic_v0, make_game, sis_v0

REPLAY = {"learning_starts": 10, "train_freq": 4, "batch_size": 8}
ROLLOUT = {"n_steps": 8, "batch_size": 8}
ALGORITHMS = {
    "PPO": {**ROLLOUT, "copies": 2, "n_epochs": 2, "clip_range": 0.1, "max_grad_norm": 1.0},
    "A2C": {"gae_lambda": 0.9, "vf_coef": 0.3, "ent_coef": 0.01},
    "DQN": {**REPLAY, "exploration_final_eps": 0.1, "target_update_interval": 5},
    "QRDQN": {**REPLAY, "gradient_steps": 1, "buffer_size": 30},
    "TRPO": ROLLOUT,
    "SAC": {**REPLAY, "learning_rate": 1e-3},
    "TD3": {**REPLAY, "gamma": 0.9},
}


@pytest.fixture(autouse=True)
def numpy(use):
    use("numpy")


def sis(players=2):
    return sis_v0.parallel_env(num_agents=players, max_cycles=10)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_keeps_the_contract_of_a_learner(algorithm):
    if algorithm in ("QRDQN", "TRPO"):
        pytest.importorskip("sb3_contrib")
    game = make_game("linear_quadratic" if algorithm in ("SAC", "TD3") else "sis")
    learner = IndependentSB3(
        iterations=2,
        total_timesteps=40,
        algorithm=algorithm,
        net_arch=(4,),
        **ALGORITHMS[algorithm],
    )
    check_learner(InEnvironment(learner=learner, num_players=2), game)


def test_it_trains_the_models_that_independent_learners_trains():
    """One iteration is one call of ``learn``, with the factory that the parameters describe."""
    learner = IndependentSB3(iterations=1, total_timesteps=16, learning_rate=0.01, **ROLLOUT)
    training = Training(learner, sis(), 7)
    (last,) = learner.learn(sis(), 0)

    def factory(env):
        return PPO("MlpPolicy", env, device="cpu", learning_rate=0.01, **ROLLOUT)

    env = sis()
    team = IndependentLearners(env, dict.fromkeys(env.possible_agents, factory), seed=7).learn(16)
    made = training.improved(training.iterate(0))
    assert np.array_equal(made.policy, [policy_row(model) for model in team.models.values()])
    assert made.samples == last.samples == 32
    assert not np.array_equal(made.policy, last.policy)  # of another seed


def test_iterations_share_the_steps_and_whole_rollouts_round_them_up():
    learner = IndependentSB3(iterations=5, total_timesteps=20, net_arch=(4,), **ROLLOUT)
    samples = [one.samples for one in learner.learn(sis(), 0)]
    assert samples == [16, 16, 32, 32, 48]  # two players; goals 4, 8, 12, 16, 20
    assert [one.iteration for one in learner.learn(sis(), 0)] == [1, 2, 3, 4, 5]


def test_exploration_becomes_rare_over_the_whole_run():
    settings = {"algorithm": "DQN", "exploration_fraction": 0.5, "exploration_final_eps": 0.0}
    learner = IndependentSB3(iterations=4, total_timesteps=40, learning_starts=100, **settings)
    training, rates = Training(learner, sis(), 0), []
    last = training.iterate(0)
    for _ in range(4):
        last = training.improved(last)
        rates.append(training.models[0].exploration_rate)
    assert rates[0] == pytest.approx(0.5, abs=0.15)
    assert rates[1:] == pytest.approx([0.0] * 3, abs=0.15)


def test_rewards_are_those_of_a_step():
    """Players of the clock earn 1 a step, and play 4 of them."""
    learner = IndependentSB3(iterations=1, total_timesteps=16, net_arch=(4,), **ROLLOUT)
    (last,) = learner.learn(Clock((4, 4)), 0)
    assert last.q.tolist() == [1.0, 1.0]


def test_players_of_other_kinds_have_policies_of_other_sizes():
    env = follow_the_leader_v0.parallel_env(num_locals=2, max_cycles=4)
    learner = IndependentSB3(iterations=1, total_timesteps=8, net_arch=(4,), **ROLLOUT)
    (last,) = learner.learn(env, 0)
    seen, _ = env.reset(seed=0)
    for name, row in seen.items():
        action = learner.player(env, last, name)(np.asarray(row)[None])[0]
        assert env.action_space(name).contains(action)


def test_a_saved_policy_is_played_as_it_was_learned():
    learner = IndependentSB3(iterations=1, total_timesteps=8, net_arch=(4,), **ROLLOUT)
    env = linear_quadratic_v0.parallel_env(num_agents=2)
    training = Training(learner, env, 0)
    last = training.improved(training.iterate(0))
    rows = np.stack([env.observation_space("player_0").sample() for _ in range(9)])
    for name, model in learner.models(env, last).items():
        wanted = training.team.models[name].predict(rows, deterministic=True)[0]
        assert np.array_equal(model.predict(rows, deterministic=True)[0], wanted)
        assert np.array_equal(learner.player(env, last, name)(rows), wanted)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"algorithm": "SAC"},
            r"SAC does not choose from Discrete\(5\): PPO, A2C, DQN",
        ),
        ({"algorithm": "DQN", "n_epochs": 3}, "DQN has no parameter 'n_epochs'"),
        ({"n_steps": 1}, "PPO: .*must be greater than 1"),
        ({"algorithm": "SARSA"}, "algorithm must be "),
        ({"total_timesteps": 3}, "iterations must be "),
        ({"gamma": 1.5}, "gamma must be in"),
    ],
)
def test_what_does_not_fit_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        next(IndependentSB3(**settings).learn(sis(), 0))


def test_an_iterate_of_others_is_refused():
    learner = IndependentSB3(iterations=2, **SMALL["IndependentSB3"])
    first = next(learner.learn(sis(), 0))
    with pytest.raises(ValueError, match="start is of 2 players, there are 3: go on with those"):
        next(learner.learn(sis(3), 0, first))
    other = IndependentSB3(iterations=2, total_timesteps=48, **ROLLOUT)
    with pytest.raises(ValueError, match=r"policy must have .* it is of another model"):
        next(other.learn(sis(), 0, first))
    wrong = {key: part for key, part in first.memory.items() if key != "1/counters"}
    with pytest.raises(ValueError, match="'counters' is missing"):
        next(learner.learn(sis(), 0, first._replace(memory=wrong)))


def test_a_snapshot_is_put_back_bit_for_bit():
    learner = IndependentSB3(
        iterations=1, total_timesteps=30, algorithm="DQN", net_arch=(4,), **REPLAY
    )
    one, two = (Training(learner, sis(), seed) for seed in (0, 1))
    one.improved(one.iterate(0))
    kept = snapshot("a player", one.models[0])
    assert (kept["moved/policy.optimizer"] == np.arange(4)).all()
    restore(two.models[0], kept)
    again = snapshot("a player", two.models[0])
    assert kept.keys() == again.keys()
    assert all(np.array_equal(kept[key], again[key]) for key in kept)


def test_a_run_goes_through_runs(tmp_path):
    learner = IndependentSB3(iterations=2, **SMALL["IndependentSB3"])
    inside = InEnvironment(learner=learner, num_players=2)
    done = run(inside, make_game("sis"), out=tmp_path, progress=False, metrics={})
    assert done.last.samples == 2 * 48
