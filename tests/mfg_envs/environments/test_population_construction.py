"""The PettingZoo view: how it is made, what it is called, its pictures."""

from __future__ import annotations

import copy
import importlib
import pickle
import tracemalloc

import numpy as np
import pettingzoo
import pytest
from pettingzoo import ParallelEnv

from mfg_envs import (
    PopulationEnv,
    check_env,
    dispatcher_v0,
    exact,
    linear_quadratic_v0,
    ring_road_v0,
)
from mfg_envs.games.ring_road import RingRoad
from mfg_envs.numerics import memory
from mfg_envs.registry import GAMES, make_game

GAME = RingRoad(num_cells=6, num_speeds=3)
ALL = dict.fromkeys(("vehicle_0", "vehicle_1", "vehicle_2"), 0)


def play(env, action=1):
    """Play one action until the episode is over; return what every step gave."""
    steps = []
    while env.agents:
        steps.append(env.step(dict.fromkeys(env.agents, action)))
    return steps


# --- construction ---


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_agents": 0}, ValueError, "num_agents must be at least 1, got 0"),
        ({"num_agents": -1}, ValueError, "num_agents must be at least 1, got -1"),
        ({"num_agents": 1.5}, TypeError, "num_agents must be a whole number, got 1.5"),
        ({"num_agents": "3"}, TypeError, "num_agents must be a whole number, got '3'"),
        ({"mode": "solo"}, ValueError, "mode must be one of 'n_agent', 'mean_field', got 'solo'"),
        ({"render_mode": "ansi"}, ValueError, "render_mode must be one of None, 'human'"),
        ({"max_cycles": 0}, ValueError, "max_cycles must be at least 1, got 0"),
        ({"max_cycles": 2.5}, TypeError, "max_cycles must be a whole number, got 2.5"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        PopulationEnv(GAME, **arguments)


def test_too_many_players_are_refused_before_memory_is_taken():
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"num_agents = 1000000000 needs 931.3 GiB .* at most"):
            PopulationEnv(GAME, 10**9)
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


def test_as_many_players_as_there_is_memory_for(monkeypatch):
    monkeypatch.setattr(memory, "_free_memory", lambda: 10_000)
    assert PopulationEnv(GAME, 10).max_num_agents == 10
    with pytest.raises(ValueError, match=r"0.0 GiB are free: use at most 10$"):
        PopulationEnv(GAME, 11)


def test_ten_thousand_players_take_no_more_memory_than_is_said():
    from mfg_envs.environments.episodes import DICT_BYTES

    env = PopulationEnv(GAME, 1)
    env.reset(seed=0)
    tracemalloc.start()
    try:
        env = PopulationEnv(GAME, 10_000)
        frame = env.reset(seed=0), env.step(dict.fromkeys(env.possible_agents, 1))
        assert tracemalloc.get_traced_memory()[1] < 10_000 * (DICT_BYTES + 200)
    finally:
        tracemalloc.stop()
    assert len(frame[1][1]) == 10_000


def test_free_memory_is_known():
    assert 2**26 < memory._free_memory() < 2**50


# --- identity ---


def test_names_and_attributes():
    env = ring_road_v0.parallel_env(num_agents=3)
    assert ParallelEnv in type(env).__bases__
    assert env.possible_agents == ["vehicle_0", "vehicle_1", "vehicle_2"]
    assert (env.max_num_agents, env.num_agents) == (3, 0)
    assert str(env) == env.metadata["name"] == "ring_road_v0"
    assert PopulationEnv.metadata["name"] == "population_v0"  # instances do not write into it
    assert env.unwrapped is env
    assert env.render_mode is None
    assert not hasattr(env, "num_envs")
    other = ring_road_v0.parallel_env(num_agents=3)
    assert other.observation_space("vehicle_0") is not env.observation_space("vehicle_0")


@pytest.mark.parametrize("mode", ["n_agent", "mean_field"])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_copies_keep_one_space_for_all(mode, copied):
    env = PopulationEnv(GAME, 3, mode=mode)
    env.reset(seed=0)
    env.step(ALL)
    twin = copied(env)
    assert len({id(twin.observation_space(agent)) for agent in twin.possible_agents}) == 1
    assert np.array_equal(twin.mean_field, env.mean_field)


def test_ring_road_module():
    for make in (ring_road_v0.parallel_env, ring_road_v0.env, ring_road_v0.raw_env):
        env = make(2, num_cells=9, reward="additive", dynamics="position", max_cycles=5)
        env.reset(seed=0)
        assert env.possible_agents == ["vehicle_0", "vehicle_1"]
        assert env.unwrapped.metadata["name"] == "ring_road_v0"
    env = ring_road_v0.parallel_env(game=GAME, num_agents=2, observe=["index"])
    assert env.game is GAME


def test_turn_based_twin_is_checked():
    env = ring_road_v0.env(num_agents=2)
    with pytest.raises(AssertionError):
        env.reset(seed=0)
        env.step(1000)
    with pytest.raises(AssertionError, match=r"reset\(\) needs to be called before step"):
        ring_road_v0.env(num_agents=2).step(0)


