"""The team games: moves and rewards by hand, printed values, and what their parameters may be."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfg_envs import GAMES, TEAM_GAMES, make_game
from mfg_envs.exact import team_tables
from mfg_envs.game import TeamGame
from mfg_envs.games.teams.constrained_exploration import ConstrainedExploration
from mfg_envs.games.teams.dispatcher import Dispatcher
from mfg_envs.games.teams.follow_the_leader import FollowTheLeader
from mfg_envs.games.teams.gaussian_squeeze import GaussianSqueeze, OneShotSqueeze
from mfg_envs.registry import any_class

# --- constrained exploration ---


def at(i, j):
    return 6 * (i - 1) + j - 1


def test_constrained_exploration_by_hand():
    tables = team_tables.tables(ConstrainedExploration())
    up, down, right, left = range(4)
    there = tables.global_moves.next[..., 0]
    assert [there[at(3, 3), a] for a in range(4)] == [at(4, 3), at(2, 3), at(3, 4), at(3, 2)]
    assert [there[at(6, 1), a] for a in (up, left)] == [at(6, 1)] * 2
    there = tables.local_moves.next[..., 0]
    assert there[at(3, 3), at(1, 5), up] == at(6, 5)  # thrown by (2, 2), then moved
    assert there[at(2, 2), at(2, 2), left] == at(2, 1)
    assert there[at(5, 1), at(2, 1), right] == at(6, 2)
    assert there[at(1, 4), at(1, 4), down] == at(1, 4)
    column = [at(i, 2) for i in range(1, 7)]
    assert tables.global_reward[column, up].tolist() == [6, 4, 2, 0, 0, 0]
    assert tables.global_reward[column, down].tolist() == [0, 0, 0, 2, 4, 6]
    assert not tables.global_reward[:, [right, left]].any()
    assert tables.local_reward[at(3, 3), at(1, 5)].tolist() == [9] * 4  # 1 + 2 * 4
    assert tables.local_reward[at(2, 5), at(2, 3)].tolist() == [11] * 4  # 1 + 6 + 2 * 2


def best_value(game):
    """Value of the best policy of one global agent with one local, (S_g, S)."""
    tables = team_tables.tables(game)
    global_next, local_next = (m.next[..., 0] for m in tables[:2])  # nothing is random
    after = global_next[:, None, :, None], np.swapaxes(local_next, 0, 1)[:, :, None]
    r = tables.global_reward[:, None, :, None] + np.swapaxes(tables.local_reward, 0, 1)[:, :, None]
    v = np.zeros((game.num_global_states, game.num_local_states))
    for _ in range(300):
        v = (r + game.discount * v[after]).max((2, 3))
    return v


def test_constrained_exploration_has_the_exact_value():
    v = best_value(ConstrainedExploration())
    assert v.mean() == pytest.approx(196.4904, abs=5e-5)
    assert v.max() == pytest.approx(232.1053, abs=5e-5)
    assert v[at(1, 1), at(1, 1)] == pytest.approx(194.3273, abs=5e-5)


def test_constrained_exploration_of_another_size():
    game = make_game("constrained_exploration", size=3)
    assert game.num_local_states == 9
    first = team_tables.tables(game).global_reward[[0, 3, 6]]  # h = 1
    assert first[:, :2].tolist() == [[2, 0], [0, 2], [0, 4]]
    assert game.local_coordinates(np.array([0, 5])).tolist() == [[-1, -1], [0, 1]]


# --- Gaussian squeeze ---


def test_gaussian_squeeze_by_hand():
    game = GaussianSqueeze()
    tables = team_tables.tables(game)
    assert tables.local_law[3, 1, 0].tolist() == [0, 0, 0.5, 0.5]  # 4 above 2: cut, may grow
    assert tables.local_law[1, 1, 4].tolist() == [0, 0.5, 0.5, 0]
    assert tables.local_law[3, 3, 2].tolist() == [0, 0, 0, 1]  # full
    assert tables.global_reward[:, 0].tolist() == [-1, -2, -3, -4]
    assert tables.local_reward[2, 1, 4] == pytest.approx(3 * np.exp(-0.25) - 4)
    assert tables.local_reward[2, 1, 0] == pytest.approx(3 * np.exp(-0.25) - 3)
    assert tables.local_reward[0, 3, 1] == pytest.approx(np.exp(-9 / 4) - 1)
    assert team_tables.tables(replace(game, growth=0.25)).local_law[0, 2, 0].tolist() == [
        0.75,
        0.25,
        0,
        0,
    ]


def test_efforts_move_nothing_and_zero_is_never_worse():
    tables = team_tables.tables(GaussianSqueeze())
    assert (tables.local_law == tables.local_law[:, :, :1]).all()
    assert (tables.local_reward <= tables.local_reward[:, :, :1]).all()


@given(st.lists(st.integers(1, 4), min_size=1, max_size=60))
def test_the_global_state_is_the_mean_load_rounded_up(loads):
    game = GaussianSqueeze()
    m = game.mean_field(np.array([loads]) - 1)
    assert game.global_from_locals(m).tolist() == [-(-sum(loads) // len(loads)) - 1]


def test_only_followers_are_read_off_the_locals():
    with pytest.raises(NotImplementedError, match="dispatcher moves by itself"):
        Dispatcher().global_from_locals(np.full(5, 0.2))


def test_one_shot_squeeze_pays_for_the_sum():
    game = OneShotSqueeze()
    assert game.horizon == 1

    def paid(*actions):
        a = np.array([actions])
        return game.reward_global(np.zeros(1, int), np.zeros(1, int), game.mean_field(0 * a, a))

    assert paid(*[4] * 100) == pytest.approx([400])
    assert paid(*[9] * 100) == pytest.approx([900 * np.exp(-(2.5**2))])
    assert paid(*[4] * 55, *[5] * 45) == pytest.approx([445 * np.exp(-((45 / 200) ** 2))])
    assert paid(4, 5) == pytest.approx(paid(*[4] * 50, *[5] * 50))  # k locals stand for all
    best = max(range(901), key=lambda total: total * np.exp(-(((total - 400) / 200) ** 2)))
    assert best == round((400 + np.sqrt(400**2 + 2 * 200**2)) / 2) == 445


# --- follow the leader ---


def test_follow_the_leader_by_hand():
    tables = team_tables.tables(FollowTheLeader())
    leader = dict(zip(range(-2, 3), range(5), strict=True))
    follower = dict(zip(range(-1, 2), range(3), strict=True))
    for s_g, a_g in product(leader, leader):
        there = leader[max(-2, min(2, s_g + a_g))]
        assert tables.global_moves.next[leader[s_g], leader[a_g]] == there
    for s_g, s, a in product(leader, follower, follower):
        there = follower[max(-1, min(1, s + a - s_g))]
        assert tables.local_moves.next[follower[s], leader[s_g], follower[a]] == there
    r_g, r_l = tables.global_reward, tables.local_reward
    assert r_g[leader[-2], leader[0]] == pytest.approx(1 + 0.2 + 0.2)
    assert r_g[leader[0], leader[1]] == pytest.approx(1.1)
    assert r_g[leader[1], leader[-2]] == pytest.approx(1.2)
    assert r_l[follower[0], leader[0], follower[0]] == pytest.approx(1 + 0.5 + 0.3 + 0.2)
    assert r_l[follower[1], leader[-2], follower[1]] == pytest.approx(0 + 0.4 + 0)
    assert r_l[follower[-1], leader[0], follower[1]] == pytest.approx(0 + 0.4 + 0.2 + 0.2)
    assert r_l.min() == pytest.approx(0.4)  # the floor of .1 is not met at this size
    far = team_tables.tables(FollowTheLeader(follower_reach=2)).local_reward
    assert far[4, 0, 4] == 0.1  # 2, leader at -2: -1 + .3 - .1


# --- dispatcher ---


def test_dispatcher_by_hand():
    tables = team_tables.tables(Dispatcher())
    assert tables.global_moves.next[..., 0].tolist() == [[0, 1, 2, 3, 4]] * 5
    assert (tables.global_reward == 1).all()
    assert tables.local_reward[0, :, 0] == pytest.approx([10, 1, 2 / 3, 2 / 3, 1])
    assert tables.local_reward[4, :, 0] == pytest.approx([1, 2 / 3, 2 / 3, 1, 10])
    law = tables.local_law[:, :, 0]
    assert law[0, 0] == pytest.approx([0.9, 0.05, 0, 0, 0.05])
    assert law[0, 2] == pytest.approx([0.8, 0.15, 0, 0, 0.05])
    assert law[0, 3] == pytest.approx([0.8, 0.05, 0, 0, 0.15])
    assert law[4, 0] == pytest.approx([0.15, 0, 0, 0.05, 0.8])


def test_a_dispatcher_that_stays_gathers_the_locals():
    game = Dispatcher()
    move = team_tables.tables(game).local_law[
        :, 0, 0
    ]  # distances 0, 1, 2: .1 out, .15 and .15 back
    assert np.array([9, 3, 1, 1, 3]) @ move == pytest.approx([9, 3, 1, 1, 3])
    earned = 1 + team_tables.tables(game).local_reward[:, 0, 0]
    value = np.linalg.solve(np.eye(5) - game.discount * move, earned)
    assert value.mean() == pytest.approx(116.7386, abs=5e-5)


def test_steered_locals_choose_their_way():
    game = Dispatcher(steered=True)
    law = team_tables.tables(game).local_law
    assert law[0, 3, 0] == pytest.approx([0.9, 0.05, 0, 0, 0.05])
    assert law[0, 3, 1] == pytest.approx([0.8, 0.15, 0, 0, 0.05])
    assert law[0, 3, 2] == pytest.approx([0.8, 0.05, 0, 0, 0.15])
    drift = team_tables.tables(Dispatcher()).local_law[:, :, 0]
    gap = (np.arange(5) - np.arange(5)[:, None]) % 5  # to the dispatcher
    chosen = np.choose(gap, [0, 1, 1, 2, 2])
    assert np.array_equal(law[np.arange(5)[:, None], np.arange(5), chosen], drift)


def test_dispatcher_on_an_even_ring_and_without_chance():
    game = Dispatcher(num_zones=4, persistence=0, stray=0)
    law = team_tables.tables(game).local_law[:, :, 0]
    assert law[0, 2] == pytest.approx([0, 1, 0, 0])  # both ways as far: ahead
    assert team_tables.tables(Dispatcher(persistence=0.8, stray=0.2)).local_law[0, 2, 0, 1] == 0.1


# --- registry and parameters ---


def test_team_games_are_made_by_name():
    assert not set(GAMES) & set(TEAM_GAMES)
    for name in TEAM_GAMES:
        game = make_game(name)
        assert isinstance(game, TeamGame)
        assert type(game) is any_class(name)
        assert game.kind == "team"
        assert game.name == name
        assert hash(game) == hash(make_game(name))
        for field in dataclasses.fields(game):
            assert f"{field.name}:" in inspect.getdoc(type(game))
    assert make_game("dispatcher", num_zones=7).num_global_actions == 7


def test_unknown_team_games_and_parameters_are_named():
    with pytest.raises(ValueError, match="did you mean 'dispatcher'"):
        make_game("dispatchers")
    with pytest.raises(ValueError, match=r"dispatcher has no parameter 'zones'; .*'num_zones'"):
        make_game("dispatcher", zones=5)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("constrained_exploration", {"size": 1}, r"size must be in \[2, 40\], got 1"),
        ("constrained_exploration", {"discount": 1}, "needs a discount below 1"),
        ("gaussian_squeeze", {"growth": 1.5}, r"growth must be in \[0, 1\], got 1.5"),
        ("gaussian_squeeze", {"num_levels": 0}, r"num_levels must be in \[1, 1000\], got 0"),
        ("one_shot_squeeze", {"width": 0}, "width must be positive, got 0"),
        ("one_shot_squeeze", {"crowd": 0}, "crowd must be at least 1, got 0"),
        ("follow_the_leader", {"leader_reach": 0}, r"leader_reach must be in \[1, 100\], got 0"),
        ("dispatcher", {"num_zones": 1}, r"num_zones must be in \[2, 1000\], got 1"),
        ("dispatcher", {"stray": 0.3}, r"persistence \+ stray must be in \[0, 1\], got 1.1"),
        ("dispatcher", {"discount": 1.5}, r"discount must be in \(0, 1\], got 1.5"),
    ],
)
def test_bad_parameters_are_refused(name, parameters, message):
    with pytest.raises(ValueError, match=message):
        make_game(name, **parameters)


# --- faults of a game of one's own ---
