"""The surrogate of a team as arrays: what a table tells apart, and where its crowds belong."""

from itertools import product

import numpy as np
import pytest

from agents.subsample import multisets
from agents.subsample.surrogate import TABLES, num_ordered, num_rows, surrogate
from mfg_envs import make_game
from mfg_envs.exact import team_tables
from mfg_envs.games.teams.dispatcher import Dispatcher

K = 3


@pytest.fixture(scope="module", params=["dispatcher", "gaussian_squeeze"])
def game(request):
    if request.param == "dispatcher":
        return Dispatcher(num_zones=3)
    return make_game(request.param, num_levels=3)


@pytest.mark.parametrize("table", TABLES)
def test_a_table_has_a_row_for_all_that_it_tells_apart(game, table):
    team, pairs = surrogate(game, K, table), game.num_local_states * game.num_local_actions
    ordered = num_ordered(table, K)

    def seen(members):
        return members[:ordered], tuple(sorted(members[ordered:]))

    every = {seen(members) for members in product(range(pairs), repeat=K)}
    assert len(team.crowd) == len(every) == num_rows(pairs, K, ordered)
    own = np.take_along_axis(team.crowd, np.broadcast_to(team.place, team.crowd.shape), 1)
    assert {seen(tuple(row)) for row in own.tolist()} == every
    assert (np.diff(team.crowd) >= 0).all()
    assert np.array_equal(team.number, multisets.rank(team.crowd, pairs))


@pytest.mark.parametrize("table", TABLES)
def test_configurations_belong_to_the_state_that_their_locals_are_in(game, table):
    team, A = surrogate(game, K, table), game.num_local_actions
    own = np.take_along_axis(team.crowd, np.broadcast_to(team.place, team.crowd.shape), 1) // A
    ordered, first = num_ordered(table, K), {}
    for row, state in zip(own.tolist(), team.state.tolist(), strict=True):
        looks = (*row[:ordered], *sorted(row[ordered:]))
        assert first.setdefault(looks, state) == state
    assert sorted(first.values()) == list(range(team.num_states))


def test_outcomes_that_lead_to_one_state_are_one(game):
    team, tables = surrogate(game, K, "state"), team_tables.tables(game)
    S, A = game.num_local_states, game.num_local_actions
    law = np.zeros((*team.moves.shape[:2], S))
    for row in np.ndindex(team.moves.shape[:2]):
        likely = team.chance[row] > 0
        assert len(set(team.moves[row][likely].tolist())) == likely.sum()
        np.add.at(law[row], team.moves[row], team.chance[row])
    wanted = tables.local_law.swapaxes(0, 1).reshape(law.shape)
    np.testing.assert_allclose(law, wanted, atol=1e-15)
    for x, x_g, a in np.ndindex(tables.local_reward.shape):
        assert team.reward[x_g, x * A + a] == tables.local_reward[x, x_g, a]


def test_too_much_memory_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match="choose k < 40 or a smaller table"):
        surrogate(make_game("dispatcher"), 40, "joint")
