"""Average policies: trajectories, maximum likelihood against known laws, and even reservoirs."""

from __future__ import annotations

import random as python_random
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from agents.deep_play import clone as average_policy
from agents.deep_play.clone import clone, reservoir
from agents.deep_play.network_policies import (
    LOG_STD,
    NetworkPolicy,
    UniformPolicy,
    features,
    gaussian_shape,
)
from agents.deep_play.trajectories import trajectories
from mfg_envs import make_game
from mfg_envs.game.continuous import components
from mfg_envs.simulate.batch import BatchEnv

LINE = make_game("linear_quadratic")
HIDDEN = (16, 16)
STD = 0.1
ENTROPY = 0.5 * np.log(2 * np.pi * np.e * STD**2)
"""-.884 nats."""
FAST = {"hidden": HIDDEN, "batch": 512, "learning_rate": 1e-2}


def network(game, seed=0):
    shape = gaussian_shape(game, HIDDEN)
    weights = np.random.default_rng(seed).standard_normal((1, shape.size)).astype(np.float32)
    weights *= 0.3
    return NetworkPolicy(game, weights, HIDDEN, seed=seed)


@pytest.mark.parametrize("name", ["linear_quadratic", "beach_bar", "four_rooms", "price_impact"])
def test_trajectories_are_what_stepping_by_hand_gives(name):
    game = make_game(name)
    policy, env = network(game), BatchEnv(game, 1, 30, 4)
    got = trajectories(game, policy, 30, seed=4)
    assert got.state.shape == (game.horizon, 30, game.state_dim)
    assert got.action.shape == (game.horizon, 30, game.action_dim)
    step = env.reset()
    for t in range(game.horizon):
        x = step.state
        a = policy(t, x)
        np.testing.assert_array_equal(got.state[t], x[0])
        np.testing.assert_array_equal(got.action[t], a[0])
        step = env.step(a)
        np.testing.assert_array_equal(got.reward[t], step.reward[0])
        met = game.mean_field(components(x), components(a))[0]  # mean actions: those of now
        np.testing.assert_allclose(got.mean_field[t], met, atol=1e-12)


