"""Products of cases: the fast suite runs a part that covers them, the slow one the others."""

from __future__ import annotations

from itertools import combinations, product

import pytest

ANY_GAME = (
    *("epidemic", "market", "corridor", "garnet"),
    *("cell-min", "cell-additive", "position-min", "position-additive"),
    *("epidemic-stationary", "market-stationary", "garnet-stationary"),
    *("cell-min-stationary", "cell-additive-stationary"),
    *("position-min-stationary", "position-additive-stationary"),
)
"""The toys that the fixture ``any_game`` takes by name, for ``indirect=["any_game"]``."""


def covering(strength=1, where=None, indirect=False, **axes):
    """Return a mark that parametrizes a test by all combinations of the values of ``axes``.

    So many cases stay fast that every value is met, or with ``strength=2`` every pair of values
    of two axes; the other ones are marked slow.  They are chosen greedily, the first among the
    best, so that they are always the same.

    Args:
        strength: The number of values, of as many axes, that meet in some fast case.
        where: Tells the cases that there are from those that there are not; all by default.
        indirect: The arguments that are fixtures, as ``pytest.mark.parametrize`` takes them.
        axes: The arguments of the test, each with its values; a mapping has them named.
    """
    named = [
        list(values.items()) if isinstance(values, dict) else [(str(each), each) for each in values]
        for values in axes.values()
    ]
    cases = [
        case
        for case in product(*(range(len(values)) for values in named))
        if where is None or where(*(values[i][1] for values, i in zip(named, case, strict=True)))
    ]
    met = [set(combinations(enumerate(case), strength)) for case in cases]
    missing, fast = set().union(*met), set()
    while missing:
        best = max(range(len(cases)), key=lambda k: len(met[k] & missing))
        missing -= met[best]
        fast.add(best)
    params = []
    for k, case in enumerate(cases):
        names, chosen = zip(
            *(values[i] for values, i in zip(named, case, strict=True)), strict=True
        )
        marks = () if k in fast else pytest.mark.slow
        params.append(pytest.param(*chosen, marks=marks, id="-".join(names)))
    return pytest.mark.parametrize(tuple(axes), params, indirect=indirect)
