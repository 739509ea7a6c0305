"""Players with a policy each do what each policy does when it is asked for them alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from mfg_envs import BatchEnv, make_game
from mfg_envs.numerics import random
from mfg_envs.players.each import Each, OneDeviates
from mfg_envs.players.observers import Observer
from mfg_envs.simulate.acting import Draws, Policy, Table, as_policy, mixture


@pytest.fixture(autouse=True)
def _numpy(use):
    use("numpy")


def begun(game, num_envs=3, num_agents=4, steps=2):
    env = BatchEnv(game, num_envs, num_agents, seed=1)
    env.reset()
    for _ in range(steps):
        env.step(np.zeros((num_envs, num_agents), int))
    return env


@dataclass(eq=False)
class Looking:
    """A model that keeps what it was shown, and does nothing."""

    seen: list = field(default_factory=list)

    def predict(self, rows, deterministic=True):
        self.seen.append(rows)
        return np.zeros(len(rows), int), None

    def obs_to_tensor(self, rows):
        return rows, True


def tables(game, random_policy, count):
    return [Table(game, random_policy(game, seed)) for seed in range(count)]


def test_who_shares_a_policy_with_all_does_what_that_policy_does(toys, random_policy):
    game = toys.Corridor()
    (table,) = tables(game, random_policy, 1)
    env = begun(game)
    np.testing.assert_array_equal(Each((table,) * 4).actions(env), table.actions(env))
    draws = Draws.of(env)
    np.testing.assert_array_equal(
        Each((table,) * 4).act(env.t, env.state, draws), table.actions(env)
    )


def test_players_are_asked_by_policy_and_draw_by_numbers_of_their_own(toys, random_policy):
    game = toys.Corridor()
    one, two = tables(game, random_policy, 2)
    everybody = Each((one, two, one, one))
    env = begun(game)
    assert [who.tolist() for who in everybody.groups] == [[0, 2, 3], [1]]
    a = everybody.actions(env)
    for policy, who in ((one, [0, 2, 3]), (two, [1])):
        own = Draws(random.subkey(env.keys, 3, who[0]), env.t)
        np.testing.assert_array_equal(a[:, who], policy.act(env.t, env.state[:, who], own))
    np.testing.assert_array_equal(a, everybody.act(env.t, env.state, Draws.of(env)))
    many = Each((one, two, Table(game, one.policy)))
    a = many.act(0, np.full((20_000, 3), 2), Draws(random.seed_key(0, np.arange(20_000)), 0))
    together = np.corrcoef((a[:, [0, 2]] == 1).T)[0, 1]
    assert abs(together) < 5 / np.sqrt(20_000)  # the same law, and draws of their own


@pytest.mark.parametrize("name", ["sis", "rock_paper_scissors", "routing"])
def test_each_model_sees_what_the_environment_shows(name):
    game = make_game(name)
    models = [Looking() for _ in range(4)]
    observers = [Observer(game), Observer(game, ("index",)), Observer(game), Observer(game)]
    everybody = Each(
        tuple(
            as_policy(game, model, observe=observer.parts)
            for model, observer in zip(models, observers, strict=True)
        )
    )
    env = begun(game, steps=1)
    a = everybody.actions(env)
    assert a.shape == (3, 4)
    for i, (model, observer) in enumerate(zip(models, observers, strict=True)):
        np.testing.assert_array_equal(model.seen[-1], env.look(observer)[:, i])


def test_a_mixture_is_kept_through_the_episode(toys, random_policy):
    game = toys.Corridor()
    S, A = game.num_states, game.num_actions
    pure = [np.broadcast_to(np.eye(A)[k], (game.horizon, S, A)) for k in range(2)]
    parts = [Table(game, table) for table in pure]
    everybody = Each((mixture(game, parts), mixture(game, parts)))
    env = BatchEnv(game, 50, 2, seed=1)
    env.reset()
    first = everybody.actions(env)
    kept = Draws(env.keys, 0, env.keys)
    np.testing.assert_array_equal(everybody.act(0, env.state, kept), first)
    assert 0 < (first[:, 0] != first[:, 1]).mean() < 1
    later = Draws(random.seed_key(9, np.arange(50)), 3, env.keys)
    np.testing.assert_array_equal(everybody.act(3, env.state, later), first)


class Says(Policy):
    """Does a number."""

    def __init__(self, number):
        self.number = number

    def act(self, t, x, draws, m=None):
        return np.full(x.shape, self.number)


def test_who_deviates_does_so_alone(toys, random_policy):
    game = toys.Corridor()
    one, two = tables(game, random_policy, 2)
    env = begun(game)
    for everybody in (Each((one,) * 4), Each((one, two, one, two))):
        a, b = (p.actions(env) for p in (everybody, OneDeviates(everybody, 2, Says(7))))
        assert (b[:, 2] == 7).all()
        np.testing.assert_array_equal(np.delete(a, 2, 1), np.delete(b, 2, 1))
        same = OneDeviates(everybody, 2, Says(7)).act(env.t, env.state, Draws.of(env))
        np.testing.assert_array_equal(same, b)
    alone = Each((one, two, Table(game, one.policy), two))
    kept = OneDeviates(alone, 2, one)
    np.testing.assert_array_equal(kept.actions(env), alone.actions(env))  # the same draws


def test_reading_the_crowd_and_the_number_of_players_are_told(toys, random_policy):
    game = toys.Corridor()
    one, two = tables(game, random_policy, 2)
    assert not Each((one, two)).reads_crowd
    assert Each((one, Says(1))).reads_crowd
    with pytest.raises(ValueError, match="policies of 2 players, 4 play"):
        Each((one, two)).actions(begun(game))
