"""The compiled passes: maps as shifts, blocks of states, checks on the way, memory used again."""

from __future__ import annotations

import numpy as np
import pytest
from covering import covering
from toys import Hole
from toys.complete import EVERY, TWICE

from agents import OnlineMirrorDescent
from mfg_envs import exact, policies
from mfg_envs.exact import passes
from mfg_envs.exact.compiled_choices import states_innermost
from mfg_envs.exact.tables import kernel
from mfg_envs.games.four_rooms_grid import FourRoomsGrid, TorusGrid
from mfg_envs.games.ring_road import RingRoad
from mfg_envs.numerics import memory as recycled
from mfg_envs.numerics import restrict

numba = pytest.importorskip("numba")

WALLED = ("#" * 63, *["#" + " " * 30 + "#" + " " * 30 + "#"] * 40, "#" + " " * 61 + "#", "#" * 63)
GAMES = {  # all with more states than a block has
    "ring": lambda toys: RingRoad(num_cells=5000, num_speeds=3, horizon=3),
    "torus": lambda toys: TorusGrid(plan=(" " * 70,) * 61, horizon=4, start=((60, 69, 1.0),)),
    "rooms": lambda toys: FourRoomsGrid(plan=WALLED, horizon=4),
    "garnet": lambda toys: toys.Garnet(size=2500, horizon=3),
}


@pytest.fixture(params=GAMES)
def large(request, toys):
    return GAMES[request.param](toys)


def innermost(table):
    """Return the same numbers with the state innermost in memory."""
    return states_innermost(table).swapaxes(-1, -2)


def test_every_block_is_what_numpy_says(large, random_policy, use):
    policy, other = random_policy(large, 1), random_policy(large, 2)
    logits = np.random.default_rng(3).normal(size=policy.shape)
    numbers = []
    for backend in ("numpy", "numba"):
        use(backend)
        flow = exact.flow(large, policy)
        values = exact.action_values(large, flow), exact.exploitability(large, policy)
        numbers.append([flow, *values, *exact.ascend(large, flow, other, logits, 0.3)])
    for one, two in zip(*numbers, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-12, atol=1e-12)


