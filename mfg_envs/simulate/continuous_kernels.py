"""The compiled step of continuous games, and its NumPy oracle.

Players are columns: ``x`` (d, B * N), one row a component.  A step goes over blocks of players that
stay in the cache, in short passes which become vector instructions: random numbers; step and
reward; sums or cells for the next mean field.  Both back ends do the same operations in the same
order, so that trajectories are the same to the bit.

Noise component j of time t is drawn with key ``(episode, NOISE, t, j)``: uniform numbers from the
bits of counter i for player i, normal ones two by two: of each ``BLOCK`` players the first half
have the first, the others the second number of the same ``BLOCK / 2`` words.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from mfg_envs.game import Array, ContinuousGame, Normal, cell, density
from mfg_envs.game.continuous import LANES
from mfg_envs.numerics import random
from mfg_envs.numerics.compiler import constants, methods, scalar
from mfg_envs.numerics.restrict import restrict
from mfg_envs.soundness.initial_laws import initial_law

BLOCK = 512
"""Players a block; a multiple of 2 * LANES."""
HALF = BLOCK // 2


def standard(normal: bool, key: Any, count: int) -> Array:
    """Return standard normal numbers, or uniform ones in [0, 1), for keys (B,): (B, count)."""
    if not normal:
        return random.uniform(key, count)
    blocks = -(-count // BLOCK)
    pairs = random.normals(random.counter_bits(key, blocks * HALF))
    halves = np.stack([v.reshape(-1, blocks, HALF) for v in pairs], 2)
    return halves.reshape(-1, blocks * BLOCK)[:, :count].astype(np.float64)


def first_states(game: ContinuousGame, keys: Array, count: int) -> Array:
    """Return first states (d, B, N) of the episodes with these keys (B,)."""
    rows = []
    for j, law in enumerate(initial_law(game)):
        key = random.subkey(keys, random.INITIAL, j)
        rows.append(_fit_law(law, standard(isinstance(law, Normal), key, count)))
    return np.stack(rows)


def step(
    game: ContinuousGame, t: int, x: Array, a: Array, m: Array, keys: Array
) -> tuple[Array, Array]:
    """Return next states (d, B, N) and rewards (B, N) in NumPy: the oracle of the compiled step."""
    x_, a_ = tuple(x), tuple(a)
    law = game.noise_law(t, x_, a_, m)
    key = random.subkey(keys, random.NOISE, t)
    each = [random.subkey(key, j) for j in range(game.noise_dim)]
    w = tuple(_fit_law(law, standard(isinstance(law, Normal), k, x.shape[-1])) for k in each)
    shape = x.shape[1:]
    r = np.broadcast_to(np.asarray(game.reward(t, x_, a_, m), np.float64), shape).copy()
    moved = game.step(t, x_, a_, m, w)
    x2 = np.stack([np.broadcast_to(np.asarray(v, np.float64), shape) for v in moved])
    for name, value in (("step", x2), ("reward", r)):
        wild = ~np.isfinite(value)
        if wild.any():
            b, i = np.argwhere(wild)[0][-2:]
            raise ValueError(
                f"{name}(t={t}, x={x[:, b, i]}, a={a[:, b, i]}) is {value[..., b, i]}, not finite"
            )
    return x2, r


def _fit_normal(law: Any, u: Any) -> Any:
    return law.mean + law.std * u


def _fit_uniform(law: Any, u: Any) -> Any:
    return law.low + (law.high - law.low) * u


def _fit_law(law: Any, u: Array) -> Array:
    """Return a draw from a law, given a standard one."""
    return (_fit_normal if isinstance(law, Normal) else _fit_uniform)(law, u)


def arguments(game: ContinuousGame) -> tuple[object, ...]:
    """Return the arguments of the compiled step that depend on the game alone."""
    grid: tuple[object, ...] = ()
    if game.mean_field_kind == "density":
        grid = (game.axes, *density.smoother(game))
    finite = np.finfo(np.float64)
    low, high = np.maximum(game.action_low, finite.min), np.minimum(game.action_high, finite.max)
    return constants(game), grid, (tuple(low.tolist()), tuple(high.tolist()))


def simulator(game: ContinuousGame) -> Callable[..., bool]:
    """Return the compiled step for games of this class and these dimensions.

    It returns False, and leaves its results unfinished, if an action is out of its bounds, or a
    reward or a next state is not finite.
    """
    x, a = (tuple(np.zeros((1, 1)) for _ in range(n)) for n in (game.state_dim, game.action_dim))
    law = game.noise_law(0, x, a, np.zeros((1, *game.mean_field_shape)))
    sizes = (game.state_dim, game.action_dim, game.noise_dim)
    return _simulator(type(game), sizes, isinstance(law, Normal))


@functools.cache
def _simulator(
    game_class: type[ContinuousGame], sizes: tuple[int, int, int], normal: bool
) -> Callable[..., bool]:
    view, noise_law, move, reward, _ = methods(game_class)
    bits, fold, unit, normals, place = map(
        scalar, (random.bits, random.fold, random.unit, random.normals, cell)
    )
    state_dim, action_dim, noise_dim = sizes
    read_x, read_a = _reader(state_dim), _reader(action_dim)
    draw = _drawer(noise_dim, scalar(_fit_normal if normal else _fit_uniform))
    write_x, flat = _writer(state_dim), _flat(state_dim)
    u64, noise = np.uint64, random.NOISE
    kind, controls = game_class.mean_field_kind, game_class.mean_field_of_controls
    add_up, settle, smooth = _sums()
    drawn = np.float32 if normal else np.float64  # as wide as what is drawn: wider is slower

    def step(values, grid, bounds, t, x, a, m, keys, x2, r, m2):
        game = view(*values)
        n, counting = x.shape[1] // keys.size, m2.size > 0
        w = np.empty((noise_dim, BLOCK), drawn)
        lanes = np.zeros((max(state_dim, action_dim), LANES))
        index, cells = np.empty(BLOCK, np.uint32), m[0].size if kind == "density" else 0
        counts = np.empty((4, cells), np.int32)
        one_field, other_field = np.empty(cells), np.empty(cells)
        for k in range(action_dim):
            low_, high_, wrong = bounds[0][k], bounds[1][k], 0
            for i in range(a.shape[1]):
                wrong += not ((a[k, i] >= low_) & (a[k, i] <= high_))  # NaN is wrong, too
            if wrong:
                return False
        for b in range(keys.size):
            key, row = fold(fold(keys[b], noise), t), u64(b * n)
            field = m[min(b, len(m) - 1)]
            if controls and counting:  # the mean field is that of these actions
                add_up(a, row, n, lanes)
                settle(lanes, n, m2[b])
                field = m2[b]
            if counting and kind == "density":
                counts[:] = 0
            for low in range(0, n, BLOCK):
                first, size = row + u64(low), min(BLOCK, n - low)
                for k in range(noise_dim):
                    word = fold(key, k)
                    if normal:
                        for i in range(min(size, HALF)):
                            one, two = normals(bits(word, u64(low // 2 + i)))
                            w[k, i], w[k, i + HALF] = one, two
                    else:
                        for i in range(size):
                            w[k, i] = unit(bits(word, u64(low + i)))
                for i in range(size):
                    j = first + u64(i)
                    xi, ai = read_x(x, j), read_a(a, j)
                    law = noise_law(game, t, xi, ai, field)
                    r[j] = reward(game, t, xi, ai, field)
                    write_x(x2, j, move(game, t, xi, ai, field, draw(w, i, law)))
                wild = False
                for i in range(size):
                    wild |= not (abs(r[first + u64(i)]) < np.inf)
                for k in range(state_dim):
                    for i in range(size):
                        wild |= not (abs(x2[k, first + u64(i)]) < np.inf)
                if wild:
                    return False
                if counting and kind == "mean_state":
                    add_up(x2, first, size, lanes)
                elif counting and kind == "density":
                    for i in range(size):
                        index[i] = flat(place(grid[0], read_x(x2, first + u64(i))), grid[0])
                    for i in range(size):
                        counts[i & 3, index[i]] += 1
            if counting and kind == "mean_state":
                settle(lanes, n, m2[b])
            elif counting and kind == "density":
                smooth(grid, counts, n, one_field, other_field, m2[b].reshape(cells))
        return True

    return restrict(step)


@functools.cache
def _sums() -> tuple[Any, Any, Any]:
    """Return the compiled twins of ``lane_mean`` (two parts) and of ``density.of_histogram``."""
    from numba.extending import register_jitable

    u64 = np.uint64

    @register_jitable
    def add_up(v, first, size, lanes):
        """Add players ``first + (0 .. size - 1)`` of rows v to the lanes."""
        for j in range(v.shape[0]):
            for low in range(0, size, LANES):
                start = first + u64(low)
                for i in range(min(LANES, size - low)):
                    lanes[j, i] += v[j, start + u64(i)]

    @register_jitable
    def settle(lanes, n, m):
        """Store the means of n players and clear the lanes."""
        for j in range(m.size):
            total = 0.0
            for i in range(LANES):
                total += lanes[j, i]
                lanes[j, i] = 0.0
            m[j] = total / n

    @register_jitable
    def smooth(grid, counts, n, now, after, out):
        """Store the density of n players that were counted; two arrays are for working."""
        _, bins, taps, scale, volume = grid
        for i in range(out.size):
            total = counts[0, i] + counts[1, i] + counts[2, i] + counts[3, i]
            now[i] = scale[i] * (total / n)
        inner = out.size
        for axis in range(bins.size):
            chunk = inner
            inner = chunk // bins[axis]
            after[:] = 0.0
            for start in range(0, out.size, chunk):
                for q in range(taps.shape[1]):
                    shift, weight = (q - taps.shape[1] // 2) * inner, taps[axis, q]
                    to, of = u64(start + max(0, -shift)), u64(start + max(0, shift))
                    for i in range(chunk - abs(shift)):
                        after[to + u64(i)] += weight * now[of + u64(i)]
            now, after = after, now
        for i in range(out.size):
            out[i] = scale[i] * now[i] / volume

    return add_up, settle, smooth


def _reader(dim: int) -> Any:
    """Return a compiled function: column i of an array (dim, N) as a tuple."""
    from numba.extending import register_jitable

    last = dim - 1
    if last == 0:
        return register_jitable(lambda x, i: (x[0, i],))
    before = _reader(last)
    return register_jitable(lambda x, i: (*before(x, i), x[last, i]))


def _drawer(dim: int, fit: Any) -> Any:
    """Return a compiled function: the noise of player i from standard numbers and a law."""
    from numba.extending import register_jitable

    last = dim - 1
    if last == 0:
        return register_jitable(lambda w, i, law: (fit(law, w[0, i]),))
    before = _drawer(last, fit)
    return register_jitable(lambda w, i, law: (*before(w, i, law), fit(law, w[last, i])))


def _writer(dim: int) -> Any:
    """Return a compiled function that stores a tuple in column i of an array (dim, N)."""
    from numba.extending import register_jitable

    last = dim - 1
    before = _writer(last) if last else register_jitable(lambda x, i, y: None)

    def write(x, i, y):
        before(x, i, y)
        x[last, i] = y[last]

    return register_jitable(write)


def _flat(dim: int) -> Any:
    """Return a compiled function: the flat index of a cell of a grid with these axes."""
    from numba.extending import register_jitable

    last = dim - 1
    if last == 0:
        return register_jitable(lambda where, axes: where[0])
    before = _flat(last)
    return register_jitable(lambda where, axes: before(where, axes) * axes[last].bins + where[last])
