"""Long-run averages of Markov chains by elimination without subtractions.

States leave a chain one by one, the last first; those that are left take over what went through
the one that leaves.  With the chance ``P(i, j)`` of the next state *among those left*, the state n
that leaves, its way out ``s = sum_{j != n} P(n, j)`` and what the first law has brought to it::

    P(i, j) <- P(i, j) + P(i, n) P(n, j) / s        mass(j) <- mass(j) + mass(n) P(n, j) / s

No number is subtracted from another, so that every entry keeps its relative precision, however
rarely one part of the chain is left for another (Grassmann, Taksar, Heyman 1985; O'Cinneide 1993).

Which states are recurrent is a matter of structure.  A state without a way out to those left is
the *root* of a closed class and stays for good; ways to roots are ways out.  In the end a root has
the mass that its class absorbs, and the other states of the class follow from those left before
them, ``mu(n) = sum_{i < n} mu(i) P(i, n) / s``.  Periodic, reducible and transient chains are no
special cases.

The limit are chances below 1e-300 of each other, whose products are no numbers any more; where such
a one was the only way out of a state, an error says so.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mfg_envs.game import Array
from mfg_envs.numerics.compiler import backend

PANEL = 64
"""Compiled: states that leave before the rest of the matrix hears of it."""
TINY = 1e-300
"""Products below it may have lost digits, or all of them."""
HUGE = 1e100
"""Most that one state of a class may outweigh another before all of them are scaled."""


class Loops(NamedTuple):
    """The two halves of an elimination.

    Attributes:
        eliminate: Let the states leave, in place; returns whether a product was below ``TINY``.
            ``(P, mass, exits, root)``: chances (S, S), afterwards in column n those of n when it
            leaves; the first law (S,), afterwards what roots have absorbed; ways out s and whether
            a state is a root, (S,), to be filled in.
        weigh: Fill in the masses (S,) of all states, up to one factor for each class, and the root
            of each, -1: transient.  ``(P, exits, root, mu, class_of)``.
    """

    eliminate: Callable[..., bool]
    weigh: Callable[..., None]


def long_run_average(matrix: Array, law: Array) -> Array:
    """Return the limit of the averages of ``law @ matrix^n``, (S,); the same bits on any back end.

    Args:
        matrix: Chances of the next state, (S, S); entries below zero count as zero.
        law: First law, (S,).

    Raises:
        ValueError: If the only way out of a state is too unlikely to be told from none.
    """
    loops, S = compiled_loops() if backend() == "numba" else ORACLE, len(matrix)
    chances, mass = np.maximum(matrix, 0), np.maximum(law, 0)
    mu, exits, root = np.zeros(S), np.zeros(S), np.zeros(S, bool)
    class_of = np.full(S, -1)
    if loops.eliminate(chances, mass, exits, root):
        _check_roots(matrix > 0, np.flatnonzero(root))
    loops.weigh(chances, exits, root, mu, class_of)
    recurrent = class_of >= 0
    own = class_of[recurrent]
    mu[recurrent] *= mass[own] / np.bincount(own, mu[recurrent], S)[own]
    return mu / mu.sum()


def _eliminate(P: Array, mass: Array, exits: Array, root: Array) -> bool:
    tiny, index = False, np.arange(len(P))
    for n in index[::-1]:
        left = np.flatnonzero((P[n] > 0) & (root | (index < n)))
        if not left.size:
            root[n] = True
            continue
        exits[n] = P[n, left].cumsum()[-1]  # one after the other, as compiled
        P[n, left] /= exits[n]
        mass[left] += mass[n] * P[n, left]
        through, roots = np.flatnonzero(P[:n, n]), left[left > n]
        if not through.size:
            continue
        tiny |= bool(P[through, n].min() * P[n, left].min() < TINY)
        rows = slice(n) if 2 * through.size > n else through  # much faster than an index array
        for columns in (slice(min(left[0], n), n), *roots):
            P[rows, columns] += np.multiply.outer(P[rows, n], P[n, columns])
    return tiny


def _weigh(P: Array, exits: Array, root: Array, mu: Array, class_of: Array) -> None:
    for n in range(len(P)):
        before = np.flatnonzero((P[:n, n] > 0) & (class_of[:n] >= 0))
        if root[n]:
            class_of[n], mu[n] = n, 1
        elif before.size:
            class_of[n] = class_of[before[0]]
            inflow = (mu[before] * P[before, n]).cumsum()[-1]
            if inflow > HUGE * exits[n]:
                mu[class_of == class_of[n]] *= exits[n] / inflow
                mu[n] = 1
            else:
                mu[n] = inflow / exits[n]


ORACLE = Loops(_eliminate, _weigh)


def _check_roots(positive: Array, roots: Array) -> None:
    """Raise unless no root can reach a state that leaves after it, or another root."""
    for n in roots:
        reached = ahead = np.arange(len(positive)) == n
        while ahead.any():
            ahead = positive[ahead].any(0) & ~reached
            reached = reached | ahead
        if reached[:n].any() or reached[roots].sum() > 1:
            raise ValueError(
                f"the ways out of state {n} have chances that float64 cannot tell from none, below"
                f" {TINY:g} of others: set the smallest chances to 0, or make them larger"
            )


@functools.cache
def compiled_loops() -> Loops:
    """Compile the elimination: the oracle's sums in the oracle's order.

    Of what leaves, the rest of the matrix hears panel by panel; until then only the rows and the
    columns of the panel, and the columns of roots, do.  An entry's sum has the same order.
    """
    from mfg_envs.numerics.restrict import restrict

    @restrict
    def leave(P, n, first, roots, num_roots, start, end, low):
        """Tell rows [start, end) that state n has left, for columns from ``low`` on and roots."""
        least = np.inf
        for i in range(start, end):
            f = P[i, n]
            if f > 0:
                for j in range(max(first[n], low), n):
                    P[i, j] += f * P[n, j]
                for k in range(num_roots):
                    P[i, roots[k]] += f * P[n, roots[k]]
                first[i] = min(first[i], first[n])
                least = min(least, f)
        return least

    @restrict
    def catch_up(P, first, low, high, root):
        """Tell rows and columns below ``low`` that the states of [low, high) have left."""
        gone = np.empty(4, np.int64)  # four at a time: the row is read and written once
        for i in range(low):
            n = high - 1
            while n >= low:
                some, begin = 0, low
                while n >= low and some < 4:
                    if P[i, n] > 0 and not root[n]:
                        gone[some] = n
                        begin = min(begin, first[n])
                        some += 1
                    n -= 1
                if some == 4:
                    n0, n1, n2, n3 = gone[0], gone[1], gone[2], gone[3]
                    f0, f1, f2, f3 = P[i, n0], P[i, n1], P[i, n2], P[i, n3]
                    for j in range(begin, low):
                        t = P[i, j]
                        t += f0 * P[n0, j]
                        t += f1 * P[n1, j]
                        t += f2 * P[n2, j]
                        t += f3 * P[n3, j]
                        P[i, j] = t
                else:
                    for k in range(some):
                        f = P[i, gone[k]]
                        for j in range(begin, low):
                            P[i, j] += f * P[gone[k], j]

    @restrict
    def eliminate(P, mass, exits, root):
        S, num_roots, tiny = len(P), 0, False
        first, roots = np.arange(S), np.empty(S, np.int64)
        for i in range(S):
            for j in range(i - 1, -1, -1):
                if P[i, j] > 0:
                    first[i] = j
        for high in range(S, 0, -PANEL):
            low = max(high - PANEL, 0)
            for n in range(high - 1, low - 1, -1):
                out = 0.0
                for j in range(first[n], n):
                    out += P[n, j]
                for k in range(num_roots - 1, -1, -1):
                    out += P[n, roots[k]]
                if not out > 0:
                    root[n], roots[num_roots] = True, n
                    num_roots += 1
                    continue
                exits[n], least = out, np.inf
                for j in range(first[n], n):
                    P[n, j] /= out
                    mass[j] += mass[n] * P[n, j]
                    least = P[n, j] if 0 < P[n, j] < least else least
                for k in range(num_roots):
                    j = roots[k]
                    P[n, j] /= out
                    mass[j] += mass[n] * P[n, j]
                    least = P[n, j] if 0 < P[n, j] < least else least
                f = min(
                    leave(P, n, first, roots, num_roots, low, n, 0),
                    leave(P, n, first, roots, num_roots, 0, low, low),
                )
                tiny |= f * least < TINY
            catch_up(P, first, low, high, root)
        return tiny

    @restrict
    def weigh(P, exits, root, mu, class_of):
        for n in range(len(P)):
            if root[n]:
                class_of[n], mu[n] = n, 1.0
                continue
            inflow = 0.0
            for i in range(n):
                if P[i, n] > 0 and class_of[i] >= 0:
                    inflow += mu[i] * P[i, n]
                    class_of[n] = class_of[i]
            if class_of[n] < 0:
                continue
            if inflow > HUGE * exits[n]:
                for i in range(n):
                    if class_of[i] == class_of[n]:
                        mu[i] *= exits[n] / inflow
                mu[n] = 1.0
            else:
                mu[n] = inflow / exits[n]

    return Loops(eliminate, weigh)
