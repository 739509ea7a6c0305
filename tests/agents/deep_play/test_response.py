"""Trained responses: who they meet, that they pay, and that they are read out as they play."""

from __future__ import annotations

import random as python_random
from dataclasses import replace

import numpy as np
import pytest
import torch

from agents import SimpleFictitiousPlay
from agents.deep_play.network_policies import (
    NetworkPolicy,
    UniformPolicy,
    features,
    from_scaled,
    gaussian_shape,
    to_scaled,
)
from agents.deep_play.response import (
    Meeting,
    _falling,
    _load,
    _networks,
    _policy,
    _ppo,
    _sac,
    respond,
)
from mfg_envs import make_game, metrics
from mfg_envs.environments.population import PopulationEnv
from wrappers import SharedPolicyVecEnv

LINE = make_game("linear_quadratic")
ROOMS = make_game("four_rooms", bins=20)
SHORT = replace(LINE, horizon=5)
LEARNER = SimpleFictitiousPlay(
    iterations=1,
    response_steps=1_500,
    response_updates=50,
    response_batch=50,
    num_players=50,
    hidden=(16, 16),
)
KINDS = {"sac": _sac, "ppo": _ppo}


class Crowds:
    """Everybody at one place, at another one in each episode; writes down the calls."""

    def __init__(self, game):
        self.game, self.episodes = game, []

    def __call__(self, episode):
        self.episodes.append(episode)
        return np.full((self.game.horizon, 1), 0.1 * episode)


def even(game):
    """Return an even crowd for every episode."""
    m = np.ones(game.mean_field_shape)
    if game.mean_field_kind == "density":
        volume = np.prod([(axis.high - axis.low) / axis.bins for axis in game.axes])
        m = np.where(game.room > 0, 1 / (game.room.sum() * volume), 0.0)
    return lambda episode: np.repeat((m * 0.0 if m.ndim == 1 else m)[None], game.horizon, 0)


def model_of(kind, game, seed=0):
    """Return an untrained model, whose answers are made large."""
    learner = replace(LEARNER, response=kind, num_players=10, response_batch=42)
    torch.manual_seed(seed)
    model = KINDS[kind](learner, Meeting(game, 10, even(game), 1.0), game)
    last = model.policy.actor.mu if kind == "sac" else model.policy.action_net
    with torch.no_grad():
        last.weight.mul_(5.0 if kind == "sac" else 300.0)
        if kind == "ppo":
            model.policy.log_std.uniform_(-2, 0)
    return model


