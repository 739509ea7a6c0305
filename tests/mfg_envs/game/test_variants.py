"""A keyword of a class makes it a variant of its game: ``make`` builds the one asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from mfg_envs.game import TeamGame
from mfg_envs.games.chains import MoveForwardChain, NoInteractionChain
from mfg_envs.games.ring_road import LWR, AdditiveRingRoad, RingRoad
from mfg_envs.games.sis import SIS, TwoActionSIS


@dataclass(frozen=True, kw_only=True)
class Pair(TeamGame, mood="calm"):
    """A team game with a variant; nothing moves."""

    name: ClassVar[str] = "pair"
    num_global_states = num_global_actions = num_local_states = num_local_actions = 1
    discount: float = 0.5

    def step_local(self, x, x_g, a, w):
        return x

    def reward_global(self, x_g, a_g, m):
        return 0.0 * x_g

    def reward_local(self, x, x_g, a):
        return 0.0 * x


@dataclass(frozen=True, kw_only=True)
class LivelyPair(Pair, mood="lively"):
    """The variant has a field of its own."""

    pace: int = 2


def test_make_builds_the_variant_that_is_asked_for_with_its_own_fields():
    assert Pair.make() == Pair()
    assert Pair.make(mood="lively", pace=3) == LivelyPair(pace=3)
    assert replace(Pair.make(mood="lively"), pace=4) == LivelyPair(pace=4)
    assert type(RingRoad.make(reward="lwr", num_cells=7)) is LWR
    assert type(NoInteractionChain.make(goal="forward")) is MoveForwardChain


def test_who_asks_for_no_variant_gets_the_class_that_was_asked():
    assert type(TwoActionSIS.make(recovery=0.2)) is TwoActionSIS
    assert type(TwoActionSIS.make(setting="contact_levels")) is SIS


def test_variants_are_the_classes_of_one_name_in_one_file():
    assert (
        Pair.variants() == LivelyPair.variants() == {"mood": {"calm": Pair, "lively": LivelyPair}}
    )
    assert (Pair.choice, LivelyPair.choice) == ({"mood": "calm"}, {"mood": "lively"})
    assert list(RingRoad.variants()["reward"])[:2] == ["min", "additive"]
    assert RingRoad.variants()["reward"]["additive"] is AdditiveRingRoad


def test_a_subclass_elsewhere_adds_nothing_to_the_game_it_is_made_from():
    before = dict(RingRoad.variants()["reward"])

    class Mine(RingRoad, reward="mine"):
        pass

    class Plain(RingRoad):
        pass

    assert RingRoad.variants()["reward"] == before
    assert Mine.variants() == {"reward": {"mine": Mine}}
    assert Plain.choice == {}
    assert type(Plain.make(num_cells=5)) is Plain


def test_an_unknown_variant_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="mood must be one of 'calm', 'lively', got 'sad'"):
        Pair.make(mood="sad")
    with pytest.raises(ValueError, match=r"mood must be one of .*, got \[\]"):
        Pair.make(mood=[])


def test_two_classes_of_one_choice_and_a_second_parameter_are_refused():
    with pytest.raises(TypeError, match=r"Copy\(mood='calm'\): one parameter picks the variants"):

        class Copy(Pair, mood="calm"):
            pass

    with pytest.raises(TypeError, match=r"Other\(pace='fast'\): one parameter picks the variants"):

        class Other(Pair, pace="fast"):
            pass

    assert Pair.variants() == {"mood": {"calm": Pair, "lively": LivelyPair}}
