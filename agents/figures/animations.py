"""Moving pictures of a flow with players in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfg_envs.exact import riccati
from mfg_envs.exact.discretise import GridGame
from mfg_envs.game import Array, ContinuousGame
from mfg_envs.pictures.canvas import axis_top
from mfg_envs.pictures.drawing import draw_population
from mfg_envs.pictures.scene import coordinates

from .crowds import Crowd, histogram, layout_of, read
from .flows import board_top, draw_density, name_of, place_label
from .players import Players
from .style import OKABE_ITO, REFERENCE, figure

PIXELS, DPI = 400, 100
BINS, PLAYERS = 80, 300
"""Most bins in which players are counted, and most that are dots."""


def flow_animation(
    game: Any, flow: Array, players: Players, reference: Array | riccati.Affine | None = None
) -> list[Array]:
    """Draw a flow with the players in it, a picture a time step.

    The density is that of the flow; of a continuous game without a density that of the players.
    Scales stay the same all the time.

    Args:
        game: A game with a layout, or one on a grid.
        flow: Mean fields (T, *shape), or laws of states (T, S); of a stationary game one for all
            times, or one for each.
        players: Who are dots; ``sample_players`` gives them.
        reference: Of an axis of a continuous game: laws of its grid (T, S), or a
            ``riccati.Affine`` of a game with normal laws; drawn dashed.

    Returns:
        Pictures, uint8 (height, width, 3) each.

    Raises:
        ImportError: If pygame or matplotlib is missing.
        ValueError: If the game cannot be drawn, a shape is wrong, or there is a reference that the
            picture has no place for.
    """
    if layout_of(game).kind == "interval":
        return _densities(game, flow, players, reference)
    if reference is not None:
        raise ValueError("only densities along an axis of a continuous game have a reference")
    flow, num = np.asarray(flow, float), len(players.state)
    crowd = read(game, flow)
    if len(crowd.values) not in (1, num):
        raise ValueError(f"flow must have one time or those of the players, {num}, got {len(flow)}")
    flow = flow if flow.ndim > len(game.mean_field_shape) else flow[None]
    flow = flow if flow.shape[1:] == game.mean_field_shape else game.crowd(flow)
    top, rewards, frames = _top(game, crowd, flow), captions(players.reward.mean(1)), []
    for t in range(num):
        m, last = flow[min(t, len(flow) - 1)], players.action[t - 1] if t else None
        note = f"mean reward {rewards[t]}"
        size = (PIXELS, PIXELS)
        frames.append(draw_population(game, players.state[t], last, m, t, size, top=top, note=note))
    return frames


def _top(game: Any, crowd: Crowd, flow: Array) -> float:
    """Return where the scale of densities ends, in multiples of the average."""
    from .networks import traffic

    if crowd.kind == "graph":
        seen = [traffic(game, layout_of(game), m).share for m in flow]
        widest = max((float(share.max()) for share in seen if share is not None), default=0.0)
        return max(widest * game.num_places, 1.0)
    if crowd.kind == "few":
        return axis_top(float(crowd.values.max()) * game.num_places)
    return axis_top(float(crowd.values.max())) if crowd.kind == "axis" else board_top(crowd.values)


def captions(numbers: Array) -> list[str]:
    """Return numbers in words, rounded alike to three digits of the largest."""
    largest = float(abs(numbers).max())
    digits = 2 - int(np.floor(np.log10(largest))) if largest > 0 else 0
    return [f"{round(float(v), digits) + 0.0:.{max(digits, 0)}f}" for v in numbers]


def _densities(
    game: Any, flow: Array, players: Players, reference: Array | riccati.Affine | None
) -> list[Array]:
    """Draw densities along an axis, a picture a time; the players are below."""
    whole: ContinuousGame = game.game if isinstance(game, GridGame) else game
    crowd, num = read(game, flow), len(players.state)
    dashed = None if reference is None else read(game, reference, "reference")
    for name, part in (("flow", crowd), ("reference", dashed)):
        if part is not None and len(part.values) != num:
            raise ValueError(
                f"{name} must have {num} times, as the players, got {len(part.values)}"
            )
    curves = [(crowd.where, row) for row in crowd.values]
    words = "crowd"
    if crowd.kind == "mean":
        bins = min(BINS, max(8, players.state.shape[1] // 50))
        curves = [histogram(whole, x, bins) for x in players.state]
        words = f"{players.state.shape[1]:,} players"
    seen = [row for _, row in curves] + ([] if dashed is None else list(dashed.values))
    top = 1.08 * max(float(row.max()) for row in seen)
    rewards, frames = captions(players.reward.mean(1)), []
    for t in range(num):
        drawn = figure(PIXELS / DPI, 0.86 * PIXELS / DPI)
        axis, strip = drawn.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        draw_density(axis, game, *curves[t], label=words)
        if dashed is not None:
            axis.plot(dashed.where, dashed.values[t], **REFERENCE, label="exact equilibrium")
        drawn.suptitle(f"{name_of(game)}: t = {t}, mean reward {rewards[t]}", fontsize=9)
        axis.set(ylim=(0, top), ylabel="density\n(1 = evenly spread)")
        axis.legend(loc="upper left", fontsize=7.5, frameon=False)
        _dots(strip, whole, players.state[t])
        strip.set_xlabel(place_label(game))
        frames.append(_pixels(drawn))
    return frames


def _dots(strip: Any, game: ContinuousGame, state: Array) -> None:
    """Draw the first players as dots, each at a height of its own."""
    shown = state[:PLAYERS]
    height = (np.arange(len(shown)) * 0.7548776662466927) % 1
    place = (coordinates(game, shown)[:, 0] + 1) / 2 * (game.state_high[0] - game.state_low[0])
    strip.scatter(place + game.state_low[0], height, s=5, color=OKABE_ITO[2], linewidths=0)
    strip.set(ylim=(-0.08, 1.08), yticks=[], ylabel=f"{len(shown)} of\nthem")


def _pixels(drawn: Any) -> Array:
    """Return a figure as a picture, uint8 (height, width, 3)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    drawn.set_dpi(DPI)
    canvas = FigureCanvasAgg(drawn)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
