"""The parts of an observation: which names may stand beside each other, and where."""

from __future__ import annotations

import numpy as np
import pytest

from mfg_envs import BatchEnv, make_game
from mfg_envs.players.observers import ContinuousObserver, Observer, TeamObserver
from mfg_envs.players.observers.parts import checked_parts, columns

ROAD = make_game("ring_road", num_cells=6, num_speeds=4, horizon=5)
BAR, TEAM = make_game("beach_bar"), make_game("dispatcher")


@pytest.mark.parametrize(
    ("observer", "game", "name"),
    [
        (Observer, ROAD, "observe"),
        (ContinuousObserver, BAR, "observe"),
        (TeamObserver, TEAM, "observe_global"),
        (lambda game, parts: TeamObserver(game, None, parts), TEAM, "observe_local"),
    ],
)
def test_every_observer_refuses_the_same_faults(observer, game, name):
    for parts, words in (
        ("state", rf"{name} must be a sequence of parts such as \('state',\), got 'state'"),
        ((), f"{name} must be a sequence of parts"),
        (("state", "colour"), f"{name} must be one of .*'state'.*, got 'colour'"),
        (("state", "state"), f"{name} names a part twice"),
    ):
        with pytest.raises(ValueError, match=words):
            observer(game, parts)


def test_time_needs_an_end_and_some_parts_stand_alone():
    endless = make_game("ring_road", horizon=None)
    with pytest.raises(ValueError, match="look: 'time' needs a finite horizon, this game is stat"):
        checked_parts(endless, ("time",), ("time", "all"), "all", name="look")
    with pytest.raises(ValueError, match="look: 'all' stands alone"):
        checked_parts(ROAD, ("time", "all"), ("time", "all"), "all", name="look")
    assert checked_parts(ROAD, ["time"], ("time", "all"), "all") == ("time",)


def test_plain_is_what_stands_alone():
    assert Observer(ROAD, "plain").parts == BatchEnv(ROAD, 1, 2).observer.parts == ("index",)
    assert ContinuousObserver(BAR, "plain").parts == BatchEnv(BAR).observer.parts == ("point",)
    with pytest.raises(ValueError, match="observe_global must be a sequence of parts"):
        TeamObserver(TEAM, "plain")


def test_columns_follow_each_other_in_the_order_of_the_names():
    sizes = {"a": (2, -1.0, 1.0), "b": (1, 0.0, 5.0), "c": (3, 0.0, 1.0)}
    placed = columns(("c", "a"), sizes)
    assert placed.of == {"c": slice(0, 3), "a": slice(3, 5)}
    assert placed.width == 5
    assert placed.space.dtype == np.float32
    assert placed.space.low.tolist() == [0, 0, 0, -1, -1]
    assert columns(("b",), sizes).space.high.tolist() == [5]
