"""Draw a population: one picture for every game that has a ``layout()``.

Players are dots at ``game.coordinates(state)`` coloured by what they did last; the mean field is
a shape whose extent is proportional to the density.  A kind of picture is one function in
``KINDS`` that paints on a ``Canvas``.  pygame is loaded when the first picture is drawn, paints
off screen and needs no display; only ``Window`` opens one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array, Layout

TIMES = "\u00d7"  # multiplication sign
UNITS = 720  # a picture is UNITS x UNITS design units, whatever its pixels
SAMPLES = 2  # supersampling in each direction
BACKGROUND, INK, QUIET = (255, 255, 255), (38, 42, 51), (110, 116, 128)
BAND, ROAD, FAINT, WAITING = (166, 189, 214), (229, 231, 236), (178, 184, 194), (134, 138, 146)
VIRIDIS = np.array(  # colour-blind safe, perceptually uniform; anchors at 0, 1/8, ..., 1
    bytearray.fromhex("440154 472c7a 3b518b 2c718e 21908d 27ad81 5cc863 aadc32 fde725")
).reshape(-1, 3)
RING_CENTRE, ROAD_RADII, BAND_RADII = (360, 361), (182, 230), (236, 312)
DOT_COVER, DOT_RADII = 0.3, (0.85, 9.0)  # share of the road under dots spread evenly; range
COMFORT = 5.0  # multiple of the average density above which dots shrink


class Scene(NamedTuple):
    """What a picture shows.

    Attributes:
        game: The game.
        layout: How to draw it.
        state: Private states, int (N,).
        level: Action value of each player scaled to [0, 1], (N,); None before the first step.
        density: Mean field in multiples of the uniform one, (O,).
    """

    game: Any
    layout: Layout
    state: Array
    level: Array | None
    density: Array


class Canvas:
    """A supersampled surface addressed in design units, y downwards."""

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

    def dots(self, points: Array, radius: float, level: Array | None) -> None:
        """Paint a dot at each point (N, 2), coloured by its level in [0, 1] (None: grey)."""
        reach = max(radius * self.scale, 0.8)
        half = int(np.ceil(reach))
        y, x = np.mgrid[-half : half + 1, -half : half + 1]
        sprite = np.empty((2 * half + 1, 2 * half + 1, 4), np.uint8)
        sprite[..., 3] = 255 * np.clip(reach + 0.5 - np.hypot(x, y), 0, 1)
        rim = 0.35 * np.clip(np.hypot(x, y) - reach + 2, 0, 1)[..., None] * (reach > 6)
        shades = np.zeros(len(points), int) if level is None else np.rint(255 * level).astype(int)
        images = {}
        for shade in np.unique(shades):
            colour = np.array(WAITING) if level is None else colour_map(shade / 255)
            sprite[..., :3] = (1 - rim) * colour + rim * INK
            size = sprite.shape[:2]
            images[int(shade)] = self.pygame.image.frombuffer(sprite.tobytes(), size, "RGBA")
        corners = (self.at(points) - half).tolist()
        stamps = zip([images[shade] for shade in shades.tolist()], corners, strict=True)
        self.surface.blits(list(stamps), doreturn=False)

    def colour_bar(self, layout: Layout, centre: Any, width: float) -> None:
        """Paint the key of the dots' colours: label, bar and both ends."""
        x, y = centre
        left, top = self.at((x - width / 2, y - 8))
        right, bottom = self.at((x + width / 2, y + 8))
        for column in range(left, right):
            colour = colour_map((column - left) / (right - left))
            self.pygame.draw.line(self.surface, colour, (column, top), (column, bottom))
        self.text(layout.action_label, (x, y - 36), 29, 1.5 * width)
        for side, value in ((-1, layout.action_values.min()), (1, layout.action_values.max())):
            self.text(f"{value:g}", (x + side * width / 2, y + 29), 27, width, QUIET)

    def image(self) -> Array:
        """Return the finished picture, uint8 (height, width, 3)."""
        small = self.pygame.transform.smoothscale(self.surface, self.pixels)
        return np.ascontiguousarray(self.pygame.surfarray.array3d(small).swapaxes(0, 1))


def draw_population(
    game: Any,
    state: Array,
    action: Array | None,
    mean_field: Array,
    t: int,
    size: tuple[int, int] = (UNITS, UNITS),
) -> Array:
    """Draw one moment of a population, off screen.

    Args:
        game: A game with a layout.
        state: Private states, int (N,).
        action: Last actions, int (N,), or None before the first step (grey dots).
        mean_field: Current mean field, (O,); with controls (O, A), drawn summed over actions.
        t: Time step.
        size: Width and height in pixels.

    Returns:
        The picture, uint8 (height, width, 3).

    Raises:
        ImportError: If pygame is not installed.
        ValueError: If the game has no layout or one of an unknown kind, or a shape is wrong.
    """
    name, layout = type(game).__name__, game.layout()
    if layout is None:
        raise ValueError(f"{name} cannot be drawn: its layout() is None")
    if layout.kind not in KINDS:
        raise ValueError(f"{name} has layout kind {layout.kind!r}; known: {', '.join(KINDS)}")
    state, level = np.asarray(state), None
    if np.shape(mean_field) != game.mean_field_shape:
        want = game.mean_field_shape
        raise ValueError(f"mean_field must have shape {want}, got {np.shape(mean_field)}")
    if action is not None:
        if np.shape(action) != state.shape:
            raise ValueError(f"action must have shape {state.shape}, got {np.shape(action)}")
        low, high = layout.action_values.min(), layout.action_values.max()
        level = (layout.action_values[action] - low) / (high - low if high > low else 1)
    density = np.reshape(mean_field, (game.num_observations, -1)).sum(1) * game.num_observations
    canvas = Canvas(*size)
    title = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()
    players = f"{len(state):,} player{'s' * (len(state) != 1)}"
    canvas.text(f"{title}, {players}", (20, 26), 34, UNITS - 200, at="midleft")
    canvas.text(f"t = {t}", (UNITS - 20, 26), 34, 140, at="midright")
    KINDS[layout.kind](canvas, Scene(game, layout, state, level, density))
    return canvas.image()


