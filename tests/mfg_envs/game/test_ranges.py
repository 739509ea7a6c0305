"""Ranges are read from where a parameter is declared, once, and hold wherever it is set."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, make_dataclass, replace
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pytest

from mfg_envs import make_game
from mfg_envs.game import Between, Count, OneOf, Positive, Probability, check_parameters
from mfg_envs.game.parameters import declarations
from mfg_envs.games.crowd_lq import CrowdLQ

if TYPE_CHECKING:
    from nowhere import Nothing


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A field of every kind."""

    size: Annotated[int, Between(2, 10)] = 5
    word: Annotated[str, OneOf("a", "b")] = "a"
    half: Annotated[float, Between(0, 1, "()")] = 0.5
    above: Annotated[float, Between(1, ends="(]")] = 2.0
    time: Positive | None = None
    chances: tuple[Probability, ...] = (0.0, 1.0)
    rows: tuple[tuple[int, ...], ...] = ((1,),)
    flag: bool = False
    own: Nothing = None
    anything: object = None

    def __post_init__(self) -> None:
        check_parameters(self)


@dataclass(frozen=True, kw_only=True)
class Narrower(Declared):
    """A field within a part of its range."""

    size: Annotated[int, Between(1, 4)] = 3


REFUSED = [
    ("size", 1, ValueError, r"size must be in \[2, 10\], got 1"),
    ("size", 11, ValueError, r"size must be in \[2, 10\], got 11"),
    ("size", 2.0, TypeError, r"size must be a whole number, got 2\.0"),
    ("size", True, TypeError, "size must be a whole number, got True"),
    ("word", "c", ValueError, "word must be one of 'a', 'b', got 'c'"),
    ("half", 0, ValueError, r"half must be in \(0, 1\), got 0\.0"),
    ("half", 1, ValueError, r"half must be in \(0, 1\), got 1\.0"),
    ("half", np.nan, ValueError, "half must be finite, got nan"),
    ("half", np.bool_(True), TypeError, "half must be a number, got "),
    ("above", 1, ValueError, r"above must be above 1, got 1\.0"),
    ("time", 0, ValueError, r"time must be positive, got 0\.0"),
    ("time", "1", TypeError, "time must be a number, got '1'"),
    ("chances", (0.5, 2), ValueError, r"chances must be in \[0, 1\], got 2\.0"),
    ("chances", 0.5, TypeError, r"chances must be a sequence of numbers, got 0\.5"),
    ("rows", (1,), TypeError, "rows must be a sequence of whole numbers, got 1"),
    ("rows", ((1.5,),), TypeError, r"rows must be a whole number, got 1\.5"),
    ("flag", 1, TypeError, "flag must be True or False, got 1"),
]


@pytest.mark.parametrize(("name", "value", "kind", "message"), REFUSED)
def test_a_value_out_of_its_range_is_refused_however_it_is_set(name, value, kind, message):
    for build in (Declared, lambda **given: replace(Declared(), **given)):
        with pytest.raises(kind, match=message):
            build(**{name: value})


def test_values_of_the_kind_become_plain_numbers():
    made = Declared(
        size=np.int8(3), half=np.float32(0.25), time=2, chances=[np.float64(1), 0], rows=[[2]]
    )
    assert [type(value) for value in (made.size, made.half, made.time)] == [int, float, float]
    assert (made.size, made.half, made.time) == (3, 0.25, 2.0)
    assert (made.chances, made.rows) == ((1.0, 0.0), ((2,),))
    assert pickle.loads(pickle.dumps(made)) == made


def test_a_subclass_narrows_a_range_and_does_not_widen_it():
    assert Narrower(size=4).size == 4
    with pytest.raises(ValueError, match=r"size must be in \[1, 4\], got 5"):
        Narrower(size=5)
    with pytest.raises(ValueError, match=r"size must be in \[2, 10\], got 1"):
        Narrower(size=1)
    with pytest.raises(ValueError, match=r"num_cells must be in \[3, 10000\], got 10001"):
        CrowdLQ(num_cells=10001)


def test_a_range_is_said_in_words():
    words = {name: str(parameter) for name, parameter in declarations(Declared).items()}
    assert words == {
        "size": "in [2, 10]",
        "word": "one of 'a', 'b'",
        "half": "in (0, 1)",
        "above": "above 1",
        "time": "positive or None",
        "chances": "each in [0, 1]",
        **dict.fromkeys(("rows", "flag", "own", "anything"), ""),
    }
    assert str(declarations(Narrower)["size"]) == "in [1, 4]"
    road = {name: str(one) for name, one in declarations(type(make_game("ring_road"))).items()}
    assert (road["discount"], road["horizon"]) == ("in (0, 1]", "at least 1 or None")


def test_annotations_need_not_be_strings_nor_be_imported_where_the_class_is():
    plain = make_dataclass("Plain", [("num", Count), ("share", "Probability", 0.5)])
    check_parameters(plain(num=1))
    with pytest.raises(ValueError, match="num must be at least 1, got 0"):
        check_parameters(plain(num=0))
    with pytest.raises(ValueError, match=r"share must be in \[0, 1\], got 2"):
        check_parameters(plain(num=1, share=2))


def test_a_range_that_cannot_be_read_is_refused():
    faulty = make_dataclass("Faulty", [("share", "Annotated[float, Betwen(0, 1)]")])
    with pytest.raises(TypeError, match=r"Annotated\[float, Betwen\(0, 1\)\] cannot be read"):
        check_parameters(faulty(share=0.5))


def test_what_only_type_checkers_know_is_left_to_the_game():
    nothing = object()
    assert Declared(own=nothing).own is nothing
    assert Declared(anything=nothing).anything is nothing
