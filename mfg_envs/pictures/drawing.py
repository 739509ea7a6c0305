"""Draw a population: one picture for every game that has a ``layout()``.

Players are dots coloured by what they did last; the mean field is a shape whose extent, or a shade
whose depth, is proportional to the density.  A kind of picture is one function in ``KINDS`` that
paints on a ``Canvas``; ``mfg_envs.game.layout`` lists them.  pygame is loaded when the first
picture is drawn, paints off screen and needs no display; only ``Window`` opens one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from mfg_envs.game import Array
from mfg_envs.pictures.axis import draw_interval, draw_line
from mfg_envs.pictures.board import draw_grid, draw_plane
from mfg_envs.pictures.canvas import CATEGORIES, GAP, MARGIN, UNITS, Canvas, import_pygame
from mfg_envs.pictures.few import draw_few
from mfg_envs.pictures.graph import draw_graph
from mfg_envs.pictures.ring import draw_ring
from mfg_envs.pictures.scene import Scene, colours, coordinates
from mfg_envs.pictures.team import Locals

KINDS: dict[str, Callable[[Canvas, Scene], None]] = {
    "ring": draw_ring,
    "line": draw_line,
    "interval": draw_interval,
    "few": draw_few,
    "grid": draw_grid,
    "plane": draw_plane,
    "graph": draw_graph,
}
NEEDED = {"grid": ("walls",), "graph": ("nodes", "links", "spots")}
"""Fields of a layout that a kind cannot do without."""


def draw_population(
    game: Any,
    state: Array,
    action: Array | None,
    mean_field: Array,
    t: int,
    size: tuple[int, int] = (UNITS, UNITS),
    *,
    top: float | None = None,
    note: str = "",
) -> Array:
    """Draw one moment of a population, off screen.

    Args:
        game: A game with a layout.
        state: Private states, int (N,); of a continuous game (N, state_dim).
        action: Last actions, int (N,), of a continuous game (N, action_dim); None before the
            first step (grey dots).
        mean_field: Current mean field, of ``game.mean_field_shape``; one with controls is drawn
            summed over actions.
        t: Time step.
        size: Width and height in pixels.
        top: Where the scale of the density ends, in multiples of the average, the same for all
            pictures of an animation; None: the next round number.
        note: A few words beside the time.

    Returns:
        The picture, uint8 (height, width, 3).

    Raises:
        ImportError: If pygame is not installed.
        ValueError: If the game has no layout or one of an unknown kind, a shape is wrong, or
            ``top`` is below 1.
    """
    name, layout = type(getattr(game, "game", game)).__name__, game.layout()
    if layout is None:
        raise ValueError(f"{name} cannot be drawn: its layout() is None")
    if layout.kind not in KINDS:
        raise ValueError(f"{name} has layout kind {layout.kind!r}; known: {', '.join(KINDS)}")
    missing = [field for field in NEEDED.get(layout.kind, ()) if getattr(layout, field) is None]
    if missing:
        raise ValueError(f"{name} has layout kind {layout.kind!r} without {', '.join(missing)}")
    if len(layout.action_names) > len(CATEGORIES):
        most, have = len(CATEGORIES), len(layout.action_names)
        raise ValueError(f"{name} names {have} actions, at most {most} colours can be told apart")
    state, num = np.asarray(state), len(state)
    if np.shape(mean_field) != game.mean_field_shape:
        want = game.mean_field_shape
        raise ValueError(f"mean_field must have shape {want}, got {np.shape(mean_field)}")
    wanted = (num,) if state.ndim == 1 else (num, game.action_dim)
    if action is not None and np.shape(action) != wanted:
        raise ValueError(f"action must have shape {wanted}, got {np.shape(action)}")
    if top is not None and not top >= 1:
        raise ValueError(f"top must be at least 1, got {top}")
    canvas = Canvas(*size)
    players = f"{num:,} {getattr(game, 'player_name', 'player')}{'s' * (num != 1)}"
    if isinstance(game, Locals):
        players = f"{num:,} local{'s' * (num != 1)}, {game.words}"
    clock = f"t = {t}, {note}" if note else f"t = {t}"
    used = canvas.text(clock, (UNITS - MARGIN, 26), 34, UNITS / 2, at="midright")
    room = min(UNITS - 200, UNITS - 2 * MARGIN - used - GAP)
    canvas.text(f"{title(name)}, {players}", (MARGIN, 26), 34, room, at="midleft")
    palette, tint = colours(layout, action, num)
    points = coordinates(game, state)
    scene = Scene(game, layout, state, points, palette, tint, np.asarray(mean_field), top)
    KINDS[layout.kind](canvas, scene)
    return canvas.image()


def present(env: Any, frame: Array) -> Array | None:
    """Give a picture the way ``env.render_mode`` says: as an array, or in its window (None)."""
    if env.render_mode == "rgb_array":
        return frame
    if env.window is None:
        env.window = Window()
    env.window.show(frame, env.metadata["render_fps"])
    return None


def title(name: str) -> str:
    """Return the name of a class as words: "TwoActionSIS" -> "Two action SIS"."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z\d]+", name)
    first, *rest = [word if word.isupper() else word.lower() for word in words]
    return " ".join([first[:1].upper() + first[1:], *rest])


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
