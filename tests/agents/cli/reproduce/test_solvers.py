"""The study of exact solvers: its claims about games, its promises, its tables, its page."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from agents import FictitiousPlay, FixedPointIteration, cli
from agents.cli.reproduce.solvers import command, document, theory
from agents.cli.reproduce.solvers import study as solvers_study
from agents.cli.reproduce.solvers.games import (
    FAMILIES,
    QUICK,
    Case,
    first_policy,
    sampled_pairing,
    unit,
)
from agents.cli.reproduce.solvers.study import SOLVERS, Outcome, study
from mfg_envs import exact, policies
from mfg_envs.game.reads import moves_are_fixed
from mfg_envs.registry import GAMES

cli.load()

CASES = {case.label: case for cases in FAMILIES.values() for case in cases}
PAGE = Path(__file__).parents[4] / "docs" / "solvers.md"


def of_kind(*kinds):
    return pytest.mark.parametrize("label", [c.label for c in CASES.values() if c.kind in kinds])


def test_every_finite_game_of_the_registry_is_there_once_a_label():
    assert {case.name for case in CASES.values()} == set(GAMES)
    assert len(CASES) == sum(map(len, FAMILIES.values()))
    assert {case.kind for case in CASES.values()} == set(theory.KINDS)
    assert set(QUICK) | set(command.SHOWN) <= set(CASES)
    assert set(command.CURVES) <= set(SOLVERS)
    assert set(document.NAMES) == set(SOLVERS)


@of_kind("monotone", "choice")
def test_games_called_monotone_are(label):
    game = CASES[label].game()
    assert game.horizon is not None
    assert moves_are_fixed(game)
    # Terms add up to at most their number times the rounding of one: 1e-16 * 1e5 entries.
    assert sampled_pairing(game) < 1e-11


@pytest.mark.parametrize("label", ["crowd LQ", "two bars", "ring, min", "flocking"])
def test_some_other_games_are_not(label):
    assert sampled_pairing(CASES[label].game()) > 1e-3


def test_congestion_has_a_positive_pair():
    # Two crowds that differ by eps at the last decision, where that which is denser stays and the
    # other moves: this gives order eps, and the logarithm takes order eps^2.
    game = CASES["congestion"].game()
    one, two = policies.uniform(game), policies.uniform(game)
    two[-2, 0] += 1e-3 * np.array([1, 0, -1])
    denser = (exact.flow(game, one)[-1] > exact.flow(game, two)[-1])[:, None]
    still, moving = np.array([0, 1, 0]), np.array([0.5, 0, 0.5])
    one[-1], two[-1] = np.where(denser, still, moving), np.where(denser, moving, still)
    assert theory.pairing(game, one, two) > 0


@of_kind("alone")
def test_a_crowd_that_does_not_matter_changes_neither_rewards_nor_moves(label):
    game = CASES[label].game()
    corner, even = np.eye(1, game.num_states)[0], np.full(game.num_states, 1 / game.num_states)
    assert moves_are_fixed(game)
    assert np.array_equal(exact.rewards(game, 0, corner), exact.rewards(game, 0, even))


@of_kind("mirrored")
def test_a_mirrored_crowd_stays_as_it_is_whatever_all_places_do_alike(label):
    game = CASES[label].game()
    weights = np.arange(1.0, game.num_actions + 1)
    policy = np.broadcast_to(weights / weights.sum(), policies.uniform(game).shape)
    law = exact.law_met(game, policy)
    np.testing.assert_allclose(law, np.broadcast_to(game.initial_law, law.shape), rtol=1e-12)
    q = exact.action_values(game, law, policy)  # so all places will do alike for ever
    np.testing.assert_allclose(q, np.broadcast_to(q[..., :1, :], q.shape), rtol=1e-9)


def test_monotone_rewards_for_ever_leave_room_for_many_equilibria():
    game = CASES["contract."].game()
    stay = np.array([[1.0, 0.0], [1.0, 0.0]])
    for share, equilibrium in ((0.5, True), (0.555, True), (0.445, True), (0.556, False)):
        answer = exact.best_response(game, np.array([share, 1 - share]))
        assert np.array_equal(answer, stay) == equilibrium


def test_solvers_start_away_from_equilibrium():
    for case in CASES.values():
        game = case.game()
        policy = first_policy(game)
        assert exact.exploitability(game, policy) > 1e-3
        assert unit(game, policy) > 1e-3
    uneven = first_policy(CASES["RPS"].game())
    np.testing.assert_allclose(uneven, np.tile([1, 2, 3], (3, 1)) / 6)
    left_right = CASES["left right"].game()
    assert unit(left_right, policies.uniform(left_right)) == pytest.approx(0.5)  # 2 / 2 - 1 / 2


def outcome(curve, bound=None, first=1.0):
    promise = None if bound is None else theory.Promise(np.array(bound), "a bound")
    return Outcome(CASES["SIS"], "FP", "", first, np.array(curve), 0.0, promise, "")


def test_courses_and_what_they_are_told_by():
    k = np.arange(1, 101)
    assert outcome(0.5**k).course == "solved"
    assert outcome(1 / k).course == "falls"
    assert outcome(np.full(100, 0.3)).course == "stands"
    assert outcome(0.3 + 0.1 * (k % 2)).course == "circles"
    assert outcome(1 / k)._replace(failure="no end").course == "stops"
    assert outcome(0.5**k).near == 7
    assert outcome(0.3 + 0 * k).near is None
    assert document.order(outcome(1 / k**2)) == pytest.approx(2, abs=0.1)


def test_a_promise_is_kept_at_every_iteration_or_not_at_all():
    assert outcome([0.5, 0.25], [0.5, 0.25]).held
    assert not outcome([0.6, 0.25], [0.5, 0.25]).held
    assert not outcome([0.5, 0.25]).held


def test_an_average_that_forgets_too_slowly_breaks_the_promise_of_fictitious_play():
    game = CASES["no crowd"].game()
    policy = first_policy(game)
    play = FictitiousPlay(iterations=20)
    promised = theory.promise("alone", game, policy, play, {}).bound
    slow = FixedPointIteration(iterations=20, step=0.4, decay=1)
    for learner, kept in ((play, True), (slow, False)):
        curve = [exact.exploitability(game, iterate.policy) for iterate in learner.learn(game)]
        assert outcome(curve, promised).held == kept


@dataclass(frozen=True)
class Restless:
    """A learner whose population settles nowhere."""

    iterations: int
    tried: list = field(repr=False)

    def learn(self, source, seed=0, start=None):
        self.tried.append(source)
        raise RuntimeError("the mean field still moves")
        yield


def test_a_population_that_does_not_settle_is_said_so_and_not_tried_again(tmp_path, monkeypatch):
    tried = []
    monkeypatch.setattr(solvers_study, "SOLVERS", {"FPI": lambda k, u: Restless(k, tried)})
    for _ in range(2):
        (found,) = study({"left right"}, 3, tmp_path)
        assert found.failure == "the mean field still moves"
        assert (found.course, found.curve.size) == ("stops", 0)
    assert len(tried) == 1


def test_quick_study_writes_tables_figure_and_data_and_goes_on(tmp_path):
    arguments = ("reproduce", "solvers", "--quick", "--out", str(tmp_path))
    first = CliRunner().invoke(cli.app, arguments)
    assert first.exit_code == 0, first.output
    assert (tmp_path / "solvers.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    content = json.loads((tmp_path / "solvers.json").read_text())
    assert len(content["runs"]) == len(QUICK) * len(SOLVERS)
    assert [r for r in content["runs"] if r["held"] is False] == []
    assert sum(r["held"] is True for r in content["runs"]) > 25
    for label in QUICK:
        assert label in first.output
    with np.load(tmp_path / "solvers.npz", allow_pickle=False) as file:
        assert file["SIS|OMD"].shape == (command.FEW,)
        promised = file["left right|OMD|bound"]
        assert (file["left right|OMD"] <= promised + 1e-9).all()
    again = CliRunner().invoke(cli.app, arguments)
    assert again.exit_code == 0
    assert json.loads((tmp_path / "solvers.json").read_text()) == content


def test_the_page_needs_all_games():
    with pytest.raises(ValueError, match="without --quick"):
        command.command(out=Path("nowhere"), quick=True, docs=Path("page.md"))


def heads_and_names(text):
    """Return the head of every table of a page, and the first cell of every other row."""
    tables = re.findall(r"(?:^\|.*\|\n)+", text, flags=re.MULTILINE)
    rows = [[re.split(r" *\| *", line)[1:-1] for line in t.splitlines()] for t in tables]
    return [(table[0], [row[0] for row in table[2:]]) for table in rows]


def test_the_page_shows_the_games_and_solvers_of_the_code():
    text = PAGE.read_text("utf-8")
    tables = heads_and_names(text)
    assert tables[0][1] == list(SOLVERS)
    labels = {family: [case.label for case in cases] for family, cases in FAMILIES.items()}
    games = tables[1 : 1 + len(labels)]
    assert [names for _, names in games] == list(labels.values())
    results = tables[1 + len(labels) : 1 + 3 * len(labels)]
    for wanted, (ends, work) in zip(
        labels.values(), zip(results[::2], results[1::2], strict=True), strict=True
    ):
        assert ends == (["solver", *wanted], ["at first", *SOLVERS])
        assert work == (["solver", *wanted], list(SOLVERS))
    assert tables[-1][1] == list(SOLVERS)
    assert f"{len(SOLVERS)} solvers on {len(CASES)} games" in text
    for case in CASES.values():
        assert case.why in text
    assert (PAGE.parent / "images" / "solvers.png").exists()


@pytest.mark.slow
def test_all_promises_are_kept_on_all_games(tmp_path):
    outcomes = list(study(set(CASES), 40, tmp_path))
    assert len(outcomes) == len(CASES) * len(SOLVERS)
    broken = [(o.case.label, o.solver) for o in outcomes if o.promise and not o.held]
    assert broken == []
    assert all(isinstance(o.case, Case) and o.first > 0 for o in outcomes)
    assert solvers_study.NEAR > solvers_study.SOLVED
