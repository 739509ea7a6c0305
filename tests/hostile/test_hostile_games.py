"""Every field of every game with values of every kind: refused by name, or a sound game."""

from __future__ import annotations

import dataclasses
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfg_envs import BatchEnv, make_game
from mfg_envs.game import FiniteGame, TeamGame, as_float, as_int, check_choice
from mfg_envs.registry import CONTINUOUS_GAMES, GAMES, TEAM_GAMES, any_class

VALUES = (
    *(
        None,
        True,
        False,
        0,
        1,
        2,
        -1,
        3,
        7,
        10**6,
        10**18,
        2**31,
        2**63,
        10**40,
        -(2**70),
        10**5000,
    ),
    *(0.5, -0.5, 1e-9, 1e-50, 1e-300, 1e20, 1e50, 1e300, -1e300, math.nan, math.inf, -math.inf),
    *("", "x", "1", "nan", "\x1b[31m", b"1", (), (1,), (1.0, math.nan), ((1, 2), (3,)), [], {}),
    *({1: 2}, {3}, range(3), int, object(), len, lambda: 0, 1j, np.complex128(1), np.float32(2)),
    *(np.int64(3), np.bool_(True), np.array(1.0), np.array([1.0]), np.array([[1, 2], [3, 4]])),
    *(np.ma.masked, np.ma.array([1.0], mask=[True]), np.timedelta64(1, "D"), np.datetime64("2020")),
)
"""Values, a few of which may be right for a field."""


def fields_of(name):
    made, choices = make_game(name), any_class(name).variants()
    return [*(field.name for field in dataclasses.fields(made) if field.init), *choices]


NAMES = (*GAMES, *CONTINUOUS_GAMES, *TEAM_GAMES)
FIELDS = [(name, field) for name in NAMES for field in fields_of(name)]


def tellings(value):
    """Return what an error may call a value: its text, as a float, or one of its entries."""
    texts = []
    for show in (repr, str, lambda v: str(float(v)), lambda v: str(tuple(v))):
        try:
            texts.append(show(value)[:150])
        except Exception:  # what has no text, or is no number
            texts.append(f"{type(value).__name__} that cannot be printed")
    if np.iterable(value) and not isinstance(value, str | bytes):
        texts += [text for entry in value for text in tellings(entry)]
    return texts