@pytest.mark.skipif(not hasattr(pettingzoo, "register"), reason="pettingzoo 1.27 has a registry")
def test_pettingzoo_ids():
    env = pettingzoo.make("parallel", "mfg_envs/RingRoad-v0", num_agents=4, num_cells=7)
    assert isinstance(env.unwrapped, PopulationEnv)
    assert (env.max_num_agents, env.unwrapped.game.num_cells) == (4, 7)
    env.reset(seed=0)
    aec = pettingzoo.make("aec", "mfg_envs/RingRoad-v0", num_agents=4)
    aec.reset(seed=0)
    assert aec.max_num_agents == 4
    cut = pettingzoo.make("parallel", "mfg_envs/RingRoad-v0", num_agents=2, max_cycles=3)
    cut.reset(seed=0)
    assert len(play(cut)) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_cell": 5}, "ring_road has no parameter 'num_cell'; did you mean 'num_cells'"),
        ({"max_cycle": 5}, "ring_road has no parameter 'max_cycle'; did you mean 'max_cycles'"),
        ({"zzz": 5}, "ring_road has no parameter 'zzz'; choose from .*'num_cells'"),
        ({"reward": "max"}, "reward must be one of 'min', 'additive', .*got 'max'"),
        ({"num_cells": 1}, r"num_cells must be in \[2, 1000000\], got 1"),
        ({"game": GAME, "num_cells": 5}, r"give game=\.\.\. or parameters, not both: num_cells"),
    ],
)
def test_bad_parameters(arguments, message):
    with pytest.raises(ValueError, match=message):
        ring_road_v0.parallel_env(**arguments)


def test_unknown_games_list_the_close_ones():
    with pytest.raises(ValueError, match="no game is called 'ringroad'; did you mean 'ring_road'"):
        make_game("ringroad")
    with pytest.raises(ValueError, match=r"no game is called 'zzz'; choose from .*'ring_road'"):
        make_game("zzz")


@pytest.mark.parametrize("backend", ["numpy", pytest.param("numba", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", GAMES)
def test_every_game_has_its_environment(name, backend, use):
    use(backend)
    env = importlib.import_module(f"mfg_envs.{name}_v0").parallel_env(num_agents=2)
    assert env.metadata["name"] == f"{name}_v0"
    even = np.full(env.game.mean_field_shape, 1 / np.prod(env.game.mean_field_shape))
    chances = exact.kernel(env.game, 0, even).prob
    some = env.game.initial_law.max() < 1 or ((chances > 0) & (chances < 1)).any()
    check_env(env, 5, random=bool(some) and name != "routing")  # its chances come later


# --- pictures ---


def test_a_picture_without_a_display(monkeypatch):
    pytest.importorskip("pygame")
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(variable, raising=False)
    env = PopulationEnv(GAME, 30, render_mode="rgb_array")
    with pytest.raises(RuntimeError, match=r"call reset\(\) before render\(\)"):
        env.render()
    env.reset(seed=0)
    first = env.render()
    env.step(dict.fromkeys(env.agents, 2))
    second = env.render()
    for frame in (first, second):
        assert frame.dtype == np.uint8
        assert frame.ndim == 3
        assert frame.shape[2] == 3
    assert not np.array_equal(first, second)
    env.close()


def test_a_picture_is_asked_for_at_construction():
    env = PopulationEnv(GAME, 2)
    env.reset(seed=0)
    with pytest.raises(ValueError, match='render_mode="human" or "rgb_array"'):
        env.render()


def test_a_window(monkeypatch):
    pygame = pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    env = PopulationEnv(GAME, 3, render_mode="human")
    env.metadata["render_fps"] = 0  # no waiting
    env.reset(seed=0)
    env.step(ALL)
    assert pygame.display.get_surface() is not None
    assert env.render() is None
    twin = pickle.loads(pickle.dumps(env))  # the window stays here
    assert twin.step(ALL)[1] == env.step(ALL)[1]
    for each in (twin, env):
        each.close()
        each.close()
    assert pygame.display.get_surface() is None


def test_a_continuous_action_of_one_number_may_be_a_number():
    played = []
    for shape in (lambda v: np.float32([v]), np.float32, float, np.array):
        env = linear_quadratic_v0.parallel_env(num_agents=3)
        env.reset(seed=1)
        numbers = zip(env.agents, (-0.05, 0.0, 0.05), strict=True)
        played.append(env.step({agent: shape(v) for agent, v in numbers})[1])
    env.reset(seed=1)
    mixed = {"player_0": -0.05, "player_1": np.float32([0.0]), "player_2": np.float64(0.05)}
    assert env.step(mixed)[1] == played[-1] == played[-2]
    assert played[0] == played[1]


@pytest.mark.parametrize("function", ["parallel_env", "env", "raw_env"])
def test_what_makes_an_environment_is_found_by_pickle(function):
    for module in (linear_quadratic_v0, dispatcher_v0):
        make = getattr(module, function)
        assert pickle.loads(pickle.dumps(make)) is make