@pytest.fixture(autouse=True)
def globals_stay():
    """Every test leaves the global generators and the number of threads as they were."""
    states = torch.get_rng_state(), np.random.get_state(), python_random.getstate()  # noqa: NPY002
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # models that are trained here by hand
    yield
    torch.set_rng_state(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    python_random.setstate(states[2])
    torch.set_num_threads(threads)


def test_players_meet_another_crowd_each_episode_for_scaled_rewards():
    crowds = Crowds(SHORT)
    meeting = Meeting(SHORT, 8, crowds, reward_scale=4.0)
    twin = SharedPolicyVecEnv(PopulationEnv(SHORT, 8, mode="mean_field", observe=("state", "time")))
    for env in (meeting, twin):
        env.seed(3)
    seen, draw = meeting.reset(), np.random.default_rng(0)
    np.testing.assert_array_equal(seen, twin.reset())
    assert crowds.episodes == [0]
    assert meeting.action_space.low.tolist() == [-1] and meeting.action_space.high.tolist() == [1]
    for i in range(3 * SHORT.horizon):
        scaled = draw.uniform(-1, 1, (8, 1)).astype(np.float32)
        a, x, met = 0.1 * scaled[:, 0], seen[:, 0], 0.1 * (i // SHORT.horizon)
        wanted = -(5 * (x - 0.6) ** 2 + 0.1 * a**2 + (x - met) ** 2)  # Q = 5, R = .1, P = 1
        seen, reward, done, _ = meeting.step(scaled)
        np.testing.assert_allclose(reward * 4, wanted, atol=1e-5)
        assert done.all() == done.any() == ((i + 1) % SHORT.horizon == 0)
        if i < SHORT.horizon - 1:  # until the first end both had met mean 0, or nearly
            frozen = twin.step(from_scaled(SHORT, scaled))
            np.testing.assert_allclose(seen, frozen[0], atol=1e-6)
    assert crowds.episodes == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("game", [LINE, ROOMS], ids=lambda game: game.name)
def test_a_network_that_is_read_out_plays_what_the_model_plays(kind, game):
    model = model_of(kind, game)
    low, high = np.array(game.state_low), np.array(game.state_high)
    x = np.random.default_rng(1).uniform(low, high, (1, 300, game.state_dim))
    weights = _policy(model)
    assert weights.dtype == np.float32 and weights.shape == (gaussian_shape(game, (16, 16)).size,)
    policy = NetworkPolicy(game, weights[None], (16, 16), kind == "sac", greedy=True)
    for t in (0, 3, game.horizon - 1):
        seen = features(game, t, x)[0]
        wanted, _ = model.predict(seen, deterministic=True)
        assert wanted.std() > 0.05  # a model that always says the same would prove little
        np.testing.assert_allclose(to_scaled(game, policy(t, x)[0]), wanted, atol=1e-5)
        mean, log_std = (part[0] for part in policy.normal_law(t, x))
        rows = torch.from_numpy(seen)
        with torch.no_grad():
            if kind == "sac":
                law = model.policy.actor.get_action_dist_params(rows)[:2]
            else:
                normal = model.policy.get_distribution(rows).distribution
                law = normal.mean, normal.stddev.log()
        for ours, theirs in zip((mean, log_std), law, strict=True):
            np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_critics_go_on_and_what_draws_is_new(kind):
    one, other = model_of(kind, LINE, 1), model_of(kind, LINE, 2)
    fresh = _policy(other)
    assert (_networks(one) != _networks(other)).any()
    _load(other, _networks(one))
    np.testing.assert_array_equal(_networks(one), _networks(other))
    first, drawn, mine = (
        gaussian_shape(LINE, (16, 16)).parts(weights)
        for weights in (fresh, _policy(other), _policy(one))
    )
    weight, bias = drawn[-1]
    if kind == "sac":  # a new actor; two critics and their targets go on
        np.testing.assert_array_equal(_policy(other), fresh)
        critic = (3 * 16 + 16) + (16 * 16 + 16) + (16 + 1)
        assert _networks(one).size == 4 * critic
    else:
        np.testing.assert_array_equal(weight, mine[-1][0])
        assert bias[0] == mine[-1][1][0] and bias[1] == first[-1][1][1] != mine[-1][1][1]


@pytest.mark.parametrize(("kind", "steps", "updates"), [("sac", 500, 40), ("ppo", 1_000, 64)])
def test_training_takes_about_as_many_gradient_steps_as_asked_for(kind, steps, updates):
    """SAC shares them among rounds, and rounds up; PPO takes whole passes over a rollout."""
    learner = replace(LEARNER, response=kind, response_steps=steps, response_updates=updates)
    learner = replace(learner, num_players=10, response_batch=25)
    model = KINDS[kind](learner, Meeting(SHORT, 10, Crowds(SHORT), 1.0), SHORT)
    model.learn(steps)
    assert model.num_timesteps == steps
    if kind == "sac":  # 50 rounds, 12 of them at random
        assert updates <= model._n_updates <= updates + 39
        assert model.replay_buffer.size() * 10 == steps
    else:  # 20 rollouts of 2 batches: 3.2 gradient steps for each are 1.6 passes, so two
        assert model._n_updates == 2 * 20


@pytest.mark.parametrize(("batch", "size"), [(64, 125), (30, 50), (25, 25), (250, 250), (999, 250)])
def test_minibatches_of_a_rollout_have_one_size(batch, size):
    """50 players for 5 decisions: as many parts as divide 250, at most 250 // batch."""
    model = _ppo(
        replace(LEARNER, response_batch=batch), Meeting(SHORT, 50, Crowds(SHORT), 1.0), SHORT
    )
    assert model.batch_size == size


def test_rates_fall_to_a_tenth():
    assert [_falling(2.0)(left) for left in (1.0, 0.5, 0.0)] == pytest.approx([2.0, 1.1, 0.2])


def test_a_trained_response_is_far_better_than_chance():
    """The best response to players who act at random gains 59.55 on them: demand two thirds."""
    flow = metrics.simulated_flow(LINE, UniformPolicy(LINE), num_players=5_000)
    learner = replace(
        LEARNER, response_steps=10_000, response_updates=1_000, response_batch=128, hidden=(32, 32)
    )
    got = respond(learner, LINE, lambda _: flow, reward_scale=3.0, networks=None, seed=1)
    policy = NetworkPolicy(LINE, got.policy[None], (32, 32), squash=True, greedy=True)
    gain = metrics.simulated_gain(LINE, UniformPolicy(LINE), policy, flow, num_players=2_000)
    assert gain.mean - 4 * gain.error > 40


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bits(kind):
    learner, responses = replace(LEARNER, response=kind, response_steps=500), []
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    python_random.seed(1)
    for seed, threads in ((7, 1), (7, 2), (8, 1)):
        torch.set_num_threads(threads)
        before = torch.get_rng_state(), np.random.get_state()[1].copy(), python_random.getstate()  # noqa: NPY002
        networks = None
        for _ in range(2):  # from new networks, and from those
            options = {"reward_scale": 2.0, "networks": networks, "seed": seed}
            got = respond(learner, SHORT, Crowds(SHORT), **options)
            networks = got.networks
        responses.append(got)
        assert torch.get_num_threads() == threads
        np.testing.assert_array_equal(torch.get_rng_state(), before[0])
        np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
        assert python_random.getstate() == before[2]
    alone = respond(learner, SHORT, Crowds(SHORT), reward_scale=2.0, networks=None, seed=7)
    for one, same, other, cold in zip(*responses, alone, strict=True):
        np.testing.assert_array_equal(one, same)
        assert (one != other).any() and (one != cold).any()
