"""The PettingZoo view: what players see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gymnasium import spaces

from mfg_envs import PopulationEnv
from mfg_envs.games.ring_road import RingRoad

GAME = RingRoad(num_cells=6, num_speeds=3)
FINITE = replace(GAME, horizon=4)


# --- what players see ---


def observed(game, parts, seed=3, steps=2, num_agents=5):
    env = PopulationEnv(game, num_agents, observe=parts)
    observations, _ = env.reset(seed=seed)
    for _ in range(steps):
        observations = env.step(dict.fromkeys(env.agents, 1))[0]
    return env, env.batch.state[0], np.array(list(observations.values()))


def test_index():
    env, x, seen = observed(GAME, ("index",))
    assert env.observation_space("vehicle_0") == spaces.Discrete(6)
    assert np.array_equal(seen, x)


def test_index_is_the_observed_state():
    game = replace(GAME, dynamics="position")  # three points a cell, half a cell up
    env, x, seen = observed(game, ("index",), num_agents=40)
    assert env.observation_space("vehicle_0") == spaces.Discrete(6)
    assert x.max() > 6
    assert np.array_equal(seen, (x + 1) // 3 % 6)


def test_state_coordinates():
    env, x, seen = observed(GAME, ("state",))
    angle = 2 * np.pi * x / 6
    assert seen == pytest.approx(np.stack([np.cos(angle), np.sin(angle)], 1), abs=1e-7)
    assert env.observation_space("vehicle_0") == spaces.Box(-1, 1, (2,), np.float32)


def test_time():
    for steps in range(5):
        env, _, seen = observed(FINITE, ("time", "state"), steps=steps)
        assert np.array_equal(seen[:, 0], np.full(5, steps / 4, np.float32))
    assert env.observation_space("vehicle_0").low.tolist() == [0, -1, -1]


def test_density_is_the_crowd_around():
    env, x, seen = observed(GAME, ("density",), num_agents=9)
    for i in range(9):
        around = [(x[i] + ahead) % 6 for ahead in (0, 1, 2, 3, -1)]
        expected = [6 * np.mean(x == cell) for cell in around]
        assert seen[i] == pytest.approx(expected, rel=1e-6)
    space = env.observation_space("vehicle_0")
    assert space == spaces.Box(0, 6, (5,), np.float32)
    crowd = PopulationEnv(GAME, 1, observe=("density",)).reset(seed=0)[0]["vehicle_0"]
    assert crowd.tolist() == [6, 0, 0, 0, 0]  # the bound is met
    assert crowd in space


def test_mean_field_part():
    env, x, seen = observed(GAME, ("mean_field",), num_agents=9)
    assert np.array_equal(seen, np.tile(np.bincount(x, minlength=6) / 9, (9, 1)).astype(np.float32))
    assert env.observation_space("vehicle_0") == spaces.Box(0, 1, (6,), np.float32)


def test_mask(toys):
    env = PopulationEnv(toys.Corridor(), 40, observe=("mask", "state"))
    observations, _ = env.reset(seed=0)
    for _ in range(5):
        for seen, x in zip(observations.values(), env.batch.state[0], strict=True):
            assert seen[:3].tolist() == [x > 0, 1, x < 4]
        observations = env.step({a: (i % 2) * 2 for i, a in enumerate(env.agents)})[0]
    assert {0, 4} <= set(env.batch.state[0].tolist())


def test_parts_come_in_the_order_asked_for():
    parts = ("density", "time", "mean_field", "state", "mask")
    env, _, seen = observed(FINITE, parts)
    split = np.split(seen, np.cumsum([5, 1, 6, 2]), axis=1)
    for part, columns in zip(parts, split, strict=True):
        alone = observed(FINITE, (part,))[2]
        assert np.array_equal(columns, alone)
    assert env.observation_space("vehicle_0").shape == (17,)


@pytest.mark.parametrize(
    ("game", "same_as"), [(GAME, ("state", "density")), (FINITE, ("state", "density", "time"))]
)
def test_what_is_seen_by_default(game, same_as):
    assert np.array_equal(observed(game, None)[2], observed(game, same_as)[2])


def test_players_of_a_game_with_controls_see_the_crowd_as_it_is_now(toys):
    env = PopulationEnv(toys.Market(), 30, observe=("mean_field", "density"))
    observations, _ = env.reset(seed=0)
    for _ in range(5):
        place = env.batch.state[0] // 2
        share = np.bincount(place, minlength=3) / 30
        for seen, own in zip(observations.values(), place, strict=True):
            assert seen[:3] == pytest.approx(share, rel=1e-6)
            assert seen[3] == pytest.approx(3 * share[own], rel=1e-6)
        actions = {agent: (i * 7) % 3 for i, agent in enumerate(env.agents)}
        before = place
        observations = env.step(actions)[0]
        joint = np.zeros((3, 3))
        np.add.at(joint, (before, list(actions.values())), 1 / 30)
        assert env.mean_field == pytest.approx(joint, abs=1e-15)  # of the last decision


@pytest.mark.parametrize(
    ("observe", "message"),
    [
        (("colour",), "observe must be one of 'index', .* got 'colour'"),
        (("state", "state"), "observe names a part twice"),
        (("index", "density"), "'index' stands alone"),
        (("time", "state"), "'time' needs a finite horizon, this game is stationary"),
        ("state", r"observe must be a sequence of parts such as \('state',\), got 'state'"),
        ((), "observe must be a sequence of parts"),
    ],
)
def test_bad_parts(observe, message):
    with pytest.raises(ValueError, match=message):
        PopulationEnv(GAME, 2, observe=observe)
