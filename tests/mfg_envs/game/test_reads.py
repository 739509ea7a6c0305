"""Whether a law of motion is fixed is found out by running it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from toys import Coin

from mfg_envs.game import at
from mfg_envs.game.reads import law_table, moves_are_fixed

TABLE = np.array([0.25, 0.5, 0.75])


def read(name, function):
    return pytest.param(function, id=name)


class Ring(Coin):
    num_states, initial_law = 3, np.full(3, 1 / 3)

    def reward(self, t, x, a, m):
        return t * at(m, x)  # a reward may read whatever it likes


READS = [
    read("plus", lambda t, x, m: x + t),
    read("zero-times", lambda t, x, m: x + 0 * t),
    read("divmod", lambda t, x, m: x + divmod(t, 2)[1]),
    read("round", lambda t, x, m: x + round(t)),
    read("floor", lambda t, x, m: x + math.floor(t)),
    read("sin", lambda t, x, m: x + math.sin(t)),
    read("compare", lambda t, x, m: x + (t > 3)),
    read("where-condition", lambda t, x, m: np.where(t == 0, x, 0)),
    read("where-choice", lambda t, x, m: np.where(x > 5, t, x)),
    read("index", lambda t, x, m: x + TABLE[t]),
    read("branch", lambda t, x, m: x if t else x + 1),
    read("text", lambda t, x, m: x + len(f"{t}")),
    read("key", lambda t, x, m: x + {0: 1}.get(t, 0)),
    read("at", lambda t, x, m: x + at(m, x)),
    read("at-where", lambda t, x, m: np.where(at(m, x) > 0.5, x, 0)),
    read("m-index", lambda t, x, m: x + m[x]),
    read("m-ellipsis", lambda t, x, m: x + m[..., 0]),
    read("m-where", lambda t, x, m: np.where(x > 5, m, x)),
    read("m-sum", lambda t, x, m: x + m.sum()),
    read("m-mean", lambda t, x, m: x + np.mean(m)),
    read("m-matmul", lambda t, x, m: x + m @ TABLE),
    read("m-dot", lambda t, x, m: x + TABLE @ m),
    read("m-asarray", lambda t, x, m: x + np.asarray(m).max()),
    read("m-minimum", lambda t, x, m: np.minimum(x, m)),
    read("m-len", lambda t, x, m: x + len(m)),
    read("m-shape", lambda t, x, m: x + m.shape[0]),
]


@pytest.mark.parametrize("reads", READS)
def test_a_step_that_reads_time_or_crowd_is_not_fixed(reads):
    class Game(Ring):
        def step(self, t, x, a, m, w):
            return reads(t, x, m) % 3

    assert not moves_are_fixed(Game())


@pytest.mark.parametrize("reads", READS)
def test_a_noise_law_that_reads_time_or_crowd_is_not_fixed(reads):
    class Game(Ring):
        def noise_law(self, t, x, a, m):
            p = 0.5 + 0 * reads(t, x, m)
            return p, 1 - p

    assert not moves_are_fixed(Game())


def test_what_the_reward_reads_does_not_matter():
    assert moves_are_fixed(Ring())


def test_passing_the_time_on_unread_leaves_the_moves_fixed():
    class Game(Ring):
        def step(self, t, x, a, m, w):
            return self.turn(t, x, w, m)

        def turn(self, t, x, w, m):
            return (x + w) % 3

    assert moves_are_fixed(Game())


def test_the_toys_are_told_apart(any_game):
    reads_the_crowd = type(any_game).__name__ in ("Epidemic", "Market")
    assert moves_are_fixed(any_game) is not reads_the_crowd


def test_a_broken_method_is_not_taken_for_one_that_reads():
    class Game(Ring):
        def step(self, t, x, a, m, w):
            return x + self.missing

    with pytest.raises(AttributeError, match="missing"):
        moves_are_fixed(Game())


def test_the_law_table_of_a_tuple_broadcasts_constants():
    x, a = np.indices((3, 2))
    table = law_table(Ring(), 0, x, a, None)
    assert table.shape == (3, 2, 2)
    assert (table == 0.5).all()


def test_the_law_table_of_an_array_is_the_array(toys):
    game = toys.Garnet()
    x, a = np.indices((20, 4))
    assert np.array_equal(law_table(game, 0, x, a, None), game.noise_law(0, x, a, None))
    players = law_table(game, 0, np.array([[0, 1]]), np.array([[0, 1]]), None)
    assert players[0, 0].tolist() == [0, 1, 0]
    assert players.shape == (1, 2, 3)
