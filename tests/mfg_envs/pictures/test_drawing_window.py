"""A window shows frames, closes, and keeps its pace."""

from __future__ import annotations

import numpy as np
import pytest

from mfg_envs.games.ring_road import RingRoad
from mfg_envs.pictures.drawing import Window, draw_population

pygame = pytest.importorskip("pygame")

GAME = RingRoad.make(reward="min", num_cells=50)
UNIFORM = np.full(50, 1 / 50)


@pytest.fixture
def window(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    pygame.display.quit()
    window = Window()
    yield window
    window.close()


def test_a_window_shows_the_frame_and_closes_twice(window):
    assert not pygame.display.get_init()  # nothing opens before the first frame
    frame = draw_population(GAME, np.arange(20), None, UNIFORM, 0, (200, 120))
    window.show(frame, 0)
    shown = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
    np.testing.assert_array_equal(shown, frame)
    window.show(frame[:100, :150], 0)  # another size
    assert pygame.display.get_surface().get_size() == (150, 100)
    window.close()
    window.close()
    assert window.closed
    assert not pygame.display.get_init()
    window.show(frame, 0)
    assert not pygame.display.get_init()  # a closed window stays closed
    draw_population(GAME, np.arange(20), None, UNIFORM, 0)  # pictures can still be drawn


def test_closing_one_window_again_leaves_the_next_one_open(window):
    frame = np.zeros((50, 60, 3), np.uint8)
    later = Window()
    window.show(frame, 0)
    later.show(frame, 0)
    window.close()
    later.show(frame, 0)  # pygame has one display: the first close took it along
    window.close()
    assert pygame.display.get_surface().get_size() == (60, 50)
    later.close()
    assert not pygame.display.get_init()


def test_a_window_obeys_the_close_button(window):
    frame = np.zeros((50, 60, 3), np.uint8)
    window.show(frame, 0)
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    window.show(frame, 0)
    assert window.closed
    assert not pygame.display.get_init()


def test_a_window_keeps_the_frame_rate(window, monkeypatch):
    """Pygame's clock, which waits, is told the rate after every frame."""
    told = []

    class Clock:
        def tick(self, rate):
            told.append(rate)

    monkeypatch.setattr(pygame.time, "Clock", Clock)
    for rate in (50, 50, 20, 0):
        window.show(np.zeros((50, 60, 3), np.uint8), rate)
    assert told == [50, 50, 20, 0]


def test_a_window_never_shown_leaves_the_display_alone(window):
    pygame.display.init()
    window.close()
    assert pygame.display.get_init()
    pygame.display.quit()
