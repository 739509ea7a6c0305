"""Compiled methods read numbers and arrays of a game, and are kept apart by all they close over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from toys import Coin

from mfg_envs import BatchEnv, exact, policies
from mfg_envs.games.ring_road import RingRoad
from mfg_envs.numerics import compiler

pytest.importorskip("numba")


def test_what_a_class_closes_over_tells_its_kernels_apart(toys):
    def tax(amount):
        class Taxed(toys.Epidemic):
            def reward(self, t, x, a, m):
                return -amount * x

        return Taxed()

    for amount in (1.0, 2.0):
        game = tax(amount)
        everybody = np.array([[0.0, 1.0]] * 6)
        q = exact.action_values(game, everybody, policies.uniform(game))
        assert q[-1].tolist() == [[0, 0], [-amount, -amount]]


def test_kernels_of_two_games_have_names_of_their_own(toys):
    def name(game_class):  # numba links by name
        reward, jit = compiler.methods(game_class).reward, compiler.methods(game_class).jit

        @jit
        def pay(game, m):
            return reward(game, 0, 0, 0, m)

        return pay.py_func.__qualname__

    assert name(toys.Garnet) == name(toys.Garnet)
    assert name(toys.Garnet) != name(toys.Corridor)


@dataclass(frozen=True, kw_only=True)
class Worded(Coin):
    mood: str = "good"

    def reward(self, t, x, a, m):
        return 1.0 * x if self.mood == "good" else -1.0 * x


def test_a_method_that_reads_a_word_is_refused_with_the_remedy(use):
    message = (
        r"Worded reads self\.mood = 'good' in step, noise_law or reward; compiled methods read"
        r" numbers and arrays only: derive one in a cached property"
    )
    use("numba")
    with pytest.raises(TypeError, match=message):
        BatchEnv(Worded(), 1, 1)
    with pytest.raises(TypeError, match=message):
        exact.flow(Worded(), policies.uniform(Worded()))
    use("numpy")
    assert BatchEnv(Worded(), 1, 1).reset().reward.shape == (1, 1)


def test_compiled_methods_read_what_they_name_of_self_and_nothing_else(toys):
    assert compiler.methods(toys.Garnet).view._fields == ("_chances", "payoff", "successors")
    values = compiler.constants(toys.Garnet(size=3))
    assert [value.shape for value in values] == [(3, 4, 3), (3, 4), (3, 4, 3)]
    assert compiler.methods(toys.Market).view._fields == ("jam", "stall")


def test_one_compiled_class_serves_every_size(toys):
    for size in (3, 50):
        game = toys.Garnet(size=size)
        env = BatchEnv(game, 1, 5, 0)
        start = env.reset()
        a = np.zeros((1, 5), int)
        expected = game.reward(0, start.state, a, start.mean_field)
        assert np.array_equal(env.step(a).reward, expected)


def test_scalar_functions_are_made_once_and_leave_the_original_alone():
    method = RingRoad.gap
    before = dict(method.__globals__)
    twin = compiler.scalar(method)
    assert compiler.scalar(method) is twin
    assert dict(method.__globals__) == before
    assert twin.__globals__["np"] is not np
    assert np is method.__globals__["np"]
