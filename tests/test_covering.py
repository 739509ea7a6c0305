from itertools import product

import pytest
from covering import covering, covering_part


def cases(*sizes):
    return list(product(*map(range, sizes)))


@pytest.mark.parametrize("sizes", [(11, 2, 2), (2, 8, 5), (3, 3), (4,), (15, 4, 2)])
def test_the_part_has_every_value_of_every_axis_about_as_often(sizes):
    for draw in (0, 7):
        every = cases(*sizes)
        rows = [every[k] for k in covering_part(every, draw=draw)]
        assert len(rows) == len(set(rows)) == max(sizes)
        for k, size in enumerate(sizes):
            times = [[row[k] for row in rows].count(value) for value in range(size)]
            assert min(times) >= 1
            assert max(times) - min(times) <= 2


def test_two_short_axes_meet_in_every_pair():
    every = cases(11, 2, 2)
    met = [every[k][1:] for k in covering_part(every, draw=3)]
    assert all(met.count(pair) >= 2 for pair in product(range(2), repeat=2))


def test_every_pair_meets_on_demand_in_few_cases():
    every = cases(6, 4, 3)
    rows = [every[k] for k in covering_part(every, strength=2)]
    assert {row[:2] for row in rows} == set(cases(6, 4))
    assert {row[1:] for row in rows} == set(cases(4, 3))
    assert {(row[0], row[2]) for row in rows} == set(cases(6, 3))
    assert len(rows) <= 36  # of 72; at least 24


def test_the_rest_of_the_product_is_slow():
    @covering(n=(1, 2, 3), way={"left": -1, "right": 1}, slow=("3",))
    def test(n, way): ...

    (mark,) = test.pytestmark
    names, params = mark.args
    assert names == ("n", "way")
    assert [case.values for case in params] == list(product((1, 2, 3), (-1, 1)))
    fast = [case.values for case in params if not case.marks]
    assert [n for n, _ in fast] == [1, 2]
    assert {way for _, way in fast} == {-1, 1}


def test_cases_that_are_not_there_are_left_out():
    @covering(strength=2, where=lambda n, m: n != m, n=(1, 2), m=(1, 2))
    def test(n, m): ...

    (mark,) = test.pytestmark
    assert [case.values for case in mark.args[1]] == [(1, 2), (2, 1)]
