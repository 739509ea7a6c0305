import numpy as np
import pytest

from agents.n_players.compiled_tables import CompiledTables
from agents.n_players.tables import MOST, Rules, Tables, Transition
from mfg_envs.numerics import random

ALPHAS = np.full(MOST + 1, 0.25, np.float32)
ALPHAS[0] = 0.5
LEGAL = np.array([[True, True, True], [True, False, True]])
RULES = Rules(LEGAL, 2.0, ALPHAS, 0.5, 10.0, 4.0)
"""Of two rows; rewards count as (r - 10) / 4."""


@pytest.fixture(params=[Tables, CompiledTables])
def made(request):
    if request.param is CompiledTables:
        pytest.importorskip("numba")
    return request.param


def zeros(made, num_players=2):
    shape = (num_players, 2, 3)
    return made(np.zeros(shape, np.float32), np.zeros(shape, np.uint16), RULES)


def transition(row, action, reward, after, goes_on=True):
    a, r = np.array(action, np.int32), np.array(reward, float)
    return Transition(np.array(row), a, r, np.array(after), goes_on)


def test_updates_are_those_worked_by_hand(made):
    tables = zeros(made)
    # Player 0: gain 1, all values are 0: Q(0, 2) = .5.  Player 1: gain -2: Q(1, 0) = -1.
    tables.learn(transition([0, 1], [2, 0], [14, 2], [1, 1]))
    assert tables.q[0].tolist() == [[0, 0, 0.5], [0, 0, 0]]
    assert tables.q[1].tolist() == [[0, 0, 0], [-1, 0, 0]]
    # Player 0 sees .5 ahead, and comes here for the first time: Q(1, 2) = .5 (2 + .5 .5).
    # Player 1 has been here before: Q(1, 0) = -1 + .25 (1 + .5 0 + 1).
    tables.learn(transition([1, 1], [2, 0], [18, 14], [0, 1]))
    assert tables.q[0, 1].tolist() == [0, 0, 1.125]
    assert tables.q[1, 1].tolist() == [-0.5, 0, 0]
    # In the end nothing is ahead: Q(0, 2) = .5 + .25 (-1 - .5).
    tables.learn(transition([0, 0], [2, 1], [6, 10], [1, 1], False))
    assert tables.q[0, 0].tolist() == [0, 0, 0.125]
    assert tables.visits.tolist() == [[[0, 0, 2], [0, 0, 1]], [[0, 1, 0], [2, 0, 0]]]
    assert tables.seen.tolist() == [[2, 1], [1, 2]]


def test_values_of_illegal_actions_are_not_looked_at(made):
    q = np.zeros((1, 2, 3), np.float32)
    q[0, 1] = [-4, 100, -2]
    tables = made(q, np.zeros(q.shape, np.uint16), RULES)
    tables.learn(transition([0], [0], [10], [1]))
    assert tables.q[0, 0, 0] == 0.5 * 0.5 * -2
    row = np.ones(1, int)
    acted = {int(tables.act(row, random.seed_key(seed))[0]) for seed in range(200)}
    assert acted == {0, 2}


def test_choices_follow_the_softmax(made):
    q = np.tile(np.array([[0.2, -0.1, 0.4], [0, 0, 0]], np.float32), (60_000, 1, 1))
    tables = made(q, np.zeros(q.shape, np.uint16), RULES)
    a = tables.act(np.zeros(len(q), int), random.seed_key(7))
    law = np.exp(2 * q[0, 0].astype(float))
    np.testing.assert_allclose(np.bincount(a) / len(a), law / law.sum(), atol=0.007)


def test_counts_stop_where_they_would_overflow(made):
    q, visits = np.zeros((1, 2, 3), np.float32), np.full((1, 2, 3), MOST, np.uint16)
    tables = made(q, visits, RULES)
    tables.learn(transition([0], [1], [14], [1]))
    assert tables.visits[0, 0].tolist() == [MOST] * 3 and tables.q[0, 0, 1] == 0.25


def test_tables_given_stay_as_they_are(made):
    q, visits = np.zeros((2, 2, 3), np.float32), np.zeros((2, 2, 3), np.uint16)
    tables = made(q, visits, RULES)
    tables.learn(transition([0, 1], [2, 0], [14, 2], [1, 1]))
    assert not q.any() and not visits.any() and tables.q.any()


@pytest.mark.parametrize("num_actions", [2, 5, 11])
def test_both_back_ends_have_the_same_bits(num_actions):
    pytest.importorskip("numba")
    draw, N, R = np.random.default_rng(num_actions), 700, 6
    q = draw.normal(size=(N, R, num_actions)).astype(np.float32)
    visits = draw.integers(0, MOST + 1, q.shape).astype(np.uint16)
    legal = draw.random((R, num_actions)) < 0.6
    legal[np.arange(R), draw.integers(0, num_actions, R)] = True
    alphas = draw.random(MOST + 1).astype(np.float32)
    rules = Rules(legal, 3.7, alphas, 0.93, -0.3, 1.7)
    pair = Tables(q, visits, rules), CompiledTables(q, visits, rules)
    row = draw.integers(0, R, N)
    for step in range(6):
        one, two = (tables.act(row, random.seed_key(step)) for tables in pair)
        assert one.dtype == two.dtype and np.array_equal(one, two)
        after = draw.integers(0, R, N)
        met = Transition(row, one, draw.normal(size=N), after, step % 3 < 2)
        for tables in pair:
            tables.learn(met)
        row = after
    for name in ("q", "visits", "seen"):
        one, two = (np.ascontiguousarray(getattr(tables, name)) for tables in pair)
        assert one.dtype == two.dtype and one.tobytes() == two.tobytes()