@pytest.mark.parametrize("name", ["linear_quadratic", "price_impact"])
def test_a_frozen_crowd_is_met_in_place_of_each_other(name):
    game = make_game(name)
    policy, together = network(game), trajectories(game, network(game), 40, seed=1)
    same = trajectories(game, policy, 40, mean_fields=together.mean_field, seed=1)
    for one, other in zip(same, together, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    crowd = together.mean_field + 0.5
    frozen = trajectories(game, policy, 40, mean_fields=crowd, seed=1)
    np.testing.assert_array_equal(frozen.mean_field, crowd)
    for t in range(game.horizon):
        x, a = components(frozen.state[t]), components(frozen.action[t])
        np.testing.assert_allclose(frozen.reward[t], game.reward(t, x, a, crowd[t]), atol=1e-12)
    alone = trajectories(game, policy, 7, mean_fields=crowd, seed=1)
    np.testing.assert_array_equal(alone.state, frozen.state[:, :7])


def test_trajectories_that_cannot_be_are_refused():
    policy = UniformPolicy(LINE)
    with pytest.raises(ValueError, match=r"end: dataclasses.replace\(game, horizon"):
        trajectories(replace(LINE, horizon=None, discount=0.9), policy, 5)
    with pytest.raises(ValueError, match="num_players must be at least 1, got 0"):
        trajectories(LINE, policy, 0)
    with pytest.raises(TypeError, match="num_players must be a whole number"):
        trajectories(LINE, policy, 2.5)
    with pytest.raises(ValueError, match=r"num_players.*use at most"):
        trajectories(LINE, policy, 10**15)
    with pytest.raises(ValueError, match=r"flow must have shape \(21, 1\)"):
        trajectories(LINE, policy, 5, mean_fields=np.zeros((3, 1)))


def linear_law(num, seed=0):
    """Return states with times, and actions whose mean is linear in both."""
    draw = np.random.default_rng(seed)
    x, t = draw.uniform(-1, 1, (num, 1, 1)), draw.integers(21, size=num)
    seen = np.stack([features(LINE, int(s), one[None])[0, 0] for s, one in zip(t, x, strict=True)])
    mean = 0.4 * seen[:, :1] - 0.5 * seen[:, 1:]
    return seen, (mean + STD * draw.standard_normal(mean.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def linear():
    return linear_law(10_000)


@pytest.fixture(scope="module")
def fitted(linear):
    return clone(LINE, *linear, steps=600, **FAST, seed=1)


def divergence(weights):
    """Return the Kullback-Leibler divergence from the linear law, its mean over x and t."""
    policy, gaps = NetworkPolicy(LINE, weights[None], HIDDEN), []
    x = np.linspace(-1, 1, 201)[None, :, None]
    for t in range(21):
        mean, log_std = (part[0, :, 0].astype(np.float64) for part in policy.normal_law(t, x))
        off = mean - (0.4 * x[0, :, 0] - 0.5 * t / 21)
        gap = log_std - np.log(STD) + (STD**2 + off**2) / (2 * np.exp(2 * log_std)) - 0.5
        gaps.append(gap.mean())
    return np.mean(gaps)


def test_a_law_that_is_linear_is_found(fitted):
    assert fitted.weights.dtype == np.float32
    assert fitted.weights.shape == (gaussian_shape(LINE, HIDDEN).size,)
    assert 0 <= divergence(fitted.weights) < 0.01 * abs(ENTROPY)


def test_the_loss_is_the_negative_log_likelihood(fitted, linear):
    """The variance of z^2 / 2 is 1/2: of the triples, and of those drawn in the last 60 steps."""
    error = np.sqrt(0.5 / len(linear[0])) + np.sqrt(0.5 / (60 * 512))
    assert fitted.nll == pytest.approx(ENTROPY, abs=4 * error + 0.01 * abs(ENTROPY))


def test_the_loss_of_two_components_adds_up():
    """With a learning rate of nearly nothing the law stays N(m, s): the loss by hand."""
    game, draw = make_game("linear_quadratic", dim=2), np.random.default_rng(0)
    weights = np.zeros(gaussian_shape(game, HIDDEN).size, np.float32)
    weights[-4:] = 0.25, -0.5, -1.0, 0.5
    seen = draw.uniform(-1, 1, (50, 3)).astype(np.float32)
    actions = np.tile(np.float32([0.75, -1.0]), (50, 1))
    got = clone(
        game, seen, actions, hidden=HIDDEN, steps=1, batch=10, learning_rate=1e-9, start=weights
    )
    wanted = 0.5 * (0.5 / np.exp(-1)) ** 2 - 1 + 0.5 * (0.5 / np.exp(0.5)) ** 2 + 0.5
    assert got.nll == pytest.approx(wanted + np.log(2 * np.pi), rel=1e-5)


def test_one_and_the_same_action_takes_the_spread_to_its_bound(linear):
    """At the bound a mean may be off by its spread e^-5 at most, or a larger one were better."""
    actions = np.ones_like(linear[1])
    got = clone(LINE, linear[0], actions, steps=600, **FAST)
    mean, log_std = NetworkPolicy(LINE, got.weights[None], HIDDEN).normal_law(
        10, np.linspace(-1, 1, 101)[None, :, None]
    )
    np.testing.assert_array_equal(log_std, LOG_STD[0])
    assert np.abs(mean - 1).max() < np.exp(LOG_STD[0])
    least = LOG_STD[0] + 0.5 * np.log(2 * np.pi)
    assert least <= got.nll < least + 0.5


def test_a_warm_start_goes_on(fitted, linear):
    kept = fitted.weights.copy()
    slow = FAST | {"learning_rate": 1e-5}
    warm = clone(LINE, *linear, steps=10, **slow, start=fitted.weights)
    cold = clone(LINE, *linear, steps=10, **slow)
    np.testing.assert_array_equal(fitted.weights, kept)
    assert 0 < np.abs(warm.weights - kept).max() < 1.1e-4  # Adam moves by its rate, or little more
    assert divergence(warm.weights) < 0.01 * abs(ENTROPY) < 1 < divergence(cold.weights)


def test_the_same_bits_on_any_number_of_threads(linear, monkeypatch):
    before, fits, inside, nll = torch.get_num_threads(), [], set(), average_policy._nll

    def watched(*arguments):
        inside.add(torch.get_num_threads())
        return nll(*arguments)

    monkeypatch.setattr(average_policy, "_nll", watched)
    torch.manual_seed(5)
    state = torch.get_rng_state(), np.random.get_state()[1].copy(), python_random.getstate()  # noqa: NPY002
    for threads in (1, 2):
        torch.set_num_threads(threads)
        fits.append(clone(LINE, *linear, steps=10, **FAST, seed=3))
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    assert inside == {1}
    np.testing.assert_array_equal(fits[0].weights, fits[1].weights)
    assert fits[0].nll == fits[1].nll
    assert (clone(LINE, *linear, steps=10, **FAST, seed=4).weights != fits[0].weights).any()
    np.testing.assert_array_equal(torch.get_rng_state(), state[0])
    np.testing.assert_array_equal(np.random.get_state()[1], state[1])  # noqa: NPY002
    assert python_random.getstate() == state[2]


def stream(size, seed, parts=(20, 25, 15)):
    """Return what a reservoir keeps of numbered rows that come in parts."""
    rows, came = (np.empty((0, 1)), np.empty((0, 2))), 0
    for num in parts:
        index = np.arange(came, came + num)[:, None]
        fresh = index.astype(float), np.hstack([index, -index]).astype(float)
        rows = reservoir(rows, came, fresh, size, seed * len(parts) + came)
        came += num
    return rows


def test_every_row_is_kept_with_the_same_probability():
    """Sampling without replacement: covariances are -1 / (n - 1) of variances p (1 - p)."""
    num, size, seeds = 60, 12, 1500
    counts = np.zeros(num)
    for seed in range(seeds):
        one, two = stream(size, seed)
        assert len(one) == size
        np.testing.assert_array_equal(two, np.hstack([one, -one]))
        counts[one[:, 0].astype(int)] += 1
    assert counts.sum() == seeds * size  # no row twice, on the average
    share = size / num
    square = ((counts - seeds * share) ** 2).sum() / (seeds * share * (1 - share))
    low, high = stats.chi2.ppf([5e-4, 1 - 5e-4], num - 1)
    assert low < square * (num - 1) / num < high


def test_the_second_of_two_rows_replaces_the_first_half_of_the_time():
    old, new, seeds = (np.zeros((1, 1)),) * 2, (np.ones((1, 1)),) * 2, 400
    kept = sum(reservoir(old, 1, new, 1, seed)[0].item() for seed in range(seeds))
    assert kept == pytest.approx(seeds / 2, abs=4 * (seeds / 4) ** 0.5)


@pytest.mark.parametrize("size", [60, 1000])
def test_with_room_for_all_everything_is_kept_in_order(size):
    np.testing.assert_array_equal(stream(size, 0)[0][:, 0], np.arange(60))


def test_a_reservoir_neither_repeats_rows_nor_changes_what_it_is_given():
    for size in (1, 19, 20, 21, 45, 59):
        kept = stream(size, 3)[0][:, 0]
        assert len(np.unique(kept)) == len(kept) == size
    kept, fresh = (np.zeros((5, 1)), np.zeros((5, 1))), (np.ones((90, 1)), np.ones((90, 1)))
    rows = reservoir(kept, 5, fresh, 5, 0)
    assert rows[0].sum() > 0 and kept[0].sum() == 0 and fresh[0].min() == 1
