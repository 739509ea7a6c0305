"""``mfg-envs play``: every kind of game and policy, films whole or not at all."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from agents import OnlineMirrorDescent, SubsampleMFQ, cli, run
from agents.cli.acting import actors
from agents.cli.words.estimates import estimate
from agents.cli.words.films import write_film
from agents.cli.words.names import changed_game
from agents.runs.saved import load_run
from mfg_envs import PopulationEnv, exact, make_game
from mfg_envs.simulate import play as episodes


@pytest.fixture(autouse=True)
def numpy(use):
    use("numpy")


def play(*words):
    return CliRunner().invoke(cli.app, ["play", *map(str, words)], env={"COLUMNS": "80"})


def earned(output):
    """Return the mean return that was printed."""
    return float(re.search(r"(?:per player|of the team): (\S+?)[;, ]", f"{output} ")[1])


@pytest.mark.parametrize(
    ("game", "words"),
    [
        ("ring_road", "20 players, 5 steps, policy: random"),
        ("linear_quadratic", "20 players, 5 steps, policy: random"),
        ("dispatcher", "20 locals and a global agent, 5 steps, policy: random"),
    ],
)
def test_every_kind_of_game_is_played_and_the_seed_decides(game, words):
    first, again, other = (
        play(game, "--agents", 20, "--steps", 5, "--seed", seed) for seed in (1, 1, 2)
    )
    assert first.exit_code == 0, first.output
    assert f"{game}: {words}\n" in first.output
    assert again.output == first.output
    assert other.output != first.output


def test_the_return_is_what_the_environment_pays():
    game = make_game("sis")
    env = PopulationEnv(game, 6, max_cycles=4)
    env.reset(seed=3)
    act, total = actors("random", game, None, 3).act, np.zeros(6)
    for t in range(4):
        _, rewards, *_ = env.step(act(env, {}))
        total += game.discount**t * np.array(list(rewards.values()))
    ended = play("sis", "--agents", 6, "--steps", 4, "--seed", 3)
    error = total.std(ddof=1) / 6**0.5
    assert abs(earned(ended.output) - total.mean()) <= error / 10  # printed to two digits of it
    assert "discounted by 0.9" in ended.output


def test_everybody_plays_legal_actions_only():
    game = make_game("routing")
    env = PopulationEnv(game, 50)
    env.reset(seed=0)
    act = actors("random", game, None, 0).act
    for _ in range(5):
        x = env.batch.state[0]
        a = act(env, {})
        assert game.legal_actions[x, list(a.values())].all()
        env.step(a)


def test_equilibrium_is_what_solvers_find():
    ended = play("left_right", "--policy", "equilibrium", "--agents", 500)
    gap = float(re.search(r"equilibrium \(exploitability (\S+)\)", ended.output)[1])
    assert gap < 1e-2
    grid = play("beach_bar", "--policy", "equilibrium", "--agents", 5, "--set", "horizon=2")
    assert grid.exit_code == 0, grid.output
    assert "on a grid)" in grid.output


@pytest.mark.parametrize(
    ("game", "message"),
    [
        ("dispatcher", "dispatcher is a team game, it has no equilibrium: mfg-envs train"),
        ("four_rooms", "--policy equilibrium needs a finite game, or one state"),
    ],
)
def test_where_there_is_no_equilibrium_the_error_says_what_to_do(game, message):
    assert message in str(play(game, "--policy", "equilibrium").exception)


def test_a_saved_run_is_played(tmp_path):
    game = make_game("left_right", right_cost=3.0)
    last = run(OnlineMirrorDescent(iterations=9), game, out=tmp_path, progress=False).last
    value = exact.value(game, exact.flow(game, last.policy), last.policy)
    for path in (tmp_path, tmp_path / "result.npz"):
        ended = play("left_right", "--agents", 4000, "--policy", path)
        assert ended.exit_code == 0, ended.output
        assert "policy: OnlineMirrorDescent, seed 0, iteration 9" in ended.output
        # The game's own cost of 3: the binomial error of 4000 players, five times.
        assert abs(earned(ended.output) - value) < 5 * 2 * 3 * 0.5 / 4000**0.5
    other = play("sis", "--policy", tmp_path)
    assert "has learned LeftRight(" in str(other.exception)


def test_what_is_set_changes_the_game_of_a_saved_run_and_nothing_else(tmp_path):
    game, changed = (make_game("sis", infection=0.3, **new) for new in ({}, {"recovery": 0.9}))
    assert changed_game(game, {"recovery": 0.9}) == changed
    run(OnlineMirrorDescent(iterations=2), game, out=tmp_path, progress=False)
    env = PopulationEnv(changed, 6, max_cycles=4)
    env.reset(seed=0)
    act, total = actors("", changed, load_run(tmp_path), 0).act, np.zeros(6)
    for t in range(4):
        _, rewards, *_ = env.step(act(env, {}))
        total += changed.discount**t * np.array(list(rewards.values()))
    ended = play("sis", "--policy", tmp_path, "--agents", 6, "--steps", 4, "--set", "recovery=0.9")
    assert estimate(total.mean(), total.std(ddof=1) / 6**0.5) in ended.output


def test_players_draw_as_those_of_an_episode_do(tmp_path):
    game = make_game("sis", horizon=5)
    last = run(OnlineMirrorDescent(iterations=3), game, out=tmp_path, progress=False).last
    env = PopulationEnv(game, 20)
    env.reset(seed=6)
    act = actors("", game, load_run(tmp_path), 0).act
    for wanted in episodes.play(game, last.policy, 20, seed=6).action[:, 0]:
        chosen = act(env, {})
        assert [*chosen.values()] == wanted.tolist()
        env.step(chosen)


def test_a_saved_policy_that_ends_too_early_is_refused(tmp_path):
    game = make_game("beach_bar_grid", horizon=3)
    run(OnlineMirrorDescent(iterations=1), game, out=tmp_path, progress=False)
    ended = play("beach_bar_grid", "--policy", tmp_path, "--set", "horizon=5")
    assert "policy must have shape (T, S, A) = (5, 20, 3), got (3, 20, 3)" in str(ended.exception)


def test_a_saved_team_is_played(tmp_path):
    game = make_game("dispatcher", num_zones=3)
    run(SubsampleMFQ(k=2, iterations=10), game, out=tmp_path, progress=False)
    ended = play("dispatcher", "--agents", 6, "--steps", 8, "--policy", tmp_path)
    assert "policy: SubsampleMFQ, seed 0, iteration 10" in ended.output


def test_a_gif_has_a_frame_for_every_moment(tmp_path):
    pytest.importorskip("pygame")
    image = pytest.importorskip("PIL.Image")
    path = tmp_path / "sis.gif"
    ended = play("sis", "--agents", 5, "--steps", 3, "--fps", 5, "--render", path)
    assert ended.exit_code == 0, ended.output
    with image.open(path) as film:
        assert film.n_frames == 4
        assert film.info["duration"] == 200
        assert film.info["loop"] == 0
    assert f"Wrote {path}" in ended.output
    assert play("sis", "--steps", 2, "--render", tmp_path / "last.png").exit_code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["last.png", "sis.gif"]


def test_a_film_that_fails_leaves_the_old_file_and_no_rest(tmp_path):
    pytest.importorskip("PIL.Image")
    path = tmp_path / "film.gif"
    path.write_bytes(b"old")

    def frames():
        yield np.zeros((4, 4, 3), np.uint8)
        yield np.full((4, 4, 3), 200, np.uint8)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_film(path, frames(), 10)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_ffmpeg_gets_every_frame_and_its_complaints_are_passed_on(tmp_path, monkeypatch):
    tool = tmp_path / "bin" / "ffmpeg"
    tool.parent.mkdir()
    tool.write_text(
        f"#!{sys.executable}\nimport sys\ndata = sys.stdin.buffer.read()\n"
        "if sys.argv[sys.argv.index('-r') + 1] == '7': sys.exit('no such encoder')\n"
        "open(sys.argv[-1], 'w').write(f'{len(data)} {sys.argv[sys.argv.index(\"-s\") + 1]}')\n"
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent))
    frames = [np.zeros((4, 6, 3), np.uint8)] * 3
    write_film(tmp_path / "film.mp4", iter(frames), 10)
    assert (tmp_path / "film.mp4").read_text() == f"{3 * 4 * 6 * 3} 6x4"
    with pytest.raises(OSError, match="ffmpeg cannot write the film: no such encoder"):
        write_film(tmp_path / "other.mp4", iter(frames), 7)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bin", "film.mp4"]


def test_a_window_opens_and_closes(monkeypatch):
    pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    ended = play("sis", "--agents", 5, "--steps", 3, "--fps", 100, "--render", "human")
    assert ended.exit_code == 0, ended.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--render", "film.avi"), "--render must be human or end with .gif, .mp4, .png, got"),
        (("--render", "no/film.gif"), "there is no folder no to write film.gif in"),
        (("--render", "film.mp4"), "an .mp4 needs ffmpeg: install it with your system, or pip"),
        (("--policy", "nowhere"), "--policy must be random, equilibrium or the folder of a run"),
        (("--set", "recovry=1"), "sis has no parameter 'recovry'; did you mean 'recovery'"),
    ],
)
def test_bad_use_is_named_and_nothing_is_written(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    ended = play("sis", *words)
    assert message in str(ended.exception)
    assert not list(Path().iterdir())


def test_without_a_display_there_is_no_window(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    ended = play("sis", "--render", "human")
    assert "--render human needs a display, there is none" in str(ended.exception)