def test_shifts_and_odd_states_are_the_moves(large):
    shift, first, odd, chance = passes.maps_table(large)
    moves = kernel(large, 0, None)
    S, A, K = moves.prob.shape
    worth = np.random.default_rng(0).uniform(size=S)
    expected = np.zeros((A, S))
    for d in range(len(shift)):
        to = np.arange(S) + shift[d]
        for block in range(first.shape[1] - 1):
            s, leads = odd[:, first[d, block] : first[d, block + 1]].astype(int)
            assert (s // passes.BLOCK == block).all()
            to[s] = leads
        if chance.ndim == 2:
            expected += chance[:, d, None] * worth[to]
        else:
            expected[d // K] += chance[d // K, d % K] * worth[to]
    np.testing.assert_allclose(expected, (moves.prob * worth[moves.next]).sum(-1).T, rtol=1e-13)


def test_moves_on_a_line_are_shifts_with_few_odd_states():
    moves = passes.maps_table(RingRoad(num_cells=5000, num_speeds=3))
    assert moves.shift.tolist() == [0, 1]
    assert moves.odd.tolist() == [[4999], [0]]  # the last cell, whose next one is the first


@pytest.mark.parametrize("place", [(0, 0), (1, 2049), (2, 4999)], ids=str)
@pytest.mark.parametrize("row", [[0.5, 0.4, 0], [1.5, -0.5, 0], [np.nan, 1, 0]], ids=str)
def test_a_wrong_row_is_named_wherever_it_is(place, row):
    game = RingRoad(num_cells=5000, num_speeds=3, horizon=3)
    right = policies.uniform(game)
    flow, wrong = exact.flow(game, right), right.copy()
    wrong[place] = row
    message = rf"policy\[t={place[0]}\]\[x={place[1]}\] must be probabilities that sum to one"
    for solve in (
        *(lambda: exact.flow(game, wrong), lambda: exact.exploitability(game, wrong)),
        *(lambda: exact.law_met(game, wrong), lambda: exact.value(game, flow, wrong)),
        lambda: exact.action_values(game, flow, wrong),
        lambda: exact.ascend(game, flow, wrong, right, 1.0),
    ):
        with pytest.raises(ValueError, match=message):
            solve()


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("pay", [np.nan, np.inf, -np.inf])
def test_a_reward_that_is_no_number_is_found_though_nobody_earns_it(use, backend, pay):
    use(backend)
    game = Hole(pay=pay)
    never = np.array([[[1.0, 0], [1, 0]]] * 3)
    flow = exact.flow(game, never)
    for solve in (
        lambda: exact.action_values(game, flow),
        lambda: exact.action_values(game, flow, never),
        lambda: exact.ascend(game, flow, never, never, 1.0),
        lambda: exact.exploitability(game, never),
    ):
        with pytest.raises(ValueError, match=r"reward\(t=1, x=0, a=1\) is .*, not a finite number"):
            solve()


@covering(any_game=EVERY, backend=("numpy", "numba"), slow=TWICE)
def test_an_ascent_is_values_a_sum_and_a_softmax_bit_for_bit(any_game, random_policy, use, backend):
    use(backend)
    policy, played = random_policy(any_game, 1), random_policy(any_game, 2)
    logits = np.random.default_rng(3).normal(size=policy.shape)
    met = exact.law_met(any_game, policy)
    ascent = exact.ascend(any_game, met, played, logits, 0.7)
    q = exact.action_values(any_game, met, played)
    assert np.array_equal(ascent.q, q)
    assert np.array_equal(ascent.logits, logits + 0.7 * q)
    softmax = policies.softmax(logits + 0.7 * q, any_game.legal_actions)
    assert np.array_equal(ascent.policy, softmax)


def test_logits_of_another_shape_are_refused(toys):
    game = toys.Corridor()
    policy = policies.uniform(game)
    flow = exact.flow(game, policy)
    with pytest.raises(ValueError, match=r"logits must have shape \(7, 5, 3\), got \(5, 3\)"):
        exact.ascend(game, flow, policy, policy[0], 1.0)


def test_going_on_from_arrays_of_another_layout_gives_the_same_bits():
    # What is read from a file has the action innermost, whatever it was before.
    game = RingRoad(num_cells=30, num_speeds=12, horizon=5)
    whole = list(OnlineMirrorDescent(iterations=6).learn(game))
    half = whole[2]
    assert not half.policy.flags.c_contiguous
    memory = {name: np.ascontiguousarray(part) for name, part in half.memory.items()}
    read = half._replace(policy=np.ascontiguousarray(half.policy), memory=memory)
    for one, two in zip(
        OnlineMirrorDescent(iterations=6).learn(game, start=read), whole[3:], strict=True
    ):
        assert np.array_equal(one.policy, two.policy)
        assert np.array_equal(one.q, two.q)


def test_arrays_in_use_are_never_used_again(monkeypatch):
    game, learner = RingRoad(num_cells=9, num_speeds=4, horizon=5), OnlineMirrorDescent()
    plain = [(i.policy.copy(), i.q.copy()) for i in learner.learn(game)]
    monkeypatch.setattr(recycled, "LARGE", 0)
    kept = list(learner.learn(game))  # all iterates are held on to
    seen = [(i.policy.copy(), i.q.copy()) for i in learner.learn(game)]  # only the last one
    for one, two, three in zip(plain, kept, seen, strict=True):
        for a, b, c in zip(one, (two.policy, two.q), three, strict=True):
            assert np.array_equal(a, b)
            assert np.array_equal(a, c)


def test_memory_is_used_again_once_its_last_view_is_gone(monkeypatch):
    monkeypatch.setattr(recycled, "LARGE", 0)
    recycled.KEPT.clear()
    first = recycled.empty((3, 4))
    place, view = first.ctypes.data, first[1:]
    del first
    assert recycled.empty((3, 4)).ctypes.data != place
    recycled.KEPT.clear()
    del view
    assert recycled.empty((4, 3)).ctypes.data == place
    recycled.empty((5,))  # what does not fit is let go
    assert [memory.size for memory in recycled.KEPT] == [5]


def test_small_arrays_are_numpys_own():
    assert recycled.empty((2, 3)).base is None


def test_kernels_promise_that_their_arrays_do_not_overlap():
    def copy(x, y):
        for i in range(x.size):
            y[i] = x[i]

    def promises(**options):
        kernel = numba.njit("void(float64[::1], float64[::1])", **options)(copy)
        code = kernel.inspect_llvm(kernel.signatures[0])
        heads = [line for line in code.splitlines() if line.startswith("define")]
        return max(line.count("noalias") for line in heads)

    assert promises(pipeline_class=restrict._pipeline()) >= promises() + 2


@pytest.mark.parametrize("name", ["market", "corridor"])  # moves follow the crowd, or are fixed
def test_who_plays_an_illegal_action_stays(name, back_end):
    game, sliver = EVERY[name], 5e-10  # a policy may give it so much, by rounding
    policy = policies.uniform(game)
    states = np.flatnonzero(~game.legal_actions.all(1) & (game.initial_law > 0))
    for s in states if len(states) else [0]:
        legal = game.legal_actions[s]
        policy[0, s, legal.argmax()] -= sliver
        policy[0, s, legal.argmin()] += sliver
    law, rule, after = game.initial_law, policy[0], np.zeros(game.num_states)
    there, chance = exact.kernel(game, 0, exact.crowd(game, law, rule))
    for s, a in np.ndindex(rule.shape):
        for y, p in zip(there[s, a], chance[s, a], strict=True):
            after[y if game.legal_actions[s, a] else s] += law[s] * rule[s, a] * p
    law = exact.flow(game, policy)[1]
    law = law.sum(-1) if game.mean_field_of_controls else law
    np.testing.assert_allclose(law, after, rtol=0, atol=1e-15)
