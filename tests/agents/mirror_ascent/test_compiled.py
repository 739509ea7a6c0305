import dataclasses
import functools
import tracemalloc
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest
from covering import covering

from agents import Communication, PolicyMirrorAscent
from agents.mirror_ascent import conditional_td
from agents.mirror_ascent.compiled import line_bytes
from agents.mirror_ascent.players import Played
from agents.mirror_ascent.policy_mirror_ascent import disagreement, distance
from mfg_envs import make_game
from mfg_envs.environments.population import PopulationEnv
from mfg_envs.game import FiniteGame, at


@dataclass(frozen=True, kw_only=True)
class Shore(FiniteGame):
    """Four places in a row; the wind depends on the crowd; nobody may walk off either end.

    Action: 5 less than the places to move by.  With ``flood`` the crowd is washed off its states;
    the third outcome, which may do so too, is impossible.
    """

    flood: int = 0
    discount: float = 0.9
    horizon: int | None = None
    num_states = 4
    num_actions = 11
    initial_law = np.array([0.1, 0.2, 0.3, 0.4])

    @cached_property
    def legal_actions(self):
        there = np.arange(4)[:, None] + np.arange(11) - 5
        return (there >= 0) & (there < 4)

    def noise_law(self, t, x, a, m):
        calm = 0.25 + 0.5 * at(m, x)
        return calm, 1 - calm, 0 * calm

    def step(self, t, x, a, m, w):
        return x + w * (a - 5) + 9 * self.flood

    def reward(self, t, x, a, m):
        return 0.1 * x - at(m, x)


GAMES = {
    "sis": make_game("sis", setting="two_actions"),  # lines of 16 bytes
    "road": make_game("ring_road", num_cells=6, num_speeds=5, dynamics="position"),  # of 32
    "shore": Shore(),  # of 128
}
SHORT = {"num_players": 9, "iterations": 3, "td_steps": 30, "mixing": 2}
LEARNERS = {
    "centralised": PolicyMirrorAscent(**SHORT),
    "centralised, replay": PolicyMirrorAscent(**SHORT, replay_size=20, replay_passes=3),
    "independent": PolicyMirrorAscent(**SHORT, mode="independent", eta=0.1),
    "independent, replay": PolicyMirrorAscent(
        **SHORT, mode="independent", entropy=0, replay_size=50, reward_range=(-2.0, 3.0)
    ),
    "one after the other": PolicyMirrorAscent(
        **{**SHORT, "mixing": 0}, mode="independent", eta=10, discount=0.5
    ),
}
NETWORKED = PolicyMirrorAscent(
    **SHORT, mode="independent", communication=Communication(radius=0.7, rounds=2, steps=5)
)
every_game = pytest.mark.parametrize("game", GAMES.values(), ids=GAMES)


def same(one, two):
    parts = ("iteration", "samples", "policy", "mean_field", "q")
    assert all(np.array_equal(getattr(one, name), getattr(two, name)) for name in parts)
    assert np.array_equal(one.memory["policy"], two.memory["policy"])


@covering(learner=LEARNERS, game=GAMES)
def test_compiled_code_numpy_and_the_dict_api_give_the_same_bits(learner, game, use):
    compiled = list(learner.learn(game, 5))
    env = PopulationEnv(game, learner.num_players, max_cycles=10**6, observe=("index",))
    dicts = list(learner.learn(env, 5))
    use("numpy")
    arrays = list(learner.learn(game, 5))
    assert len(compiled) == len(dicts) == len(arrays) == 3
    for one, two, three in zip(compiled, dicts, arrays, strict=True):
        same(one, two)
        same(one, three)
        assert np.array_equal(one.memory["x"], three.memory["x"])


@every_game
def test_networked_players_give_the_same_bits_compiled_and_in_numpy(game, use):
    compiled = list(NETWORKED.learn(game, 5))
    use("numpy")
    for one, two in zip(compiled, NETWORKED.learn(game, 5), strict=True):
        same(one, two)
    assert compiled[0].samples == 30 * 3 + 5


@pytest.mark.parametrize("learner", [*LEARNERS.values(), NETWORKED])
def test_seeds_side_by_side_are_each_as_if_alone_and_go_on_from_any_iterate(learner):
    game = GAMES["shore"]
    together = list(learner.learn(game, [4, 5]))
    for e, seed in enumerate((4, 5)):
        alone = list(learner.learn(game, seed))
        for one, all_ in zip(alone, together, strict=True):
            for name in ("policy", "mean_field", "q"):
                assert np.array_equal(getattr(one, name), getattr(all_, name)[e])
        for k in (0, 1):
            later = learner.learn(game, seed, start=alone[k])
            for one, two in zip(later, alone[k + 1 :], strict=True):
                same(one, two)
    later = learner.learn(game, [4, 5], start=together[0])
    for one, two in zip(later, together[1:], strict=True):
        same(one, two)


