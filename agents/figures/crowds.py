"""What figures read off a flow: densities along an axis, on a plan, or shares of a few places.

Densities are multiples of that of an even crowd, so that 1 is the average everywhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mfg_envs.exact import riccati
from mfg_envs.exact.discretise import GridGame
from mfg_envs.game import Array, ContinuousGame, Layout
from mfg_envs.games.linear_quadratic import GaussianLinearQuadratic
from mfg_envs.pictures.board import cells_at
from mfg_envs.pictures.scene import coordinates

AXES = ("ring", "line", "interval")
"""Kinds of layouts with places along a line."""
POINTS = 401
"""Where densities in closed form are drawn."""


class Crowd(NamedTuple):
    """A flow as a figure shows it.

    Attributes:
        kind: "axis", "board", "few", "graph" or "mean".
        values: Densities (T, B) of an axis, (T, G, rows, columns) of a plan with G populations
            (row 0 on top; walls: NaN), shares of the places (T, P), or mean components (T, d).
        where: Coordinate of each place of an axis, (B,), else empty.
        extent: Left, right, bottom and top of a plan.
    """

    kind: str
    values: Array
    where: Array
    extent: tuple[float, ...] = ()


def layout_of(game: Any) -> Layout:
    """Return how a game is drawn; of a game on a grid, how the continuous one is.

    Raises:
        ValueError: If the game cannot be drawn.
    """
    whole = game.game if isinstance(game, GridGame) else game
    layout = None if whole.kind == "team" else whole.layout()
    if layout is None:
        raise ValueError(f"{type(whole).__name__} cannot be drawn: its layout() is None")
    return layout


def read(game: Any, flow: Array | riccati.Affine, name: str = "flow") -> Crowd:
    """Return a flow as figures show it.

    Args:
        game: A game with a layout.
        flow: Mean fields or laws of states, (T, *shape); one of a stationary game without T.  A
            ``riccati.Affine`` stands for the normal laws of a linear-quadratic game under it.
        name: What errors call it.

    Raises:
        ValueError: If the game cannot be drawn, or the shape fits no mean field of it.
    """
    layout = layout_of(game)
    if isinstance(flow, riccati.Affine):
        return _normal(game, flow)
    laws = np.asarray(flow, float)
    if isinstance(game, GridGame) or game.kind == "continuous":
        return _read_continuous(game, laws, name)
    laws = _shaped(laws, name, game.mean_field_shape, *_laws(game))
    if laws.shape[1:] != game.mean_field_shape:
        laws = game.crowd(laws)
    share = laws.reshape(len(laws), game.num_places, -1).sum(-1)
    if layout.kind in AXES:
        return Crowd("axis", share * game.num_places, np.arange(game.num_places, dtype=float))
    if layout.kind != "grid":
        return Crowd(layout.kind, share, np.empty(0))
    return _board(game, layout, share)


def _normal(game: Any, policy: riccati.Affine) -> Crowd:
    """Return the densities that an affine policy makes, closed forms.

    Raises:
        ValueError: If first states and noise are not normal, or there are borders.
    """
    if not isinstance(game, GaussianLinearQuadratic):
        raise ValueError(
            'only make_game("linear_quadratic", noise="normal") has normal laws under a'
            f" riccati.Affine, got {type(game).__name__}"
        )
    (low,), (high,) = game.state_low, game.state_high
    where = np.linspace(low, high, POINTS)
    mean, variance = riccati.flow(game, policy), riccati.covariances(game, policy)[:, 0]
    density = np.exp(-((where - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    return Crowd("axis", (high - low) * density, where)


def _laws(game: Any) -> list[tuple[int, ...]]:
    """Return the shapes of laws of states, and of states and actions."""
    controls = (game.num_actions,) if game.mean_field_of_controls else ()
    return [(game.num_states, *controls)]


def _shaped(flow: Array, name: str, *shapes: tuple[int, ...]) -> Array:
    """Return a flow (T, *shape) of one of the shapes.

    Raises:
        ValueError: If it has another shape, or is not finite.
    """
    shapes = tuple(dict.fromkeys(shapes))
    if not np.isfinite(flow).all():
        raise ValueError(f"{name} must be finite numbers")
    for shape in shapes:
        if flow.shape == shape:
            return flow[None]
        if flow.shape[1:] == shape and len(flow):
            return flow
    wanted = " or ".join(str(("T", *shape)).replace("'", "") for shape in shapes)
    raise ValueError(f"{name} must have shape {wanted}, got {flow.shape}")


def _board(game: Any, layout: Layout, share: Array) -> Crowd:
    """Return the densities on a plan of cells, a plan for each population."""
    walls, groups = np.asarray(layout.walls, bool), max(len(layout.labels), 1)
    where = game.coordinates(np.unique(game.places, return_index=True)[1])
    group = populations(layout, where)
    row, column = cells_at(where, walls.shape).T
    values = np.zeros((len(share), groups, *walls.shape))
    values[:, group, row, column] = share * (~walls).sum() * groups
    values[:, :, walls] = np.nan
    return Crowd("board", values, np.empty(0), plan_extent(walls))


def populations(layout: Layout, where: Array) -> Array:
    """Return the population of coordinates on a plan, (N, D) -> int (N,)."""
    last = max(len(layout.labels) - 1, 0)
    return np.rint((where[:, -1] + 1) / 2 * last).astype(int)


def plan_extent(walls: Array) -> tuple[float, ...]:
    """Return left, right, bottom and top of a plan of cells, rows counted downwards."""
    return (0, walls.shape[1], walls.shape[0], 0)


def _read_continuous(game: Any, flow: Array, name: str) -> Crowd:
    """Return a flow of a continuous game, or of one on a grid."""
    whole: ContinuousGame = game.game if isinstance(game, GridGame) else game
    laws = _laws(game) if isinstance(game, GridGame) else []
    flow = _shaped(flow, name, whole.mean_field_shape, *laws)
    extent = tuple(np.ravel(np.stack([whole.state_low, whole.state_high], -1)).tolist())
    if isinstance(game, GridGame) and flow.shape[1:] in laws:
        law = flow.reshape(len(flow), game.num_states, -1).sum(-1)
        room = np.ones(1)  # of what is around every grid point: half as much at the ends
        for size in game.points:
            part = np.ones(size) / (size - 1)
            part[[0, -1]] /= 2
            room = np.kron(room, part)
        values = (law / room).reshape(len(flow), *game.points)
        where = np.linspace(extent[0], extent[1], game.points[0])
    elif whole.mean_field_kind == "density":
        cell = np.prod([(axis.high - axis.low) / axis.bins for axis in whole.axes])
        values = np.where(whole.room > 0, flow * whole.room.sum() * cell, np.nan)
        (first, *_) = whole.axes
        step = (first.high - first.low) / first.bins
        where = first.low + step * (np.arange(first.bins) + 0.5)
    else:
        return Crowd("mean", flow, np.empty(0))
    if values.ndim == 2:
        return Crowd("axis", values, where)
    return Crowd("board", values.transpose(0, 2, 1)[:, None, ::-1], np.empty(0), extent)


def histogram(game: ContinuousGame, state: Array, bins: int) -> tuple[Array, Array]:
    """Return middles of bins along the axis of a game, (B,), and densities of players (N, 1)."""
    edges = np.linspace(game.state_low[0], game.state_high[0], bins + 1)
    counts = np.histogram(np.clip(state[:, 0], edges[0], edges[-1]), edges)[0]
    return (edges[1:] + edges[:-1]) / 2, counts * bins / len(state)


def along(game: Any, state: Array) -> Array:
    """Return where marks stand on the axis of a game, in the units of ``Crowd.where``."""
    if isinstance(game, GridGame) or game.kind == "continuous":
        return np.ravel(state)
    last = game.num_places - 1
    if layout_of(game).kind == "ring":
        return game.places[state].astype(float)
    return (coordinates(game, state)[:, 0] + 1) / 2 * last
