"""What the files of games look like: rules without noise around them."""

from __future__ import annotations

import ast
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mfg_envs.game import ContinuousGame, FiniteGame, TeamGame
from mfg_envs.games.left_right import LeftRight
from mfg_envs.games.teams.gaussian_squeeze import OneShotSqueeze

(FOLDER,) = importlib.util.find_spec("mfg_envs.games").submodule_search_locations
FILES = sorted(Path(FOLDER).rglob("*.py"))
RULES = ("step", "noise_law", "reward", "global_from_locals")
FINITE = ("num_states", "num_actions", "initial_law")
CONTINUOUS = ("state_low", "state_high", "action_low", "action_high", "initial_law")
TEAM = ("num_global_states", "num_global_actions", "num_local_states", "num_local_actions")


def functions():
    """Return every function of the files of games."""
    trees = [ast.parse(file.read_text("utf-8")) for file in FILES]
    found = [node for tree in trees for node in ast.walk(tree)]
    return [node for node in found if isinstance(node, ast.FunctionDef)]


def test_rules_are_written_without_annotations_of_what_is_anything():
    rules = [f for f in functions() if f.name.startswith(RULES) and f.args.args[0].arg == "self"]
    assert len(rules) > 70
    noisy = {f"{f.name}, line {f.lineno}" for f in rules for arg in f.args.args if arg.annotation}
    noisy |= {f.name for f in rules if f.returns and ast.unparse(f.returns) == "Any"}
    assert noisy == set()


def test_a_number_or_a_tuple_that_never_changes_is_no_property():
    for function in functions():
        if [ast.unparse(d) for d in function.decorator_list] != ["property"]:
            continue
        last = function.body[-1]
        names = [n.id for n in ast.walk(last) if isinstance(n, ast.Name)]
        constant = isinstance(last, ast.Return) and not {"self", "np"} & set(names)
        assert not (constant and len(function.body) == 1), (function.name, function.lineno)


def test_sizes_of_a_class_are_known_without_a_game():
    assert (LeftRight.num_states, LeftRight.num_actions) == (3, 2)
    assert (OneShotSqueeze.num_global_states, OneShotSqueeze.num_local_states) == (1, 1)
    assert OneShotSqueeze(num_efforts=7).num_local_actions == 7


@pytest.mark.parametrize(
    ("kind", "names"), [(FiniteGame, FINITE), (ContinuousGame, CONTINUOUS), (TeamGame, TEAM)]
)
def test_a_game_without_a_size_or_a_bound_is_refused_by_its_name(kind, names):
    rules = (*RULES, "step_local", "reward_global", "reward_local")
    methods = {rule: lambda self, *given: 0 for rule in rules if hasattr(kind, rule)}
    for missing in names:
        said = {name: 2 for name in names if name != missing}
        members = {"__annotations__": {"discount": float}, "discount": 0.5, "horizon": None}
        cls = dataclass(frozen=True, kw_only=True)(type("Short", (kind,), methods | said | members))
        with pytest.raises(TypeError, match=rf"Short .*\b{missing}\b"):
            cls()


def test_a_size_may_be_an_attribute_a_field_or_a_property():
    @dataclass(frozen=True, kw_only=True)
    class Sizes(FiniteGame):
        num_states = 2
        num_actions: int = 3
        discount: float = 0.5
        horizon: int | None = None

        @property
        def initial_law(self):
            return np.eye(self.num_states)[0]

        def step(self, t, x, a, m, w):
            return x

        def noise_law(self, t, x, a, m):
            return (1.0 + 0 * a,)

        def reward(self, t, x, a, m):
            return 0.0 * x

    game = Sizes(num_actions=4)
    assert game.legal_actions.shape == (2, 4)
    assert game.initial_law.tolist() == [1, 0]
    assert list(Sizes.__dataclass_fields__) == ["num_actions", "discount", "horizon"]
