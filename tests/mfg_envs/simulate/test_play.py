"""One episode: what is kept is what a batch shows, step by step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mfg_envs import BatchEnv, exact, make_game, policies
from mfg_envs.simulate.alias import alias_table, sample_actions
from mfg_envs.simulate.play import play

LINE = make_game("linear_quadratic", horizon=4)


@pytest.mark.parametrize("name", ["Corridor", "Market"])
def test_an_episode_is_the_steps_of_a_batch(toys, random_policy, name):
    """With a mean field of controls that of the decision itself is met."""
    game = getattr(toys, name)()
    table = random_policy(game)
    episode = play(game, table, 40, num_envs=3, seed=5)
    env = BatchEnv(game, 3, 40, 5)
    now = env.reset()
    for t in range(game.horizon):
        a = sample_actions(alias_table(table[t]), now.state, env.keys, t)
        before, now = now, env.step(a)
        met = now.mean_field if game.mean_field_of_controls else before.mean_field
        wanted = before.state, a, now.reward, met
        for kept, value in zip(episode, wanted, strict=True):
            np.testing.assert_array_equal(kept[t], value)


def test_populations_are_those_of_their_own_seeds(toys, random_policy):
    game = toys.Garnet()
    table = random_policy(game)
    together = play(game, table, 9, num_envs=3, seed=2, num_steps=4)
    for b in range(3):
        alone = play(game, table, 9, seed=2 + b, num_steps=4)
        for one, other in zip(alone.population(0), together.population(b), strict=True):
            np.testing.assert_array_equal(one, other)


def test_an_episode_and_a_rollout_are_the_same(toys, random_policy):
    game = toys.Corridor()
    table = random_policy(game)
    env = BatchEnv(game, 2, 30, 1)
    env.reset()
    rolled, episode = env.rollout(table, 7), play(game, table, 30, num_envs=2, seed=1)
    np.testing.assert_array_equal(rolled.mean_field, episode.mean_field)
    np.testing.assert_allclose(rolled.reward, episode.reward.mean(-1), atol=1e-13)


def test_a_frozen_crowd_is_met_by_all(toys, random_policy):
    game = toys.Corridor()
    crowd = exact.flow(game, policies.uniform(game))
    episode = play(game, random_policy(game), 5, num_envs=2, mean_field=crowd)
    np.testing.assert_array_equal(episode.mean_field, crowd[:, None].repeat(2, 1))
    frozen = play(LINE, lambda t, x: -0.1 * x, 5, mean_field=np.array([0.25]))
    np.testing.assert_array_equal(frozen.mean_field, np.full((4, 1, 1), 0.25))


def test_actions_of_single_precision_are_kept_in_double():
    episode = play(LINE, lambda t, x: (-0.1 * x).astype(np.float32), 5)
    assert episode.action.dtype == np.float64
    np.testing.assert_array_equal(episode.action, (-0.1 * episode.state).astype(np.float32))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"game": make_game("sis")}, "a stationary game has no last step: give num_steps"),
        ({"num_steps": 8}, r"num_steps must be in \[1, 7\], got 8"),
        ({"num_steps": 0}, "num_steps must be"),
        ({"num_agents": 0}, "num_agents must be at least 1, got 0"),
        ({"num_agents": 10**15}, "num_agents.*use at most"),
        ({"game": make_game("dispatcher"), "num_steps": 2}, "team game"),
        ({"mean_field": np.zeros(3)}, "mean field must have shape"),
    ],
)
def test_an_episode_that_cannot_be_is_refused(toys, random_policy, change, message):
    game = toys.Corridor()
    given = {"game": game, "policy": random_policy(game), "num_agents": 3, **change}
    with pytest.raises((ValueError, TypeError), match=message):
        play(**given)


def test_a_policy_that_fails_at_a_step_says_so():
    with pytest.raises(ValueError, match=r"actions must have shape \(B, N, d\) = \(1, 3, 1\)"):
        play(replace(LINE, horizon=2), lambda t, x: x[:, :2], 3)
