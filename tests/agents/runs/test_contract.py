"""``check_learner`` names the fault that is planted in a learner."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import faulty_learners
import pytest
from typer.testing import CliRunner

import agents
from agents import check_learner, cli
from mfg_envs import make_game

FILE = Path(faulty_learners.__file__)
FAULTS = {
    "Melting": "Melting must be declared with @dataclass(frozen=True, kw_only=True)",
    "Silent": "Silent has no method learn: define it",
    "WithoutEnd": "WithoutEnd needs a parameter iterations, an int of at least 1, got None",
    "OfNothing": "OfNothing.learns must be a tuple of classes",
    "Nameless": "Nameless must read as dataclasses.replace(it) does",
    "OfFunctions": "OfFunctions has parameters from which a saved run cannot build it again",
    "YieldsTuples": "YieldsTuples must yield agents.Iterate, got (1, 10",
    "CountsBackwards": "iterate 2 comes after 3: count 1, 2, ...",
    "EndsEarly": "EndsEarly ends with iterate 3 of 4 iterations",
    "UnlearnsSamples": "samples of iterate 2 are 98, 99 before",
    "KeepsObjects": "memory['game'] of iterate 1 must be an array of numbers, got LeftRight(",
    "LosesMass": "the policy of iterate 1 is invalid in left_right: ",
    "OfAnotherShape": "the policy of iterate 1 is invalid in left_right: ",
    "Overwrites": "Overwrites changes q of iterate 1 later: compute a new array instead",
    "ChangesTheGame": "ChangesTheGame changes its game or itself while it learns",
    "DrawsAnew": "policy of iterate 1 is another when it runs again",
    "IgnoresItsSeed": "IgnoresItsSeed yields the same with another seed: say random = False",
    "SaysItIsCertain": "policy of iterate 1 is another with another seed: do not say random",
    "Forgetful": "policy of iterate 2 is another when it goes on from iterate 1",
    "StartsAnew": "iteration of iterate 2 is another when it goes on from iterate 1",
    "MixesSeeds": "policy of iterate 1 is another side by side: no seed may see another",
    "TakesOneSeed": "policy of iterate 1 is another side by side: no seed may see another",
    "Fails": "Fails fails with ArithmeticError: thirteen; this was being checked: Learn yields",
}
GAME = "left_right"


@pytest.fixture(autouse=True)
def _numpy(use):
    use("numpy")


@pytest.mark.parametrize(("name", "sentence"), FAULTS.items(), ids=FAULTS)
def test_a_planted_fault_is_named(name, sentence):
    with pytest.raises(AssertionError, match=re.escape(sentence)):
        check_learner(getattr(faulty_learners, name)(), make_game(GAME))


def test_every_faulty_learner_is_tried():
    sound = {"Drift", "SideBySide", "Player"}
    own = {k for k, v in vars(faulty_learners).items() if getattr(v, "__module__", "") ==
           faulty_learners.__name__ and isinstance(v, type)}  # fmt: skip
    assert own == sound | set(FAULTS)


@pytest.mark.parametrize(
    ("learner", "game"),
    [
        (faulty_learners.Drift(), GAME),
        (faulty_learners.SideBySide(), GAME),
        (agents.OnlineMirrorDescent(iterations=3), GAME),
        (agents.FictitiousPlay(iterations=3), GAME),
        (agents.FixedPointIteration(iterations=3), GAME),
        (agents.PriorDescent(iterations=3), GAME),
        (agents.MFOMO(iterations=3), GAME),
        (agents.SemiSGD(iterations=3, inner_steps=20), "sis"),
        (agents.QMIteration(iterations=3, inner_steps=20), "sis"),
        (agents.SubsampleMFQ(iterations=3, k=2, num_samples=2), "dispatcher"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_sound_learners_keep_the_contract(learner, game):
    check_learner(learner, make_game(game))


def test_a_learner_is_checked_on_a_game_of_its_kind():
    with pytest.raises(AssertionError, match="Drift learns from finite games, this is a team one"):
        check_learner(faulty_learners.Drift(), make_game("dispatcher"))


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("Drift", 0, "Drift(iterations=4), learner, on left_right"),
        ("Player", 0, "Player keeps the contract."),
        ("Forgetful", 1, "Fault: policy of iterate 2 is another when it goes on from iterate 1"),
        ("WithoutEnd", 1, "with a parameter iterations, its number of outer iterations"),
        ("Melting", 1, "Melting must be a @dataclass(frozen=True, kw_only=True)"),
        ("OfNothing", 1, "OfNothing.learns must be a tuple of classes"),
    ],
)
def test_the_command_checks_clause_by_clause(name, code, message, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    ended = CliRunner().invoke(cli.app, ["check", f"{FILE}:{name}"], env={"COLUMNS": "120"})
    assert ended.exit_code == code, ended.output
    assert message in " ".join(ended.output.split())
