"""What a picture shows, and the parts that several kinds of pictures share."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array, Layout
from mfg_envs.game.continuous import components
from mfg_envs.pictures.canvas import (
    BAND,
    CATEGORIES,
    FAINT,
    INK,
    PLAYER,
    TIMES,
    VIRIDIS,
    WAITING,
    Entry,
    axis_top,
    between,
)

DOT_COVER, DOT_RADII = 0.3, (0.85, 9.0)  # share of the area under dots spread evenly; range
COMFORT = 5.0  # multiple of the average density above which dots shrink


class Scale(NamedTuple):
    """A scale of the density.

    Attributes:
        top: Its end, in multiples of the average.
        words: What is written there.
        density: The density, cut off at the end.
    """

    top: float
    words: str
    density: Array


class Scene(NamedTuple):
    """What a picture shows.

    Attributes:
        game: The game.
        layout: How to draw it.
        state: Private states: of a finite game int (N,), of a continuous one (N, d).
        points: Coordinates of the players, (N, D).
        palette: Colours of dots, (C, 3).
        tint: Which of them each player has, int (N,).
        mean_field: Of ``game.mean_field_shape``.
        top: Where the scale of the density ends, in multiples of the average; None: where the
            density does.
    """

    game: Any
    layout: Layout
    state: Array
    points: Array
    palette: Array
    tint: Array
    mean_field: Array
    top: float | None = None

    def scale(self, density: Array) -> Scale:
        """Return the scale of a density, in multiples of the average."""
        peak = float(density.max())
        top = axis_top(peak) if self.top is None else self.top
        more = " or more" if peak > top * (1 + 1e-9) else ""
        return Scale(top, f"{top:g}{TIMES} average{more}", np.minimum(density, top))

    @property
    def finite(self) -> bool:
        """Whether private states are numbered."""
        return self.state.ndim == 1

    @property
    def share(self) -> Array:
        """Share of all players in each place of a finite game, (P,)."""
        return self.mean_field.reshape(self.game.num_places, -1).sum(1)

    @property
    def density(self) -> Array | None:
        """Mean field in multiples of the even one; None if it is the mean of something."""
        if self.finite:
            return self.share * self.game.num_places
        if self.game.mean_field_kind != "density":
            return None
        volume = np.prod([(axis.high - axis.low) / axis.bins for axis in self.game.axes])
        return self.mean_field * self.game.room.sum() * volume

    @property
    def marks(self) -> list[tuple[str, Array]]:
        """The layout's marks: word and coordinates, (D,)."""
        return [(word, coordinates(self.game, np.array([x]))[0]) for word, x in self.layout.marks]

    @property
    def action_name(self) -> str:
        """What the colour of a dot means, without its unit."""
        return self.layout.action_label.split(" (")[0]


def coordinates(game: Any, state: Array) -> Array:
    """Return coordinates (N, D) of states: int (N,) or, of a continuous game, (N, d) or (N,)."""
    if hasattr(game, "num_states"):
        return game.coordinates(state)
    return game.coordinates(components(state.reshape(len(state), -1)))


def colours(layout: Layout, action: Array | None, num: int) -> tuple[Array, Array]:
    """Return the palette (C, 3) and which of its colours each player has, int (N,)."""
    if not layout.action_label or action is None:
        colour = WAITING if layout.action_label else PLAYER
        return np.array([colour]), np.zeros(num, int)
    if layout.action_names:
        return CATEGORIES, np.asarray(action, int)
    if layout.action_values.ndim and np.asarray(action).ndim == 2:  # points: their only
        action = np.asarray(action)  # component, or their length
        value = action[:, 0] if action.shape[1] == 1 else np.linalg.norm(action, axis=1)
    else:
        value = layout.action_values[action]
    low, high = layout.action_values.min(), layout.action_values.max()
    level = np.clip((value - low) / (high - low if high > low else 1), 0, 1)
    return between(VIRIDIS, np.arange(256) / 255), np.rint(255 * level).astype(int)


def action_key(layout: Layout) -> list[Entry]:
    """Return the entries of a key that say what the colours of the dots mean."""
    if not layout.action_label:
        return [Entry("player", PLAYER, "disc")]
    if layout.action_names:
        names = zip(layout.action_names, CATEGORIES, strict=False)
        return [
            Entry(f"{layout.action_label}:"),
            *(Entry(name, colour, "disc") for name, colour in names),
        ]
    ends = f"{layout.action_values.min():.3g}", f"{layout.action_values.max():.3g}"
    return [Entry(layout.action_label, VIRIDIS, "bar", ends)]


def band_key(top: str) -> list[Entry]:
    """Return the entries of a key that say what the extent of a band means."""
    return [
        Entry("player density", BAND, "band"),
        Entry(f"1{TIMES} average", INK, "line"),
        Entry(top, FAINT, "line"),
    ]


def dot_radius(area: float, num_players: int, top: float = 1.0) -> float:
    """Return the radius of dots in an area, smaller if the peak of the density is high."""
    room = min(1.0, COMFORT / top)
    return float(np.clip(np.sqrt(room * DOT_COVER * area / np.pi / num_players), *DOT_RADII))
