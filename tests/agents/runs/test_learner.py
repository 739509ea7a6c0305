"""Facts about learners are declared: kinds of games, whether a seed matters, seeds side by side."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, fields

import numpy as np
import pytest
from pettingzoo import ParallelEnv
from small_learners import SMALL, source_of

import agents
from agents import Iterate, PolicyMirrorAscent, SubsampleMFQ, Sweep
from agents.cli.listing import offered_learners
from agents.cli.training import plan_of
from agents.runs.learner import Learner, declared_kinds, facts
from mfg_envs import make_game
from mfg_envs.game import ContinuousGame, FiniteGame, TeamGame
from mfg_envs.games.roads.routing_cycle import TrafficAssignment

EXACT = {
    "FictitiousPlay", "FixedPointIteration", "FrankWolfe", "MFOMO", "MunchausenOMD",
    "OnlineMirrorDescent", "PolicyIteration", "PriorDescent", "SubsampleMFQ",
}  # fmt: skip
"""Learners in which nothing is random, with their defaults."""
SIDE_BY_SIDE = {"PolicyMirrorAscent", "QMIteration", "SampledFixedPointIteration", "SemiSGD"}


@dataclass(frozen=True, kw_only=True)
class Passing:
    """A learner of a user, whose ``learn`` never says "seed"."""

    iterations: int = 2

    def learn(self, source, *rest):
        q = np.full((1, 1), float(rest[0]))
        for k in range(self.iterations):
            yield Iterate(k + 1, 0, q, q, q, {})


@dataclass(frozen=True, kw_only=True)
class Still(Passing):
    """The same, declared."""

    random = False


def seeds_of(sweep):
    return [sorted(one.runs) for one in sweep.configurations]


@dataclass(frozen=True, kw_only=True)
class Adding(Learner):
    """Adds numbers of its seeds to what it has; the source is where it begins."""

    side_by_side = True
    iterations: int = 4

    def prepare(self, source, seeds):
        return source, np.array(seeds, float)

    def begin(self, prepared):
        total = np.full(prepared[1].shape, float(prepared[0]))
        return Iterate(0, 0, total, total, total, {"old": total})

    def improve(self, prepared, last):
        total = last.q + prepared[1]
        return Iterate(last.iteration + 1, 0, total, total, total, {"old": last.q})


def test_a_deterministic_mode_runs_once_and_a_random_one_with_every_seed():
    grid = {"mode": ["exact", "centralised"]}
    sweep = Sweep(learner=PolicyMirrorAscent, game="sis", grid=grid, seeds=range(3))
    assert seeds_of(sweep) == [[0], [0, 1, 2]]
    assert len(sweep.jobs) == 4


def test_a_learner_that_takes_its_seed_through_rest_gets_every_seed():
    assert seeds_of(Sweep(learner=Passing, game="sis", seeds=range(3))) == [[0, 1, 2]]
    assert seeds_of(Sweep(learner=Still, game="sis", seeds=range(3))) == [[0]]


@pytest.mark.parametrize("cls", offered_learners(), ids=lambda cls: cls.__name__)
def test_every_learner_declares_its_facts(cls):
    own = facts(cls())
    assert own.random == (cls.__name__ not in EXACT)
    assert own.side_by_side == (cls.__name__ in SIDE_BY_SIDE)
    assert own.learns
    parameters = {field.name for field in fields(cls)}
    assert set(own.units) <= parameters
    assert not set(own._fields) & parameters


def test_facts_may_depend_on_parameters():
    assert [PolicyMirrorAscent(mode=mode).random for mode in ("exact", "independent")] == [0, 1]
    assert not facts(PolicyMirrorAscent(mode="exact")).side_by_side
    assert SubsampleMFQ(k=1, num_samples=3).random


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learns", "FiniteGame"),
        ("learns", ("x",)),
        ("random", 1),
        ("units", "per unit of q"),
        ("units", {"iterations": 1}),
        ("units", {"pace": "per unit of q"}),
        ("usual_metrics", {}),
    ],
)
def test_a_fact_of_another_kind_is_named(name, value):
    cls = type("Odd", (Passing,), {name: value})
    with pytest.raises(TypeError, match=rf"^Odd\.{name} must be .*, got "):
        facts(cls())


@pytest.mark.parametrize(
    ("learner", "game", "parameters", "runs"),
    [
        ("PolicyMirrorAscent", "sis", {"mode": "exact"}, [0]),
        ("PolicyMirrorAscent", "sis", {}, [[0, 1, 2]]),
        ("SubsampleMFQ", "dispatcher", {"k": 1}, [0]),
        ("SubsampleMFQ", "dispatcher", {"k": 1, "num_samples": 2}, [0, 1, 2]),
        ("BatchedIndependentPPO", "sis", {}, [0, 1, 2]),
        ("FictitiousPlay", "sis", {}, [0]),
    ],
)
def test_train_plans_by_what_is_declared(learner, game, parameters, runs, tmp_path):
    cls = getattr(agents, learner)
    plan = plan_of(cls, parameters, make_game(game), 3, 1, 10, tmp_path)
    assert list(plan.runs.values()) == runs


@pytest.mark.parametrize(
    ("learner", "game", "kinds"),
    [
        ("QMIteration", "linear_quadratic", "finite games"),
        ("DedaFP", "sis", "continuous games"),
        ("SubsampleMFQ", "sis", "team games"),
        ("PolicyMirrorAscent", "beach_bar", "finite games"),
    ],
)
def test_train_refuses_games_of_another_kind(learner, game, kinds, tmp_path):
    with pytest.raises(ValueError, match=f"{learner} is for {kinds}, {game} is one of the "):
        plan_of(getattr(agents, learner), {}, make_game(game), 1, 1, 10, tmp_path)


def test_kinds_are_classes_of_games_or_environments():
    kinds = {name: getattr(agents, name).learns[0] for name in (
        "FictitiousPlay", "FrankWolfe", "DedaFP", "SubsampleMFQ", "BatchedIndependentPPO",
    )}  # fmt: skip
    assert list(kinds.values()) == [
        FiniteGame, TrafficAssignment, ContinuousGame, TeamGame, ParallelEnv,
    ]  # fmt: skip


def test_learners_that_load_a_library_are_listed_with_their_own_words():
    pytest.importorskip("stable_baselines3")
    for name, line in agents.LATER_LEARNERS.items():
        assert inspect.getdoc(getattr(agents, name)).split("\n", 1)[0] == line
        assert getattr(agents, name).learns == (ParallelEnv,)
    later = {n for n in agents.LATER if hasattr(getattr(agents, n), "learn")}
    assert later == set(agents.LATER_LEARNERS)


def test_kinds_of_games_follow_from_the_classes_that_are_declared():
    assert facts(Passing()).kinds == ("finite", "continuous", "team")  # it says nothing
    assert facts(agents.FrankWolfe()).kinds == ("finite",)
    assert facts(SubsampleMFQ()).kinds == ("team",)
    assert facts(agents.DedaFP()).kinds == ("continuous",)
    assert facts(agents.BatchedIndependentPPO()).kinds == ()  # in environments
    assert declared_kinds(PolicyMirrorAscent) == ("finite",)


def test_a_learner_that_declares_nothing_is_trained_on_any_game(tmp_path):
    for name in ("sis", "linear_quadratic", "dispatcher"):
        plan = plan_of(Passing, {}, make_game(name), 2, 1, 100, tmp_path)
        assert plan.seeds == [0, 1]
        assert len(plan.runs) == 2


def test_a_learner_is_where_it_begins_and_how_it_improves():
    iterates = list(Adding().learn(10, 3))
    assert [i.iteration for i in iterates] == [1, 2, 3, 4]
    assert [float(i.q) for i in iterates] == [13, 16, 19, 22]
    assert [i.q.shape for i in iterates] == [()] * 4  # of one seed there is no axis
    assert [i.q.tolist() for i in Adding().learn(10, range(2))] == [
        [10, 10 + k] for k in range(1, 5)
    ]


@pytest.mark.parametrize("seed", [3, [3, 5]])
def test_it_goes_on_from_any_iterate_and_is_done_after_the_last(seed):
    whole = list(Adding().learn(10, seed))
    for k, start in enumerate(whole, 1):
        rest = list(Adding().learn(10, seed, start))
        assert len(rest) == 4 - k
        for one, two in zip(rest, whole[k:], strict=True):
            assert_same(one, two)


def test_an_iterate_of_other_seeds_is_refused():
    first = next(Adding().learn(10, [3, 5]))
    with pytest.raises(ValueError, match="start is of 2 seeds, there are 3: go on with those"):
        next(Adding().learn(10, [3, 5, 7], first))


def assert_same(one, two):
    assert one[:2] == two[:2]
    assert one.memory.keys() == two.memory.keys()
    for name in ("policy", "mean_field", "q"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    for name, part in one.memory.items():
        np.testing.assert_array_equal(part, two.memory[name])


SHORT = {"response_steps": 64, "response_updates": 2, "response_batch": 16, "num_players": 4}
DEEP = {**SHORT, "crowd": 20, "hidden": (4,)}
CLONED = {**DEEP, "triples": 40, "clone_steps": 2, "clone_batch": 8}
SMALL = {
    "BatchedIndependentPPO": {"num_steps": 8},
    "AveragePolicyFictitiousPlay": CLONED,
    "DedaFP": {**CLONED, "trajectories": 20, "flow_steps": 2, "flow_batch": 8},
    "IndependentQ": {"num_players": 5, "num_steps": 10},
    "MeanFieldActorCritic": {"num_players": 5, "num_steps": 10, "num_updates": 3},
    "MeanFieldQ": {"num_players": 5, "num_steps": 10, "num_updates": 3},
    "PolicyMirrorAscent": {"num_players": 5, "td_steps": 10},
    "QMIteration": {"inner_steps": 5},
    "SampledFixedPointIteration": {"inner_steps": 5},
    "SemiSGD": {"inner_steps": 5},
    "SimpleFictitiousPlay": DEEP,
    "SubsampleMFQ": {"k": 2, "num_samples": 2},
}
"""What makes a learner small, by name."""


def source_of(cls):
    """Return something small that a learner learns from."""
    kind = cls.learns[0]
    if kind is ParallelEnv:
        pytest.importorskip("torch")
        return PopulationEnv(make_game("sis"), 3)
    if kind is ContinuousGame:
        pytest.importorskip("zuko")
        return make_game("linear_quadratic", horizon=3)
    if kind is TrafficAssignment:
        return make_game("routing_cycle", cost="bpr")
    return make_game("dispatcher" if kind is TeamGame else "sis")


@pytest.mark.parametrize("cls", offered_learners(), ids=lambda cls: cls.__name__)
def test_every_learner_goes_on_from_its_iterate_with_the_same_bits(cls, use):
    use("numpy")  # what goes on is the learner, whose loops are tested elsewhere
    learner = cls(iterations=3, **SMALL.get(cls.__name__, {}))
    whole = list(learner.learn(source_of(cls), 2))
    assert [iterate.iteration for iterate in whole] == [1, 2, 3]
    for one, two in zip(learner.learn(source_of(cls), 2, whole[0]), whole[1:], strict=True):
        assert_same(one, two)


@pytest.mark.parametrize("cls", offered_learners(), ids=lambda cls: cls.__name__)
def test_every_learner_refuses_games_of_other_kinds(cls):
    for name in ("sis", "linear_quadratic", "dispatcher"):
        game = make_game(name)
        if game.kind not in facts(cls()).kinds:
            with pytest.raises(TypeError):
                next(cls().learn(game))
