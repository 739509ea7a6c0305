"""Rules of a game call methods of it, compiled as well: written once, overridden, with defaults."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from toys import Coin

from mfg_envs import BatchEnv, check_game, exact, make_game, policies
from mfg_envs.game import at
from mfg_envs.numerics import compiler
from mfg_envs.testing.contract import ContractError

pytest.importorskip("numba")


@dataclass(frozen=True, kw_only=True)
class Fair(Coin):
    """Every rule calls a method, one of them by keywords, and one method calls another."""

    weight: float = 0.7

    def chance(self, x, low=0.3):
        return low + 0.1 * x

    def noise_law(self, t, x, a, m):
        return 1 - self.chance(x, low=0.2 * a), self.chance(x, low=0.2 * a)

    def landing(self, x, w):
        return (x + w) % self.num_states

    def step(self, t, x, a, m, w):
        return self.landing(x, w)

    def price(self, x, m):
        return self.weight * at(m, x) / (1 + self.chance(x))

    def reward(self, t, x, a, m):
        return self.price(m=m, x=x) - 0.1 * a


@dataclass(frozen=True, kw_only=True)
class Unfair(Fair):
    """Its price has another signature, and reads what the base never reads."""

    offset: float = 0.25

    def price(self, x, m, tax=0.5):
        return self.offset * x - tax * at(m, x)


class Plain(Coin):
    """Its rules read nothing of it but a method."""

    def step(self, t, x, a, m, w):
        return (x + w) % 2

    def price(self, x):
        return 0.5 * x

    def reward(self, t, x, a, m):
        return self.price(x)


def played(game):
    env = BatchEnv(game, 2, 9, 0)
    env.reset()
    step = env.step(np.arange(18).reshape(2, 9) % 2)
    m = np.full((game.horizon, 2), 0.5)
    return step.state, step.reward, exact.action_values(game, m, policies.uniform(game))


@pytest.mark.parametrize("kind", [pytest.param(Fair, marks=pytest.mark.slow), Unfair, Plain])
def test_both_back_ends_play_with_the_same_bits(kind, use):
    use("numpy")
    plain = played(kind())
    use("numba")
    *steps, values = played(kind())
    assert all(map(np.array_equal, plain, steps))
    np.testing.assert_allclose(values, plain[-1], rtol=1e-14, atol=1e-15)  # other order of sums


def test_the_price_is_worked_out_with_the_defaults_of_each_class():
    use_of = {Fair: 0.7 * 0.25 / 1.4 - 0.1, Unfair: 0.25 - 0.5 * 0.25 - 0.1}
    for kind, expected in use_of.items():
        view, _, _, reward, jit = compiler.methods(kind)

        @jit
        def pay(values, m, view=view, reward=reward):
            return reward(view(*values), 0, 1, 1, m)

        assert pay(compiler.constants(kind()), np.array([0.75, 0.25])) == pytest.approx(expected)


def test_what_called_methods_read_is_read_and_what_they_are_is_known():
    assert compiler.methods(Fair).view._fields == ("num_states", "weight")
    assert compiler.methods(Unfair).view._fields == ("num_states", "offset")
    assert compiler.methods(Plain).view._fields == ("discount",)  # one of them there must be
    assert sorted(compiler.methods(Fair).view._calls) == ["chance", "landing", "price"]


def test_a_game_whose_rules_call_methods_keeps_the_contract(use):
    use("numba")
    check_game(Fair())
    check_game(Unfair())


def test_rewards_of_the_ring_road_share_their_square():
    owners = {
        name: type(make_game("ring_road", reward=name)).reward.__qualname__
        for name in ("min", "additive", "lwr", "separable")
    }
    assert owners == {
        **dict.fromkeys(("min", "additive", "lwr"), "SpeedControl.reward"),
        "separable": "Separable.reward",
    }


class Cubic(Coin):
    def bend(self, x):
        return np.polyval([1.0, 0.0], x)

    def reward(self, t, x, a, m):
        return self.bend(x)


class Endless(Coin):
    def again(self, x):
        return self.again(x) + 1.0 if np.ndim(x) == 0 else 1.0 * x

    def reward(self, t, x, a, m):
        return self.again(x)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Cubic, r"Cubic\.bend \(test_calls\.py:\d+\) cannot be compiled: np\.polyval is not among"),
        (Endless, r"Endless\.again \(test_calls\.py:\d+\) cannot be compiled: "),
    ],
)
def test_a_called_method_that_cannot_be_compiled_is_named_with_its_line(kind, words, use):
    use("numba")
    with pytest.raises(ContractError, match=words) as told:
        check_game(kind())
    assert "set compiles = False in the class" in str(told.value)
    assert "\n" not in str(told.value)
