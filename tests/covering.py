"""Products of cases: the fast suite runs a part that covers them, the slow one the others."""

from __future__ import annotations

from itertools import combinations, product

import pytest


def covering(strength=1, **axes):
    """Return a mark that parametrizes a test by all combinations of the values of ``axes``.

    So many cases stay fast that every value is met, or with ``strength=2`` every pair of values
    of two axes; the other ones are marked slow.  They are chosen greedily, the first among the
    best, so that they are always the same.

    Args:
        strength: The number of values, of as many axes, that meet in some fast case.
        axes: The arguments of the test, each with its values; a mapping has them named.
    """
    cases = list(product(*(range(len(values)) for values in axes.values())))
    met = [set(combinations(enumerate(case), strength)) for case in cases]
    missing, fast = set().union(*met), set()
    while missing:
        best = max(range(len(cases)), key=lambda k: len(met[k] & missing))
        missing -= met[best]
        fast.add(best)
    named = [
        list(v.items()) if isinstance(v, dict) else [(None, x) for x in v] for v in axes.values()
    ]
    params = []
    for k, case in enumerate(cases):
        chosen = [values[i] for values, i in zip(named, case, strict=True)]
        params.append(
            pytest.param(
                *(value for _, value in chosen),
                marks=() if k in fast else pytest.mark.slow,
                id="-".join(str(value if name is None else name) for name, value in chosen),
            )
        )
    return pytest.mark.parametrize(tuple(axes), params)
