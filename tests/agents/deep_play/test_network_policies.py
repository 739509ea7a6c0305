"""Small networks as policies: against PyTorch, against their own law, and bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agents import Iterate
from agents.deep_play.network_policies import (
    LOG_STD,
    SQUASHED,
    NetworkPolicy,
    Shape,
    UniformPolicy,
    features,
    from_scaled,
    gaussian_shape,
    saved_policy,
    to_scaled,
)
from mfg_envs import make_game
from mfg_envs.simulate.acting import Draws, as_policy, mixture
from mfg_envs.simulate.batch import BatchEnv
from mfg_envs.simulate.play import play

GAMES = ("linear_quadratic", "beach_bar", "four_rooms", "price_impact")
LINE = make_game("linear_quadratic")
PLANE = make_game("linear_quadratic", dim=2)
HIDDEN = (16, 8)
SIGMAS = 4
"""Standard errors that a mean may be off: 6e-5 of fixed seeds would fail."""


def draw(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def network(game, seed=0, hidden=HIDDEN, size=1.0):
    """Return a network whose outputs are of order ``size``, float32 (1, P)."""
    shape = gaussian_shape(game, hidden)
    weights = draw(seed, shape.size)
    for weight, bias in shape.parts(weights):
        weight *= size * len(weight) ** -0.5
        bias *= size
    return weights[None]


def constant(game, mean, log_std):
    """Return a network that says the same everywhere, (P,)."""
    shape = gaussian_shape(game, HIDDEN)
    weights = np.zeros(shape.size, np.float32)
    shape.parts(weights)[-1][1][:] = np.repeat([mean, log_std], game.action_dim)
    return weights


def states(game, seed, *sizes):
    low, high = np.array(game.state_low), np.array(game.state_high)
    return np.random.default_rng(seed).uniform(low, high, (*sizes, game.state_dim))


def test_a_network_is_what_torch_makes_of_its_weights():
    shape = Shape(3, (16, 8), 4)
    assert shape.layers == [(3, 16), (16, 8), (8, 4)]
    assert shape.size == 4 * 16 + 17 * 8 + 9 * 4
    weights, rows, modules = draw(0, shape.size), draw(1, 300, 3), []
    for weight, bias in shape.parts(weights):
        linear = torch.nn.Linear(*weight.shape)
        linear.weight.data, linear.bias.data = torch.tensor(weight.T), torch.tensor(bias)
        modules += [linear, torch.nn.ReLU()]
    with torch.no_grad():
        wanted = torch.nn.Sequential(*modules[:-1])(torch.from_numpy(rows)).numpy()
    np.testing.assert_allclose(shape(weights, rows), wanted, rtol=1e-5, atol=1e-5)
    parts = shape.parts(weights)
    assert all(np.shares_memory(part, weights) for pair in parts for part in pair)
    assert shape(weights, rows[:0]).shape == (0, 4)


@pytest.mark.parametrize("hidden", [(16, 8), (256, 256), (33,)], ids=str)
def test_a_row_has_the_same_bits_whatever_stands_beside_it(hidden):
    shape = Shape(3, hidden, 4)
    weights, rows = draw(0, shape.size), draw(1, 5000, 3)
    whole = shape(weights, rows)
    for begin, end in ((0, 1), (0, 999), (7, 8), (128, 129), (333, 5000)):
        np.testing.assert_array_equal(shape(weights, rows[begin:end]), whole[begin:end])
    moved = np.random.default_rng(2).permutation(5000)
    np.testing.assert_array_equal(shape(weights, rows[moved]), whole[moved])


@pytest.mark.parametrize("num", [1, 3])
def test_players_do_the_same_however_populations_are_cut(num):
    weights = np.concatenate([network(PLANE, seed) for seed in range(num)])
    x = states(PLANE, 0, 4, 150)
    policy = NetworkPolicy(PLANE, weights, HIDDEN, seed=5)
    whole = policy(3, x)
    assert whole.shape == (4, 150, 2)
    for b in range(4):
        alone = NetworkPolicy(PLANE, weights, HIDDEN, seed=5 + b)
        np.testing.assert_array_equal(alone(3, x[[b]])[0], whole[b])
    np.testing.assert_array_equal(policy(3, x[:, :70]), whole[:, :70])
    np.testing.assert_array_equal(policy(3, x), whole)
    if num == 1:
        for cut in ((1, 600), (600, 1), (8, 75)):
            law = policy.normal_law(3, x.reshape(*cut, 2))
            for one, other in zip(law, policy.normal_law(3, x), strict=True):
                np.testing.assert_allclose(one.reshape(other.shape), other, atol=1e-5)
    inside = np.abs(to_scaled(PLANE, whole)) < 1  # others are cut off at the same bound
    for other in (NetworkPolicy(PLANE, weights, HIDDEN, seed=50)(3, x), policy(4, x)):
        assert (other != whole)[inside].all()


def test_networks_see_scaled_states_and_the_time():
    game = make_game("beach_bar")  # [0, 1], 11 decisions
    seen = features(game, 5, np.array([[[0.0], [0.25], [1.0]]]))
    np.testing.assert_allclose(seen, [[[-1, 5 / 11], [-0.5, 5 / 11], [1, 5 / 11]]], rtol=1e-6)
    assert seen.dtype == np.float32


@pytest.mark.parametrize("squash", [False, True])
def test_draws_follow_the_law(squash):
    num = 20_000
    weights = network(PLANE, 1, size=0.3)
    gaussian_shape(PLANE, HIDDEN).parts(weights[0])[-1][1][2:] -= 3
    x = np.tile(states(PLANE, 2, 1, 1), (1, num, 1))
    policy = NetworkPolicy(PLANE, weights, HIDDEN, squash, seed=3)
    mean, log_std = (part[0, 0] for part in policy.normal_law(7, x))
    inner = 5 * np.exp(log_std) + np.abs(mean)
    assert inner.max() < (3 if squash else 1)  # no draw is cut off, none rounds to 1
    done = to_scaled(PLANE, policy(7, x)[0])
    z = (np.arctanh(done) if squash else done) - mean
    z /= np.exp(log_std)
    assert np.abs(z.mean(0)).max() < SIGMAS / num**0.5
    assert np.abs(z.std(0) - 1).max() < SIGMAS / (2 * num) ** 0.5
    assert abs(np.corrcoef(z.T)[0, 1]) < SIGMAS / num**0.5
    assert stats.kstest(z[:, 0], "norm").statistic < 1.95 / num**0.5  # one in a thousand is above


def test_draws_beyond_the_bounds_are_cut_off():
    num = 20_000
    policy = NetworkPolicy(LINE, constant(LINE, 1.5, np.log(0.5))[None], HIDDEN)
    a = policy(0, np.zeros((1, num, 1)))
    share = stats.norm.cdf(1)  # 1.5 is one standard deviation above the bound
    error = SIGMAS * np.sqrt(share * (1 - share) / num)
    assert np.mean(a == LINE.action_high[0]) == pytest.approx(share, abs=error)


def test_greedy_players_do_what_is_most_probable():
    x = states(PLANE, 0, 2, 40)
    for squash, shrink in ((False, lambda v: np.clip(v, -1, 1)), (True, np.tanh)):
        policy = NetworkPolicy(PLANE, network(PLANE, size=2.0), HIDDEN, squash, greedy=True)
        wanted = from_scaled(PLANE, shrink(policy.normal_law(4, x)[0]))
        np.testing.assert_array_equal(policy(4, x), wanted)


def test_spreads_have_bounds():
    x = np.zeros((1, 2, 1))
    for squash, (least, most) in ((False, LOG_STD), (True, SQUASHED)):
        for given_, wanted in ((-50, least), (most - 0.5, most - 0.5), (50, most)):
            weights = constant(LINE, 0.0, given_)[None]
            log_std = NetworkPolicy(LINE, weights, HIDDEN, squash).normal_law(0, x)[1]
            np.testing.assert_allclose(log_std, wanted)


def test_a_player_keeps_its_network_and_networks_are_drawn_evenly():
    num, means = 9000, np.array([-0.5, 0.0, 0.5])
    weights = np.stack([constant(LINE, mean, 0.0) for mean in means])
    policy = NetworkPolicy(LINE, weights, HIDDEN, greedy=True, seed=7)
    x = np.zeros((2, num, 1))
    first = to_scaled(LINE, policy(0, x))[..., 0]
    for t in range(1, 21):
        np.testing.assert_array_equal(to_scaled(LINE, policy(t, x + 0.01 * t))[..., 0], first)
    shares = np.isclose(first[..., None], means).mean(1)
    np.testing.assert_allclose(shares, 1 / 3, atol=SIGMAS * np.sqrt(2 / 9 / num))
    again = NetworkPolicy(LINE, weights, HIDDEN, greedy=True, seed=8)(0, x)
    np.testing.assert_array_equal(to_scaled(LINE, again)[0, :, 0], first[1])
    for one, other in ((first[0], first[1]), (first[0], np.roll(first[0], 1))):
        same = np.mean(one == other)  # two who draw on their own agree once in three times
        assert same == pytest.approx(1 / 3, abs=SIGMAS * np.sqrt(2 / 9 / num))


@pytest.mark.parametrize("name", GAMES)
@given(seed=st.integers(0, 2**40), size=st.floats(0.1, 30), squash=st.booleans())
def test_environments_take_whatever_is_played(name, seed, size, squash):
    game = make_game(name)
    with np.errstate(over="ignore"):
        weights = network(game, seed % 1000, size=size)
    policy = NetworkPolicy(game, weights, HIDDEN, squash, seed=seed)
    env = BatchEnv(game, 2, 10, seed)
    env.reset()
    for t, played in enumerate((policy, UniformPolicy(game, seed), policy)):
        a = played(t, env.state)
        assert a.dtype == np.float64
        assert (a >= game.action_low).all() and (a <= game.action_high).all()
        assert np.isfinite(env.step(a).reward).all()


def test_networks_act_in_a_mixture_and_an_episode_as_they_are_called():
    policy = NetworkPolicy(LINE, network(LINE, size=2.0), HIDDEN, seed=3)
    assert as_policy(LINE, policy) is policy
    episode = play(LINE, policy, 30, num_envs=2, seed=1)
    for t, x in enumerate(episode.state):
        np.testing.assert_array_equal(episode.action[t], policy(t, x))
    mixed = mixture(LINE, [policy, UniformPolicy(LINE, 4)])
    env = BatchEnv(LINE, 2, 30, 1)
    x = env.reset().state
    a, who = mixed.actions(env), mixed.drawn(Draws.of(env), 30)[..., None]
    np.testing.assert_array_equal(a, np.where(who == 0, policy(0, x), UniformPolicy(LINE, 4)(0, x)))


@pytest.mark.parametrize("squash", [False, True])
def test_the_mean_of_networks_is_that_of_what_they_draw(squash):
    game, num = LINE, 40_000
    weights = np.stack([constant(game, mean, np.log(0.7)) for mean in (0.8, -0.3)])
    policy = NetworkPolicy(game, weights, HIDDEN, squash, seed=2)
    a = policy(0, np.zeros((1, num, 1)))
    mean = policy.mean(0, np.zeros((1, 1, 1)))[0, 0, 0]
    # Nodes of a quadrature and the kinks at both bounds: a hundredth of the range of actions.
    assert abs(a.mean() - mean) <= 5 * a.std() / np.sqrt(num) + 0.01 * 0.2
    even = UniformPolicy(game, 1)
    assert abs(even(0, np.zeros((1, num, 1))).mean() - even.mean(0, np.zeros((1, 1, 1)))) < 2e-3


def test_the_uniform_policy_is_uniform():
    num, x = 20_000, np.zeros((2, 20_000, 2))
    policy = UniformPolicy(PLANE, 3)
    u = (np.stack([policy(t, x) for t in range(2)]) + 0.1) / 0.2  # (t, b, i, component)
    columns = np.moveaxis(u, 2, -1).reshape(8, num)
    for column in columns:
        assert stats.kstest(column, "uniform").statistic < 2.2 / num**0.5  # 8 at 1e-4 each
    apart = np.corrcoef(columns) - np.eye(8)  # times, populations and components
    assert np.abs(apart).max() < 4.5 / num**0.5
    np.testing.assert_array_equal(UniformPolicy(PLANE, 4)(1, x[:1])[0], policy(1, x)[1])


@pytest.mark.parametrize("name", GAMES)
def test_scaling_has_an_inverse(name):
    game = make_game(name)
    ends = np.array([game.action_low, game.action_high])
    np.testing.assert_allclose(
        to_scaled(game, ends), [[-1] * game.action_dim, [1] * game.action_dim]
    )
    np.testing.assert_array_equal(from_scaled(game, np.sign(to_scaled(game, ends))), ends)
    z = np.random.default_rng(0).uniform(-1, 1, (3, 50, game.action_dim))
    np.testing.assert_allclose(to_scaled(game, from_scaled(game, z)), z, atol=1e-14)
    np.testing.assert_array_equal(from_scaled(game, 7 * np.sign(z)), from_scaled(game, np.sign(z)))


@pytest.mark.parametrize("num", [1, 2])
def test_an_iterate_is_read_as_the_policy_that_it_holds(num):
    weights = np.concatenate([network(LINE, seed) for seed in range(num)])
    for squash in (False, True):
        memory = {"hidden": np.array(HIDDEN), "squash": np.array(squash), "greedy": np.array(False)}
        policy = weights if num > 1 else weights[0]
        iterate = Iterate(1, 0, policy, np.zeros((21, 1)), np.empty(0), memory)
        wanted = NetworkPolicy(LINE, weights, HIDDEN, squash, seed=9)
        x = states(LINE, 0, 2, 30)
        np.testing.assert_array_equal(saved_policy(LINE, iterate, 9)(2, x), wanted(2, x))
