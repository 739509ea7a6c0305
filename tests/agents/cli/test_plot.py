"""``mfg-envs plot`` on real folders."""

import itertools

import numpy as np
import pytest
from rich.console import Console
from scipy import stats
from typer.testing import CliRunner

from agents import OnlineMirrorDescent, SemiSGD, Sweep, run
from agents.cli import app, plot
from agents.deep_play.network_policies import NetworkPolicy, gaussian_shape
from agents.figures import policy_image
from agents.figures.style import figure, scale
from agents.runs.saved import load_run
from mfg_envs import make_game

pytest.importorskip("matplotlib")

LEFT_RIGHT = make_game("left_right")


def command(*arguments):
    return CliRunner().invoke(app, ["plot", *map(str, arguments)])


def written(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix in plot.SUFFIXES)


@pytest.fixture
def one(tmp_path):
    folder = tmp_path / "one"
    run(OnlineMirrorDescent(iterations=3), LEFT_RIGHT, out=folder, progress=False)
    return folder


def test_one_run_gets_curves_crowd_and_policy(one):
    done = command(one)
    assert done.exit_code == 0, done.output
    assert written(one) == ["flow.png", "learning_curves.png", "policy.png"]
    assert all((one / name).read_bytes()[:4] == b"\x89PNG" for name in written(one))
    assert len(load_run(one).run.iterations) == 3  # the pictures are not in the way


