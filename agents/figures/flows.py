"""Pictures of a flow: how the mean field moves."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfg_envs.exact import riccati
from mfg_envs.exact.discretise import GridGame
from mfg_envs.game import Array
from mfg_envs.pictures.canvas import axis_top
from mfg_envs.pictures.drawing import title

from .crowds import Crowd, along, layout_of, read
from .networks import draw_flow, traffic
from .style import FILL, OKABE_ITO, QUIET, REFERENCE, WALL, figure, label_ends

MOMENTS, PANELS, TOWNS = 5, 6, 4
"""Times that are shown of a plan, of densities on an axis, and of a network."""
TRAVELLING = 0.01
"""Share of the players that must be on links for a network to be shown."""
CROWDED, OCCUPIED = 0.98, 0.05
"""Quantile of the density on a plan that the colours reach to; of what is at least so dense."""
DENSITY = "density (1 = evenly spread)"


def flow_image(
    game: Any, flow: Array | riccati.Affine, reference: Array | riccati.Affine | None = None
) -> Any:
    """Draw a flow in the way that the game's layout asks for.

    Rings, chains and lines: time by place; continuous axes: densities at six times; plans: maps
    at five times; networks: links at four times; few states and means: curves over time.

    Args:
        game: A game with a layout, or one on a grid.
        flow: Mean fields (T, *shape), or laws of states (T, S); one of a stationary game.  A
            ``riccati.Affine`` stands for the normal laws of a linear-quadratic game under it.
        reference: What to compare with, the exact equilibrium as a rule, of the same kind: dashed,
            or beside it.

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: If the game cannot be drawn, or a shape is wrong.
    """
    crowd = read(game, flow)
    other = None if reference is None else read(game, reference, "reference")
    if other is not None and other.values.shape != crowd.values.shape:
        have, want = other.values.shape, crowd.values.shape
        raise ValueError(f"reference must be like the flow, {want} in the figure, got {have}")
    if crowd.kind == "axis":
        if len(crowd.values) == 1 or layout_of(game).kind == "interval":
            drawn = _densities(game, crowd, other)
        else:
            drawn = _heat(game, crowd, other)
    elif crowd.kind == "board":
        drawn = _boards(game, crowd, other)
    elif crowd.kind == "graph":
        drawn = _networks(game, np.asarray(flow, float), other)
    else:
        drawn = _shares(game, crowd, other)
    return drawn


def times(num: int, most: int) -> Array:
    """Return at most ``most`` times in 0..num - 1, evenly, the first and the last among them."""
    return np.unique(np.rint(np.linspace(0, num - 1, min(most, num))).astype(int))


def name_of(game: Any) -> str:
    """Return what a game is called in a title."""
    return title(type(getattr(game, "game", game)).__name__)


def place_label(game: Any) -> str:
    """Return what an axis of places counts."""
    return layout_of(game).place_label or "cell"


def _heat(game: Any, crowd: Crowd, other: Crowd | None) -> Any:
    """Draw time by place as shades."""
    shown = [("", crowd)] if other is None else [("", crowd), ("exact equilibrium", other)]
    drawn = figure(3.2 + 2.8 * len(shown), 3.8)
    axes = drawn.subplots(1, len(shown), squeeze=False, sharey=True)[0]
    top = axis_top(max(part.values.max() for _, part in shown))
    places = crowd.values.shape[1]
    image = None
    for axis, (words, part) in zip(axes, shown, strict=True):
        limits = (-0.5, len(part.values) - 0.5, -0.5, places - 0.5)
        image = axis.imshow(
            part.values.T, aspect="auto", origin="lower", extent=limits, cmap="Blues",
            vmin=0, vmax=top, interpolation="nearest",
        )  # fmt: skip
        axis.set(xlabel="time t (steps)", title=words or name_of(game))
        axis.locator_params(integer=True)
        for word, state in layout_of(game).marks:
            place = float(along(game, np.array([state]))[0])
            axis.axhline(place, color=OKABE_ITO[2], linewidth=1, linestyle=":")
            axis.annotate(
                word, (0.01, place), xycoords=("axes fraction", "data"), color=OKABE_ITO[2],
                ha="left", va="bottom",
            )  # fmt: skip
    axes[0].set_ylabel(place_label(game))
    drawn.colorbar(image, ax=list(axes), label=DENSITY)
    return drawn


def _densities(game: Any, crowd: Crowd, other: Crowd | None) -> Any:
    """Draw densities along the axis, a panel a time."""
    chosen = times(len(crowd.values), PANELS)
    rows = 1 if len(chosen) < 4 else 2
    columns = -(-len(chosen) // rows)
    drawn = figure(1.2 + 2.2 * columns, 1.3 + 1.75 * rows) if len(chosen) > 1 else figure(6, 3.6)
    axes = drawn.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    parts = [crowd.values] if other is None else [crowd.values, other.values]
    for axis, t in zip(axes.flat, chosen, strict=False):
        draw_density(axis, game, crowd.where, crowd.values[t])
        if other is not None:
            axis.plot(crowd.where, other.values[t], **REFERENCE, label="exact equilibrium")
        if len(chosen) > 1:
            axis.set_title(f"t = {t}", fontsize=10)
        axis.set_ylim(0, 1.05 * max(part[chosen].max() for part in parts))
    for axis in axes.flat[len(chosen) :]:
        axis.set_axis_off()
    for axis in axes[-1]:
        axis.set_xlabel(place_label(game))
    for axis in axes[:, 0]:
        axis.set_ylabel("density\n(1 = evenly spread)")
    drawn.suptitle(name_of(game), fontsize=12)
    drawn.get_layout_engine().set(wspace=0.06)
    handles = axes.flat[0].get_legend_handles_labels()
    drawn.legend(*handles, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return drawn


def draw_density(axis: Any, game: Any, where: Array, density: Array, label: str = "crowd") -> None:
    """Draw a filled density along the axis of a game, its marks, and the average."""
    axis.fill_between(where, density, color=FILL, linewidth=0, label=label, zorder=1)
    axis.axhline(1, color=QUIET, linewidth=0.8, label="evenly spread", zorder=1.5)
    for word, state in layout_of(game).marks:
        place = float(along(game, np.array([state]))[0])
        axis.axvline(place, color=OKABE_ITO[2], linewidth=1.2, linestyle=":", label=word)
    whole = game.game if isinstance(game, GridGame) else game
    ends = (where[0], where[-1])
    if whole.kind == "continuous":
        ends = (whole.state_low[0], whole.state_high[0])
    axis.set_xlim(*ends)


def _boards(game: Any, crowd: Crowd, other: Crowd | None) -> Any:
    """Draw maps of a plan, a column a time, a row a population, the reference below."""
    layout = layout_of(game)
    chosen = times(len(crowd.values), MOMENTS)
    names = list(layout.labels) or [""]
    rows = [(name, crowd.values[:, g]) for g, name in enumerate(names)]
    if other is not None:
        rows += [(f"{n} exact".strip(), other.values[:, g]) for g, n in enumerate(names)]
    size = 1.65 if len(chosen) > 1 else 3.4
    drawn = figure(1.3 + size * len(chosen), 0.9 + size * len(rows))
    axes = drawn.subplots(len(rows), len(chosen), squeeze=False)
    shown = np.stack([values[chosen] for _, values in rows])
    later = shown[:, 1:] if len(chosen) > 1 else shown  # the start is often a single cell
    top = board_top(later)
    image = None
    for line, (words, values) in zip(axes, rows, strict=True):
        for axis, t in zip(line, chosen, strict=True):
            image = draw_board(axis, values[t], crowd.extent, top)
        line[0].set_ylabel(words)
    if len(chosen) > 1:
        for axis, t in zip(axes[0], chosen, strict=True):
            axis.set_title(f"t = {t}", fontsize=10)
    more = "max" if np.nanmax(shown) > top else "neither"
    drawn.colorbar(image, ax=axes, label=DENSITY, extend=more, aspect=16)
    drawn.suptitle(name_of(game), fontsize=12)
    return drawn


def board_top(values: Array) -> float:
    """Return where the scale of densities on a plan ends: few are above."""
    occupied = values[values > OCCUPIED]  # no wall is: NaN
    return axis_top(float(np.quantile(occupied, CROWDED)) if occupied.size else 1.0)


def draw_board(axis: Any, density: Array, extent: tuple[float, ...], top: float) -> Any:
    """Draw a map of densities (rows, columns), walls dark; return the image."""
    axis.set_facecolor(WALL)
    image = axis.imshow(
        density, extent=extent, cmap="Blues", vmin=0, vmax=top, interpolation="nearest"
    )
    axis.set(xticks=[], yticks=[])
    return image


def _networks(game: Any, flow: Array, reference: Crowd | None) -> Any:
    """Draw a network at some times."""
    if flow.ndim == len(game.mean_field_shape):
        flow = flow[None]
    flow = flow if flow.shape[1:] == game.mean_field_shape else game.crowd(flow)
    if reference is not None:
        raise ValueError("a network has no place for a reference: draw it in a figure of its own")
    layout, seen = layout_of(game), [traffic(game, layout_of(game), m) for m in flow]
    travelling = np.array([one.share is not None and one.share.sum() > TRAVELLING for one in seen])
    chosen = np.flatnonzero(travelling) if travelling.any() else np.arange(len(flow))
    chosen = chosen[times(len(chosen), TOWNS)]
    rows = 1 if len(chosen) < 3 else 2
    columns = -(-len(chosen) // rows)
    drawn = figure(1.4 + 3.2 * columns, 0.6 + 3.2 * rows)
    axes = drawn.subplots(rows, columns, squeeze=False).flat
    words = draw_flow(
        drawn, [axes[k] for k in range(len(chosen))], layout, [seen[t] for t in chosen]
    )
    if len(chosen) > 1:
        for axis, t in zip(axes, chosen, strict=False):
            axis.set_title(f"t = {t}", fontsize=10)
    drawn.suptitle(f"{name_of(game)}\n{words}", fontsize=11)
    return drawn


def _shares(game: Any, crowd: Crowd, other: Crowd | None) -> Any:
    """Draw shares of a few states, or components of a mean, over time; of one time, bars."""
    layout, (num, size) = layout_of(game), crowd.values.shape
    means = crowd.kind == "mean"
    names = list(layout.labels) or [str(k) for k in range(size)]
    if means:
        what = "action" if game.mean_field_of_controls else "state"
        names = [f"mean {what}" + (f" {k}" if size > 1 else "") for k in range(size)]
    drawn = figure(6.4, 3.8)
    axis = drawn.subplots()
    label = "mean of the crowd" if means else "share of players"
    axis.set_title(name_of(game))
    if num == 1:
        axis.bar(names, crowd.values[0], color=OKABE_ITO[1])
        if other is not None:
            axis.plot(names, other.values[0], "_", color="black", markersize=24)
        axis.set(ylabel=label)
        return drawn
    ends = []
    for k, name in enumerate(names):
        colour = OKABE_ITO[1:][k % (len(OKABE_ITO) - 1)]
        axis.plot(crowd.values[:, k], color=colour, linewidth=1.8, marker="o", markersize=3)
        ends.append((num - 1.0, float(crowd.values[-1, k]), name, colour))
        if other is not None:
            again = {"label": "exact equilibrium"} if k == 0 else {}
            axis.plot(other.values[:, k], **REFERENCE, **again)
    axis.set(xlabel="time t (steps)", ylabel=label)
    axis.locator_params(axis="x", integer=True)
    axis.grid(alpha=0.25)
    if not means:
        axis.set_ylim(0, 1.05 * crowd.values.max())
    if other is not None:
        axis.legend(frameon=False, fontsize=9)
    label_ends(axis, ends, 9)
    return drawn
