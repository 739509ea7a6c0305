"""One table says what goes with a kind of game."""

from __future__ import annotations

import inspect

import pytest

from mfg_envs import PopulationEnv, TeamEnv, dispatcher_v0, sis_v0
from mfg_envs.game.kinds import CLASSES, is_game
from mfg_envs.registry import (
    CONTINUOUS_GAMES,
    GAMES,
    HOMES,
    KINDS,
    TEAM_GAMES,
    any_class,
    environment_class,
    make_game,
    make_representative,
)


def test_every_kind_of_game_has_its_entry():
    assert set(KINDS) == set(CLASSES) == {"finite", "continuous", "team"}
    assert [*GAMES, *CONTINUOUS_GAMES, *TEAM_GAMES] == list(HOMES)


@pytest.mark.parametrize("name", HOMES)
def test_a_game_is_of_the_kind_under_which_it_is_listed(name):
    cls = any_class(name)
    (kind,) = (kind for kind, one in KINDS.items() if name in one.games)
    assert cls.kind == kind
    assert issubclass(cls, CLASSES[kind])
    assert all(callable(getattr(cls, rule)) for rule in KINDS[kind].rules)
    assert is_game(make_game(name), kind)
    assert [k for k in KINDS if is_game(make_game(name), k)] == [kind]


@pytest.mark.parametrize("name", HOMES)
def test_what_is_known_of_a_solution_is_sentences(name):
    solution = any_class(name).solution
    assert solution == "" or (solution[0].isupper() and solution.endswith("."))


def test_a_variant_has_a_solution_of_its_own():
    assert "entropy" in make_game("sis", setting="two_actions").solution
    assert "susceptible are indifferent" in make_game("sis").solution


def test_each_kind_has_its_environment():
    views = {kind: environment_class(kind) for kind in KINDS}
    assert views == {"finite": PopulationEnv, "continuous": PopulationEnv, "team": TeamEnv}


@pytest.mark.parametrize(("module", "view"), [(sis_v0, PopulationEnv), (dispatcher_v0, TeamEnv)])
def test_what_makes_an_environment_takes_what_the_environment_takes(module, view):
    game, *others = inspect.signature(view).parameters
    for make in (module.parallel_env, module.env, module.raw_env):
        assert list(inspect.signature(make).parameters) == [*others, game, "parameters"]


def test_arguments_of_a_view_are_told_from_parameters_of_its_game():
    env = sis_v0.parallel_env(3, max_cycles=5, observe=["index"], recovery=0.5)
    assert (env.max_num_agents, env.max_cycles, env.game.recovery) == (3, 5, 0.5)
    team = dispatcher_v0.parallel_env(
        num_zones=4, num_locals=2, observe_local=["state", "mean_field"]
    )
    assert (team.max_num_agents, team.game.num_zones) == (3, 4)
    one = make_representative("sis", num_envs=2, max_cycles=7, recovery=0.25)
    assert (one.num_envs, one.game.recovery) == (2, 0.25)
    with pytest.raises(ValueError, match="no parameter 'max_cycle'; did you mean 'max_cycles'"):
        make_representative("sis", max_cycle=3)