@pytest.mark.parametrize(("suffix", "head"), [("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_suffix_says_the_format(one, tmp_path, suffix, head):
    done = command(one, "--out", tmp_path / f"x.{suffix}")
    assert done.exit_code == 0, done.output
    assert written(tmp_path) == [f"x.{suffix}", f"x_flow.{suffix}", f"x_policy.{suffix}"]
    assert all((tmp_path / name).read_bytes().startswith(head) for name in written(tmp_path))


def test_several_runs_are_lines_of_one_figure(one, tmp_path):
    other = tmp_path / "other"
    run(OnlineMirrorDescent(iterations=3, rate=0.5), LEFT_RIGHT, out=other, progress=False)
    assert list(plot.grouped([one, other])) == ["rate=1.0", "rate=0.5"]
    assert list(plot.grouped([one, one])) == ["OnlineMirrorDescent"]  # no seed counts twice
    done = command(one, other)
    assert done.exit_code == 0, done.output
    assert written(tmp_path) == ["learning_curves.png"]
    assert written(one) == []


def test_the_same_run_in_two_folders_is_told_apart_by_them(tmp_path):
    folders = [tmp_path / "a", tmp_path / "b", tmp_path / "c" / "b"]
    for folder in folders:
        run(OnlineMirrorDescent(iterations=1), LEFT_RIGHT, out=folder, progress=False)
    labels = [label.split("\n") for label in plot.grouped(folders[:2])]
    assert labels == [["OnlineMirrorDescent", "a"], ["OnlineMirrorDescent", "b"]]
    assert len(set(plot.grouped(folders))) == 3


def test_a_sweep_is_a_line_a_configuration_with_its_seeds(tmp_path):
    sweep = Sweep(
        learner=SemiSGD,
        game=make_game("ring_road", num_cells=5, num_speeds=3),
        grid={"alpha": [0.1, 0.01], "iterations": [2], "inner_steps": [10]},
        seeds=range(2),
    )
    sweep.run(tmp_path, processes=1, progress=False)
    lines = plot.grouped([tmp_path])
    assert set(lines) == {"alpha=0.1", "alpha=0.01"}
    assert all([saved.seeds for saved in runs] == [[0], [1]] for runs in lines.values())
    done = command(tmp_path)
    assert done.exit_code == 0, done.output
    assert "learning_curves.png" in written(tmp_path)


def test_more_lines_than_colours_are_the_best(tmp_path, capsys):
    for k in range(9):
        learner = OnlineMirrorDescent(iterations=1, rate=0.1 + k)
        run(learner, LEFT_RIGHT, out=tmp_path / str(k), progress=False)
    lines = plot.grouped([tmp_path / str(k) for k in range(9)])
    ends = {label: runs[0].metrics["exploitability"][-1, 0] for label, runs in lines.items()}
    kept = plot.best(Console(), lines, "exploitability")
    assert "9 configurations: drawing the 7" in capsys.readouterr().out
    assert sorted(ends[label] for label in kept) == pytest.approx(sorted(ends.values())[:7])


def test_the_best_rewards_are_the_greatest(tmp_path, capsys):
    def mean_reward(game, iterate):
        return iterate.q.mean()

    for k in range(9):
        learner = OnlineMirrorDescent(iterations=1 + k)
        metrics = {"mean_reward": mean_reward}
        run(learner, LEFT_RIGHT, metrics=metrics, out=tmp_path / str(k), progress=False)
    lines = plot.grouped([tmp_path / str(k) for k in range(9)])
    ends = {label: runs[0].metrics["mean_reward"][-1, 0] for label, runs in lines.items()}
    kept = plot.best(Console(), lines, "mean_reward")
    assert "drawing the 7 with the greatest mean_reward" in capsys.readouterr().out
    assert sorted(ends[label] for label in kept) == pytest.approx(sorted(ends.values())[-7:])


def test_a_run_in_several_seeds_is_a_band(tmp_path):
    game = make_game("ring_road", num_cells=5, num_speeds=3)
    learner = SemiSGD(iterations=3, inner_steps=10)
    run(learner, game, seed=range(3), out=tmp_path, progress=False)
    (runs,) = plot.grouped([tmp_path]).values()
    assert runs[0].metrics["exploitability"].shape == (3, 3)
    done = command(tmp_path, "--x", "samples")
    assert done.exit_code == 0, done.output
    assert written(tmp_path) == ["flow.png", "learning_curves.png", "policy.png"]


def test_faults_are_named_before_anything_is_written(one, tmp_path):
    for arguments, words in {
        (tmp_path / "none",): "is no folder",
        (one, "--out", one / "x.txt"): "must end with .png, .svg, .pdf",
        (one, "--out", tmp_path / "no" / "x.png"): "there is no folder",
        (one, "--metric", "regret"): "no metric is called 'regret'; the run has exploitability",
        (one, "--x", "samples"): "uses no samples",
        (one, "--x", "time"): "x must be",
    }.items():
        done = command(*arguments)
        assert isinstance(done.exception, ValueError)
        assert words in str(done.exception)
    assert written(one) == written(tmp_path) == []


@pytest.mark.parametrize(("values", "wanted"), [((61.0, 70.0), "linear"), ((2.0, 7.0), "log")])
def test_values_that_are_much_the_same_need_no_logarithms(values, wanted):
    axis = figure(3, 3).subplots()
    scale(axis, np.array(values))
    assert axis.get_yscale() == wanted


def test_of_networks_that_players_draw_the_mean_is_drawn():
    game = make_game("linear_quadratic")  # actions in [-0.1, 0.1]
    shape, weights = gaussian_shape(game, ()), np.zeros((2, 6), np.float32)
    for network, mean, log_std in zip(weights, (0.5, -0.2), (-3.0, -1.0), strict=True):
        shape.parts(network)[-1][1][:] = mean, log_std  # the same everywhere
    for squash, greedy in itertools.product((False, True), repeat=2):
        policy = NetworkPolicy(game, weights, (), squash, greedy)
        expected = 0.0
        for mean, std in ((0.5, np.exp(-3)), (-0.2, np.exp(-1))):
            cut = np.tanh if squash else lambda a: np.clip(a, -1, 1)
            law = stats.norm(mean, 0.0 if greedy else std)
            expected += 0.05 * (cut(mean) if greedy else law.expect(cut))
        (image,) = policy_image(game, policy).axes[0].images
        np.testing.assert_allclose(image.get_array(), expected, atol=0.1 * 1e-3)


def test_the_crowd_of_a_continuous_game_is_drawn_as_densities():
    game = make_game("linear_quadratic", horizon=3)
    drawn = plot.flow_figure(game, lambda t, x: np.full_like(x, 0.1))
    assert [axis.get_title() for axis in drawn.axes] == ["t = 0", "t = 1", "t = 2"]
