"""Policies as objects: what they do is what their laws say, drawn by the counters of the episode.

The bits are worked out here from the counters: seed, episode, stream 2 (actions), time, player.
"""

from __future__ import annotations

import numpy as np
import pytest

from mfg_envs import BatchEnv, make_game, riccati
from mfg_envs.exact.discretise import GridPolicy, discretise
from mfg_envs.numerics import random
from mfg_envs.simulate.acting import Draws, Policy, as_policy, mixture
from mfg_envs.simulate.alias import alias_table

MANY = 100_000
LINE = make_game("linear_quadratic", horizon=4)
GRID = discretise(LINE, num_states=11, num_actions=5)


def draws(seed=0, t=0, num_envs=1):
    return Draws(random.seed_key(seed, np.arange(num_envs)), t)


def bits_of(seed, population, t, player, *branch):
    """Return the 64 bits of one player's draw in the first episode of a seed."""
    key = random.seed_key(seed + population)
    for number in (0, 2, t, *branch):
        key = random.subkey(key, number)
    with np.errstate(over="ignore"):
        return int(random.bits(key, np.uint64(player)))


def unit_of(*where):
    return (bits_of(*where) >> 11) / 2.0**53


def check_shares(a, law):
    """Compare how often actions are done with their probabilities, at 5 sigma."""
    share = np.bincount(a.ravel(), minlength=len(law)) / a.size
    assert (abs(share - law) <= 5 * np.sqrt(law * (1 - law) / a.size) + 1e-12).all()


def begun(game, *sizes, seed=7):
    env = BatchEnv(game, *sizes, seed)
    env.reset()
    return env


def test_a_table_acts_by_its_law(toys, random_policy):
    game = toys.Corridor()
    table = random_policy(game)
    played = as_policy(game, table)
    x = np.arange(5)[None].repeat(2, 0)
    np.testing.assert_array_equal(played.law(3, x), table[3][x])
    for state in range(5):
        a = played.act(3, np.full((1, MANY), state), draws(t=3))
        check_shares(a, table[3, state])


def test_a_table_is_drawn_by_the_counters_of_the_episode(toys, random_policy):
    game = toys.Corridor()
    table = random_policy(game)
    env, played = begun(game, 2, 30), as_policy(game, table)
    for t in range(3):
        a = played.actions(env)
        for b, i in np.ndindex(a.shape):
            z = bits_of(7, b, t, i)
            entry = int(alias_table(table[t])[env.state[b, i], column := (z % 2**32) * 3 >> 32])
            assert a[b, i] == (column if z >> 32 < entry >> 32 else entry % 2**32)
        env.step(a)


def test_a_table_of_a_stationary_game_and_one_over_observed_states(toys, random_policy):
    game, table = toys.Market(horizon=None), random_policy(toys.Market(horizon=None))
    np.testing.assert_array_equal(as_policy(game, table).law(99, np.array([[4]]))[0, 0], table[4])
    chain = make_game("four_rooms_grid", horizon=2)
    observed = random_policy(chain)
    np.testing.assert_array_equal(
        as_policy(chain, observed).law(1, np.array([[5]])), observed[1:, [5]]
    )


def test_a_policy_on_a_grid_acts_by_its_law(random_policy):
    table = random_policy(GRID)
    played = as_policy(LINE, GridPolicy(GRID, table))
    points, values = GRID.states[0], GRID.actions[0]
    x = np.full((1, MANY, 1), 0.7 * points[3] + 0.3 * points[4])
    law = played.law(2, x)[0, 0]
    np.testing.assert_allclose(law, 0.7 * table[2, 3] + 0.3 * table[2, 4], atol=1e-12)
    a = played.act(2, x, draws(5, 2))[..., 0]
    check_shares(np.searchsorted(values, a), law)
    np.testing.assert_allclose(played.mean(2, x)[0, 0, 0], law @ values, atol=1e-12)


def test_a_policy_on_a_grid_is_drawn_by_two_counters(random_policy):
    table = random_policy(GRID)
    env, played = begun(LINE, 2, 20), as_policy(LINE, GridPolicy(GRID, table))
    points = GRID.states[0]
    for t in range(2):
        a = played.actions(env)
        for b, i in np.ndindex(2, 20):
            x = env.state[b, i, 0]
            left = min(int(np.searchsorted(points, x, "right")) - 1, 9)
            weight = np.clip((x - points[left]) / (points[1] - points[0]), 0, 1)
            point = left + (unit_of(7, b, t, i, 0) >= 1 - weight)
            number = (unit_of(7, b, t, i, 1) >= table[t, point].cumsum()[:-1]).sum()
            assert a[b, i, 0] == GRID.actions[0][number]
        env.step(a)


def test_a_policy_on_a_grid_is_a_table_in_the_game_on_that_grid(random_policy):
    table = random_policy(GRID)
    played = as_policy(GRID, GridPolicy(GRID, table))
    np.testing.assert_array_equal(played.law(1, np.array([[4]]))[0, 0], table[1, 4])


def test_functions_and_affine_policies_do_what_they_say():
    x = np.random.default_rng(0).normal(size=(2, 3, 1))
    gain, offset = np.full((4, 1, 1), -0.5), np.arange(4.0)[:, None]
    affine = as_policy(LINE, riccati.Affine(gain, offset))
    np.testing.assert_array_equal(affine.act(2, x, draws()), -0.5 * x + 2)
    np.testing.assert_array_equal(affine.mean(2, x), -0.5 * x + 2)
    twice = as_policy(LINE, lambda t, x: (t + 1) * x)
    np.testing.assert_array_equal(twice.act(1, x, draws()), 2 * x)


