"""AgileRL's own views of our environments: ``make interop-agilerl``."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from agilerl.vector import AsyncPettingZooVecEnv
from agilerl.vector.dummy_vec_env import PzDummyVecEnv

from mfg_envs import dispatcher_v0, linear_quadratic_v0, ring_road_v0

EXAMPLE = Path(__file__).parents[2] / "examples" / "agilerl_ippo.py"
pytestmark = pytest.mark.filterwarnings("default")  # those of AgileRL are not ours

GAMES = {
    "road": lambda: ring_road_v0.parallel_env(num_agents=3, max_cycles=5),
    "ends": lambda: ring_road_v0.parallel_env(num_agents=3, horizon=3),
    "team": lambda: dispatcher_v0.parallel_env(num_locals=2, max_cycles=4),
    "continuous": lambda: linear_quadratic_v0.parallel_env(num_agents=3, dim=2),
}
VIEWS = {
    "one": lambda make: PzDummyVecEnv(make()),
    "processes": lambda make: AsyncPettingZooVecEnv([make]),
}


def close(batched, values):
    """Check arrays (1, ...) of every agent against what the environment itself gives."""
    assert set(batched) == set(values)
    for agent, array in batched.items():
        np.testing.assert_array_equal(np.float32(array[0]), np.float32(values[agent]))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", GAMES)
def test_transitions_are_those_of_the_environment(name, view):
    env, raw = VIEWS[view](GAMES[name]), GAMES[name]()
    close(env.reset(seed=7)[0], raw.reset(seed=7)[0])
    for _ in range(2):  # the second episode goes on with the stream of the first
        while raw.agents:
            actions = {agent: raw.action_space(agent).sample() for agent in raw.agents}
            played = env.step({agent: np.array([action]) for agent, action in actions.items()})
            seen, *expected = raw.step(actions)[:4]
            for batched, values in zip(played[1:4], expected, strict=True):
                close(batched, values)
            if not raw.agents:  # what is seen at an end is the next beginning
                seen, _ = raw.reset()
                close(played[0], seen)
                break
            close(played[0], seen)
    env.close()


def test_actions_without_axes_are_played():
    env, twin = GAMES["road"](), GAMES["road"]()
    env.reset(seed=0)
    twin.reset(seed=0)
    scalars = {agent: np.array(i) for i, agent in enumerate(env.agents)}
    np.testing.assert_equal(env.step(scalars), twin.step({a: int(v) for a, v in scalars.items()}))


def test_the_example_answers_its_question(capsys):
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert "after 400 steps: mean reward" in capsys.readouterr().out
