"""A view that gets something else than its kind of game says what to give it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from mfg_envs import BatchEnv, PopulationEnv, exact, make_game, policies, riccati
from mfg_envs.environments.representative import RepresentativeEnv, RepresentativeVectorEnv
from mfg_envs.environments.team import TeamEnv
from mfg_envs.exact.discretise import discretise
from mfg_envs.games.ring_road import RingRoad
from mfg_envs.simulate.continuous import ContinuousSimulator
from mfg_envs.simulate.team import TeamBatchEnv

RING = make_game("ring_road", num_cells=5, num_speeds=3, horizon=3)
POLICY, FLOW = policies.uniform(RING), exact.flow(RING, policies.uniform(RING))

POPULATIONS = (BatchEnv, PopulationEnv, RepresentativeEnv, RepresentativeVectorEnv)
TEAMS = (TeamEnv, TeamBatchEnv)
CONTINUOUS = (ContinuousSimulator, discretise, riccati.equilibrium)
EXACT = {
    "flow": lambda game: exact.flow(game, POLICY),
    "law_met": lambda game: exact.law_met(game, POLICY),
    "stationary_mean_field": lambda game: exact.stationary_mean_field(game, POLICY[0]),
    "action_values": lambda game: exact.action_values(game, FLOW),
    "best_response": lambda game: exact.best_response(game, FLOW),
    "value": lambda game: exact.value(game, FLOW),
    "exploitability": lambda game: exact.exploitability(game, POLICY),
    "push_forward": lambda game: exact.push_forward(game, 0, FLOW[0], POLICY[0]),
    "mean_fields": lambda game: exact.mean_fields(game, FLOW),
    "ascend": lambda game: exact.ascend(game, FLOW, POLICY, POLICY, 1.0),
    "kernel": lambda game: exact.kernel(game, 0, FLOW[0]),
    "rewards": lambda game: exact.rewards(game, 0, FLOW[0]),
    "uniform": policies.uniform,
    "policy_table": lambda game: policies.policy_table(game, POLICY),
    "rule_table": lambda game: policies.rule_table(game, POLICY[0]),
    "check_law": lambda game: policies.check_law(game, FLOW[0]),
}
NAMED = r"is needed, got 'ring_road': give the game itself, make_game\('ring_road'\)"
CLASS = r"is needed, got the class RingRoad: give a game, RingRoad\(...\)"
NOTHING = r"is needed, got a NoneType: give a \w+ game, from make_game\(...\)"
VIEWS = [*POPULATIONS, *TEAMS, *CONTINUOUS, *EXACT.values()]
IDS = [*(view.__name__ for view in (*POPULATIONS, *TEAMS, *CONTINUOUS)), *EXACT]


@pytest.mark.parametrize("view", VIEWS, ids=IDS)
def test_what_is_no_game_is_named_with_the_remedy(view):
    for given, words in (("ring_road", NAMED), (RingRoad, CLASS), (None, NOTHING)):
        with pytest.raises(TypeError, match=words):
            view(given)
    with pytest.raises(TypeError, match=r"got a BatchEnv: give the game of that environment"):
        view(BatchEnv(RING))


@pytest.mark.parametrize("view", [*POPULATIONS, *EXACT.values()])
def test_a_team_game_is_sent_to_the_views_of_teams(view):
    game = make_game("dispatcher")
    TeamEnv(game)  # it was looked at, as a team game
    with pytest.raises(TypeError, match=r"the team game dispatcher: use TeamEnv, TeamBatchEnv"):
        view(game)


@pytest.mark.parametrize("view", EXACT.values(), ids=EXACT)
def test_a_continuous_game_is_sent_to_the_grid(view):
    game = make_game("linear_quadratic")
    BatchEnv(game)
    with pytest.raises(
        TypeError, match=r"linear_quadratic: use PopulationEnv .* discretise\(game\)"
    ):
        view(game)


@pytest.mark.parametrize("view", [*TEAMS, *CONTINUOUS])
def test_a_finite_game_is_sent_to_the_views_of_populations(view):
    with pytest.raises(TypeError, match=r"the game ring_road: use PopulationEnv or BatchEnv"):
        view(RING)


def test_the_right_games_are_taken():
    for view in POPULATIONS:
        assert view(RING).game is RING
    for view in TEAMS:
        assert view(make_game("dispatcher")).game.name == "dispatcher"
    assert np.allclose(FLOW.sum(-1), 1)


def test_a_game_that_names_something_else_its_kind_is_told_so():
    @dataclass(frozen=True, kw_only=True)
    class Ride(RingRoad):
        kind: str = "slow"  # pyright: ignore

    with pytest.raises(
        TypeError, match="Ride has kind = 'slow', a finite game has \"finite\": give"
    ):
        BatchEnv(Ride(num_cells=5, num_speeds=3))
