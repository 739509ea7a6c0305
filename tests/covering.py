"""A product of cases of which the fast tests run a part that covers every value; the rest is slow.

    @covering(any_game=EVERY, backend=("numpy", "numba"), mode=("n_agent", "mean_field"))
    def test_...(any_game, backend, mode): ...

Cases are chosen one by one: the one with most that was not met yet, among those the one whose
values, alone and in pairs, were met least.  Which meet is drawn by the name of the test, hence
differs from test to test, and is always the same.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations, product
from zlib import crc32

import pytest


def covering_part(cases, strength=1, draw=0):
    """Return the indices of cases in which all meets that meets anywhere.

    Args:
        cases: Tuples of indices of values, one an axis.
        strength: Values, of as many axes, that shall meet: 1 for every value, 2 for every pair.
        draw: Any number; decides between equals.
    """
    parts = [{n: [*combinations(enumerate(case), n)] for n in {1, 2, strength}} for case in cases]
    order = sorted(range(len(cases)), key=lambda k: crc32(f"{draw} {cases[k]}".encode()))
    missing, tried, chosen = {p for each in parts for p in each[strength]}, Counter(), []
    while missing:

        def worth(k):
            new = sum(part in missing for part in parts[k][strength])
            return new, *(-sum(tried[part] for part in parts[k][n]) for n in (1, 2))

        best = max(order, key=worth)
        chosen.append(best)
        missing.difference_update(parts[best][strength])
        tried.update(part for n in (1, 2) for part in parts[best][n])
    return chosen


def covering(*, strength=1, where=None, slow=(), indirect=(), **axes):
    """Parametrise a test over a product of axes; all cases but a covering part are slow.

    An axis is a dict of values by their names, or an iterable of values.  A fixture of the name of
    an axis is overridden, or given the value if the axis is ``indirect``.

    Args:
        strength: 1: every value is met in some fast case; 2: every pair of values of two axes.
        where: Tells the cases that there are from those that there are not; all by default.
        slow: Names of values that are no part of what is to be covered.
        indirect: Axes that are fixtures, as ``pytest.mark.parametrize`` takes them.
        axes: The arguments of the test, each with its values.
    """
    named = [
        list(values.items()) if isinstance(values, dict) else [(str(each), each) for each in values]
        for values in axes.values()
    ]

    def of(case):  # its names and its values
        return tuple(zip(*(v[i] for v, i in zip(named, case, strict=True)), strict=True))

    every = list(product(*(range(len(values)) for values in named)))
    every = [case for case in every if where is None or where(*of(case)[1])]
    fast = [case for case in every if not set(slow).intersection(of(case)[0])]

    def decorate(test):
        part = {fast[k] for k in covering_part(fast, strength, crc32(test.__name__.encode()))}
        cases = []
        for case in every:
            names, values = of(case)
            marks = () if case in part else pytest.mark.slow
            cases.append(pytest.param(*values, marks=marks, id="-".join(names)))
        return pytest.mark.parametrize(tuple(axes), cases, indirect=list(indirect))(test)

    return decorate
