import json
from dataclasses import fields

import numpy as np
import pytest
from typer.testing import CliRunner

from agents import cli
from agents.cli.reproduce.ring_road import command
from agents.cli.reproduce.ring_road import study as ring_road_study
from agents.cli.reproduce.ring_road.lax_friedrichs import LaxFriedrichsFPI
from agents.cli.words.docstrings import attributes
from mfg_envs import make_game
from mfg_envs.registry import CONTINUOUS_GAMES, GAMES, TEAM_GAMES, any_class

cli.load()


def invoke(*arguments):
    return CliRunner().invoke(cli.app, arguments)


def test_published_tables_are_laws_and_have_a_value_at_every_checkpoint():
    for optimum in (ring_road_study.ADDITIVE_OPTIMUM, ring_road_study.MIN_OPTIMUM):
        assert optimum.shape == (50,)
        assert abs(optimum.sum() - 1) < 50 * 0.5e-6 + 1e-12  # six printed digits
    for mse, distance in ring_road_study.ADDITIVE.values():
        assert len(mse) == len(distance) == ring_road_study.ADDITIVE_AT.size
    for published, _, bounds in ring_road_study.MINIMUM.values():
        assert len(published) == ring_road_study.MIN_AT.size
        assert set(bounds) <= set(ring_road_study.MIN_AT.tolist())


def test_paper_metrics_on_known_fields():
    game = make_game("ring_road", reward="additive")
    exact = np.roll(ring_road_study.ADDITIVE_OPTIMUM, 1)
    q = -((game.speeds - (game.location + 0.5 - exact * game.slowdown)[:, None]) ** 2)
    iterate = ring_road_study.Iterate(1, 0, q, exact, q, {})
    assert ring_road_study.additive_mse(game, iterate) == 0
    # the nearest of the speeds j / 50 is at most 1 / 100 away, where the wanted speed is below .98
    assert ring_road_study.policy_distance(game, iterate) <= 50 * 0.01**2
    even = iterate._replace(mean_field=np.full(50, 0.02))
    wanted = np.abs(0.02 - ring_road_study.ADDITIVE_OPTIMUM).sum() ** 2
    np.testing.assert_allclose(ring_road_study.additive_mse(game, even), wanted)
    wanted = ((0.02 - ring_road_study.MIN_OPTIMUM) ** 2).sum()
    np.testing.assert_allclose(ring_road_study.min_mse(game, even), wanted)


def test_baseline_goes_on_from_any_iterate_and_its_seeds_are_independent():
    game = make_game("ring_road", reward="additive", dynamics="position", num_cells=10)
    learner = LaxFriedrichsFPI(iterations=4)
    whole = list(learner.learn(game, [1, 2]))
    for one, two in zip(learner.learn(game, [1, 2], start=whole[1]), whole[2:], strict=True):
        assert np.array_equal(one.mean_field, two.mean_field)
        assert np.array_equal(one.q, two.q)
    for one, two in zip(learner.learn(game, [2]), whole, strict=True):
        np.testing.assert_allclose(one.mean_field[0], two.mean_field[1], rtol=0, atol=1e-15)
    np.testing.assert_allclose(whole[-1].mean_field.sum(-1), 1, rtol=1e-12)
    np.testing.assert_allclose(whole[-1].policy.sum(-1), 1, rtol=1e-12)


def test_quick_reproduction_writes_tables_figure_and_data(tmp_path):
    first = invoke("reproduce", "ring-road", "--quick", "--out", str(tmp_path))
    assert first.exit_code == 0, first.output
    assert "Promised bounds" in first.output
    assert (tmp_path / "ring_road.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    content = json.loads((tmp_path / "ring_road.json").read_text())
    assert len(content["checks"]) == 7
    exact = next(v for v in content["values"] if v["learner"] == "exact equilibrium")
    assert max(exact["policy"]) < 1e-7
    with np.load(tmp_path / "ring_road.npz", allow_pickle=False) as file:
        assert file["SemiSGD|min MSE"].shape == (201,)
    again = invoke("reproduce", "ring-road", "--quick", "--out", str(tmp_path))
    assert again.exit_code == 0
    assert json.loads((tmp_path / "ring_road.json").read_text()) == content


@pytest.mark.slow
def test_reproduction_keeps_its_promises(tmp_path):
    study = ring_road_study.study((10, 20), tmp_path, progress=False)
    missed = [c["learner"] for c in command._checks(study.curves) if not c["held"]]
    # Recorded, not hidden: seeds 0..19 start 10 % closer to the equilibrium than the published
    # average, and fictitious play forgets its start only like k^-0.4.
    assert missed == ["FPI + FP"]


def test_list_and_show(tmp_path):
    listed = invoke("list")
    assert listed.exit_code == 0
    assert "ring_road" in listed.output
    assert "QMIteration" in listed.output
    shown = invoke("show", "ring_road", "--save", str(tmp_path / "ring.png"))
    assert shown.exit_code == 0, shown.output
    for part in ("jam_density", "num_cells", "additive", "mean-field limit"):
        assert part in shown.output
    assert (tmp_path / "ring.png").stat().st_size > 1000


@pytest.mark.parametrize("name", [*GAMES, *CONTINUOUS_GAMES, *TEAM_GAMES])
def test_every_game_is_listed_and_shown(name):
    assert name in invoke("list").output
    shown = invoke("show", name)
    assert shown.exit_code == 0, shown.output
    assert f"{name}_v0.parallel_env" in shown.output


def test_every_parameter_has_a_meaning():
    for name in (*GAMES, *CONTINUOUS_GAMES, *TEAM_GAMES):
        cls = any_class(name)
        meanings = attributes(cls)
        assert all(meanings.get(field.name) for field in fields(cls)), name


def test_unknown_names_end_with_one_clear_line(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["mfg-envs", "show", "ring_rod"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    assert capsys.readouterr().err == (
        "mfg-envs: no game or learner is called 'ring_rod';"
        " did you mean 'ring_road' or 'routing'?\n"
    )
