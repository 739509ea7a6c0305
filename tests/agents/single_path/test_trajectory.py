from dataclasses import dataclass

import numpy as np
import pytest
from covering import covering

from agents import QMIteration, SampledFixedPointIteration, SemiSGD
from agents.single_path import trajectory
from mfg_envs import make_game
from mfg_envs.environments.representative import RepresentativeEnv
from mfg_envs.game import FiniteGame
from mfg_envs.numerics import random


@dataclass(frozen=True, kw_only=True)
class TwoArmed(FiniteGame):
    """One state; action 1 pays 1, action 0 nothing."""

    discount: float = 0.5
    horizon: int | None = None
    num_states = 1
    num_actions = 2
    initial_law = np.ones(1)

    def noise_law(self, t, x, a, m):
        return (1.0 + 0 * x,)

    def step(self, t, x, a, m, w):
        return x

    def reward(self, t, x, a, m):
        return 1.0 * a


LEARNERS = [
    QMIteration(variant="off", iterations=3, inner_steps=120),
    QMIteration(variant="off", iterations=3, inner_steps=120, beta="continue", target="sarsa"),
    QMIteration(variant="on", iterations=3, inner_steps=120),
    QMIteration(variant="on", iterations=3, inner_steps=120, target="sarsa", alpha=0.1),
    SemiSGD(iterations=3, inner_steps=100, alpha=0.1, beta=0.05),
    SemiSGD(iterations=2, inner_steps=100, refresh=20),
    *(
        SampledFixedPointIteration(variant=variant, iterations=3, inner_steps=100, alpha=0.05)
        for variant in ("plain", "entropy", "fictitious_play", "q_averaging")
    ),
]
GAMES = {
    "cell": {"num_cells": 7, "num_speeds": 5},
    "position": {"num_cells": 6, "num_speeds": 4, "dynamics": "position", "reward": "additive"},
}


def same(left, right):
    parts = ("iteration", "samples", "policy", "mean_field", "q")
    return all(np.array_equal(getattr(left, name), getattr(right, name)) for name in parts)


@covering(learner=LEARNERS, name=list(GAMES))
def test_compiled_loop_equals_the_walk_through_the_environment(learner, name, monkeypatch):
    game = make_game("ring_road", **GAMES[name])
    compiled = list(learner.learn(game, 5))
    stepwise = list(learner.learn(RepresentativeEnv(game, observe=("index",)), 5))
    monkeypatch.setenv("MFG_ENVS_BACKEND", "numpy")
    numpy = list(learner.learn(game, 5))
    assert len(compiled) == len(stepwise) == len(numpy) == learner.iterations
    for one, two, three in zip(compiled, stepwise, numpy, strict=True):
        assert same(one, two)
        assert same(one, three)


@pytest.mark.parametrize("learner", LEARNERS, ids=repr)
def test_seeds_side_by_side_are_each_as_if_alone(learner):
    game = make_game("ring_road", **GAMES["cell"])
    together = list(learner.learn(game, [4, 5, 11]))
    for e, seed in enumerate((4, 5, 11)):
        for one, all_ in zip(learner.learn(game, seed), together, strict=True):
            assert np.array_equal(one.q, all_.q[e])
            assert np.array_equal(one.mean_field, all_.mean_field[e])
            assert np.array_equal(one.policy, all_.policy[e])


@pytest.mark.parametrize("learner", LEARNERS, ids=repr)
def test_going_on_from_any_iterate_gives_the_same_bits(learner):
    game = make_game("ring_road", **GAMES["position"])
    whole = list(learner.learn(game, 3))
    for k in range(len(whole) - 1):
        for one, two in zip(learner.learn(game, 3, start=whole[k]), whole[k + 1 :], strict=True):
            assert same(one, two)


def test_two_steps_by_hand():
    # One state, two actions, constant rewards 0 and 1, greedy from Q = 0: all numbers are known.
    game = TwoArmed()
    rules = trajectory.Rules(fresh_policy=True, fresh_field=True, sarsa=False)
    keys = trajectory.episode_keys([0])
    memory = trajectory.Memory(
        0,
        np.zeros(1, np.int32),
        np.full(1, -1, np.int32),
        np.array([[[0.0, 0.2]]]),
        np.ones((1, 1)),
    )
    constant = trajectory.Schedule(np.full(2, 0.1), np.full(2, 0.5), np.full(2, 1e9))
    after = trajectory.advance(game, keys, memory, constant, rules, game.discount)
    q = 0.2 + 0.1 * (1 + 0.5 * 0.2 - 0.2)
    q = q + 0.1 * (1 + 0.5 * q - q)
    np.testing.assert_allclose(after.q[0, 0], [0.0, q], rtol=1e-15)
    assert after.t == 2
    np.testing.assert_allclose(after.m, 1.0, rtol=1e-15)


def test_draws_follow_the_softmax():
    row, legal = np.array([0.3, -0.2, 0.1, 5.0]), np.array([True, True, True, False])
    u = random.uniform(random.seed_key(1), 40_000)
    counts = np.bincount([trajectory.draw(row, legal, 3.0, v) for v in u], minlength=4)
    law = np.where(legal, np.exp(3 * row), 0)
    law /= law.sum()
    assert counts[3] == 0
    assert (np.abs(counts - u.size * law) <= 5 * np.sqrt(u.size * law * (1 - law)) + 1e-9).all()


def test_sources_that_cannot_be_learned_are_refused_before_anything_starts():
    with pytest.raises(ValueError, match="need a game without end, horizon is 9"):
        next(QMIteration().learn(make_game("ring_road", horizon=9)))
    with pytest.raises(TypeError, match="needs a FiniteGame or a RepresentativeEnv, got 3"):
        next(QMIteration().learn(3))
    env = RepresentativeEnv(make_game("ring_road"))
    with pytest.raises(ValueError, match=r'observe=\("index",\)'):
        next(QMIteration().learn(env))


def test_an_environment_stands_where_it_is_and_is_not_gone_on_with():
    env, learner = RepresentativeEnv(TwoArmed(), observe=("index",)), QMIteration(inner_steps=3)
    first = next(learner.learn(env))
    before = env.batch.t
    with pytest.raises(ValueError, match="through an environment: one seed, from the start"):
        next(learner.learn(env, start=first))
    with pytest.raises(ValueError, match="through an environment: one seed, from the start"):
        next(learner.learn(env, [1, 2]))
    assert env.batch.t == before > 0
