"""Games and learners are built again from JSON, and nothing else is."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from agents import SemiSGD
from agents.cli.listing import offered_learners
from agents.runs.recipes import build, known_recipe, recipe
from mfg_envs import make_game
from mfg_envs.registry import CONTINUOUS_GAMES, GAMES, TEAM_GAMES, any_class

LEARNER = SemiSGD(iterations=3, inner_steps=20, alpha=0.1)


def through_json(value):
    return build(json.loads(json.dumps(recipe(value))))


@pytest.mark.parametrize("name", (*GAMES, *CONTINUOUS_GAMES, *TEAM_GAMES))
def test_every_game_and_every_variant_is_built_again(name):
    made = [{}]
    for parameter, choices in any_class(name).variants().items():
        made += [{parameter: choice} for choice in choices]
    for parameters in made:
        game = make_game(name, **parameters)
        again = through_json(game)
        assert again == game
        assert type(again) is type(game)


def test_every_learner_is_built_again():
    for cls in offered_learners():
        assert through_json(cls()) == cls()
    assert through_json(replace(LEARNER, alpha=1 / 3)) == replace(LEARNER, alpha=1 / 3)


def test_numbers_tuples_and_arrays_survive():
    array = np.arange(6.0).reshape(2, 3) / 7
    again = through_json((1, 0.1, "word", None, (True, np.float32(0.5)), array))
    assert again[:5] == (1, 0.1, "word", None, (True, 0.5))
    assert np.array_equal(again[5], array)
    assert again[5].dtype == array.dtype
    with pytest.raises(TypeError, match="cannot be written down"):
        recipe(lambda: 0)
    assert known_recipe(lambda: 0) is None


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("os:system", "os:system is not a class of ours: name it"),
        ("mfg_envs.games.no_such:Game", "there is no mfg_envs.games.no_such:Game in this version"),
        ("mfg_envs.games.sis:NoSuch", "there is no mfg_envs.games.sis:NoSuch"),
        ("mfg_envs.exact:flow", "mfg_envs.exact:flow is neither a game nor a learner"),
    ],
)
def test_a_recipe_names_classes_of_ours_only(path, message):
    with pytest.raises(ValueError, match=message):
        build({"class": path, "parameters": {}})


def test_a_parameter_that_is_gone_is_named():
    content = recipe(make_game("sis"))
    content["parameters"]["vaccine"] = 1
    with pytest.raises(ValueError, match=r"has other parameters by now.*vaccine"):
        build(content)