def test_going_on_with_another_learner_is_refused():
    first = next(LEARNERS["centralised"].learn(GAMES["sis"]))
    with pytest.raises(
        ValueError, match=r"start has tables \(1, 2, 2\), this learner needs \(9, 2, 2"
    ):
        next(LEARNERS["independent"].learn(GAMES["sis"], start=first))


def test_one_independent_player_is_a_centralised_one():
    learner = dataclasses.replace(LEARNERS["centralised"], num_players=1)
    other = dataclasses.replace(learner, mode="independent")
    for one, two in zip(learner.learn(GAMES["sis"], 3), other.learn(GAMES["sis"], 3), strict=True):
        same(one, two)


def test_iterates_are_laws_and_averages():
    learner = LEARNERS["independent"]
    for game in GAMES.values():
        for k, iterate in enumerate(learner.learn(game, 1), 1):
            tables = iterate.memory["policy"]
            assert tables.shape == (9, game.num_observations, game.num_actions)
            np.testing.assert_allclose(tables.mean(0), iterate.policy, atol=1e-6)
            np.testing.assert_allclose(iterate.policy.sum(-1), 1, rtol=0, atol=1e-15)
            np.testing.assert_allclose(iterate.mean_field.sum(), 1, rtol=1e-15)
            assert iterate.samples == k * 30 * 3
            if game.num_observations == game.num_states:
                assert (tables[:, ~game.legal_actions] == 0).all()


@pytest.mark.parametrize("num_players", [3, 50])  # fewer and more than pairs of state and action
def test_a_game_that_leaves_its_states_is_named(num_players):
    learner = dataclasses.replace(NETWORKED, num_players=num_players)
    with pytest.raises(ValueError, match=r"leads to \d+, which is not a state in \[0, 4\)"):
        next(learner.learn(Shore(flood=1)))


class Dear(Shore):
    """A shore that pays more than there is in single precision."""

    def reward(self, t, x, a, m):
        return 1e300 + 0 * x


@pytest.mark.parametrize("name", ["numba", "numpy"])
def test_rewards_that_are_no_numbers_are_named(name, use):
    use(name)
    message = r"player 0 has learned the value (nan|inf) of action \d in observed state 0"
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(ValueError, match=message):
        next(LEARNERS["independent"].learn(Dear()))


class OneState:
    """Players without a choice who earn one number after the other."""

    def __init__(self, rewards):
        self.seen, self.x, self.rewards = np.zeros(2, int), np.zeros(2, int), iter(rewards)

    def play(self, a):
        assert (a == 0).all()
        r = next(self.rewards)
        return Played(self.seen, np.array([r, -r]), np.ones(2, np.float32))


def rules_for(**parameters):
    return PolicyMirrorAscent(entropy=0, delay=40.0, **parameters).rules(0.5, 1)


def test_values_by_hand():
    # beta_m = 2 / (.5 (40 + m - 1)), Q starts at 1 / (1 - .5) = 2; the third and sixth step teach.
    rules = rules_for(td_steps=2, mixing=2)
    walk = conditional_td.Walk(OneState([9, 9, 0.25, 9, 9, 1.0]), np.uint64(0))
    q, visits = walk.conditional_td(0, np.ones((2, 1, 1), np.float32), rules)
    one = 2 + 4 / 39 * (0.25 + 0.5 * 2 - 2)
    two = one + 4 / 40 * (1 + 0.5 * one - one)
    lost = 2 + 4 / 39 * (-0.25 + 0.5 * 2 - 2)
    lost = lost + 4 / 40 * (-1 + 0.5 * lost - lost)
    np.testing.assert_allclose(q.ravel(), [two, lost], rtol=3e-7)
    assert visits.tolist() == [12]
    # One table for all: the first player's path.
    walk = conditional_td.Walk(OneState([9, 9, 0.25, 9, 9, 1.0]), np.uint64(0))
    q, _ = walk.conditional_td(0, np.ones((1, 1, 1), np.float32), rules)
    np.testing.assert_allclose(q.ravel(), [two], rtol=3e-7)


