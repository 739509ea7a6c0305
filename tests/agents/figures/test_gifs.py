"""GIFs, written at once or as their pictures come."""

import numpy as np
import pytest

from agents.figures import gifs

image = pytest.importorskip("PIL.Image")


def test_a_gif_repeats_keeps_its_colours_and_stands_still_at_the_ends(tmp_path):
    rng = np.random.default_rng(0)
    palette = rng.integers(0, 32, (100, 3)) * 8  # fewer than the palette has, well apart
    frames = [palette[rng.integers(0, 100, (40, 60))].astype(np.uint8) for _ in range(4)]
    path = tmp_path / "film.gif"
    gifs.write_gif(path, frames, fps=20)
    with image.open(path) as film:
        assert film.info["loop"] == 0
        times, same = [], []
        for k, frame in enumerate(frames):
            film.seek(k)
            times.append(film.info["duration"])
            same.append(np.array_equal(np.asarray(film.convert("RGB")), frame))
    assert times == [600, 50, 50, 1600]
    assert all(same)
    assert [file.name for file in tmp_path.iterdir()] == ["film.gif"]


def test_the_rare_ends_of_a_colour_bar_are_in_the_palette():
    frame = np.full((60, 400, 3), 255, np.uint8)
    rng = np.random.default_rng(1)
    frame[:50] = rng.integers(0, 90, (50, 400, 3))  # many dark colours
    frame[-1, -3:] = (253, 231, 37)
    chosen = gifs.common_colours([frame])
    assert len(chosen) == gifs.COLOURS
    assert {(255, 255, 255), (253, 231, 37)} <= {tuple(colour) for colour in chosen.tolist()}


def test_wrong_films_are_refused(tmp_path):
    frame = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match=r"an animation is a \.gif"):
        gifs.write_gif(tmp_path / "film.png", [frame])
    with pytest.raises(ValueError, match="at least one picture, all of one size"):
        gifs.write_gif(tmp_path / "film.gif", [])
    with pytest.raises(ValueError, match="fps must be in"):
        gifs.write_gif(tmp_path / "film.gif", [frame], fps=0)
    assert not list(tmp_path.iterdir())


def test_a_stream_is_written_as_it_comes_with_colours_for_each_picture(tmp_path):
    grey = np.arange(256, dtype=np.uint8).repeat(4).reshape(32, 32, 1)
    frames = [grey * np.array(channels, np.uint8) for channels in ((1, 0, 0), (0, 0, 1))]
    path = tmp_path / "film.gif"
    gifs.stream_gif(path, iter(frames), 10)
    with image.open(path) as film:
        assert (film.n_frames, film.info["loop"]) == (2, 0)
        for k, frame in enumerate(frames):
            film.seek(k)
            assert film.info["duration"] == 100
            assert np.array_equal(np.asarray(film.convert("RGB")), frame)
