import json

import numpy as np
import pytest
from typer.testing import CliRunner

from agents import cli
from agents.cli.reproduce.deda_fp import exact as deda_fp_exact
from agents.cli.reproduce.deda_fp import figure as deda_fp_figure
from agents.cli.reproduce.deda_fp import play, study
from mfg_envs import exact, make_game, policies
from mfg_envs.exact.discretise import discretise

TINY = {
    "iterations": 2,
    "hidden": (16, 16),
    "response_steps": 3_000,
    "response_updates": 60,
    "crowd": 100,
}
TINY_CLONES = {"triples": 1_000, "clone_steps": 60}
TINY_FLOWS = {"trajectories": 500, "flow_steps": 20}


@pytest.fixture
def tiny(monkeypatch):
    """Make the learners of the study tiny."""
    from agents import AveragePolicyFictitiousPlay, DedaFP

    def learner(game, algorithm, quick=False):
        cls = study.ALGORITHMS[algorithm]
        settings = {**TINY, "response": study.SETTINGS[game].get("response", "sac")}
        settings |= TINY_CLONES if issubclass(cls, AveragePolicyFictitiousPlay) else {}
        return cls(**settings, **(TINY_FLOWS if cls is DedaFP else {}))

    monkeypatch.setattr(study, "learner", learner)


def invoke(out, *words):
    command = ["reproduce", "deda-fp", "--quick", "--processes", "1", "--out", str(out), *words]
    return CliRunner().invoke(cli.app, command)


