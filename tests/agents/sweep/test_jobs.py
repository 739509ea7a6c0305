"""Runs of a sweep: their names, and their curves read back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from agents import FixedPointIteration, run
from agents.runs.recipes import recipe
from agents.sweep.jobs import curve, describe
from mfg_envs import make_game

METRICS = {"doubled": lambda game, iterate: 2.0 * iterate.iteration}


@dataclass(frozen=True)
class Holder:
    part: Any = None


def test_equal_parameters_have_one_name_and_others_another():
    numbers = np.arange(6.0).reshape(2, 3)
    assert describe(Holder(numbers.T)) == describe(Holder(numbers.T.copy()))
    assert describe(Holder(numbers)) != describe(Holder(numbers.T))
    assert describe(Holder((1, np.float64(2)))) == {"": "Holder", "part": [1, 2.0]}


@pytest.mark.parametrize("part", [max, {"a": 1}, np.array(["x"]), Holder], ids=repr)
def test_what_is_no_number_word_array_or_dataclass_is_refused_by_names_and_recipes(part):
    with pytest.raises(TypeError, match=r"a run cannot be named after its parameters: .*it is no"):
        describe(Holder((1, part)))
    with pytest.raises(TypeError, match="cannot be written down: it is no number, word, array"):
        recipe(Holder((1, part)))


def test_a_curve_is_read_back_and_damage_names_the_folder_to_delete(tmp_path):
    learner, game = FixedPointIteration(iterations=4), make_game("left_right")
    run(learner, game, metrics=METRICS, every=2, out=tmp_path, progress=False)
    taken, values = curve(tmp_path, "doubled")
    assert (taken.tolist(), values.tolist()) == ([2, 4], [4.0, 8.0])
    with pytest.raises(ValueError, match=r"result\.npz cannot be read .*'other'.* to run it anew"):
        curve(tmp_path, "other")
    (tmp_path / "result.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(ValueError, match=rf"cannot be read .*delete {tmp_path} to run it anew"):
        curve(tmp_path, "doubled")
