"""A product of cases of which the fast tests run a part that covers every value; the rest is slow.

    @covering(any_game=EVERY, backend=("numpy", "numba"), mode=("n_agent", "mean_field"))
    def test_...(any_game, backend, mode): ...

Every value of the longest axis is tried once, with those values of the other axes that were tried
least, alone and in pairs: so all axes are covered evenly.  Which meet is drawn by the name of the
test, hence differs from test to test, and is always the same.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations, product
from zlib import crc32

import pytest


def covering_part(sizes, draw=0):
    """Return tuples of indices, one for every value of the longest axis; ``draw`` is any number."""
    longest = max(range(len(sizes)), key=sizes.__getitem__)
    tried = Counter()

    def effort(row):
        parts = list(enumerate(row))
        return [sum(tried[part] for part in combinations(parts, n)) for n in (1, 2)]

    rows = []
    for i in range(sizes[longest]):
        first = (i + draw) % sizes[longest]
        axes = [[first] if k == longest else range(size) for k, size in enumerate(sizes)]
        rows.append(min(product(*axes), key=effort))
        parts = list(enumerate(rows[-1]))
        tried.update(part for n in (1, 2) for part in combinations(parts, n))
    return rows


def covering(*, slow=(), indirect=(), **axes):
    """Parametrise a test over a product of axes; all cases but a covering part are slow.

    An axis is a dict of values by their names, or an iterable of values.  A fixture of the name of
    an axis is overridden, or given the value if the axis is ``indirect``.  Values of the names in
    ``slow`` are no part of what is to be covered.
    """
    named = {
        name: values if isinstance(values, dict) else {str(value): value for value in values}
        for name, values in axes.items()
    }
    fast = [[name for name in values if name not in slow] for values in named.values()]

    def decorate(test):
        rows = covering_part([len(names) for names in fast], crc32(test.__name__.encode()))
        part = {tuple(names[i] for names, i in zip(fast, row, strict=True)) for row in rows}
        cases = [
            pytest.param(
                *(named[axis][name] for axis, name in zip(named, names, strict=True)),
                id="-".join(names),
                marks=() if names in part else pytest.mark.slow,
            )
            for names in product(*named.values())
        ]
        return pytest.mark.parametrize(tuple(named), cases, indirect=list(indirect))(test)

    return decorate
