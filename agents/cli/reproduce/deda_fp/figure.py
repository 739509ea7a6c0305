"""Figures of the study of deep fictitious play: curves of exploitability, and densities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array

from ...words import tables
from ...words.tables import HOLLOW, OKABE_ITO
from .exact import Equilibrium
from .study import PUBLISHED, Curves, game_of

COLOURS = {"Algo 1": OKABE_ITO[1], "Algo 2": OKABE_ITO[2], "DEDA-FP": OKABE_ITO[3]}
FLOOR = 0.05
"""Exploitabilities below it, and negative estimates, are drawn at it."""
BINS = 60


class Panel(NamedTuple):
    """What is drawn of a game.

    Attributes:
        name: Of the game.
        curves: By algorithm.
        states: That the learners of every seed sample, (T, M, d) each.
        exact: The equilibrium on a grid, of games on the line.
        references: Exploitability of fictitious play on the exact model, by name.
    """

    name: str
    curves: dict[str, Curves]
    states: dict[str, list[Array]]
    exact: Equilibrium | None
    references: dict[str, Array]


def curves(panels: Sequence[Panel]) -> Any:
    """Return exploitability against iterations, a panel a game, published points hollow."""
    figure = tables.figure(3.9 * len(panels) + 0.6, 3.7)
    axes = np.atleast_1d(figure.subplots(1, len(panels)))
    for ax, panel in zip(axes, panels, strict=True):
        for name, one in panel.curves.items():
            values = np.maximum(one.exploitability, FLOOR)
            k = np.arange(1, values.shape[1] + 1)
            ax.plot(k, values.mean(0), color=COLOURS[name], label=name)
            ax.fill_between(
                k, values.min(0), values.max(0), color=COLOURS[name], alpha=0.15, linewidth=0
            )
            known = PUBLISHED[panel.name][name]
            points = np.maximum(list(known.values()), FLOOR)
            ax.plot(list(known), points, "o", color=COLOURS[name], **HOLLOW)
        for (name, row), style in zip(panel.references.items(), ("--", ":"), strict=False):
            ax.plot(np.arange(1, len(row) + 1), np.maximum(row, FLOOR), style, color="0.35",
                    linewidth=1.2, label=f"{name} average")  # fmt: skip
        ax.set_yscale("log")
        ax.set_title(panel.name.replace("_", " "), fontsize=11)
        ax.set_xlabel("iteration")
        ax.grid(alpha=0.25)
    axes[0].set_ylabel("exploitability (reward of an episode)")
    axes[0].plot([], [], "o", color="0.3", label="published", **HOLLOW)
    axes[0].legend(fontsize=8)
    return figure


def densities(panels: Sequence[Panel]) -> Any:
    """Return heat maps of densities, a row a game: the algorithms' and the exact one."""
    figure = tables.figure(11.5, 2.7 * len(panels) + 0.3)
    grid = figure.subplots(len(panels), 4, squeeze=False)
    for row, panel in zip(grid, panels, strict=True):
        game = game_of(panel.name)
        draw = _rooms if game.state_dim == 2 else _line
        draw(figure, row, panel, game)
    return figure


def _line(figure: Any, row: Any, panel: Panel, game: Any) -> None:
    """Draw the density of players on a line against time."""
    assert panel.exact is not None
    (low,), (high,) = game.state_low, game.state_high
    edges = np.linspace(low, high, BINS + 1)
    width = edges[1] - edges[0]
    maps = {"exact equilibrium": _rebinned(panel.exact, edges) / width}
    for name, samples in panel.states.items():
        rows = [np.histogram(x[:, 0], edges)[0] / len(x) for x in samples[0]]
        maps[name] = np.array(rows) / width
    top = float(np.quantile(maps["exact equilibrium"], 0.995))
    image = None
    for ax, (name, values) in zip(row, maps.items(), strict=False):
        extent = (-0.5, len(values) - 0.5, low, high)
        options = {"aspect": "auto", "origin": "lower", "cmap": "cividis", "vmin": 0}
        image = ax.imshow(values.T, extent=extent, vmax=top, **options)
        ax.set_title(f"{panel.name.replace('_', ' ')}: {name}", fontsize=9)
        ax.set_xlabel("time (steps)")
    row[0].set_ylabel("state")
    figure.colorbar(image, ax=row, label="players per unit", extend="max", pad=0.01)


def _rebinned(exact: Equilibrium, edges: Array) -> Array:
    """Return the shares of a law on a grid in bins; a point stands for the cell around it."""
    middle = (exact.points[1:] + exact.points[:-1]) / 2
    ends = np.concatenate([exact.points[:1], middle, exact.points[-1:]])
    below = np.concatenate([np.zeros((len(exact.flow), 1)), exact.flow.cumsum(-1)], -1)
    return np.diff([np.interp(edges, ends, one) for one in below], axis=-1)


def _rooms(figure: Any, row: Any, panel: Panel, game: Any) -> None:
    """Draw the density of walkers at some times, as DEDA-FP samples them."""
    (low, _), (high, _) = game.state_low, game.state_high
    edges = np.linspace(low, high, 41)
    cell = (edges[1] - edges[0]) ** 2
    x = panel.states["DEDA-FP"][0]
    even, image = 1 / (game.room.mean() * (high - low) ** 2), None
    for ax, t in zip(row, (1, 5, 10, len(x) - 1), strict=True):
        counts = np.histogram2d(x[t, :, 0], x[t, :, 1], [edges, edges])[0]
        values = counts / x.shape[1] / cell
        walls = np.where(game.room.T < 0.5, 1.0, np.nan)
        extent = (low, high, low, high)
        image = ax.imshow(
            values.T, extent=extent, origin="lower", cmap="cividis", vmin=0, vmax=4 * even
        )
        ax.imshow(walls, extent=extent, origin="lower", cmap="Greys", vmin=0, vmax=1.4)
        ax.set_title(f"four rooms: DEDA-FP, t = {t}", fontsize=9)
        ax.set_xticks([low, high])
        ax.set_yticks([low, high])
    figure.colorbar(image, ax=row, label=f"players per area\n({even:.1f} = even)", extend="max")
