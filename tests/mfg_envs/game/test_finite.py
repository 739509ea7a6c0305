"""What a game is: ``at``, mean fields, parameters, and the ring road worked by hand."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfg_envs import make_game
from mfg_envs.game import FiniteGame, as_float, as_int, at, check_choice, check_range
from mfg_envs.games.ring_road import AdditiveRingRoad, RingRoad

sizes = st.integers(1, 4)
seeds = st.integers(0, 2**32 - 1)


@given(
    batch=st.lists(sizes, max_size=2), inner=st.lists(sizes, max_size=2), depth=sizes, seed=seeds
)
def test_at_reads_every_population_its_own_mean_field(batch, inner, depth, seed):
    rng = np.random.default_rng(seed)
    depth = min(depth, 2)
    shape = rng.integers(1, 5, depth)
    m = rng.random((*batch, *shape))
    index = [rng.integers(0, size, (*batch, *inner)) for size in shape]
    if batch and not inner:
        index, inner = [i[..., None] for i in index], [1]
    read = at(m, *index)
    assert read.shape == (*batch, *inner)
    for place in np.ndindex(*read.shape):
        population = place[: len(batch)]
        assert read[place] == m[(*population, *(i[place] for i in index))]


def test_at_reads_one_mean_field_for_all_players_of_any_shape():
    m = np.array([0.5, 0.25, 0.25])
    assert at(m, np.array([[0, 2], [1, 1]])).tolist() == [[0.5, 0.25], [0.25, 0.25]]
    assert at(m, 1) == 0.25


@given(batch=st.lists(sizes, max_size=2), num_agents=sizes, seed=seeds)
def test_the_mean_field_of_players_is_their_histogram(toys, batch, num_agents, seed):
    game = toys.Market()
    rng = np.random.default_rng(seed)
    x, a = (rng.integers(0, n, (*batch, num_agents)) for n in (6, 3))
    m = game.mean_field(x, a)
    assert m.shape == (*batch, 3, 3)
    for b in np.ndindex(*batch):
        for o in range(3):
            for j in range(3):
                assert m[b][o, j] == np.mean((x[b] // 2 == o) & (a[b] == j))


def test_the_mean_field_of_players_is_the_crowd_of_their_empirical_law(any_game):
    rng = np.random.default_rng(0)
    S, A = any_game.num_states, any_game.num_actions
    x, a = rng.integers(0, S, 64), rng.integers(0, A, 64)
    joint = np.zeros((S, A))
    np.add.at(joint, (x, a), 1 / 64)
    law = joint if any_game.mean_field_of_controls else joint.sum(-1)
    m = any_game.crowd(law)
    assert m.shape == any_game.mean_field_shape
    assert np.array_equal(m, any_game.mean_field(x, a))


def test_the_crowd_of_a_flow_is_the_crowd_of_each_law(any_game):
    controls = (any_game.num_actions,) if any_game.mean_field_of_controls else ()
    laws = np.random.default_rng(1).random((2, 3, any_game.num_states, *controls))
    crowds = any_game.crowd(laws)
    assert crowds.shape == (2, 3, *any_game.mean_field_shape)
    for place in np.ndindex(2, 3):
        assert np.array_equal(crowds[place], any_game.crowd(laws[place]))


def test_a_mean_field_of_controls_needs_the_actions(toys):
    with pytest.raises(ValueError, match=r"needs the actions: mean_field\(x, a\)"):
        toys.Market().mean_field(np.zeros(3, int))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"num_cells": 1}, r"num_cells must be in \[2, 1000000\], got 1"),
        ({"num_cells": 10**6 + 1}, r"num_cells must be in \[2, 1000000\], got 1000001"),
        ({"num_speeds": 0}, r"num_speeds must be in \[1, 10000\], got 0"),
        ({"num_speeds": 10**4 + 1}, r"num_speeds must be in \[1, 10000\], got 10001"),
        ({"jam_density": 0}, r"jam_density must be at least 1e-09, got 0\.0"),
        ({"jam_density": -1}, r"jam_density must be at least 1e-09, got -1\.0"),
        ({"jam_density": float("nan")}, "jam_density must be finite, got nan"),
        ({"jam_density": float("inf")}, "jam_density must be finite, got inf"),
        ({"dynamics": "cells"}, "dynamics must be one of 'cell', 'position', got 'cells'"),
        ({"reward": "max"}, r"reward must be one of 'min', 'additive'.*, got 'max'"),
        ({"discount": 0}, r"discount must be in \(0, 1\], got 0\.0"),
        ({"discount": 1.5}, r"discount must be in \(0, 1\], got 1\.5"),
        ({"discount": float("nan")}, "discount must be finite, got nan"),
        ({"discount": 1}, r"a stationary game \(horizon None\) needs a discount below 1, got 1"),
        ({"horizon": 0}, "horizon must be at least 1, got 0"),
        ({"horizon": -3}, "horizon must be at least 1, got -3"),
        ({"num_cell": 5}, "ring_road has no parameter 'num_cell'; did you mean 'num_cells'"),
    ],
)
def test_a_value_out_of_its_range_is_refused_with_the_range(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_game("ring_road", **parameters)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"num_cells": 50.0}, r"num_cells must be a whole number, got 50\.0"),
        ({"num_cells": "50"}, "num_cells must be a whole number, got '50'"),
        ({"num_cells": True}, "num_cells must be a whole number, got True"),
        ({"num_speeds": None}, "num_speeds must be a whole number, got None"),
        ({"jam_density": "3"}, "jam_density must be a number, got '3'"),
        ({"jam_density": True}, "jam_density must be a number, got True"),
        ({"discount": None}, "discount must be a number, got None"),
        ({"horizon": 5.0}, r"horizon must be a whole number, got 5\.0"),
        ({"horizon": True}, "horizon must be a whole number, got True"),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_name(parameters, message):
    with pytest.raises(TypeError, match=message):
        make_game("ring_road", **parameters)


def test_a_discount_of_one_is_fine_with_a_horizon():
    assert make_game("ring_road", discount=1, horizon=3).discount == 1


def test_whole_numbers_become_floats_where_a_float_is_declared():
    game = make_game("ring_road", jam_density=2, horizon=np.int32(4), discount=np.float32(0.5))
    assert (type(game.jam_density), type(game.horizon), type(game.discount)) == (float, int, float)
    assert game == make_game("ring_road", jam_density=2.0, horizon=4, discount=0.5)


def test_number_checks_return_plain_numbers():
    assert (as_float("x", np.float32(0.5)), as_int("n", np.int8(3))) == (0.5, 3)
    assert (type(as_float("x", 1)), type(as_int("n", np.int8(3)))) == (float, int)
    check_range("x", 0, 0, 0)
    check_choice("x", None, (None, "a"))


def test_a_game_that_is_no_dataclass_is_refused():
    class Bare(FiniteGame):
        num_states = num_actions = initial_law = step = noise_law = reward = None

    with pytest.raises(TypeError, match="Bare must be a frozen dataclass"):
        Bare().__post_init__()


def test_a_game_with_equal_parameters_is_equal_and_others_are_not():
    game = make_game("ring_road", num_cells=10)
    assert game == make_game("ring_road", num_cells=10)
    assert hash(game) == hash(make_game("ring_road", num_cells=10))
    assert game != make_game("ring_road", num_cells=11)
    assert game != make_game("ring_road", num_cells=10, reward="additive")


def test_a_game_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_game("ring_road").num_cells = 3


def test_replace_derives_everything_anew_and_checks_again():
    game = make_game("ring_road", num_cells=10)
    assert game.location.shape == game.cell.shape == (10,)
    other = dataclasses.replace(game, num_cells=7, dynamics="position", num_speeds=3)
    assert (other.location.shape, other.cell.shape, other.num_states) == ((7,), (21,), 21)
    with pytest.raises(ValueError, match="num_cells must be in"):
        dataclasses.replace(game, num_cells=0)


def test_a_game_survives_pickling(any_game):
    _ = any_game.observed, any_game.legal_actions  # with what it has derived so far
    twin = pickle.loads(pickle.dumps(any_game))
    assert twin == any_game
    assert np.array_equal(twin.observed, any_game.observed)


def test_make_picks_the_class_of_the_reward():
    assert type(make_game("ring_road")) is RingRoad
    assert type(make_game("ring_road", reward="additive")) is AdditiveRingRoad


@pytest.mark.parametrize(
    ("s", "j", "density", "reward"),
    [
        # S = 50, b(s) = 0.2 (sin(4 pi s / 50) + 2) with s = index + 1, jam = 3 / 50
        (24, 17, 0.02, -0.5 * (0.36 - 0.3333333333333333) ** 2 / 50),  # s = 25: b = 0.4 > 1/3
        (24, 17, 0.006, -0.5 * (0.36 - 0.4) ** 2 / 50),  # (1 - 0.1) / 2 = 0.45 > b = 0.4
        (49, 49, 0.06, -0.5 * 1**2 / 50),  # at jam density nobody wants to move
        (49, 0, 0.12, -0.5 * (0.02 + 0.5) ** 2 / 50),  # beyond it the wanted speed is negative
    ],
)
def test_the_min_reward_is_the_formula_of_the_paper(s, j, density, reward):
    game = RingRoad()
    m = np.full(50, density)
    assert game.reward(0, np.array([s]), np.array([j]), m) == pytest.approx(
        reward, rel=1e-12, abs=1e-16
    )


def test_the_min_reward_at_the_slow_stretch():
    # s = 19 (index 18): sin(4 pi 19 / 50) = -0.998026728..., b = 0.2 * 1.001973272
    game = RingRoad()
    r = game.reward(0, np.array([18]), np.array([9]), np.zeros(50))
    assert r == pytest.approx(
        -0.5 * (0.2 - 0.2 * 1.0019732715717284) ** 2 / 50, rel=1e-12, abs=1e-16
    )


@pytest.mark.parametrize(
    ("s", "j", "density", "reward"),
    [
        # S = 50, b(s) = 0.2 (sin(4 pi s / 50) + 1) with s = index
        (0, 0, 0.06, -0.5 * 0.2**2 / 50),  # speed 0, b = 0.2, jammed
        (0, 40, 0, -0.5 * 0.1**2 / 50),  # speed 0.8, b = 0.2, free road
        (25, 26, 0.02, -0.5 * (0.52 - 0.2 - 1 / 3) ** 2 / 50),
    ],
)
def test_the_additive_reward_is_the_formula_of_the_paper(s, j, density, reward):
    game = AdditiveRingRoad()
    m = np.full(50, density)
    assert game.reward(0, np.array([s]), np.array([j]), m) == pytest.approx(
        reward, rel=1e-12, abs=1e-16
    )


def test_the_speeds_are_fiftieths_without_zero_or_without_one():
    assert RingRoad().speeds == pytest.approx(np.arange(1, 51) / 50)
    assert AdditiveRingRoad().speeds == pytest.approx(np.arange(50) / 50)


def test_other_sizes_scale_density_and_time_step():
    # 4 cells: b = 0.2 (sin(pi s) + 2) = 0.4; m = 1/4 is density 1, jam 2: (1 - 1/2) / 2 = 1/4
    game = RingRoad(num_cells=4, num_speeds=2, jam_density=2)
    r = game.reward(0, np.arange(4), np.zeros(4, int), np.full(4, 0.25))
    assert r == pytest.approx(np.full(4, -0.5 * (0.5 - 0.25) ** 2 / 4))


@pytest.mark.parametrize("reward", ["min", "additive"])
def test_a_position_advances_exactly_by_the_speed(reward):
    game = make_game("ring_road", num_cells=10, dynamics="position", reward=reward)
    x = np.arange(game.num_states)
    for j in range(game.num_actions):
        a = np.full(x.shape, j)
        stays, goes = game.noise_law(0, x, a, None)
        assert not np.any(stays)
        assert np.all(goes == 1)
        ahead = game.step(0, x, a, None, np.ones(x.shape, int))
        assert np.allclose(ahead / 50, (x / 50 + game.speeds[j]) % 10, rtol=0, atol=1e-12)


def test_a_driver_is_in_the_nearest_cell_half_a_cell_up():
    game = RingRoad(num_cells=3, num_speeds=4, dynamics="position")  # four points a cell
    assert game.observed.tolist() == [0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 0, 0]
    odd = RingRoad(num_cells=2, num_speeds=5, dynamics="position")
    assert odd.observed.tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 0, 0]


def test_the_reward_and_the_mean_field_of_positions_are_those_of_their_cells():
    game = RingRoad(num_cells=3, num_speeds=4, dynamics="position")
    m = game.mean_field(np.array([1, 2, 11, 7]))
    assert m.tolist() == [0.5, 0.25, 0.25]
    cells = RingRoad(num_cells=3, num_speeds=4)
    x, a = np.arange(12), np.full(12, 3)
    assert np.array_equal(game.reward(0, x, a, m), cells.reward(0, game.observed, a, m))


def test_in_cell_dynamics_a_cell_is_left_with_the_probability_of_the_speed():
    game = RingRoad(num_cells=5, num_speeds=4)
    stays, goes = game.noise_law(0, np.zeros(4, int), np.arange(4), None)
    assert goes.tolist() == [0.25, 0.5, 0.75, 1]
    assert stays.tolist() == [0.75, 0.5, 0.25, 0]
    assert game.step(0, np.array([4, 4]), np.array([0, 3]), None, np.array([0, 1])).tolist() == [
        4,
        0,
    ]