@pytest.mark.usefixtures("tiny")
def test_study_writes_tables_figures_and_data_and_does_no_run_twice(tmp_path):
    first = invoke(tmp_path, "--game", "beach_bar")
    assert first.exit_code == 0, first.output
    for part in ("Exploitability on beach_bar", "published", "exact, normal", "W1, last", "slope"):
        assert part in first.output
    for name in ("exploitability.png", "densities.png"):
        assert (tmp_path / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    content = json.loads((tmp_path / "deda_fp.json").read_text())
    ends = content["beach_bar"]
    assert ends.keys() == study.ALGORITHMS.keys()
    assert all(np.shape(row["curve"]) == (1, 2) for row in ends.values())
    results = sorted(tmp_path.rglob("result.npz"))
    assert len(results) == 3
    before = [path.stat().st_mtime_ns for path in results]
    assert invoke(tmp_path, "--game", "beach_bar").exit_code == 0
    assert [path.stat().st_mtime_ns for path in results] == before
    assert json.loads((tmp_path / "deda_fp.json").read_text()) == content


def test_a_game_that_is_not_in_the_study_is_refused(tmp_path):
    result = invoke(tmp_path, "--game", "sis")
    assert result.exit_code != 0 and "linear_quadratic" in str(result.exception)


def test_published_numbers_reach_the_last_iteration_of_the_settings():
    for game, settings in study.SETTINGS.items():
        for rows in study.PUBLISHED[game].values():
            assert max(rows) == settings["iterations"]


def test_equilibria_are_the_exact_ones():
    found = deda_fp_exact.equilibrium(make_game("linear_quadratic"))
    assert found.exploitability < 1e-6
    means = found.flow @ found.points
    # On 801 points: 0, .0509, .1060, .1648, .2263, ... .6047.
    np.testing.assert_allclose(means[:5], [0, 0.0509, 0.1060, 0.1648, 0.2263], atol=1e-3)
    np.testing.assert_allclose(means[20], 0.6047, atol=1e-3)
    bar = deda_fp_exact.equilibrium(make_game("beach_bar"))
    assert bar.exploitability < 0.1  # of 20.1 for the uniform policy
    # Left and right are alike, but for points between two cells: they count in the upper one.
    np.testing.assert_allclose(bar.flow @ bar.points, 0.5, atol=0.01 / 2)


def test_players_of_the_equilibrium_are_at_distance_zero_but_for_chance():
    found = deda_fp_exact.equilibrium(make_game("beach_bar"))
    draw, num = np.random.default_rng(0), 40_000
    states = np.stack([draw.choice(found.points, num, p=law / law.sum()) for law in found.flow])
    # E |F_M - F| <= 1 / (2 sqrt M) at every point of [0, 1]; the largest of 11 times within 3x.
    assert deda_fp_exact.distance(found, states).max() < 3 / (2 * num**0.5)
    # Everybody moved by .05: at most that far, and cut off at the end by the last twentieth.
    moved = deda_fp_exact.distance(found, np.minimum(states + 0.05, 1))
    assert moved.min() > 0.03 and moved.max() < 0.05 + 3 / (2 * num**0.5)


def test_fictitious_play_with_exact_responses_is_what_it_says():
    game = make_game("linear_quadratic")
    grid = discretise(game, num_states=101, num_actions=31, num_noise=20)
    flow = exact.flow(grid, policies.uniform(grid))
    response = exact.best_response(grid, flow, ties="split")
    wanted = exact.exploitability(grid, response)
    mixture = deda_fp_exact.fictitious_play(game, 2, gaussian=False)
    np.testing.assert_allclose(mixture[0], wanted, rtol=1e-6)
    second = exact.best_response(grid, exact.flow(grid, response), ties="split")
    visits = [exact.flow(grid, rule)[:, :, None] for rule in (response, second)]
    average = (visits[0] * response + visits[1] * second) / np.maximum(sum(visits), 1e-300)
    average = np.where(sum(visits) > 1e-12, average, second)
    np.testing.assert_allclose(mixture[1], exact.exploitability(grid, average), rtol=1e-6)
    # Where a response is pure, the normal law that stands for it is the narrowest there is.
    normal = deda_fp_exact.fictitious_play(game, 1, gaussian=True)
    np.testing.assert_allclose(normal[0], wanted, rtol=0.05)


def test_normal_laws_have_the_mean_and_the_spread_of_what_they_stand_for():
    actions = np.linspace(-1, 1, 201)
    draw = np.random.default_rng(0)
    rules = np.exp(-((actions - draw.uniform(-0.2, 0.2, (2, 3, 1))) ** 2) / 0.02)
    rules /= rules.sum(-1, keepdims=True)
    laws = deda_fp_exact._normal(rules, actions)
    np.testing.assert_allclose(laws.sum(-1), 1, rtol=1e-12)
    np.testing.assert_allclose(laws @ actions, rules @ actions, atol=1e-6)
    # Counting in cells of width h adds h^2 / 12 to a variance, and it is counted twice.
    np.testing.assert_allclose(laws @ actions**2, rules @ actions**2, atol=0.01**2 / 6)


def test_laws_keep_their_mass_in_other_bins():
    found = deda_fp_exact.equilibrium(make_game("beach_bar"))
    rows = deda_fp_figure._rebinned(found, np.linspace(0, 1, 61))
    np.testing.assert_allclose(rows.sum(-1), 1, rtol=1e-12)


def test_heat_maps_are_densities():
    states = np.random.default_rng(0).uniform(0, 1, (11, 500, 1))
    found = deda_fp_exact.equilibrium(make_game("beach_bar"))
    panel = deda_fp_figure.Panel("beach_bar", {}, {"Algo 1": [states]}, found, {})
    figure = deda_fp_figure.densities([panel])
    exact_map, drawn = (ax.images[0].get_array() for ax in figure.axes[:2])
    for values in (exact_map, drawn):  # (bins, T): every column has mass one
        np.testing.assert_allclose(np.asarray(values).mean(0), 1, rtol=1e-9)


def test_the_square_of_the_start_is_counted():
    inside, outside = [0.01, 0.49], [0.03, 0.49]
    states = np.array([[inside, inside, outside, [0.01, 0.4]]] * 21)
    np.testing.assert_array_equal(play.start_masses(states), [0.5] * 4)


@pytest.mark.slow
def test_quick_study_of_all_games_runs_and_learns(tmp_path):
    result = CliRunner().invoke(
        cli.app, ["reproduce", "deda-fp", "--quick", "--out", str(tmp_path)]
    )
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "deda_fp.json").read_text())
    # The uniform policy's exploitability is 59.55 and 20.12.
    for algorithm in study.ALGORITHMS:
        assert content["linear_quadratic"][algorithm]["exploitability"][0] < 6
    assert content["beach_bar"]["DEDA-FP"]["exploitability"][0] < 20.12
    times = {row["name"]: row["seconds"] for row in content["sampling"]}
    assert 10 * times["DEDA-FP, all at once"] < times["average policy, one player at a time"]
