from itertools import product

import pytest
from covering import covering, covering_part


@pytest.mark.parametrize("sizes", [(11, 2, 2), (2, 8, 5), (3, 3), (4,), (15, 4, 2)])
def test_the_part_has_every_value_of_every_axis_about_as_often(sizes):
    for draw in (0, 7):
        rows = covering_part(sizes, draw)
        assert len(rows) == len(set(rows)) == max(sizes)
        for k, size in enumerate(sizes):
            times = [[row[k] for row in rows].count(value) for value in range(size)]
            assert min(times) >= 1 and max(times) - min(times) <= 1


def test_two_short_axes_meet_in_every_pair():
    met = [row[1:] for row in covering_part((11, 2, 2), 3)]
    assert all(met.count(pair) >= 2 for pair in product(range(2), repeat=2))


def test_the_rest_of_the_product_is_slow():
    @covering(n=(1, 2, 3), way={"left": -1, "right": 1}, slow=("3",))
    def test(n, way): ...

    (mark,) = test.pytestmark
    names, cases = mark.args
    assert names == ("n", "way")
    assert [case.values for case in cases] == list(product((1, 2, 3), (-1, 1)))
    fast = [case.values for case in cases if not case.marks]
    assert [n for n, _ in fast] == [1, 2] and {way for _, way in fast} == {-1, 1}
