"""Pictures of a policy: what players do, by place and time."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfg_envs.exact import policies
from mfg_envs.game import Array, ContinuousGame, Layout
from mfg_envs.pictures.board import cells_at
from mfg_envs.simulate.acting import as_policy

from .crowds import AXES, along, layout_of, plan_extent, populations
from .flows import MOMENTS, name_of, place_label, times
from .players import off_the_grid
from .splits import split_image
from .style import FILL, OKABE_ITO, WALL, figure

DIRECTIONS = {"up": (0, 1), "down": (0, -1), "left": (-1, 0), "right": (1, 0), "stay": (0, 0)}
"""What named moves on a plan mean, y upwards."""
POINTS, ARROWS = 121, 16
"""Places along an axis, and along each side of a plan, of a continuous game."""


def policy_image(game: Any, policy: Any) -> Any:
    """Draw a policy in the way that the game's layout asks for.

    Places along a line: the mean action as a colour, place by time (without a horizon as a curve);
    plans: the mean move as arrows; a few states: chances of the actions; networks: how those who
    leave a node split, everybody following the policy.

    Args:
        game: A game with a layout, or one on a grid.
        policy: (T, S, A), (S, A) without a horizon, or over observed states; of a continuous game
            one in any form whose mean action is known: a ``GridPolicy``, a ``riccati.Affine``,
            networks, a function (t, states (B, N, d)) -> actions (B, N, k).

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: If the game cannot be drawn, its moves have no direction, or a shape is wrong.
    """
    layout = layout_of(game)
    game, policy = off_the_grid(game, policy)
    if game.kind == "continuous":
        return _arrows_anywhere(game, policy) if layout.kind == "plane" else _field(game, policy)
    table = policies.policy_table(game, policy)
    table = table if table.ndim == 3 else table[None]
    if layout.kind in AXES:
        return _colours(game, layout, table)
    if layout.kind == "grid":
        return _arrows(game, layout, table)
    if layout.kind == "graph":
        return split_image(game, layout, policies.over_states(game, policy))
    return _chances(game, layout, table)


def _colours(game: Any, layout: Layout, table: Array) -> Any:
    """Draw mean actions along an axis."""
    values, where = layout.action_values, np.arange(game.num_observations)
    mean = np.zeros((len(table), len(where)))
    np.add.at(mean.T, game.observed, (table @ values).T)
    mean /= np.bincount(game.observed)
    return _draw_colours(game, where, mean, (values.min(), values.max()))


def _field(game: ContinuousGame, policy: Any) -> Any:
    """Draw mean actions along the axis of a continuous game."""
    where = np.linspace(game.state_low[0], game.state_high[0], POINTS)
    played = as_policy(game, policy)
    moments = range(1 if game.horizon is None else game.horizon)
    mean = np.stack([played.mean(t, where[None, :, None])[0, :, 0] for t in moments])
    low, high = max(game.action_low[0], mean.min()), min(game.action_high[0], mean.max())
    return _draw_colours(game, where, mean, (low, high))


def _draw_colours(game: Any, where: Array, mean: Array, ends: tuple[float, float]) -> Any:
    """Draw mean actions (T, B) at places, the colours between both ends."""
    label = f"mean {_action_label(layout_of(game))}"
    drawn = figure(6.0, 3.8)
    axis = drawn.subplots()
    axis.set_title(name_of(game))
    marks = [(w, float(along(game, np.array([x]))[0])) for w, x in layout_of(game).marks]
    if len(mean) == 1:
        axis.plot(where, mean[0], color=OKABE_ITO[1], linewidth=1.8)
        for word, place in marks:
            axis.axvline(place, color=OKABE_ITO[2], linestyle=":", linewidth=1.2, label=word)
        if marks:
            axis.legend(frameon=False, fontsize=9)
        axis.set(xlabel=place_label(game), ylabel=label, xlim=(where[0], where[-1]))
        axis.grid(alpha=0.25)
        return drawn
    half = (where[1] - where[0]) / 2
    both = ends[0] < 0 < ends[1]  # away from zero on both sides
    reach = max(abs(ends[0]), abs(ends[1]))
    low, high, palette = (-reach, reach, "PuOr_r") if both else (*ends, "viridis")
    axis.locator_params(axis="x", integer=True)
    axis.locator_params(axis="y", integer=where.dtype.kind == "i")
    image = axis.imshow(
        mean.T, aspect="auto", origin="lower", cmap=palette, vmin=low, vmax=high,
        extent=(-0.5, len(mean) - 0.5, where[0] - half, where[-1] + half), interpolation="nearest",
    )  # fmt: skip
    for word, place in marks:
        axis.axhline(place, color="black", linestyle=":", linewidth=1.2)
        axis.annotate(
            word, (0.01, place), xycoords=("axes fraction", "data"), ha="left", va="bottom"
        )
    axis.set(xlabel="time t (steps)", ylabel=place_label(game))
    drawn.colorbar(image, ax=axis, label=label)
    return drawn


def _action_label(layout: Layout) -> str:
    """Return what an action is called; pictures of players say "last" of theirs."""
    words = layout.action_label.removeprefix("last ") or "action"
    if layout.action_names and list(layout.action_values) == [-1, 0, 1]:
        words += f" (-1 {layout.action_names[0]}, 1 {layout.action_names[-1]})"
    return words


def _arrows(game: Any, layout: Layout, table: Array) -> Any:
    """Draw mean moves on a plan of cells, a row a population."""
    names = layout.action_names
    unknown = [name for name in names if name not in DIRECTIONS]
    if unknown or not names:
        what = f"{unknown[0]!r} is not one" if names else "its actions have no names"
        raise ValueError(f"moves of {name_of(game)} have no direction to draw: {what}")
    moves, walls = np.array([DIRECTIONS[name] for name in names], float), layout.walls
    walls = np.asarray(walls, bool)
    where = game.coordinates(np.arange(game.num_states))
    spots, extent = cells_at(where, walls.shape)[:, ::-1] + 0.5, plan_extent(walls)
    group, labels = populations(layout, where), list(layout.labels) or [""]
    chosen = times(len(table), MOMENTS - 1)
    mean, rows = table[chosen] @ moves, len(labels)
    drawn = figure(0.4 + 2.3 * len(chosen), 0.6 + 2.3 * rows) if len(chosen) > 1 else figure(4, 4)
    axes = drawn.subplots(rows, len(chosen), squeeze=False)
    for g, row in enumerate(axes):
        for axis, t, way in zip(row, chosen, mean, strict=True):
            title = f"t = {t}" if g == 0 and len(chosen) > 1 else ""
            _draw_arrows(axis, spots[group == g], way[group == g], extent, walls, title)
        row[0].set_ylabel(labels[g])
    drawn.suptitle(f"{name_of(game)}: mean move; no arrow: none on average", fontsize=11)
    return drawn


def _arrows_anywhere(game: ContinuousGame, policy: Any) -> Any:
    """Draw mean actions on the plan of a continuous game."""
    (x0, y0), (x1, y1) = game.state_low, game.state_high
    share = (np.arange(ARROWS) + 0.5) / ARROWS
    x, y = np.meshgrid(x0 + share * (x1 - x0), y0 + share * (y1 - y0))
    spots, played = np.stack([x.ravel(), y.ravel()], -1), as_policy(game, policy)
    walls = None
    if game.mean_field_kind == "density":
        spots = spots[game.room[game.place(tuple(spots.T))] > 0]
        walls = (game.room == 0).T[::-1]
    chosen = times(1 if game.horizon is None else game.horizon, MOMENTS - 1)
    extent = (x0, x1, y0, y1)
    drawn = figure(0.9 + 2.3 * len(chosen), 2.9) if len(chosen) > 1 else figure(4.4, 4)
    axes = drawn.subplots(1, len(chosen), squeeze=False)[0]
    reach = float(np.linalg.norm(game.action_high))
    image = None
    for axis, t in zip(axes, chosen, strict=True):
        way = played.mean(int(t), spots[None])[0]
        title = f"t = {t}" if len(chosen) > 1 else ""
        image = _draw_arrows(axis, spots, way, extent, walls, title, reach)
    drawn.colorbar(image, ax=list(axes), label=layout_of(game).action_label, aspect=16)
    drawn.suptitle(name_of(game), fontsize=11)
    return drawn


def _draw_arrows(
    axis: Any, spots: Array, way: Array, extent: tuple[float, ...], walls: Array | None, title: str,
    reach: float | None = None,
) -> Any:  # fmt: skip
    """Draw arrows (M, 2) around spots on a plan; coloured by their length up to ``reach``."""
    if walls is not None:
        shade = np.where(walls[..., None], _rgb(WALL), 1.0)
        axis.imshow(shade, extent=extent, interpolation="nearest")
    length = np.linalg.norm(way, axis=1)
    longest = 1.0 if reach is None else reach
    gap = float(np.sqrt(abs((extent[1] - extent[0]) * (extent[3] - extent[2])) / len(spots)))
    gap = 1.0 if reach is None and extent[3] == 0 else gap
    arrow = 0.85 * gap * way / longest
    moving = length > 0.05 * longest
    arrow[:, 1] *= np.sign(extent[3] - extent[2])  # rows count downwards
    style = {"angles": "xy", "scale_units": "xy", "scale": 1, "pivot": "middle", "width": 0.009}
    colour = [length[moving]] if reach is not None else []
    if reach is not None:
        style |= {"cmap": "viridis", "clim": (0, reach)}
    else:
        style |= {"color": OKABE_ITO[1]}
    image = axis.quiver(*spots[moving].T, *arrow[moving].T, *colour, **style)
    axis.set(xlim=extent[:2], ylim=extent[2:], xticks=[], yticks=[], aspect="equal")
    axis.set_title(title, fontsize=10)
    return image


def _rgb(colour: str) -> Array:
    return np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])


def _chances(game: Any, layout: Layout, table: Array) -> Any:
    """Draw chances of actions in a few states: bars, or bands over time in a panel a state."""
    num_states, num_actions = table.shape[1:]
    states = list(layout.labels) or [str(x) for x in range(num_states)]
    states = [states[p] for p in game.places]
    values = layout.action_values
    names = list(layout.action_names) or [f"{values[a]:g}" for a in range(num_actions)]
    from matplotlib import colormaps

    shades = [*OKABE_ITO[1:], FILL][:num_actions]
    if num_actions > len(shades) or not layout.action_names:
        shades = colormaps["viridis"](np.linspace(0, 1, num_actions))
    if len(table) == 1:
        drawn = figure(6.0, 1.4 + 0.32 * num_states)
        axis = drawn.subplots()
        left = np.cumsum(table[0], -1) - table[0]
        for a in range(num_actions):
            axis.barh(states, table[0][:, a], left=left[:, a], color=shades[a], label=names[a])
        axis.invert_yaxis()
        axis.set(xlabel="chance of the action", xlim=(0, 1), ylabel="state")
        axes = [axis]
    else:
        columns = min(num_states, 4)
        rows = -(-num_states // columns)
        drawn = figure(0.6 + 2.2 * columns, 1.4 + 1.9 * rows)
        axes = drawn.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flat
        edges = np.arange(len(table) + 1) - 0.5
        for x in range(num_states):
            upper = np.cumsum(table[:, x], -1)
            for a in range(num_actions):
                axes[x].stairs(
                    upper[:, a], edges, baseline=upper[:, a] - table[:, x, a], fill=True,
                    color=shades[a], label=names[a],
                )  # fmt: skip
            axes[x].set(title=states[x], ylim=(0, 1), xlim=(edges[0], edges[-1]))
            axes[x].locator_params(axis="x", integer=True)
            axes[x].set_xlabel("time t (steps)")
        for axis in axes[num_states:]:
            axis.set_axis_off()
        axes[0].set_ylabel("chance of the action")
    drawn.suptitle(name_of(game))
    drawn.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", frameon=False,
        ncols=min(num_actions, 5), title=_action_label(layout),
    )  # fmt: skip
    return drawn
