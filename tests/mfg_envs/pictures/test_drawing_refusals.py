"""What cannot be drawn is refused, with what to do about it."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from mfg_envs.game import Layout
from mfg_envs.games.ring_road import RingRoad
from mfg_envs.pictures.drawing import Window, draw_population

pygame = pytest.importorskip("pygame")

GAME = RingRoad.make(reward="min", num_cells=50)
UNIFORM = np.full(50, 1 / 50)


def test_a_game_without_a_layout_is_refused():
    class Invisible(RingRoad):
        def layout(self):
            return None

    with pytest.raises(ValueError, match="Invisible"):
        draw_population(Invisible(), np.zeros(2, int), None, UNIFORM, 0)


def test_an_unknown_kind_is_refused_with_the_known_ones():
    class Knot(RingRoad):
        def layout(self):
            return Layout("knot", "speed", self.speeds)

    with pytest.raises(ValueError, match=r"Knot.*'knot'.*ring"):
        draw_population(Knot(), np.zeros(2, int), None, UNIFORM, 0)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"mean_field must have shape \(50,\), got \(49,\)"):
        draw_population(GAME, np.zeros(2, int), None, UNIFORM[:-1], 0)
    with pytest.raises(ValueError, match=r"action must have shape \(2,\), got \(3,\)"):
        draw_population(GAME, np.zeros(2, int), np.zeros(3, int), UNIFORM, 0)


def test_without_pygame_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygame", None)
    for draw in (
        lambda: draw_population(GAME, np.zeros(2, int), None, UNIFORM, 0),
        lambda: Window().show(np.zeros((4, 4, 3), np.uint8), 0),
    ):
        with pytest.raises(ImportError, match=r'pip install "mfg-envs\[plot\]"'):
            draw()
