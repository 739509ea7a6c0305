"""A surface to paint on, and the colours of all pictures.

A picture is ``UNITS`` x ``UNITS`` design units, whatever its pixels, with y downwards.  pygame is
loaded with the first canvas, paints off screen and needs no display.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array

TIMES = "\u00d7"  # multiplication sign
UNITS = 720
SAMPLES = 2  # supersampling in each direction
MARGIN = 20  # of words, left and right
BACKGROUND, INK, QUIET = (255, 255, 255), (38, 42, 51), (110, 116, 128)
BAND, ROAD, FAINT, WAITING = (166, 189, 214), (229, 231, 236), (178, 184, 194), (134, 138, 146)
PLAYER = (213, 94, 0)  # of dots whose colour means nothing
VIRIDIS = np.array(  # colour-blind safe, perceptually uniform; anchors at 0, 1/8, ..., 1
    bytearray.fromhex("440154 472c7a 3b518b 2c718e 21908d 27ad81 5cc863 aadc32 fde725")
).reshape(-1, 3)
CATEGORIES = np.array(  # colour-blind safe (Okabe, Ito 2008), the blues last: maps are blue
    bytearray.fromhex("d55e00 009e73 f0e442 cc79a7 20242c e69f00 0072b2 56b4e9")
).reshape(-1, 3)
SHADES = np.array(  # of a share or a density: nothing to the most, all light enough for dots
    bytearray.fromhex("f4f7fa d5e0ec b4c8df 92aed0 7093c0 5078ad")
).reshape(-1, 3)
TEXT, BAR_LENGTH, GAP = 29, 110, 34  # of a key: size of words, length of bars, between entries
INDENTS, INDENT = {"": 0, "line": 34, "band": 34, "cell": 30}, 22  # of words behind a sample
SHAPES = ("disc", "triangle", "square", "diamond")


class Entry(NamedTuple):
    """An entry of a key.

    Attributes:
        words: What a sample means.
        colours: Colour of the sample, (3,), or of a bar from end to end, (C, 3).
        sample: "line", "band", "cell", "bar", one of ``SHAPES``, or "" for words alone.
        ends: What is written at both ends of a bar.
    """

    words: str
    colours: Any = INK
    sample: str = ""
    ends: tuple[str, str] = ("", "")


class Canvas:
    """A supersampled surface addressed in design units."""

    def __init__(self, width: int, height: int) -> None:
        self.pygame = import_pygame()
        self.pygame.font.init()
        self.pixels = (width, height)
        self.scale = SAMPLES * min(width, height) / UNITS
        self.surface = self.pygame.Surface((SAMPLES * width, SAMPLES * height), depth=32)
        self.surface.fill(BACKGROUND)
        self.corner = (np.multiply(SAMPLES, self.pixels) - self.scale * UNITS) / 2

    def at(self, points: Any) -> Array:
        """Return the surface pixels of points (..., 2) in design units, int."""
        return np.rint(np.asarray(points) * self.scale + self.corner).astype(int)

    def line(self, colour: Any, points: Any, width: float) -> None:
        """Paint a line ``width`` units wide through points (P, 2)."""
        pixels = max(1, round(width * self.scale))
        self.pygame.draw.lines(self.surface, colour, False, self.at(points).tolist(), pixels)

    def disc(self, colour: Any, centre: Any, radius: float, width: float | None = None) -> None:
        """Paint a disc, or a circle ``width`` units wide."""
        rim = 0 if width is None else max(1, round(width * self.scale))
        reach = round(radius * self.scale + rim / 2)
        self.pygame.draw.circle(self.surface, colour, self.at(centre).tolist(), reach, rim)

    def polygon(self, colour: Any, points: Any) -> None:
        """Fill the outline through points (P, 2)."""
        self.pygame.draw.polygon(self.surface, colour, self.at(points).tolist())

    def box(self, colour: Any, low: Any, high: Any, width: float | None = None) -> None:
        """Fill a rectangle between two corners, or paint its rim, ``width`` units wide, inside."""
        (left, top), (right, bottom) = self.at([low, high]).tolist()
        rim = 0 if width is None else max(1, round(width * self.scale))
        area = (left, top, max(right - left, 1), max(bottom - top, 1))
        self.pygame.draw.rect(self.surface, colour, area, rim)

    def cells(self, colours: Array, low: Any, high: Any) -> None:
        """Paint colours (rows, columns, 3) as equal cells of a rectangle between two corners."""
        corner, end = self.at([low, high])
        pixels = np.swapaxes(np.rint(colours).astype(np.uint8), 0, 1)
        image = self.pygame.surfarray.make_surface(pixels)
        size = (end - corner).clip(1).tolist()
        self.surface.blit(self.pygame.transform.scale(image, size), corner.tolist())

    def text(
        self, words: str, point: Any, size: float, fit: float, colour: Any = INK, at: str = "center"
    ) -> float:
        """Write words at most ``fit`` units wide, the ``at`` of their ``pygame.Rect`` at a point.

        Returns:
            Their width in design units.
        """
        font = self.pygame.font.Font(None, max(1, round(size * self.scale)))
        if (excess := font.size(words)[0] / (fit * self.scale)) > 1:
            font = self.pygame.font.Font(None, max(1, int(size * self.scale / excess)))
        image = font.render(words, True, colour)
        self.surface.blit(image, image.get_rect(**{at: self.at(point).tolist()}))
        return image.get_width() / self.scale

    def width(self, words: str, size: float) -> float:
        """Return how wide words would be, in design units."""
        font = self.pygame.font.Font(None, max(1, round(size * self.scale)))
        return font.size(words)[0] / self.scale

    def dots(
        self, points: Array, radius: float, palette: Array, tint: Array, shape: str = "disc"
    ) -> None:
        """Paint a dot at each point (N, 2) in the colour ``palette[tint]``."""
        reach = max(radius * self.scale, 0.8)
        half = int(np.ceil(reach if shape == "disc" else 1.6 * reach))
        y, x = np.mgrid[-half : half + 1, -half : half + 1]
        distance = _distance(shape, x, y)
        sprite = np.empty((2 * half + 1, 2 * half + 1, 4), np.uint8)
        sprite[..., 3] = 255 * np.clip(reach + 0.5 - distance, 0, 1)
        rim = 0.35 * np.clip(distance - reach + 2, 0, 1)[..., None] * (reach > 6)
        images = {}
        for kind in np.unique(tint).tolist():
            sprite[..., :3] = (1 - rim) * palette[kind] + rim * INK
            size = sprite.shape[:2]
            images[kind] = self.pygame.image.frombuffer(sprite.tobytes(), size, "RGBA")
        corners = (self.at(points) - half).tolist()
        stamps = zip([images[kind] for kind in tint.tolist()], corners, strict=True)
        self.surface.blits(list(stamps), doreturn=False)

    def bar(self, colours: Array, low: Any, high: Any) -> None:
        """Paint a colour bar from left to right between two corners, colours (C, 3)."""
        (left, _), (right, _) = self.at([low, high])
        levels = np.arange(right - left) / max(right - left, 1)
        self.cells(between(colours, levels)[None], low, high)

    def key(self, y: float, entries: list[Entry], left: float = MARGIN) -> None:
        """Paint a row of samples and what they mean, smaller if they would not fit."""
        size, free = float(TEXT), UNITS - MARGIN - left
        gaps = [GAP if entry.sample else GAP / 3 for entry in entries]

        def widths() -> list[float]:
            return [_width(self, entry, size) for entry in entries]

        while size > 1 and sum(widths()) + sum(gaps[:-1]) * size / TEXT > free:
            size -= 1
        x = float(left)
        for entry, width, gap in zip(entries, widths(), gaps, strict=True):
            _paint(self, entry, (x, y), size)
            x += width + gap * size / TEXT

    def image(self) -> Array:
        """Return the finished picture, uint8 (height, width, 3)."""
        small = self.pygame.transform.smoothscale(self.surface, self.pixels)
        return np.ascontiguousarray(self.pygame.surfarray.array3d(small).swapaxes(0, 1))


def _width(canvas: Canvas, entry: Entry, size: float) -> float:
    """Return the width of an entry of a key."""
    words = canvas.width(entry.words, size)
    if entry.sample == "bar":
        ends = sum(canvas.width(end, size) for end in entry.ends)
        return words + ends + BAR_LENGTH + 28
    return words + INDENTS.get(entry.sample, INDENT) * size / TEXT


def _paint(canvas: Canvas, entry: Entry, place: tuple[float, float], size: float) -> None:
    """Paint an entry of a key whose left end is at a place."""
    (x, y), unit, fit = place, size / TEXT, UNITS
    if entry.sample == "bar":
        x += canvas.text(entry.words, (x, y), size, fit, at="midleft") + 12
        x += canvas.text(entry.ends[0], (x, y), size, fit, QUIET, "midleft") + 8
        canvas.bar(np.asarray(entry.colours), (x, y - 8), (x + BAR_LENGTH, y + 8))
        canvas.text(entry.ends[1], (x + BAR_LENGTH + 8, y), size, fit, QUIET, "midleft")
        return
    indent = INDENTS.get(entry.sample, INDENT)
    canvas.text(entry.words, (x + indent * unit, y), size, fit, at="midleft")
    if entry.sample in ("line", "band"):
        thick = 14 * unit if entry.sample == "band" else 2
        canvas.line(entry.colours, [(x, y), (x + 26 * unit, y)], thick)
    elif entry.sample == "cell":
        canvas.box(entry.colours, (x, y - 10), (x + 20, y + 10), 3)
    elif entry.sample:
        colours, centre = np.atleast_2d(entry.colours), np.array([[x + 8 * unit, y - 1]])
        canvas.dots(centre, 8 * unit, colours, np.zeros(1, int), entry.sample)


def _distance(shape: str, x: Array, y: Array) -> Array:
    """Return what is at most r inside of a shape with the area of a disc of radius r."""
    if shape == "triangle":
        return np.maximum(y, 0.866 * abs(x) - 0.5 * y) / 0.777
    if shape == "square":
        return np.maximum(abs(x), abs(y)) / 0.886
    return (abs(x) + abs(y)) / 1.253 if shape == "diamond" else np.hypot(x, y)


def between(colours: Any, levels: Any) -> Array:
    """Return the colours of levels (...) in [0, 1] on a scale (C, 3), float (..., 3) in 0..255."""
    anchors = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(levels, anchors, channel) for channel in np.transpose(colours)], -1)


def axis_top(peak: float) -> float:
    """Return the end of the density axis: the first of 2, 5, 10, 20, 50, ... not below peak."""
    ends = np.outer(10.0 ** np.arange(18), [2, 5, 10]).ravel()
    return float(ends[np.searchsorted(ends, peak * (1 - 1e-9))])


def round_up(peak: float) -> float:
    """Return the first of ..., .1, .2, .5, 1, 2, 5, ... not below a peak; 1 for nothing at all."""
    if peak <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(peak))
    return float(power * next(k for k in (1, 2, 5, 10, 20) if k * power >= peak * (1 - 1e-9)))


def scatter(num: int) -> tuple[Array, Array]:
    """Return each player's own lane in (0, 1) and shift in [-1/2, 1/2), evenly spread."""
    index = np.arange(num)
    lane = np.empty(num)
    lane[np.argsort(index * 0.7548776662466927 % 1)] = (index + 0.5) / num
    return lane, (index * 0.5698402909980532 + 0.5) % 1 - 0.5  # R2 sequence (Roberts 2018)


def import_pygame() -> Any:
    """Import pygame without its greeting.

    Raises:
        ImportError: If pygame is not installed.
    """
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    try:
        import pygame
    except ImportError as error:
        raise ImportError('drawing needs pygame: pip install "mfg-envs[plot]"') from error
    return pygame
