"""``mfg-envs evaluate``: closed forms, and N players beside the mean field."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from agents import OnlineMirrorDescent, PolicyIteration, SemiSGD, SubsampleMFQ, cli, run
from agents.cli.evaluation import measure, num_steps, playable, value_from_the_start
from agents.runs.saved import SavedRun, load_run
from mfg_envs import exact, make_game, metrics, policies


@pytest.fixture(autouse=True)
def numpy(use):
    use("numpy")


def evaluate(*words):
    return CliRunner().invoke(cli.app, ["evaluate", *map(str, words)], env={"COLUMNS": "80"})


def numbers(folder, *words):
    """Return what the command writes as JSON."""
    ended = evaluate(folder, "--json", folder / "numbers.json", *words)
    assert ended.exit_code == 0, ended.output
    return json.loads((folder / "numbers.json").read_text()), ended.output


def test_exact_numbers_are_those_of_the_solver(tmp_path):
    game = make_game("left_right")
    last = run(OnlineMirrorDescent(iterations=5), game, out=tmp_path, progress=False).last
    found, printed = numbers(tmp_path, "--agents", "10")
    assert found["numbers"] == {
        "exploitability": [exact.exploitability(game, last.policy)],
        "welfare": [metrics.welfare(game, last.policy)],
        "distance_of_the_mean_fields": [0.0],
    }
    assert found["iteration"] == 5
    assert "OnlineMirrorDescent on left_right, iteration 5, one seed" in printed


def test_the_distance_of_the_mean_fields_is_the_largest_of_all_times(tmp_path):
    game = make_game("left_right")
    last = run(OnlineMirrorDescent(iterations=1), game, out=tmp_path, progress=False).last
    moved = last.mean_field.copy()
    moved[1] = [0, 0.25, 0.75][: moved.shape[1]]
    met = game.crowd(exact.law_met(game, last.policy))
    saved = load_run(tmp_path)
    measured = measure(saved, last._replace(mean_field=moved), [2], 2, 0)
    wanted = 0.5 * np.abs(met[1] - moved[1]).sum()
    assert wanted > 0
    assert measured.numbers["distance_of_the_mean_fields"] == pytest.approx(wanted)


def test_players_without_interaction_earn_what_the_mean_field_says(tmp_path):
    """The mean of 200 populations of 50 players is normal: 5 errors are missed once in 2e6."""
    game = make_game("no_interaction_chain")
    run(PolicyIteration(iterations=3), game, out=tmp_path, progress=False)
    found, printed = numbers(tmp_path, "--agents", "50,7", "--episodes", "200", "--seed", "3")
    assert list(found["players"]) == ["7", "50"]
    for one in found["players"].values():
        assert abs(one["mean"][0] - one["value"][0]) < 5 * one["error"][0]
    assert found["players"]["50"]["error"][0] < found["players"]["7"]["error"][0]
    assert "of infinitely many" in printed


def test_the_value_of_infinitely_many_is_the_exact_one():
    game = make_game("left_right")
    policy = policies.uniform(game)
    wanted = exact.value(game, exact.flow(game, policy), policy)
    assert value_from_the_start(game, policy) == pytest.approx(wanted)
    road = make_game("ring_road", num_cells=5, num_speeds=2)
    assert road.discount ** num_steps(road) < 1e-3 <= road.discount ** (num_steps(road) - 1)


def test_several_seeds_are_averaged(tmp_path):
    game = make_game("ring_road", num_cells=6, num_speeds=3)
    last = run(SemiSGD(iterations=2), game, [3, 5], out=tmp_path, progress=False).last
    found, printed = numbers(tmp_path, "--agents", "10", "--episodes", "5")
    assert found["seeds"] == [3, 5]
    wanted = [exact.exploitability(game, policy) for policy in last.policy]
    assert found["numbers"]["exploitability"] == wanted
    assert "mean of 2 seeds ± standard error" in printed


def test_a_team_is_measured_by_its_value(tmp_path):
    game = make_game("dispatcher", num_zones=3)
    learner = SubsampleMFQ(k=2, iterations=20)
    run(learner, game, out=tmp_path, progress=False)
    found, printed = numbers(tmp_path, "--agents", "4", "--episodes", "20")
    surrogate = load_run(tmp_path).metrics["surrogate_value"][-1, 0]
    assert found["numbers"] == {"value_of_the_surrogate": [surrogate]}
    assert found["players"]["4"]["value"] == [None]
    assert "infinitely" not in printed


class Resting:
    """A learner of a continuous game: everybody rests."""

    def policy(self, game, iterate, seed=0):
        return lambda t, x: np.zeros((*x.shape[:2], game.action_dim))


def test_a_continuous_policy_is_measured_by_playing(tmp_path, monkeypatch):
    run(OnlineMirrorDescent(iterations=1), make_game("left_right"), out=tmp_path, progress=False)
    game = make_game("linear_quadratic", horizon=3)
    monkeypatch.setattr(SavedRun, "game", game)
    monkeypatch.setattr(SavedRun, "learner", Resting())
    saved = load_run(tmp_path)
    monkeypatch.setattr("agents.cli.evaluation.SIMULATED", 2000)
    measured = measure(saved, saved.run.last, [50], 20, 0)
    lower = measured.numbers["exploitability_at_least_low"]
    assert 0 < lower < measured.numbers["exploitability_at_least"]
    printed = evaluate(tmp_path, "--agents", 50, "--episodes", 2).output
    assert "95 % confidence from" in printed
    played = measured.players[50]
    assert played.value == measured.numbers["value"]
    # Both values have errors, of 50 * 20 and of 2000 players; and among 50 players a share of 1/50
    # of the variance (1/3, plus noise) is not met, in each of 3 steps.
    error = played.error * (1 + (1000 / 2000) ** 0.5)
    assert abs(played.mean - played.value) < 5 * error + 3 * 0.4 / 50


def test_policies_that_are_not_for_all_are_refused(tmp_path):
    game = make_game("left_right")
    last = run(OnlineMirrorDescent(iterations=1), game, out=tmp_path, progress=False).last
    with pytest.raises(ValueError, match="is no one policy that all players of left_right"):
        playable(load_run(tmp_path), last._replace(policy=np.zeros((3, 40))))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere",), "nowhere is no folder: give the --out of mfg-envs train"),
        (("run", "--agents", "10,x"), "--agents needs whole numbers N,N, got 'x'"),
        (("run", "--agents", "0"), "--agents must be at least 1, got 0"),
        (("both",), "both holds runs of several configurations"),
        (("run", "--json", "no/x.json"), "there is no folder no to write x.json in"),
        (("run", "--json", "both"), "--json must be a file, both is a folder"),
    ],
)
def test_bad_use_is_named(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder, count in (("run", 1), ("both/a", 1), ("both/b", 2)):
        learner = OnlineMirrorDescent(iterations=count)
        run(learner, make_game("left_right"), out=folder, progress=False)
    ended = evaluate(*words)
    assert isinstance(ended.exception, ValueError)
    assert message in str(ended.exception)