def draw_ring(canvas: Canvas, scene: Scene) -> None:
    """Paint a ring of O equal cells, cell s around angle ``2 pi s / O``, anticlockwise."""
    num_cells, top = len(scene.density), axis_top(scene.density.max())
    low, high = BAND_RADII
    inner, outer = ROAD_RADII

    def polar(radius: Any, angle: Any) -> Array:
        wheel = np.stack(np.broadcast_arrays(np.cos(angle), -np.sin(angle)), -1)
        return np.array(RING_CENTRE) + np.asarray(radius)[..., None] * wheel

    corners = np.linspace(-0.5, 0.5, max(2, 720 // num_cells))  # of one cell's outer arc
    angle = 2 * np.pi * (np.arange(num_cells)[:, None] + corners) / num_cells
    edge = low + (high - low) * scene.density / top
    edge = np.where(scene.density > 0, edge, inner)[:, None] + 0 * corners  # no sliver if empty
    outline = canvas.at(polar(edge, angle)).reshape(-1, 2)
    canvas.pygame.draw.polygon(canvas.surface, BAND, outline.tolist())
    canvas.disc(BACKGROUND, RING_CENTRE, low)
    canvas.disc(FAINT, RING_CENTRE, high, 1)
    canvas.disc(INK, RING_CENTRE, low + (high - low) / top, 1.5)
    canvas.disc(ROAD, RING_CENTRE, outer)
    canvas.disc(BACKGROUND, RING_CENTRE, inner)
    for cell in sorted({quarter * num_cells // 4 for quarter in range(4)}):
        direction = 2 * np.pi * cell / num_cells
        canvas.line(QUIET, polar(np.array([inner - 8, inner]), direction), 1.5)
        words = str(cell) if cell else "cell 0"
        reach = 23 + 4.5 * len(words) * abs(np.cos(direction))  # half of the words, and a gap
        canvas.text(words, polar(inner - reach, direction), 27, 60, QUIET)
    canvas.colour_bar(scene.layout, RING_CENTRE, 160)

    num_players, places = len(scene.state), scene.game.num_states
    lane, shift = scatter(num_players)
    room, area = min(1.0, COMFORT / top), np.pi * (outer**2 - inner**2)
    radius = np.clip(np.sqrt(room * DOT_COVER * area / np.pi / num_players), *DOT_RADII)
    track = inner + radius + lane * (outer - inner - 2 * radius)
    # A place with more players than fit across the road spreads them along its cell as well.
    columns = num_players / places / room * 2 * radius / (outer - inner)
    spread = min(0.8 * 2 * np.pi / places, 4 * radius * columns / outer)
    cosine, sine = np.moveaxis(scene.game.coordinates(scene.state), -1, 0)
    direction = np.arctan2(sine, cosine) + spread * shift
    canvas.dots(polar(track, direction), radius, scene.level)

    x, y = 20, UNITS - 22
    marks = ("player density", f"1{TIMES} average", f"{top:g}{TIMES} average")
    for words, colour, width in zip(marks, (BAND, INK, FAINT), (14, 2, 2), strict=True):
        canvas.line(colour, [(x, y), (x + 26, y)], width)
        x += 68 + canvas.text(words, (x + 34, y), 29, 200, at="midleft")


KINDS: dict[str, Callable[[Canvas, Scene], None]] = {"ring": draw_ring}


def colour_map(level: float) -> Array:
    """Return the colour of a level in [0, 1], float (3,) in 0..255."""
    anchors = np.linspace(0, 1, len(VIRIDIS))
    return np.array([np.interp(level, anchors, channel) for channel in VIRIDIS.T])


def axis_top(peak: float) -> float:
    """Return the end of the density axis: the first of 2, 5, 10, 20, 50, ... not below peak."""
    ends = np.outer(10.0 ** np.arange(18), [2, 5, 10]).ravel()
    return float(ends[np.searchsorted(ends, peak * (1 - 1e-9))])


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


class Window:
    """A window that shows frames; it opens with the first one and, once closed, stays closed.

    Attributes:
        closed: Whether ``close`` was called or the user closed the window.
    """

    def __init__(self) -> None:
        self.closed = False
        self._clock: Any = None

    def show(self, frame: Array, fps: float) -> None:
        """Show a frame, uint8 (H, W, 3), at most ``fps`` frames a second (0: no limit)."""
        if self.closed:
            return
        pygame = import_pygame()
        size = (frame.shape[1], frame.shape[0])
        if self._clock is None:
            pygame.display.init()
            self._clock = pygame.time.Clock()
        screen = pygame.display.get_surface()
        if screen is None or screen.get_size() != size:
            screen = pygame.display.set_mode(size)
            pygame.display.set_caption("mfg-envs")
        pygame.surfarray.blit_array(screen, frame.swapaxes(0, 1))
        pygame.display.flip()
        self._clock.tick(fps)
        if any(event.type == pygame.QUIT for event in pygame.event.get()):
            self.close()

    def close(self) -> None:
        """Close the window; harmless if it is closed or was never open."""
        if self._clock is not None and not self.closed:
            import_pygame().display.quit()
        self.closed = True
