"""What cannot be compiled of a game is named in one sentence: method, line and remedy."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from toys import Coin

from mfg_envs import BatchEnv, check_game, exact, policies
from mfg_envs.numerics import compiler
from mfg_envs.testing.contract import ContractError

pytest.importorskip("numba")


class Pieces(Coin):
    def reward(self, t, x, a, m):
        return np.piecewise(1.0 * x, [x < 1, x >= 1], [1.0, 2.0])


def bonus(x):
    return np.polyval([1.0, 2.0], x)


class Helped(Coin):
    def reward(self, t, x, a, m):
        return bonus(x)


class Shaped(Coin):
    def reward(self, t, x, a, m):
        return 0.5 * np.ones(np.shape(x)) + x.astype(float).copy()


class Broad(Coin):
    def reward(self, t, x, a, m):
        return np.broadcast_to(1.0, np.shape(x))


class Inherits(Coin):
    def reward(self, t, x, a, m):
        return super().reward(t, x, a, m)


class Chooses(Coin):
    def step(self, t, x, a, m, w):
        return np.choose(a, [x, (x + w) % 2])


class Asks(Coin):
    @staticmethod
    def worth(x):
        return 1.0 * x

    def reward(self, t, x, a, m):
        return self.worth(x)


class Spelled(Coin):
    words = ("a", "b")

    def reward(self, t, x, a, m):
        return 1.0 * len(self.words) * x


def line_of(function, text):
    lines, first = inspect.getsourcelines(function)
    return first + next(i for i, line in enumerate(lines) if text in line)


FAULTS = [
    (Pieces, Pieces.reward, "return", "np.piecewise is not among those functions"),
    (Helped, bonus, "return", "np.polyval is not among those functions"),
    (Shaped, Shaped.reward, "return", "np.ones is not among those functions"),
    (Broad, Broad.reward, "return", "np.broadcast_to is not among those functions"),
    (Chooses, Chooses.step, "return", "np.choose is not among those functions"),
]


@pytest.mark.parametrize(("kind", "at_fault", "text", "words"), FAULTS)
def test_a_method_that_cannot_be_compiled_is_one_sentence(kind, at_fault, text, words, use):
    use("numba")
    view, _, step, reward, jit = compiler.methods(kind)

    @jit
    def play(values, m):
        game = view(*values)
        return reward(game, 0, 1, 1, m) + step(game, 0, 1, 1, m, 0)

    with pytest.raises(TypeError) as told:
        play(compiler.constants(kind()), np.array([0.5, 0.5]))
    where = f"{at_fault.__qualname__} (test_compile_errors.py:{line_of(at_fault, text)})"
    said = str(told.value)
    assert said.startswith(f"{where} cannot be compiled: ")
    assert words in said
    assert "mfg_envs.numerics.elementwise.FUNCTIONS, or set compiles = False in the class" in said
    assert "\n" not in said
    assert told.value.__suppress_context__


def test_environments_solvers_and_the_contract_say_the_same(use):
    use("numba")
    where = r"Pieces\.reward \(test_compile_errors\.py:\d+\) cannot be compiled: np\.piecewise"
    env = BatchEnv(Pieces(), 1, 3, 0)
    env.reset()
    with pytest.raises(TypeError, match=where):
        env.step(np.zeros((1, 3), int))
    with pytest.raises(TypeError, match=where):
        exact.exploitability(Pieces(), policies.uniform(Pieces()))
    with pytest.raises(ContractError, match=where) as told:
        check_game(Pieces())
    assert "mfg_envs.numerics.elementwise.FUNCTIONS" in str(told.value)
    assert "\n" not in str(told.value)


def test_numpy_plays_what_does_not_compile_if_the_class_says_so(use):
    use("numba")
    plain = type("Plain", (Pieces,), {"compiles": False})()
    env = BatchEnv(plain, 1, 3, 0)
    env.reset()
    before = env.state
    assert env.step(np.zeros((1, 3), int)).reward.tolist() == (1.0 + before).tolist()
    assert exact.exploitability(plain, policies.uniform(plain)) == 0.0


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Asks, "Asks calls super().worth, or a self.worth that is no plain method, in step,"),
        (Inherits, "Inherits calls super().reward, or a self.reward that is no plain method, in"),
        (Spelled, "Spelled reads self.words = ('a', 'b') in step, noise_law or reward"),
    ],
)
def test_what_is_read_of_self_is_numbers(kind, words, use):
    use("numba")
    with pytest.raises(TypeError) as told:
        BatchEnv(kind(), 1, 3)
    assert words in str(told.value)
    assert "set compiles = False" in str(told.value)