def test_replay_goes_through_the_last_transitions_in_shuffled_order():
    rules = rules_for(td_steps=5, mixing=0, replay_size=3, replay_passes=2)
    orders = conditional_td.replay_orders(np.uint64(7), 0, rules)
    assert np.array_equal(np.sort(orders), [[0, 1, 2]] * 2)
    rewards = [9, 9, 0.25, 0.5, 1.0]
    walk = conditional_td.Walk(OneState(rewards), np.uint64(7))
    q = 2.0
    for m, j in enumerate(orders.ravel()):
        q += 4 / (39 + m) * (rewards[2 + j] + 0.5 * q - q)
    ours = walk.conditional_td(0, np.ones((1, 1, 1), np.float32), rules).q
    np.testing.assert_allclose(ours.ravel(), [q], rtol=1e-6)
    many = rules._replace(td_steps=50, replay_size=50, replay_passes=40)
    first = conditional_td.replay_orders(np.uint64(7), 0, many)[:, 0]
    assert len(set(first.tolist())) > 10  # 40 draws of 50


def test_actions_are_drawn_with_their_probabilities_and_never_without():
    law = np.array([0.0, 0.3, 0.0, 0.65, 0.05, 0.0])
    marks = conditional_td.draw_marks(law)
    draws = np.arange(conditional_td.MARKS)  # every draw there is
    counts = np.bincount((draws[:, None] >= marks).sum(-1), minlength=6)
    assert (np.abs(counts - law * conditional_td.MARKS) <= 1).all()
    assert (counts[law == 0] == 0).all()
    assert conditional_td.draw_marks(np.float32([1.0, 0.0])).tolist() == [conditional_td.MARKS]


def test_lines_hold_what_they_must_and_divide_cache_lines():
    for num_actions in range(1, 60):
        used, size = 6 * num_actions + 2, line_bytes(num_actions)
        assert used <= size and (64 % size == 0 or size % 64 == 0)
        assert size < 2 * used or size - used < 64
    assert [line_bytes(A) for A in (1, 2, 5, 10, 11, 12)] == [8, 16, 32, 64, 128, 128]


def test_a_population_learns_the_equilibrium_of_sis():
    game, N = GAMES["sis"], 400
    learner = PolicyMirrorAscent(
        mode="independent", num_players=N, eta=10, iterations=8, td_steps=3000, rate=8
    )
    *_, last = learner.learn(game, 0)
    *_, exact = PolicyMirrorAscent(mode="exact", eta=10).learn(game)
    # The next value varies by at most (.9 1.2)^2 / 4, and values forget at the rate of the last
    # step, beta = 80 / 3200: the gap of two of them has the variance beta .29, a policy the
    # deviation 2 p (1 - p) / .2 sqrt(beta .29) <= .22, the average of N players .22 / sqrt(N).
    # Beside that: a player meets N - 1 others, .64 / N; curvature of the softmax, 4 .22^2 / 4.
    bound = 5 * 0.22 / np.sqrt(N) + 0.64 / N + 0.22**2
    assert distance(last.policy, exact.policy) < bound
    players = distance(last.memory["policy"], exact.policy)
    assert 3 * distance(last.policy, exact.policy) < players.mean() < 2 * 0.22
    assert players.mean() / 2 < disagreement(game, last) < 2 * players.mean()


def test_a_near_player_passes_on_the_better_policy():
    game = Shore()  # states at -1, -1/3, 1/3, 1
    x, scores = np.array([0, 1, 1, 2, 3, 3]), np.array([1.0, 5, 2, 7, 9, 8])
    adopt = functools.partial(Communication.adopt, game=game, x=x, scores=scores)
    assert adopt(Communication(radius=0)).tolist() == [0, 1, 1, 3, 4, 4]
    assert adopt(Communication(radius=0.67)).tolist() == [1, 3, 3, 4, 4, 4]
    assert adopt(Communication(radius=0.67, rounds=2)).tolist() == [3, 4, 4, 4, 4, 4]
    assert adopt(Communication(radius=2)).tolist() == [4] * 6
    equal = Communication(radius=2).adopt(game, x, np.zeros(6))
    assert equal.tolist() == [0] * 6


def test_players_who_all_hear_each_other_agree():
    talk = Communication(radius=3, steps=4)
    learner = dataclasses.replace(NETWORKED, communication=talk)
    for iterate in learner.learn(GAMES["road"], 2):
        assert disagreement(GAMES["road"], iterate) < 1e-6
    alone = list(dataclasses.replace(learner, communication=None).learn(GAMES["road"], 2))
    assert disagreement(GAMES["road"], alone[-1]) > 0.1


@pytest.mark.slow
def test_a_hundred_thousand_players_of_fifty_states_fit():
    game = make_game("ring_road", num_speeds=5)  # lines of 32 bytes
    learner = PolicyMirrorAscent(
        mode="independent", num_players=100_000, iterations=2, td_steps=20, mixing=0
    )
    tracemalloc.start()
    *_, last = learner.learn(game, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert last.memory["policy"].shape == (100_000, 50, 5)
    promised = 100_000 * (50 * (32 + 8 * 5) + 24)
    assert peak < 1.1 * promised
