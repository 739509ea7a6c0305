"""Tests of games play them by NumPy, where that is as quick; slow tests play them compiled too.

That the compiled methods of every game are the same, ``test_every_game.py`` shows.  A module whose
games are slow without says ``BACK_END = "numba"``.
"""

import inspect

import pytest


def pytest_generate_tests(metafunc):
    first = getattr(metafunc.module, "BACK_END", "numpy")
    if "use" in inspect.signature(metafunc.function).parameters or first is None:
        return  # it picks its own
    other = {"numpy": "numba", "numba": "numpy"}[first]
    params = [first, pytest.param(other, marks=pytest.mark.slow)]
    metafunc.parametrize("back_end", params, indirect=True)


@pytest.fixture(autouse=True)
def back_end(request, use):
    """Set the back end."""
    name = getattr(request, "param", None)
    if name == "numba":
        pytest.importorskip("numba")
    if name is not None:
        use(name)
