"""Animations."""

import io
import runpy
from pathlib import Path

import numpy as np
import pytest

from agents import figures
from agents.figures import animations
from mfg_envs import exact, make_game, policies
from mfg_envs.exact.discretise import discretise
from mfg_envs.pictures import canvas, graph, ring
from mfg_envs.pictures.drawing import draw_population
from mfg_envs.pictures.scene import Scene

pytest.importorskip("pygame")
pytest.importorskip("matplotlib")
image = pytest.importorskip("PIL.Image")

IMAGES = Path(__file__).parents[3] / "docs" / "images"
FLAGSHIPS = ("four_rooms", "linear_quadratic", "ring_road", "routing")
RING = make_game("ring_road", horizon=3)


def band(frame):
    """Return how many pixels have the colour of the band."""
    return (abs(frame.astype(int) - canvas.BAND).max(-1) <= 6).sum()


def test_a_picture_a_step_on_one_scale():
    flow = np.full((3, 50), 1 / 50)
    flow[1], flow[1, 7] = 0.5 / 49, 0.5
    players = figures.sample_players(RING, policies.uniform(RING), 20)
    frames = figures.flow_animation(RING, flow, players)
    assert len(frames) == 3
    assert {frame.shape for frame in frames} == {(animations.PIXELS, animations.PIXELS, 3)}
    # everybody in two of 100 half cells: 25 times the average, so the even band is thin throughout
    low, high = ring.BAND_RADII
    wide = animations.PIXELS / canvas.UNITS
    thin = np.pi * ((low + (high - low) / 50) ** 2 - low**2) * wide**2
    assert band(frames[0]) == band(frames[2]) < 3 * thin


def test_a_picture_is_that_of_the_players_at_that_time():
    flow = exact.flow(RING, policies.uniform(RING))
    players = figures.sample_players(RING, policies.uniform(RING), 20)
    frames = figures.flow_animation(RING, flow, players)
    rewards = animations.captions(players.reward.mean(1))
    again = draw_population(
        *(RING, players.state[2], players.action[1], flow[2], 2, (400, 400)),
        top=2.0,
        note=f"mean reward {rewards[2]}",
    )
    np.testing.assert_array_equal(frames[2], again)


def test_one_mean_field_stands_for_all_times_of_a_stationary_game():
    game = make_game("sis")
    uniform = policies.uniform(game)
    players = figures.sample_players(game, uniform, 10, num_steps=2)
    assert len(figures.flow_animation(game, exact.law_met(game, uniform), players)) == 2


def test_densities_of_a_continuous_game_are_those_of_players_or_of_the_flow():
    grid = discretise(make_game("linear_quadratic", horizon=2), num_states=11, num_actions=3)
    policy = policies.uniform(grid)
    law, players = exact.flow(grid, policy), figures.sample_players(grid, policy, 500)
    frames = figures.flow_animation(grid, players.mean_field, players, law)
    assert len(frames) == 2
    alike = figures.flow_animation(grid, law, players, law)
    assert frames[0].shape == alike[0].shape
    assert (frames[0] != alike[0]).any()
    where, height = animations.histogram(grid.game, players.state[0], 8)
    assert height.mean() == pytest.approx(1)
    np.testing.assert_allclose(np.diff(where), 0.25)


def test_wrong_times_and_references_are_refused():
    players = figures.sample_players(RING, policies.uniform(RING), 2)
    flow = np.full((2, 50), 1 / 50)
    with pytest.raises(ValueError, match="one time or those of the players, 3, got 2"):
        figures.flow_animation(RING, flow, players)
    with pytest.raises(ValueError, match="only densities along an axis"):
        figures.flow_animation(RING, np.full((3, 50), 1 / 50), players, flow)


def test_links_keep_their_scale_and_travellers_stand_beside_them():
    game = make_game("routing")
    m = np.zeros(game.num_places)
    m[0], m[1] = 0.2, 0.05
    at = np.flatnonzero((game.places == 0) & (game.journey.steps > 3))[:1].repeat(30)
    frame = draw_population(game, at, None, m, 1, top=0.4 * game.num_places)
    plan = graph.draw_map(game.layout())
    line = graph.along(plan.curves[0], np.linspace(0, 1, 201))
    spots = np.argwhere((frame[:640] == graph.TRAVELLER).all(-1))[:, ::-1] + 0.5
    gaps = np.hypot(*(spots[:, None] - line).T).min(0)
    half = graph.WIDTHS[1] / 2 * 0.5  # half of the scale
    assert gaps.min() > half - 1.5
    # the link is half as wide as the widest one, between empty and full
    x, y = graph.along(plan.curves[0], np.array([0.8]))[0]
    way = (plan.curves[0][2] - plan.curves[0][0]) / np.hypot(
        *(plan.curves[0][2] - plan.curves[0][0])
    )
    across = np.array([x, y]) + np.linspace(-12, 12, 97)[:, None] * way[::-1] * [-1, 1]
    seen = frame[across[:, 1].astype(int), across[:, 0].astype(int)].mean(-1) < 240
    assert seen.sum() / 4 == pytest.approx(np.mean(graph.WIDTHS), abs=1.5)


def test_a_scale_that_is_given_stays_and_says_what_is_cut_off():
    empty = np.zeros(0, int)
    scene = Scene(None, None, empty, empty, empty, empty, empty, 5.0)
    low, high = scene.scale(np.array([0.5, 1])), scene.scale(np.array([7.0, 1]))
    assert (low.top, low.words) == (5, "5\u00d7 average")
    assert (high.top, high.words) == (5, "5\u00d7 average or more")
    np.testing.assert_array_equal(high.density, [5, 1])


def test_a_scale_below_the_average_is_refused():
    with pytest.raises(ValueError, match=r"top must be at least 1, got 0\.5"):
        draw_population(RING, np.zeros(1, int), None, np.full(50, 1 / 50), 0, top=0.5)


def test_numbers_of_captions_are_rounded_alike():
    assert animations.captions(np.array([-0.000123, -0.0000004])) == ["-0.000123", "0.000000"]
    assert animations.captions(np.array([12.34, -1.0])) == ["12.3", "-1.0"]
    assert animations.captions(np.zeros(1)) == ["0"]


@pytest.mark.parametrize("name", FLAGSHIPS if IMAGES.exists() else ())
def test_the_films_of_the_readme_are_small_and_repeat(name):
    data = (IMAGES / f"{name}.gif").read_bytes()
    assert len(data) < 1_000_000
    with image.open(io.BytesIO(data)) as film:
        assert film.width <= 480
        assert film.n_frames > 10
        assert film.info["loop"] == 0


@pytest.mark.skipif(not IMAGES.exists(), reason="the documents are not beside the tests")
def test_the_script_of_the_documents_names_its_pictures():
    script = runpy.run_path(str(IMAGES.parent / "pictures.py"))
    assert set(script["PICTURES"]) == {f"{name}.gif" for name in FLAGSHIPS}
    with pytest.raises(SystemExit, match=r"no picture is called x; there are ring_road\.gif"):
        script["main"](["x"])
