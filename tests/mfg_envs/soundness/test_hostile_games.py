"""A faulty game that nobody checked ends in an error that names its fault, in every view."""

from __future__ import annotations

import numpy as np
import pytest
from covering import covering
from hostile_games import FINITE, NO_VIEW, Endless, Late
from hostile_other_games import BEACHES, TEAMS
from toys import Beach, Follow

from mfg_envs import BatchEnv, PopulationEnv, exact
from mfg_envs.environments.representative import RepresentativeEnv
from mfg_envs.environments.team import TeamEnv
from mfg_envs.simulate.team import TeamBatchEnv

BACK_ENDS = ("numpy", "numba")
pytestmark = [
    pytest.mark.usefixtures("back_end"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # logarithms of planted faults
]


def even(game):
    """Return the even policy, made without a look at the game."""
    clock = () if game.horizon is None else (game.horizon,)
    return np.full((*clock, 5, 2), 0.5)


def play(env, *actions):
    env.reset(seed=0)
    for _ in range(3):
        env.step(*actions)


def as_batch(game):
    play(BatchEnv(game, 2, 300), np.ones((2, 300), int))


def roll(game):
    env = BatchEnv(game, 2, 300, seed=0)
    env.reset()
    env.rollout(even(game), 4)


def in_dicts(game):
    env = PopulationEnv(game, 20)
    play(env, dict.fromkeys(env.possible_agents, 1))


def alone(game):
    play(RepresentativeEnv(game), 1)


def flow(game):
    exact.flow(game, even(game)) if game.horizon else exact.stationary_mean_field(game, even(game))


def exploit(game):
    exact.exploitability(game, even(game))


def values(game):
    clock = () if game.horizon is None else (game.horizon,)
    exact.action_values(game, np.full((*clock, 5), 0.2))


FINITE_VIEWS = (as_batch, roll, in_dicts, alone, flow, exploit, values)
SILENT = {("IsNaNLate", flow)}
"""A law of motion does not depend on rewards."""


EARLY = [name for name, fault in FINITE.items() if not fault.late]


@covering(name=EARLY, back_end=BACK_ENDS, indirect=["back_end"])
def test_a_faulty_finite_game_is_named_in_every_view(name):
    assert_named(name)


@pytest.mark.parametrize("name", [name for name in FINITE if name not in EARLY])
def test_a_fault_that_shows_late_is_named_in_every_view(name):
    assert_named(name)


def assert_named(name):
    game, words, _ = FINITE[name]
    for view in FINITE_VIEWS:
        if (name, view) in SILENT:
            continue
        with pytest.raises((ValueError, TypeError), match=words) as told:
            view(game)
        assert "\n" not in str(told.value), view


@pytest.mark.parametrize("name", NO_VIEW)
def test_what_players_cannot_see_is_named(name):
    game, words, _ = NO_VIEW[name]
    for view in (
        in_dicts,
        alone,
        lambda game: BatchEnv(game, observe=("state", "density")).reset(),
    ):
        with pytest.raises(ValueError, match=words):
            view(game)


def as_teams(game):
    play(TeamBatchEnv(game, 2, 6), np.array([2, 2]), np.ones((2, 6), int))


def team_in_dicts(game):
    env = TeamEnv(game, 6)
    play(env, {"global_0": 2, **dict.fromkeys(env.possible_agents[1:], 1)})


@covering(name=list(TEAMS), back_end=BACK_ENDS, indirect=["back_end"])
def test_a_faulty_team_game_is_named_in_every_view(name):
    for view in (as_teams, team_in_dicts):
        with pytest.raises((ValueError, TypeError), match=TEAMS[name].words) as told:
            view(TEAMS[name].game)
        assert "\n" not in str(told.value)


def on_the_beach(game):
    play(BatchEnv(game, 2, 300), np.zeros((2, 300, 1)))


def on_the_beach_in_dicts(game):
    env = PopulationEnv(game, 20)
    play(env, dict.fromkeys(env.possible_agents, np.zeros(1)))


@covering(name=list(BEACHES), back_end=BACK_ENDS, indirect=["back_end"])
def test_a_faulty_continuous_game_is_named_in_every_view(name):
    for view in (on_the_beach, on_the_beach_in_dicts):
        with pytest.raises((ValueError, TypeError), match=BEACHES[name].words) as told:
            view(BEACHES[name].game)
        assert "\n" not in str(told.value)


def test_the_sound_games_beneath_are_played():
    for game, views in (
        (Late(), FINITE_VIEWS),
        (Endless(), FINITE_VIEWS),
        (Follow(), (as_teams, team_in_dicts)),
        (Beach(), (on_the_beach, on_the_beach_in_dicts)),
    ):
        for view in views:
            view(game)


def test_the_faulty_games_are_sixty_or_more():
    assert len(FINITE) + len(NO_VIEW) + len(TEAMS) + len(BEACHES) >= 60
