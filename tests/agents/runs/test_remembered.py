"""What was computed of the very same object is not computed again."""

from __future__ import annotations

import numpy as np

from agents import OnlineMirrorDescent
from agents.runs.remembered import Remembered
from mfg_envs import exact, make_game


def test_only_the_very_same_object_is_remembered_and_only_the_last():
    asked = []
    double = Remembered(lambda array: asked.append(array) or 2 * array)
    one, like_it = np.ones(2), np.ones(2)
    values = [double(array).tolist() for array in (one, one, like_it, one)]
    assert values == [[2, 2]] * 4
    assert [array is one for array in asked] == [True, False, True]


def test_a_value_that_is_known_already_is_taken():
    never = Remembered(lambda array: 1 / 0)
    array = np.ones(2)
    never.note(array, "known")
    assert never(array) == "known"


def test_an_iteration_computes_the_flow_once(monkeypatch):
    computed, law_met = [], exact.law_met
    monkeypatch.setattr(exact, "law_met", lambda *given: computed.append(1) or law_met(*given))
    iterates = list(OnlineMirrorDescent(iterations=5).learn(make_game("left_right")))
    assert len(computed) == 1 + len(iterates)