def test_a_function_plays_a_finite_game(toys):
    game = toys.Corridor()
    ahead = begun(game, 1, 9).rollout(lambda t, x: np.where(x < 4, 2, 1), 7)
    table = np.tile(np.eye(3)[[2, 2, 2, 2, 1]], (7, 1, 1))
    same = begun(game, 1, 9).rollout(table, 7)
    np.testing.assert_array_equal(ahead.mean_field, same.mean_field)


@pytest.fixture
def corridor_mixture(toys, random_policy):
    """Return a game and a mixture of staying, and of a random policy that never stays."""
    game = toys.Corridor()
    moving = random_policy(game) * [1, 0, 1]
    moving /= moving.sum(-1, keepdims=True)
    stay = np.broadcast_to(np.eye(3)[1], moving.shape)
    return game, stay, moving, mixture(game, [stay, moving], [0.3, 0.7])


def test_players_draw_one_policy_of_a_mixture_in_an_episode_and_keep_it(corridor_mixture):
    game, stay, moving, mixed = corridor_mixture
    env = begun(game, 2, 5000)
    stays = None
    for _ in range(3):
        a = mixed.actions(env)
        assert stays is None or np.array_equal(a == 1, stays)
        stays = a == 1
        parts = [as_policy(game, part).actions(env) for part in (stay, moving)]
        np.testing.assert_array_equal(a, np.where(stays, *parts))
        env.step(a)
    assert abs(stays.mean() - 0.3) <= 5 * np.sqrt(0.3 * 0.7 / stays.size)
    env.reset()  # the next episode is another draw
    again = mixed.actions(env) == 1
    # Of independent draws 0.3^2 + 0.7^2 agree.
    assert abs((again == stays).mean() - 0.58) <= 5 * np.sqrt(0.58 * 0.42 / stays.size)


def test_players_of_a_mixture_are_the_same_alone_as_in_a_batch(corridor_mixture):
    game, *_, mixed = corridor_mixture
    together = mixed.actions(begun(game, 3, 50))
    for b in range(3):
        alone = mixed.actions(begun(game, 1, 20, seed=7 + b))
        np.testing.assert_array_equal(alone[0], together[b, :20])


def test_a_mixture_of_mixtures_has_the_chances_of_its_parts(corridor_mixture):
    game, stay, moving, mixed = corridor_mixture
    whole = mixture(game, [mixed, stay, moving], [0.5, 0.25, 0.25])
    np.testing.assert_allclose(whole.weights, [0.15, 0.35, 0.25, 0.25])
    who = whole.drawn(draws(3), MANY)
    check_shares(who, np.array([0.15, 0.35, 0.25, 0.25]))
    even = mixture(game, [stay, moving])
    check_shares(even.drawn(draws(4), MANY), np.array([0.5, 0.5]))


def test_a_mixture_says_that_its_law_is_not_known(corridor_mixture):
    *_, mixed = corridor_mixture
    with pytest.raises(ValueError, match="probabilities of actions of a Mixture are not known"):
        mixed.law(0, np.zeros((1, 1), int))
    with pytest.raises(ValueError, match="mean action of a Table is not known"):
        mixed.parts[0].mean(0, np.zeros((1, 1), int))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([0.5], r"one weight for each .* 2 policies and weights of shape \(1,\)"),
        ([0.5, 0.6], "weights must be probabilities that sum to one"),
        ([1.5, -0.5], "weights must be probabilities"),
    ],
)
def test_invalid_weights_of_a_mixture_are_named(corridor_mixture, weights, message):
    game, stay, moving, _ = corridor_mixture
    with pytest.raises(ValueError, match=message):
        mixture(game, [stay, moving], weights)


def test_a_mixture_needs_policies_and_no_team(toys):
    with pytest.raises(ValueError, match="one or more policies, got 0"):
        mixture(toys.Corridor(), [])
    with pytest.raises(TypeError, match="dispatcher is a team game"):
        mixture(make_game("dispatcher"), [])


@pytest.mark.parametrize(
    ("game", "policy", "message"),
    [
        (LINE, np.zeros((4, 1)), "a function of .*GridPolicy.*riccati.Affine.*Stable.*torch"),
        (make_game("dispatcher"), np.zeros(3), "a SubsampledPolicy or another Policy"),
        ("sis", np.zeros(3), r"from make_game\(\.\.\.\)"),
        (make_game("sis"), {"a": 1}, r"one policy, got dict .* metrics\.team_gap"),
        (make_game("sis"), int, r"policy must be an array \(S, A\)"),
        (make_game("sis"), np.zeros((2, 9)), r"policy must have shape \(S, A\) = \(2, 5\)"),
    ],
)
def test_what_is_no_policy_is_refused_and_the_forms_are_named(game, policy, message):
    with pytest.raises((TypeError, ValueError), match=message):
        as_policy(game, policy)


def test_a_policy_of_ones_own_acts_in_a_rollout_and_sees_the_crowd(toys):
    class Contrarian(Policy):
        """Stay where there are fewer than half of all."""

        def act(self, t, x, draws, m=None):
            return np.where(np.take_along_axis(m, x, 1) < 0.5, 1, np.where(x < 4, 2, 1))

    game, own = toys.Corridor(), Contrarian()
    assert as_policy(game, own) is own
    env = begun(game, 1, 50)
    np.testing.assert_array_equal(own.actions(env), np.full((1, 50), 2))  # all begin in cell 1
    met = env.rollout(own, 7).mean_field
    assert met[0, 0, 1] == 1
    assert met[1, 0, 1] < 1


@pytest.mark.parametrize("name", ["sis", "linear_quadratic"])
@pytest.mark.parametrize("given", [lambda: 0, int], ids=["function", "class"])
def test_what_cannot_be_called_with_time_and_states_is_named(name, given):
    with pytest.raises(TypeError, match="policy must be"):
        as_policy(make_game(name), given)