def one(name, field, value):
    """Build a game; what is wrong is said with the field and the value."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of routing: dt is coarse
        try:
            game = make_game(name, **{field: value})
        except (ValueError, TypeError) as error:
            said = str(error)
            assert field in said, said
            assert any(text in said for text in tellings(value)), said
            assert len(said) < 1500
            assert error.__traceback__ is not None
            return
        for part in dataclasses.fields(game):
            assert_finite(getattr(game, part.name))
        assert_sound(game)


def assert_finite(value):
    if isinstance(value, tuple):
        for entry in value:
            assert_finite(entry)
    elif value is not None and type(value) not in (str, bool):
        assert type(value) in (int, float) or dataclasses.is_dataclass(value), value
        if isinstance(value, float):
            assert math.isfinite(value)


def finite(numbers):
    return np.isfinite(np.asarray(numbers, np.float64)).all()


def assert_sound(game):
    """Rewards are finite, laws are laws and moves lead to states, at a few points."""
    if isinstance(game, TeamGame):
        x = np.unique(np.linspace(0, game.num_local_states - 1, 5).astype(int))
        for a in (0, game.num_local_actions - 1):
            assert finite(game.reward_local(x, 0 * x, 0 * x + a))
            law = np.stack(np.broadcast_arrays(*game.noise_law_local(x, 0 * x, 0 * x + a)))
            np.testing.assert_allclose(law.sum(0), 1)
            moved = game.step_local(x, 0 * x, 0 * x + a, 0 * x)
            assert ((moved >= 0) & (moved < game.num_local_states)).all()
    elif isinstance(game, FiniteGame):
        assert_sound_finite(game)
    else:
        env = BatchEnv(game, 2, 3, 0)
        env.reset()
        bounds = [np.where(np.isfinite(b), b, 0.5) for b in (game.action_low, game.action_high)]
        for a in bounds[: game.horizon]:
            step = env.step(np.broadcast_to(a, (2, 3, len(a))))
            assert finite(step.state)
            assert finite(step.reward)


def assert_sound_finite(game):
    S, A = game.num_states, game.num_actions
    law = game.initial_law
    assert law.shape == (S,)
    assert law.min() >= 0
    assert law.sum() == pytest.approx(1)
    x = np.unique(np.linspace(0, S - 1, 20).astype(int))[None]
    size = int(np.prod(game.mean_field_shape))
    for m in (np.full(size, 1 / size), np.eye(1, size)[0]):
        m = m.reshape(1, *game.mean_field_shape)
        for action in {0, A - 1}:
            a = np.full(x.shape, action)
            assert finite(game.reward(0, x, a, m))
            parts = game.noise_law(0, x, a, m)
            chances = np.stack(np.broadcast_arrays(*parts), -1) if type(parts) is tuple else parts
            assert (chances >= 0).all()
            np.testing.assert_allclose(chances.sum(-1), 1)
            for w in {0, chances.shape[-1] - 1}:
                moved = game.step(0, x, a, m, np.full(x.shape, w))
                assert ((moved >= 0) & (moved < S)).all()


anything = st.one_of(
    st.sampled_from(VALUES),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(max_size=4),
    st.binary(max_size=4),
    st.lists(st.floats(width=32), max_size=4).map(tuple),
    st.lists(st.lists(st.integers(-3, 30), max_size=3).map(tuple), max_size=3).map(tuple),
)


@pytest.fixture(autouse=True)
def numpy(use):
    use("numpy")  # a few steps are not worth a compilation


@settings(max_examples=100)
@given(st.sampled_from(FIELDS), anything)
def test_a_field_is_refused_by_name_or_gives_a_sound_game(field, value):
    one(*field, value)


def test_every_field_with_some_values_is_refused_by_name_or_gives_a_sound_game():
    for k, field in enumerate(FIELDS):
        for value in VALUES[k % 6 :: 6]:
            one(*field, value)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_every_field_with_every_value_is_refused_by_name_or_gives_a_sound_game(name, field):
    for value in VALUES:
        one(name, field, value)


@pytest.mark.parametrize(
    ("name", "field", "value", "message"),
    [
        ("dispatcher", "steered", math.nan, "steered must be True or False, got nan"),
        ("dispatcher", "steered", lambda: 0, "steered must be True or False, got <function"),
        ("dispatcher", "steered", 1, "steered must be True or False, got 1"),
        ("linear_quadratic", "target", b"1", "target must be a sequence of numbers, got b'1'"),
        ("linear_quadratic", "target", {1: 2}, "target must be a sequence of numbers, got {1: 2}"),
        ("linear_quadratic", "drift", 1e300, r"drift must be at most 1e\+30 in size, got 1e\+300"),
        ("ring_road", "horizon", 2**31, "horizon must be at most 1000000000, got 2147483648"),
        ("ring_road", "jam_density", 10**400, r"jam_density must be a double, got 1"),
        ("sis", "contact", 0.5, "contact must be a sequence of numbers, got 0.5"),
        ("sis", "ill", "12345", "ill must be a sequence of numbers, got '12345'"),
        ("two_bar_coordination", "bars", 3.0, "bars must be a sequence of whole numbers, got 3.0"),
        ("two_bar_coordination", "bars", (1.5,), "bars must be a whole number, got 1.5"),
        ("four_rooms_grid", "start", 1, "start must be a sequence of .row, column, number."),
        (
            "four_rooms_grid",
            "place_rewards",
            [(1, 2)],
            r"must hold \(row, column, number\) entries",
        ),
        ("predator_prey", "interaction", 1.0, "interaction must be a sequence of rows, got 1.0"),
        ("sis", "setting", np.array([1, 2]), r"setting must be one of .*, got array\(\[1, 2\]\)"),
        ("routing", "horizon", 1, "horizon must be at least 2, to set out and to drive, got 1"),
        ("mf_garnet", "num_states", 3, r"branching must be in \[1, 3\], got 5 \(num_states = 3\)"),
    ],
)
def test_faulty_fields_are_refused_with_value_and_bound(name, field, value, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make_game(name, **{field: value})


def test_numbers_of_all_kinds_are_numbers_and_nothing_else_is():
    assert as_int("n", np.uint8(3)) == 3
    assert type(as_float("x", np.float32(0.5))) is float
    for value in (1j, np.complex64(1), np.timedelta64(1), np.ma.masked, "1", None):
        with pytest.raises(TypeError, match=r"x must be a number, got "):
            as_float("x", value)
    for value in (np.timedelta64(1), 1.0, True):
        with pytest.raises(TypeError, match=r"n must be a whole number, got "):
            as_int("n", value)
    check_choice("c", "a", {"a": 1})
    for value in ({}, np.array(["a"]), 1, ["a"]):
        with pytest.raises(ValueError, match="c must be one of 'a', got"):
            check_choice("c", value, {"a": 1})
