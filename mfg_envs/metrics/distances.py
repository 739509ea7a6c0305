"""How far two crowds are apart: total variation, and the way their mass has to be moved (W1).

    TV(p, q) = 1/2 sum_x |p(x) - q(x)|
    W1(p, q) = min sum_{x,y} flow(x, y) cost(x, y),  flow >= 0 with margins p and q

On a line ``W1 = sum_i |P_i - Q_i| (x_{i+1} - x_i)`` with the running sums P and Q.  On a ring mass
may also go round the other way: ``min_c sum_i |P_i - Q_i - c| l_i``, least at the median c of the
differences weighted by the lengths l_i (Rabin, Delon, Gousseau, "Transportation Distances on the
Circle", 2011).  For any other costs it is a transport problem, solved exactly: one source after the
other sends its mass along shortest augmenting paths, with dual prices (as Jonker and Volgenant 1987
do for assignments).  That takes about ``m (n + m)^2`` steps for n sources and m sinks.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from mfg_envs.exact.discretise import GridGame
from mfg_envs.game import Array, FiniteGame, as_array, check_choice, check_range
from mfg_envs.game.probabilities import check_laws
from mfg_envs.numerics.compiler import backend, compile_kernel

LARGEST = 4_000_000
"""Most entries of a matrix of costs: some seconds, compiled."""


def total_variation(p: Array, q: Array, axes: int = 1) -> Array:
    """Return the total variation of laws (*batch, *law), in [0, 1]: (*batch).

    Args:
        p: Laws.
        q: Laws of the same shape.
        axes: How many of the last axes a law has: 2 for joint laws of states and actions.
    """
    p, q = _pair(p, q, axes)
    return 0.5 * np.abs(p - q).sum(tuple(range(-axes, 0)))


def wasserstein_line(p: Array, q: Array, points: Array) -> Array:
    """Return W1 of laws (*batch, S) on points (S,) of a line, in their unit: (*batch)."""
    p, q = _pair(p, q, 1)
    points = _positions(points, p.shape[-1])
    order = np.argsort(points)
    ahead = np.cumsum((p - q)[..., order], -1)[..., :-1]
    return np.abs(ahead) @ np.diff(points[order])


def wasserstein_ring(p: Array, q: Array, points: Array, circumference: float = 1.0) -> Array:
    """Return W1 of laws (*batch, S) on points (S,) of a ring, along the ring: (*batch).

    Args:
        p: Laws.
        q: Laws of the same shape.
        points: Positions, in any turn of the ring.
        circumference: In the unit of the positions, > 0.
    """
    p, q = _pair(p, q, 1)
    if not 0 < circumference < np.inf:
        raise ValueError(f"circumference must be positive, got {circumference}")
    points = _positions(points, p.shape[-1]) % circumference
    order = np.argsort(points)
    length = np.diff(points[order], append=points[order[0]] + circumference)
    ahead = np.cumsum((p - q)[..., order], -1)
    rising = np.argsort(ahead, -1)
    covered = np.cumsum(length[rising], -1)
    middle = (covered < circumference / 2).sum(-1, keepdims=True)
    middle = np.take_along_axis(rising, np.minimum(middle, len(points) - 1), -1)
    return np.abs(ahead - np.take_along_axis(ahead, middle, -1)) @ length


def wasserstein_samples(x: Array, y: Array, circumference: float | None = None) -> float:
    """Return W1 of two samples of numbers, (n,) and (m,); with a circumference, on a ring.

    It is that of the empirical laws: two samples of n draws from one law are about n^(-1/2) apart.
    """
    x, y = (as_array("a sample", v).ravel() for v in (x, y))
    if not (x.size and y.size):
        raise ValueError(f"a sample needs at least one number, got {x.size} and {y.size}")
    p, q = np.zeros((2, x.size + y.size))
    p[: x.size], q[x.size :] = 1 / x.size, 1 / y.size
    points = np.concatenate([x, y])
    if circumference is None:
        return float(wasserstein_line(p, q, points))
    return float(wasserstein_ring(p, q, points, circumference))


def wasserstein(p: Array, q: Array, cost: Array) -> Array:
    """Return the least cost of turning laws p (*batch, n) into q (*batch, m): (*batch).

    Args:
        p: Laws.
        q: Laws.
        cost: Cost of a unit of mass from i to j, (n, m), >= 0; with distances this is W1.

    Raises:
        ValueError: If a law is no law, a cost is out of its range, or there are more than
            ``LARGEST`` costs.
    """
    p, q, cost = as_array("p", p), as_array("q", q), as_array("cost", cost)
    if cost.shape != (p.shape[-1], q.shape[-1]) or p.shape[:-1] != q.shape[:-1]:
        raise ValueError(
            f"p {p.shape} and q {q.shape} must fit the rows and columns of {cost.shape}"
        )
    if cost.size > LARGEST:
        raise ValueError(
            f"{cost.size} costs are too many, at most {LARGEST} are possible: merge places, or use"
            " wasserstein_line, wasserstein_ring or total_variation"
        )
    if not (np.isfinite(cost).all() and (cost >= 0).all()):
        raise ValueError("costs must be finite numbers, at least 0")
    check_laws("p", p, "bij"[: p.ndim - 1])
    check_laws("q", q, "bij"[: q.ndim - 1])
    ship = _compiled_ship() if backend() == "numba" else _ship
    out = np.empty(p.shape[:-1])
    for row in np.ndindex(out.shape):
        supply, demand = np.maximum(p[row], 0), np.maximum(q[row], 0)
        out[row] = ship(supply / supply.sum(), demand / demand.sum(), cost)
    return out


def grid_steps(free: Array, *, wrap: bool = False) -> Array:
    """Return how many cells the way from one free cell to another has, around walls: (S, S).

    Args:
        free: Cells that are no wall, bool (rows, columns); numbered as a page is read.
        wrap: Whether opposite borders are glued together (a torus).
    """
    free = np.asarray(free, bool)
    steps = np.full((free.sum(), free.sum()), np.inf)
    number = np.cumsum(free).reshape(free.shape) - 1
    for axis in range(2):
        one, two = (free, np.roll(free, -1, axis)) if wrap else _halves(free, axis)
        here, there = (number, np.roll(number, -1, axis)) if wrap else _halves(number, axis)
        both = one & two
        steps[here[both], there[both]] = steps[there[both], here[both]] = 1
    np.fill_diagonal(steps, 0)
    for k in range(len(steps)):
        np.minimum(steps, steps[:, k, None] + steps[k], out=steps)
    return steps


def flow_distance(game: FiniteGame, p: Array, q: Array, *, kind: str = "wasserstein") -> Array:
    """Return how far two flows of a game are apart at every time, (T,); stationary: a number.

    Its ``max()`` and ``mean()`` are the usual summaries.

    Args:
        game: The game.
        p: Laws of states or places (*T, S), joint ones with actions (*T, S, A): a flow or an
            iterate's ``mean_field``.
        q: The same of another crowd.
        kind: "total_variation", or "wasserstein": W1 as a share of the ring's or the axis' length;
            of joint laws, between their laws of states.

    Raises:
        ValueError: If a shape is wrong, or the states of the game lie on no ring and on no line.
    """
    check_choice("kind", kind, ("total_variation", "wasserstein"))
    p, q = as_array("p", p), as_array("q", q)
    clock = 0 if game.horizon is None else 1
    if p.ndim not in (clock + 1, clock + 2) or p.shape[clock] not in (
        game.num_states,
        game.num_places,
    ):
        raise ValueError(f"p must be laws of {game.num_states} states at each time, got {p.shape}")
    if kind == "total_variation":
        return total_variation(p, q, p.ndim - clock)
    if p.ndim == clock + 2:
        p, q = p.sum(-1), q.sum(-1)
    x = np.arange(game.num_states)
    if p.shape[-1] != game.num_states:
        x = np.unique(game.places, return_index=True)[1]
    points, layout = game.coordinates(x), game.layout()
    if layout is not None and layout.kind == "ring":
        return wasserstein_ring(p, q, np.arctan2(points[:, 1], points[:, 0]) / (2 * np.pi))
    on_line = isinstance(game, GridGame) or (layout is not None and layout.kind == "line")
    if not on_line or points.shape[-1] != 1:
        raise ValueError(
            f"the states of {game.name} lie on no ring and on no line: give distances of your own"
            " to wasserstein(p, q, cost), such as grid_steps(game.free), or use total_variation"
        )
    return wasserstein_line(p, q, points[:, 0] / 2)


def _ship(supply: Array, demand: Array, cost: Array) -> float:
    """Return the least cost of sending all supply (n,) to the demand (m,), which it uses up."""
    n, m = cost.shape
    flow, price, total = np.zeros((n, m)), np.zeros(m), 0.0
    for source in range(n):
        while supply[source] > 0:
            # Dijkstra over the sinks: a full one is left through the sources it has mass of.
            far, by = cost[source] - price, np.full(m, source)
            closed, reached, through = (
                np.zeros(m, np.bool_),
                np.zeros(n, np.bool_),
                np.zeros(n, np.int64),
            )
            reached[source] = True
            while True:
                j, nearest = -1, np.inf
                for k in range(m):
                    if not closed[k] and far[k] < nearest:
                        j, nearest = k, far[k]
                if j < 0 or demand[j] > 0:
                    break
                closed[j] = True
                for i in range(n):
                    if flow[i, j] > 0 and not reached[i]:
                        reached[i], through[i] = True, j
                        start = far[j] - cost[i, j] + price[j]
                        for k in range(m):
                            if not closed[k] and start + cost[i, k] - price[k] < far[k]:
                                far[k], by[k] = start + cost[i, k] - price[k], i
            if j < 0:  # what rounding has left over
                break
            for k in range(m):
                if closed[k]:
                    price[k] += far[k] - nearest
            end, mass = j, min(supply[source], demand[j])
            while by[j] != source:
                j, mass = through[by[j]], min(mass, flow[by[j], through[by[j]]])
            supply[source] -= mass
            demand[end] -= mass
            j = end
            while True:
                i = by[j]
                flow[i, j] += mass
                if i == source:
                    break
                j = through[i]
                flow[i, j] -= mass
    for i in range(n):
        for j in range(m):
            total += flow[i, j] * cost[i, j]
    return total


@functools.cache
def _compiled_ship() -> Any:
    return compile_kernel(_ship)


def _pair(p: Array, q: Array, axes: int) -> tuple[Array, Array]:
    """Return two arrays of checked laws of one shape."""
    p, q = as_array("p", p), as_array("q", q)
    check_range("axes", axes, 1, max(p.ndim, 1))
    if p.shape != q.shape:
        raise ValueError(f"two laws need one shape, got {p.shape} and {q.shape}")
    for name, laws in (("p", p), ("q", q)):
        batch = laws.shape[: laws.ndim - axes]
        check_laws(name, laws.reshape(*batch, -1), "ijklmnop"[: len(batch)])
    return p, q


def _positions(points: Array, size: int) -> Array:
    points = as_array("points", points)
    if points.shape != (size,) or not np.isfinite(points).all():
        raise ValueError(f"points must be {size} finite positions, got shape {points.shape}")
    return points


def _halves(values: Array, axis: int) -> tuple[Array, Array]:
    """Return all but the last and all but the first row (or column)."""
    values = np.moveaxis(values, axis, 0)
    return values[:-1], values[1:]
